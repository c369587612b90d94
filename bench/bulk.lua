-- Pays orders many at a time, for wrk: POST /v1/payments/bulk. Settings come from the environment:
--   FIRST, ORDERS   pays orders FIRST to ORDERS, each once; a thread that has none left stops
--   SKIP     leaves out so many of them, those that a run before has paid
--   SPREAD   order i belongs to user 1 + (i mod SPREAD), as `paymentd seed` makes them
--   BULK     payments in a request
--   BEARER   the API key of the requests
-- The rate that it prints is of payments, not of requests.
local before = tonumber(os.getenv("FIRST") or "1") - 1 + tonumber(os.getenv("SKIP") or "0")
local orders = tonumber(os.getenv("ORDERS"))
local spread = tonumber(os.getenv("SPREAD") or os.getenv("ORDERS"))
local bulk = tonumber(os.getenv("BULK") or "100")
local bearer = os.getenv("BEARER") or ""
local threads = {}

function setup(thread)
  thread:set("index", #threads)
  table.insert(threads, thread)
  for _, each in ipairs(threads) do each:set("count", #threads) end
end

function init()
  step = 0
  head = "POST /v1/payments/bulk HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
         "\r\nContent-Type: application/json\r\n"
  if bearer ~= "" then head = head .. "Authorization: Bearer " .. bearer .. "\r\n" end
  head = head .. "Content-Length: "
end

function request()
  local first = before + (step * count + index) * bulk
  step = step + 1
  if first + bulk > orders then
    wrk.thread:stop()
    first = orders - bulk
  end
  local part = {}
  for n = 1, bulk do
    local order = first + n
    part[n] = '{"orderId":' .. order .. ',"userId":' .. 1 + order % spread .. "}"
  end
  local body = '{"payments":[' .. table.concat(part, ",") .. "]}"
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %.0f %.3f %.3f %d %d\n", summary.requests * bulk,
                         summary.requests * bulk / summary.duration * 1e6,
                         latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.status,
                         e.connect + e.read + e.write + e.timeout))
end
