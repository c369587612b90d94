// The page /metrics: Prometheus's text format, written by prometheus-cpp from the counters that the
// actors, the HTTP side and the process keep. docs/metrics.md lists every metric. Any thread.
#pragma once

#include "actors/counters.hpp"
#include "http/http_counters.hpp"
#include "http/metric_families.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace paymentd::http {

/// The process as the system sees it.
struct process_figures {
  double cpu_seconds = 0; // user and system, of all threads
  double started_at = 0;  // seconds since 1970
  std::int64_t resident_bytes = 0;
  std::int64_t virtual_bytes = 0;
  std::int64_t open_files = 0;
  std::int64_t open_files_max = 0;
  std::int64_t threads = 0;
};

/// The embedded database's file, and the disk that it stands on.
struct embedded_figures {
  std::int64_t file_bytes = 0;
  std::int64_t log_bytes = 0;       // of the write-ahead log beside it
  std::int64_t disk_free_bytes = 0; // that this process may use
  std::int64_t disk_size_bytes = 0;
};

/// Adds the families of `of` as they stand now.
void add_metrics(metric_families& to, const actors::payment_metrics& of, instant now);
void add_metrics(metric_families& to, const http_counters& of, instant now);
void add_metrics(metric_families& to, const process_figures& of);
void add_metrics(metric_families& to, const embedded_figures& of);
void add_build(metric_families& to, std::string_view version);

} // namespace paymentd::http
