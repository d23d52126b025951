-- Tells when each selector was last purged, in the order of these numbers.
-- ARGV: epoch, number to begin with, number to end with, most selectors
local at = intact()
if not at or at.epoch ~= ARGV[1] then
  return { 'RESET' }
end
local found =
  redis.call('ZRANGEBYSCORE', selectors, ARGV[2], ARGV[3], 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[4]))
return { 'SELECTORS', at.horizon, found }
