-- Pays order after order, each once, for wrk. Settings come from the environment:
--   FIRST, ORDERS   pays orders FIRST to ORDERS; a thread that has none left stops
--   SKIP            leaves out so many of them, those that a run before has paid
--   SPREAD          order i belongs to user 1 + (i mod SPREAD), as `paymentd seed` makes them
--   USERS_FILE      or line i of this file says whose order i is
--   KEYS            "yes": each payment under an Idempotency-Key of its own
--   BEARER          the API key of the requests
--   SEQUENCE        "ascending" (the default) or "scattered": orders in a fixed random-like order
local first = tonumber(os.getenv("FIRST") or "1")
local skip = tonumber(os.getenv("SKIP") or "0")
local orders = tonumber(os.getenv("ORDERS"))
local spread = tonumber(os.getenv("SPREAD") or os.getenv("ORDERS"))
local scattered = os.getenv("SEQUENCE") == "scattered"
local keyed = os.getenv("KEYS") == "yes"
local bearer = os.getenv("BEARER") or ""
local users_file = os.getenv("USERS_FILE") ~= "" and os.getenv("USERS_FILE") or nil
-- A prime larger than any number of orders in use: n * prime mod orders meets every order once
-- (where it does not divide the number of orders). Below 2^53, doubles keep the product exact.
local prime = 15485863

local threads = {}

function setup(thread)
  thread:set("index", #threads)
  table.insert(threads, thread)
  for _, each in ipairs(threads) do each:set("count", #threads) end
end

local owners
function init()
  step = 0
  -- The request is put together here: wrk.format would cost more than the server's parsing of it.
  head = "POST /v1/payments HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
         "\r\nContent-Type: application/json\r\n"
  if bearer ~= "" then head = head .. "Authorization: Bearer " .. bearer .. "\r\n" end
  if users_file then
    owners = {}
    for line in io.lines(users_file) do owners[#owners + 1] = tonumber(line) end
  end
end

function request()
  local n = skip + step * count + index
  step = step + 1
  local order = first + n
  if order > orders then
    wrk.thread:stop()
    order = orders
  end
  if scattered then order = first + (n * prime) % (orders - first + 1) end
  local user = owners and owners[order] or 1 + order % spread
  local body = '{"orderId":' .. order .. ',"userId":' .. user .. "}"
  -- Keys as unlike each other as the UUIDs that clients send are by their digests anyway.
  local key = keyed and "Idempotency-Key: pay-order-" .. order .. "-of-this-run\r\n" or ""
  return head .. key .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %.0f %.3f %.3f %d %d\n", summary.requests,
                         summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, e.status,
                         e.connect + e.read + e.write + e.timeout))
end
