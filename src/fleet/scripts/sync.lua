-- Reports what a replica has applied, and tells what came since.
-- ARGV: epoch, last, its nonce, replica, max_unsynced, most records, most bytes
local at = intact()
if not at or at.epoch ~= ARGV[1] or nonce_of(ARGV[2]) ~= ARGV[3] then
  return { 'RESET' }
end
local is_noted, living = report(ARGV[4], ARGV[2], ARGV[5])
local since = {}
local bytes = 0
local next = text(tonumber(ARGV[2]) + 1) .. '-0'
for _, entry in ipairs(redis.call('XRANGE', records, next, '+', 'COUNT', tonumber(ARGV[6]))) do
  local fields = entry[2]
  local told = { string.match(entry[1], '^%d+'), fields[2], fields[4] }
  for i = 8, #fields, 2 do
    told[#told + 1] = fields[i]
    bytes = bytes + #fields[i]
  end
  since[#since + 1] = told
  if bytes >= tonumber(ARGV[7]) then
    break
  end
end
return { 'RECORDS', text(at.last), at.horizon, in_doubt(at), is_noted, living, since }
