-- Appends records, unless they are there; and wakes all who follow.
-- ARGV: most records, most selectors, most nonces; then for each record: nonce, kind, how many selectors, the selectors
local at = intact()
if not at then
  return { 'RESET' }
end
local most_records, most_selectors, most_nonces = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = text(now())
local numbers = {}
local before = at.last
local i = 4
while ARGV[i] do
  local nonce, hardness, count = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local number = redis.pcall('ZSCORE', nonces, nonce)
  if type(number) ~= 'string' then
    at.last = at.last + 1
    number = text(at.last)
    local fields = { 'n', nonce, 'k', hardness, 't', time }
    for j = i + 3, i + 2 + count do
      fields[#fields + 1] = 's'
      fields[#fields + 1] = ARGV[j]
    end
    redis.call('XADD', records, 'MAXLEN', '~', most_records, number .. '-0', unpack(fields))
    for j = i + 3, i + 2 + count do
      redis.call('ZADD', selectors, number, hardness .. ':' .. ARGV[j])
    end
    redis.pcall('ZADD', nonces, number, nonce)
  end
  numbers[#numbers + 1] = number
  i = i + 3 + count
end
if at.last > before then
  redis.call('HSET', log, 'last', text(at.last))
  local over = redis.call('ZCARD', selectors) - most_selectors
  if over > 0 then
    local newest = redis.call('ZRANGE', selectors, over - 1, over - 1, 'WITHSCORES')[2]
    redis.call('ZREMRANGEBYRANK', selectors, 0, over - 1)
    redis.call('HSET', log, 'horizon', newest)
  end
  redis.pcall('ZREMRANGEBYRANK', nonces, 0, -most_nonces - 1)
  redis.call('PUBLISH', string.sub(log, 1, -6) .. 'log', text(at.last))
end
return { 'LOGGED', at.epoch, numbers }
