// One line of the log for a request that was answered: of each that failed or was refused for its
// key, and of the others as many as the settings want. Each I/O thread has one; that thread alone.
#pragma once

#include "domain/types.hpp"
#include "http/line_budget.hpp"
#include "http/request_lines.hpp"
#include "http/trace_context.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

/// The part of one request that is told. Neither its target nor its body, nor any field of it but
/// its id and its trace: they hold phones and keys. Points to what outlives the call.
struct request_record {
  enum class kind : std::uint8_t {
    usual,
    failure, // it was answered 5xx
    refusal, // for its API key, its scope or its rate
  };
  kind what = kind::usual;
  std::string_view id;     // X-Request-Id
  std::string_view method; // empty where no route was found
  std::string_view path;   // of the route, with {id}; likewise
  int status = 0;
  std::chrono::nanoseconds took{0};
  std::string_view api_key; // its name; empty: none
  std::int64_t order = 0;   // 0: it is about no order, or about many
  std::string_view code;    // of the problem that it was answered with; of a failure or refusal
  std::string_view detail;  // likewise, of a refusal
  std::string_view traceparent;
};

class request_log {
 public:
  /// Lines of failures, of refusals, and of other errors in a second; the next one says how many
  /// were left out.
  static constexpr int failures_a_second = line_budget::lines_a_second;
  static constexpr int refusals_a_second = line_budget::lines_a_second;
  static constexpr int errors_a_second = 50;

  /// `seed` is chance: of it come the choice of requests and the ids of spans.
  request_log(request_lines lines, std::uint64_t seed);

  /// Whether a request of this kind and status is to have a line, and how many were left out before
  /// it. Asked once of each, before `write`.
  std::optional<std::uint64_t> take(request_record::kind what, int status, steady_instant now);
  /// Writes the line. `peer` is the client's address, of a refusal.
  void write(const request_record& of, std::uint64_t left_out, std::string_view peer);

 private:
  std::uint64_t chance();

  request_lines lines_;
  std::uint64_t chosen_below_; // of 2^64 - 1
  std::uint64_t drawn_;        // of the generator
  line_budget failures_{failures_a_second};
  line_budget refusals_{refusals_a_second};
  line_budget errors_{errors_a_second};
};

/// The line itself, as the log takes it: text and fields. `span` is that of this server.
std::string request_line(const request_record& of, std::uint64_t left_out, std::string_view peer,
                         std::uint64_t span);

} // namespace paymentd::http
