-- What wrk asks, by the words after "--":
--   upload N      POST with a body of N bytes
--   close         a new connection for each request
--   addresses N   X-Forwarded-For names one of N addresses in turn
-- At the end it prints one line of JSON.

local function address(number)
  return string.format("10.%d.%d.%d", math.floor(number / 65536), math.floor(number / 256) % 256, number % 256)
end

function init(words)
  if words[1] == "upload" then
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(words[2]))
  elseif words[1] == "close" then
    wrk.headers["Connection"] = "close"
  elseif words[1] == "addresses" then
    local count, turn, requests = tonumber(words[2]), 0, {}
    for number = 1, count do
      wrk.headers["X-Forwarded-For"] = address(number)
      requests[number] = wrk.format()
    end
    request = function()
      turn = turn % count + 1
      return requests[turn]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "bytes": %d, "microseconds": %d, "p50": %d, "p99": %d, "p999": %d, "errors": '
      .. '{"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    latency:percentile(99.9), errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
