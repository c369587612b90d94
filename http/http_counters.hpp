// Measurements of the HTTP side, for /metrics: requests by route and status, connections, those who
// follow the events, and what was shed. Written by the threads that serve; read on any thread.
#pragma once

#include "domain/histogram.hpp"
#include "http/events/event_counters.hpp"
#include "http/router.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace paymentd::http {

/// The statuses that are told apart; any other one is counted as the last, 0.
inline constexpr std::array<int, 24> counted_statuses{200, 201, 202, 204, 400, 401, 402, 403,
                                                      404, 405, 408, 409, 413, 415, 417, 421,
                                                      422, 429, 431, 500, 501, 503, 504, 0};

/// How long the requests of one thread took, by route and status. Only that thread counts, and it
/// neither waits nor allocates for it.
class request_counts {
 public:
  /// `routes` outlive it.
  explicit request_counts(std::span<const route> routes)
      : routes_(routes), cells_((routes.size() + 1) * counted_statuses.size()) {}

  /// `to`: one of the routes; null where none was found.
  void count(const route* to, int status, std::chrono::nanoseconds took);

  std::span<const route> routes() const { return routes_; }
  /// Of the route with that number, the last one standing for none; and of a status by its number.
  const duration_histogram& at(std::size_t route, std::size_t status) const {
    return cells_[route * counted_statuses.size() + status];
  }

 private:
  std::span<const route> routes_;
  std::vector<duration_histogram> cells_;
};

struct connection_counters {
  std::atomic<std::int64_t> open{0};
  std::atomic<std::uint64_t> opened{0};
  std::atomic<std::uint64_t> refused{0}; // there were too many
};

/// Commands and queries of clients that were answered so, whoever said it.
struct shed_counters {
  std::atomic<std::uint64_t> overloaded{0};
  std::atomic<std::uint64_t> database_unavailable{0};
};

struct http_counters {
  /// A part for each thread; added while the server is made, before anybody reads.
  std::vector<std::unique_ptr<request_counts>> requests = {};
  connection_counters clients = {};
  connection_counters operators = {};
  shed_counters shed = {};
  event_counters events = {};

  request_counts* add_thread(std::span<const route> routes) {
    return requests.emplace_back(std::make_unique<request_counts>(routes)).get();
  }
};

} // namespace paymentd::http
