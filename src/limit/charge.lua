-- Charges a request to windows of a client's budgets: to all that it is to be charged to, or to none.
--
-- KEYS[1]  the client: a hash of each window's arrival time, in microseconds since the Unix epoch by this server's clock
-- ARGV[1]  how many windows are charged; those behind them are looked at
-- then for each window: its field; what a request costs; what can be spent at once; and how far it is from being whole
-- at least, by what was charged elsewhere: all in microseconds
--
-- Answers 1 if the request was charged, else 0; then for each window how far it is from being whole, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local charged = tonumber(ARGV[1])
local fields, passes = {}, 1
for at = 2, #ARGV, 4 do
  fields[#fields + 1] = ARGV[at]
end
local stored = redis.pcall('HMGET', KEYS[1], unpack(fields))
if stored.err then
  -- Something else has taken its place: nothing that is ours.
  redis.call('DEL', KEYS[1])
  stored = {}
end

local debts, before = {}, {}
for i = 1, #fields do
  local at = 4 * i - 2
  before[i] = (tonumber(stored[i] or 0) or 0) - now
  -- What no time comes near, or is no number, was not written by us.
  debts[i] = before[i] > 0 and before[i] < 2^53 and before[i] or 0
  local least = tonumber(ARGV[at + 3])
  if least > debts[i] then
    debts[i] = least
  end
  if i <= charged and debts[i] + ARGV[at + 1] > tonumber(ARGV[at + 2]) then
    passes = 0
  end
end

local changed, longest = {}, 0
for i = 1, #fields do
  if i <= charged then
    debts[i] = debts[i] + passes * ARGV[4 * i - 1]
  end
  if debts[i] > 0 and debts[i] ~= before[i] then
    changed[#changed + 1] = fields[i]
    changed[#changed + 1] = string.format('%.0f', now + debts[i])
    longest = math.max(longest, debts[i])
  end
end
if #changed > 0 then
  redis.call('HSET', KEYS[1], unpack(changed))
  local ttl = math.ceil(longest / 1000)
  if redis.call('PTTL', KEYS[1]) < ttl then
    redis.call('PEXPIRE', KEYS[1], ttl)
  end
end
return {passes, unpack(debts)}
