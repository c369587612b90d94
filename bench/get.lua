-- Looks up order after order, for wrk. Settings come from the environment:
--   ORDERS     looks up orders 1 to ORDERS, and begins again
--   BEARER     the API key of the requests
--   SEQUENCE   "ascending" (the default) or "scattered": orders in a fixed random-like order
local orders = tonumber(os.getenv("ORDERS"))
local bearer = os.getenv("BEARER") or ""
local scattered = os.getenv("SEQUENCE") == "scattered"
local prime = 15485863 -- as in pay.lua: n * prime mod orders meets every order once

function init()
  step = 0
  tail = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
  if bearer ~= "" then tail = tail .. "Authorization: Bearer " .. bearer .. "\r\n" end
  tail = tail .. "\r\n"
end

function request()
  local n = step % orders
  step = step + 1
  return "GET /v1/orders/" .. 1 + (scattered and n * prime % orders or n) .. tail
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %.0f %.3f %.3f %d %d\n", summary.requests,
                         summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, e.status,
                         e.connect + e.read + e.write + e.timeout))
end
