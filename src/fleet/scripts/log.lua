-- What all scripts of the log begin with.
--
-- KEYS, all in one slot:
--   log        a hash: epoch, last (the number of the newest record), horizon, run (which server), and two times: since
--              when every replica is known, and since when it is in doubt (0: never) whether all records are there
--   records    a stream: id N-0; fields n (nonce), k (kind: h, s, g), t (Redis time), and s for each selector
--   selectors  a sorted set: kind:selector, by the number of its newest record; up to the horizon it was forgotten
--   replicas   a hash: id -> "last reported, Redis time of that, max_unsynced"
--   nonces     a sorted set: nonce, by the number of its record; may be lost
-- All times are in milliseconds.
local log, records, selectors, replicas, nonces = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

-- A replica that was silent for so long is given up.
local GIVEN_UP = 300000
-- What the clocks of two machines may differ by while a lease lasts.
local SLACK = 1000
-- How soon every replica that can be has heard of a new server.
local DOUBT = 3000
-- More records than can be lost at once.
local GAP = 1048576

local function text(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function kind(key)
  return redis.call('TYPE', key).ok
end

-- Which server this is, as a nonce.
local function server()
  local info = redis.pcall('INFO', 'server')
  local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
  return string.sub(run .. string.rep('0', 32), 1, 32)
end

-- Another server than before may be one that was put back to what it once had, or that never had the last of it. The
-- numbers that were lost then are never given again: what was fetched under them would seem to know of other records.
local function moved(at)
  local run = server()
  if at.run == run then
    return at
  end
  local time = now()
  local last = at.last + GAP
  local added = redis.pcall('XADD', records, text(last) .. '-0', 'n', run, 'k', 'g', 't', text(time))
  at.doubt = time
  if type(added) == 'string' then
    at.last = last
    redis.call('HSET', log, 'last', text(last), 'run', run, 'doubt', text(time))
  end
  return at
end

-- The log, if all of it is there.
local function intact()
  if kind(log) ~= 'hash' or kind(records) ~= 'stream' or kind(selectors) ~= 'zset' then
    return nil
  end
  local at = redis.call('HMGET', log, 'epoch', 'last', 'horizon', 'since', 'doubt', 'run')
  local newest = redis.call('XREVRANGE', records, '+', '-', 'COUNT', 1)[1]
  if not (at[1] and at[2] and at[3] and at[4] and newest and newest[1] == at[2] .. '-0') then
    return nil
  end
  return moved({
    epoch = at[1],
    last = tonumber(at[2]),
    horizon = at[3],
    since = tonumber(at[4]),
    doubt = tonumber(at[5] or 0),
    run = at[6],
  })
end

-- For how long it is in doubt whether all records are there: who knows better shows it as soon as it hears of the server.
local function in_doubt(at)
  return text(math.max(0, at.doubt + DOUBT - now()))
end

-- The fields of a record, if it is there.
local function record(number)
  local found = redis.call('XRANGE', records, number .. '-0', number .. '-0')[1]
  return found and found[2]
end

local function nonce_of(number)
  local fields = record(number)
  return fields and fields[2]
end

-- Notes what a replica has applied. Whether it is waited for from now on, and how many there are.
local function report(id, last, max_unsynced)
  local there = kind(replicas)
  if there ~= 'hash' and there ~= 'none' then
    redis.call('DEL', replicas)
  end
  local time = now()
  local told = last .. ' ' .. text(time) .. ' ' .. max_unsynced
  local noted = redis.pcall('HSET', replicas, id, told)
  local is_noted = type(noted) ~= 'table' or not noted.err
  -- A Redis that is full still tells; who is not noted then is told so. One that takes no writes for another reason may not
  -- be the one that purges are appended to: it fails, and says why.
  if not is_noted and not (string.find(noted.err, 'OOM') or string.find(noted.err, 'MISCONF')) then
    redis.call('HSET', replicas, id, told)
  end
  if is_noted then
    redis.call('PEXPIRE', replicas, GIVEN_UP)
  end
  local given_up = is_noted and there ~= 'hash'
  local living = 0
  local all = redis.call('HGETALL', replicas)
  for i = 1, #all, 2 do
    local seen, unsynced = string.match(all[i + 1], '^%d+ (%d+) (%d+)$')
    local silent = seen and time - tonumber(seen) or GIVEN_UP
    if silent < GIVEN_UP then
      if silent <= tonumber(unsynced) + SLACK then
        living = living + 1
      end
    elseif is_noted then
      redis.call('HDEL', replicas, all[i])
      given_up = true
    end
  end
  if given_up then
    -- Whoever was forgotten may still hold a lease, of this moment at the latest.
    redis.call('HSET', log, 'since', text(time))
  end
  return redis.call('HEXISTS', replicas, id), living
end

