-- Requests for `/many/BYTES/KEY` with keys chosen at random among those of 1 to N, or, from START on, one after the other:
-- wrk -s keys.lua URL -- BYTES N [START]
dofile((debug.getinfo(1, "S").source:sub(2):match(".*/") or "./") .. "report.lua")

local bytes, count, next

function init(arguments)
  bytes, count, next = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
  math.randomseed(os.time())
end

function request()
  local key
  if next then
    next = next % count + 1
    key = next
  else
    key = math.random(count)
  end
  return wrk.format("GET", "/many/" .. bytes .. "/" .. key)
end
