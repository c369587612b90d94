#include "webhook/outcome.hpp"

#include <algorithm>

namespace paymentd::webhook {

using alimtalk::failure;
using alimtalk::failure_class;
using alimtalk::recipient_result;

namespace {

constexpr int status_gone = 410;
constexpr int status_too_many = 429;

failure failed_exchange(alimtalk::http_error error) {
  if (error.what == alimtalk::http_error::kind::stopped)
    return {.kind = failure_class::unknown, .reason = std::move(error.reason)};
  if (!error.written)
    return {
        .kind = failure_class::outage, .reason = std::move(error.reason), .never_written = true};
  return {.kind = failure_class::transient, .reason = std::move(error.reason)};
}

} // namespace

recipient_result result_of(alimtalk::http_result answer) {
  if (!answer)
    return std::unexpected(failed_exchange(std::move(answer).error()));
  const int status = answer->status;
  if (status >= 200 && status <= 299)
    return alimtalk::accepted{};
  failure failed{.kind = failure_class::transient, .reason = "HTTP " + std::to_string(status)};
  if (status >= 300 && status <= 399)
    failed.reason.append(", a redirect, which is not followed");
  if (status == status_gone)
    failed.kind = failure_class::permanent;
  if (status == status_too_many || (status >= 500 && answer->retry_after)) {
    failed.kind = failure_class::throttled;
    failed.retry_after = answer->retry_after.value_or(std::chrono::seconds{0});
  }
  return std::unexpected(std::move(failed));
}

alimtalk::call_result call_result_of(std::vector<recipient_result> results,
                                     std::uint64_t failed_before) {
  const auto any = [&](failure_class kind) {
    return std::ranges::any_of(
        results, [&](const recipient_result& each) { return !each && each.error().kind == kind; });
  };
  if (any(failure_class::unknown)) // stopped in the middle: as a whole again, by whoever is next
    return std::unexpected(failure{.kind = failure_class::unknown, .reason = "stopped"});
  if (any(failure_class::permanent) ||
      std::ranges::any_of(results, [](const recipient_result& each) { return each.has_value(); }))
    return results;
  if (any(failure_class::throttled)) {
    failure longest{.kind = failure_class::throttled, .reason = {}};
    for (recipient_result& each : results)
      if (each.error().kind == failure_class::throttled &&
          (longest.reason.empty() || each.error().retry_after > longest.retry_after))
        longest = std::move(each).error();
    return std::unexpected(std::move(longest));
  }
  const auto answered = std::ranges::find_if(results, [](const recipient_result& each) {
    return each.error().kind == failure_class::transient;
  });
  if (answered == results.end()) // no connection at all
    return std::unexpected(std::move(results.front()).error());
  failure whole = std::move(*answered).error();
  if (failed_before % 2 == 1)
    whole.kind = failure_class::outage;
  return std::unexpected(std::move(whole));
}

} // namespace paymentd::webhook
