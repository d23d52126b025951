-- Makes a log if there is none, or if this one is shown to have lost records; and has a replica waited for.
-- ARGV: epoch, last, its nonce, replica, max_unsynced, epoch and nonce of a new log
local epoch, last, nonce = ARGV[1], ARGV[2], ARGV[3]
local at = intact()
local first = at and redis.call('XRANGE', records, '-', '+', 'COUNT', 1)[1]
if at and at.epoch == epoch then
  local is_trimmed = tonumber(last) < tonumber(string.match(first[1], '^%d+'))
  if not is_trimmed and nonce_of(last) ~= nonce then
    at = nil
  end
end
if not at then
  redis.call('DEL', log, records, selectors, replicas, nonces)
  local time = text(now())
  redis.call('XADD', records, '1-0', 'n', ARGV[7], 'k', 'g', 't', time)
  redis.call('ZADD', selectors, 1, 'g')
  redis.call('HSET', log, 'epoch', ARGV[6], 'last', '1', 'horizon', '0', 'since', time, 'doubt', '0', 'run', server())
  at = intact()
  first = redis.call('XRANGE', records, '-', '+', 'COUNT', 1)[1]
end
local _, living = report(ARGV[4], '0', ARGV[5])
last = text(at.last)
return { at.epoch, string.match(first[1], '^%d+'), first[2][2], last, nonce_of(last), living }
