#include "actors/delivery/message_result.hpp"

#include <algorithm>
#include <utility>

namespace paymentd::actors {

using providers::failure;
using providers::failure_class;

bool too_old(const message& message, const delivery_policy& policy, instant now) {
  return now - message.event.at > policy.max_age;
}

delivery_result delivered(const message& message, std::string provider_message_id,
                          std::optional<message_channel> channel) {
  return {.entry = message.event.entry,
          .status = delivery_status::delivered,
          .attempts = message.attempts + 1,
          .provider_message_id = std::move(provider_message_id),
          .last_error = {},
          .next_attempt = {},
          .copies = message.copies,
          .channel = channel};
}

delivery_result failed(const message& message, std::string reason) {
  return {.entry = message.event.entry,
          .status = delivery_status::failed,
          .attempts = message.attempts + 1,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = {},
          .copies = message.copies};
}

delivery_result again(const message& message, std::string reason, instant at, int spent) {
  return {.entry = message.event.entry,
          .status = delivery_status::pending,
          .attempts = message.attempts + spent,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = at,
          .copies = message.copies};
}

delivery_result pending(const message& message, std::string reason, instant at, int spent,
                        const delivery_policy& policy, instant now) {
  if (too_old(message, policy, now))
    return failed(message, std::move(reason) + " (given up: too old)");
  return again(message, std::move(reason), at, spent);
}

delivery_result pending_as_copy(const message& message, const std::string& reason,
                                const delivery_policy& policy, instant sent_at, double random) {
  const int copies = message.copies + 1;
  const bool enough = copies >= policy.copies_max;
  auto result =
      enough
          ? failed(message, "outcome unknown, sent " + std::to_string(copies) + " times: " + reason)
          : again(message, "outcome unknown: " + reason,
                  sent_at + backoff_delay(policy.copy, copies, random), 1);
  result.copies = copies;
  return result;
}

std::chrono::milliseconds retry_delay(const message& message, const delivery_policy& policy,
                                      double random) {
  return backoff_delay(policy.retry, message.attempts + 1, random);
}

std::optional<delivery_result> result_of(const message& message,
                                         providers::recipient_result& result,
                                         const delivery_policy& policy, instant now,
                                         double random) {
  if (result)
    return delivered(message, std::move(result->provider_message_id), result->channel);
  failure& why = result.error();
  const auto delay = retry_delay(message, policy, random);
  switch (why.kind) {
  case failure_class::permanent:
    return failed(message, std::move(why.reason));
  case failure_class::transient:
    return pending(message, std::move(why.reason), now + delay, 1, policy, now);
  case failure_class::throttled:
    return pending(message, std::move(why.reason),
                   now + std::max(std::min(why.retry_after, policy.retry_after_max), delay), 0,
                   policy, now);
  case failure_class::outage: // the call was taken, so the fault is this recipient's
    if (why.never_written)    // unless it was not even sent: then no age is too old
      return again(message, std::move(why.reason), now + delay, 0);
    return pending(message, std::move(why.reason), now + delay, 0, policy, now);
  case failure_class::unknown:
  case failure_class::seen:
    break;
  }
  return std::nullopt;
}

} // namespace paymentd::actors
