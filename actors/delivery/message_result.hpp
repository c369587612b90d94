// The result of one message of a claim that ends: DELIVERED, FAILED, or PENDING until its next try.
// Pure: no clock, no chance, no I/O. Used by the claim's state machine.
#pragma once

#include "actors/delivery/delivery_policy.hpp"
#include "domain/delivery.hpp"
#include "providers/provider.hpp"

#include <optional>
#include <string>

namespace paymentd::actors {

/// Whether its event is so old that it is FAILED rather than tried again.
bool too_old(const message& message, const delivery_policy& policy, instant now);

delivery_result delivered(const message& message, std::string provider_message_id,
                          std::optional<message_channel> channel);
delivery_result failed(const message& message, std::string reason);
/// To be tried again at `at`. `spent` is 1 where the try counts.
delivery_result again(const message& message, std::string reason, instant at, int spent);
/// The same, unless it is too old for that.
delivery_result pending(const message& message, std::string reason, instant at, int spent,
                        const delivery_policy& policy, instant now);
/// Sent at `sent_at`, and again though it may be a second copy: at long intervals, and only a few
/// times. The count is stored with the message, so that it outlives whatever dies. `random` is
/// uniform in [0, 1).
delivery_result pending_as_copy(const message& message, const std::string& reason,
                                const delivery_policy& policy, instant sent_at, double random);

/// Until its next try after a transient failure.
std::chrono::milliseconds retry_delay(const message& message, const delivery_policy& policy,
                                      double random);

/// The result for one recipient of a call that was taken; nothing where that is not known.
std::optional<delivery_result> result_of(const message& message,
                                         providers::recipient_result& result,
                                         const delivery_policy& policy, instant now, double random);

} // namespace paymentd::actors
