-- For wrk: bodies from a file, one a line, in turn; counts the statuses.
local bodies, place, threads = {}, 0, {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(args[1]) do
    table.insert(bodies, line)
  end
  statuses = {}
  retry_after = 0
end

function request()
  place = place % #bodies + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, bodies[place])
end

function response(status, headers)
  statuses[status] = (statuses[status] or 0) + 1
  if status == 503 and headers["retry-after"] then
    retry_after = retry_after + 1
  end
end

function done(summary, latency)
  local all, with_retry_after = {}, 0
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      all[status] = (all[status] or 0) + count
    end
    with_retry_after = with_retry_after + thread:get("retry_after")
  end
  local parts = {}
  for status, count in pairs(all) do
    table.insert(parts, string.format('"%d": %d', status, count))
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"seconds": %.3f, "requests": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, ' ..
    '"statuses": {%s}, "with_retry_after": %d, "socket_errors": %d}\n',
    summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, table.concat(parts, ", "), with_retry_after,
    errors.connect + errors.read + errors.write + errors.timeout))
end
