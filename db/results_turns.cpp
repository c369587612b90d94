#include "db/results_turns.hpp"

#include <algorithm>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;

constexpr auto age_max = 72h; // later, providers change no result
// An open claim may stay so for long; most end within a second. Those that take longer have what
// was read meanwhile read again (ended_claim::read_again_from).
constexpr auto hold_max = 10min;
// A mark in the future is by a clock that was wrong, and nobody knows by how much.
constexpr auto clock_difference_max = 1min;
constexpr auto read_again = 24h;
constexpr std::size_t results_max = 1'000;

} // namespace

std::optional<results_span> due_span(const results_due& asked, const results_mark& mark,
                                     instant now) {
  if (mark.lease_until > now && mark.lease_until <= now + asked.lease + clock_difference_max)
    return std::nullopt;
  results_span span{.from = std::max<instant>(mark.read_until, asked.to - age_max), .to = asked.to};
  if (mark.read_until > asked.to + clock_difference_max)
    span.from = asked.to - read_again;
  if (mark.oldest_claim)
    span.to = std::max<instant>(std::min(asked.to, *mark.oldest_claim + asked.ahead),
                                asked.to - hold_max);
  span.to = std::min<instant>(span.to, span.from + asked.span_max);
  if (span.to <= span.from || span.to - span.from < asked.span_min)
    return std::nullopt;
  return span;
}

std::optional<instant> read_again_from(const delivery_step& step) {
  std::optional<instant> earliest;
  for (const ended_claim& each : step.ended)
    if (each.read_again_from && (!earliest || *each.read_again_from < *earliest))
      earliest = each.read_again_from;
  return earliest;
}

results_mark mark_after(const results_step& step, instant now) {
  using enum results_step::then;
  return {.read_until = step.what == done ? step.turn.to : step.turn.from,
          .lease_until = step.what == goes_on ? now + step.lease : now};
}

result<void> check_results_step(const results_step& step) {
  if (step.results.size() > results_max)
    return std::unexpected(error{error_kind::broken, "too many results for one step"});
  return {};
}

error turn_is_lost() {
  return {error_kind::fenced, "another process reads the results by now"};
}

std::string_view error_of(const final_delivery& what) {
  return what.last_error.empty() ? std::string_view("it did not arrive") : what.last_error;
}

} // namespace paymentd::db
