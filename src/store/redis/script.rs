//! What Redis does by itself, at once and as a whole.

use std::time::Duration;

use bytes::Bytes;

use crate::redis::Script;

/// Writes a value, for so many milliseconds, unless what stands there is newer. Where there is a second key, the names that
/// variants vary on are written to it too, for as long as any of these variants is kept.
///
/// Newer is what was written by a later version, what was fetched when more of the same log had been applied, and what was
/// asked for later. That last is told by Redis's clock alone: for how long it has been there, and how long before it was
/// written it had been asked for.
pub(super) static WRITE: Script = Script::new(
    r"
local new = ARGV[1]
local function number(octets, first, last)
  local number = 0
  for at = first, last do number = number * 256 + octets:byte(at) end
  return number
end
local function start(key)
  local octets = redis.pcall('GETRANGE', key, 0, 39)
  if type(octets) == 'string' and #octets == 40 and octets:sub(1, 4) == new:sub(1, 4) then
    return octets
  end
end
local function is_newer(key)
  local old = start(key)
  if not old then return false end
  local version, ours = number(old, 5, 6), number(new, 5, 6)
  if version ~= ours then return version > ours end
  if old:sub(9, 16) ~= new:sub(9, 16) then return false end
  local record, ours = number(old, 17, 24), number(new, 17, 24)
  if record ~= ours then return record > ours end
  if old:sub(7, 7) ~= 'r' then return false end
  local there = number(old, 33, 40) - redis.call('PTTL', key)
  return number(old, 25, 32) + there < number(new, 25, 32)
end
for _, key in ipairs(KEYS) do
  if is_newer(key) then return 0 end
end
local done = redis.pcall('SET', KEYS[1], new, 'PX', ARGV[2])
if done.err then return done end
if KEYS[2] then
  local left = tonumber(ARGV[2])
  local old = start(KEYS[2])
  if old and old:sub(7, 7) == 'v' then left = math.max(left, redis.call('PTTL', KEYS[2])) end
  done = redis.pcall('SET', KEYS[2], ARGV[3], 'PX', string.format('%.0f', left))
  if done.err then return done end
end
return 1
",
);

/// So many milliseconds, in digits.
pub(super) fn millis(duration: Duration) -> Bytes {
    duration.as_millis().to_string().into()
}
