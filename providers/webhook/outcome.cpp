#include "providers/webhook/outcome.hpp"

#include <utility>

namespace paymentd::webhooks {

using providers::failure;
using providers::failure_class;
using providers::recipient_result;

namespace {

constexpr int status_gone = 410;
constexpr int status_too_many = 429;

failure failed_exchange(net::http_error error) {
  if (error.what == net::http_error::kind::stopped)
    return {.kind = failure_class::unknown, .reason = std::move(error.reason)};
  if (!error.written)
    return {
        .kind = failure_class::outage, .reason = std::move(error.reason), .never_written = true};
  return {.kind = failure_class::transient, .reason = std::move(error.reason)};
}

} // namespace

recipient_result result_of(net::http_result answer) {
  if (!answer)
    return std::unexpected(failed_exchange(std::move(answer).error()));
  const int status = answer->status;
  if (status >= 200 && status <= 299)
    return providers::accepted{};
  failure failed{.kind = failure_class::transient, .reason = "HTTP " + std::to_string(status)};
  if (status >= 300 && status <= 399)
    failed.reason.append(", a redirect, which is not followed");
  if (status == status_gone) {
    failed.gone = true;
    failed.reason.append(" Gone");
  }
  if (status == status_too_many)
    failed.kind = failure_class::throttled;
  if (status == status_too_many || status >= 500)
    failed.retry_after = answer->retry_after.value_or(std::chrono::seconds{0});
  return std::unexpected(std::move(failed));
}

std::uint64_t receiver_health::begun() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

bool receiver_health::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

providers::call_result receiver_health::ended(std::uint64_t begun, entry_id event,
                                              recipient_result result) {
  const std::lock_guard lock(mutex_);
  if (result) {
    ++taken_;
    failed_.clear();
    out_of_order_ = aside_ = false;
    return std::vector{std::move(result)};
  }
  failure why = std::move(result).error();
  if (why.kind == failure_class::unknown) // stopped in the middle: repeated by whoever is next
    return std::unexpected(std::move(why));
  if (why.gone) {
    gone_ = true;
    why.kind = failure_class::outage;
    return std::unexpected(std::move(why));
  }
  const bool works = taken_ > begun;
  if (why.kind == failure_class::transient && why.retry_after.count() > 0)
    why.kind = failure_class::throttled;
  else if (why.kind == failure_class::throttled) // 429: of all that is sent, not of this event
    return std::unexpected(std::move(why));
  if (works)
    return std::vector{recipient_result(std::unexpected(std::move(why)))};
  if (why.kind != failure_class::transient) // it says when it works again, or nobody is there
    return std::unexpected(std::move(why));
  failed_.insert(event.value);
  if (!out_of_order_) {
    out_of_order_ = failed_.size() >= suspects_max_;
    aside_ = !out_of_order_;
  } else {
    aside_ = !aside_;
  }
  if (!aside_)
    why.kind = failure_class::outage;
  return std::unexpected(std::move(why));
}

} // namespace paymentd::webhooks
