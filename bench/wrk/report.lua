-- What wrk measured, as one line of JSON after its own report.
done = function(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout + summary.errors.status
  io.write(string.format(
    'JSON {"requests":%d,"bytes":%d,"seconds":%.6f,"failed":%d,"p50_ms":%.4f,"p90_ms":%.4f,"p99_ms":%.4f,"p99_9_ms":%.4f,"max_ms":%.4f}\n',
    summary.requests, summary.bytes, summary.duration / 1e6, failed,
    latency:percentile(50) / 1000, latency:percentile(90) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, latency.max / 1000))
end
