-- Whether nobody uses any more what a record purged.
-- ARGV: epoch, number, its nonce, max_unsynced
local at = intact()
local fields = at and at.epoch == ARGV[1] and record(ARGV[2])
if not fields or fields[2] ~= ARGV[3] then
  return 'RESET'
end
local appended, unsynced = tonumber(fields[6]), tonumber(ARGV[4])
local age = now() - appended
-- Who was forgotten, or never noted, has no lease any more, or one by which it knows this record.
local everybody_is_known = appended >= at.since + unsynced + SLACK
if not everybody_is_known and age < unsynced + SLACK then
  return 'WAITING'
end
if kind(replicas) ~= 'hash' then
  return age < unsynced + SLACK and 'WAITING' or 'APPLIED'
end
for _, told in ipairs(redis.call('HVALS', replicas)) do
  local last, lease = string.match(told, '^(%d+) %d+ (%d+)$')
  local is_done = last and (tonumber(last) >= tonumber(ARGV[2]) or age >= tonumber(lease) + SLACK)
  if not is_done then
    return 'WAITING'
  end
end
return 'APPLIED'
