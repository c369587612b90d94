// The meaning of a receiver's answers for delivery, in the port's classes of failure. No I/O and no
// clock of its own.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

#include <cstdint>
#include <mutex>
#include <set>

namespace paymentd::webhooks {

/// The result of one event. Since a receiver knows it again by its id, one whose outcome is not
/// known is simply sent again: `transient`, not `unknown`. Its `retry_after` is the receiver's. 410
/// is `gone` (Standard Webhooks: the receiver is to be told no more, so its webhook is paused); the
/// event itself waits.
providers::recipient_result result_of(net::http_result answer);

/// Tells an event that a receiver chokes on from a receiver that is out of order, by what else it
/// has taken. Kept over all calls to one receiver; any thread.
///
/// Where the receiver took another event since a POST began, the failure of that POST is its own
/// event's: it waits for its next try, and no other does. Where it took none, some different events
/// that fail in a row are held to be bad luck, too; then the receiver is out of order, which keeps
/// all events waiting in the ledger. While it is, every other failure puts its event aside, so that
/// an event which no receiver can take is not tried first again and again.
///
/// A receiver that is gone is out of order at once, whatever it has taken.
class receiver_health {
 public:
  /// `suspects_max`: so many different events may fail in a row before it is the receiver; at
  /// least 1.
  explicit receiver_health(std::size_t suspects_max) : suspects_max_(suspects_max) {}

  /// To be kept with a POST that begins now.
  std::uint64_t begun() const;
  /// The result of its call, from the end of that POST.
  providers::call_result ended(std::uint64_t begun, entry_id event,
                               providers::recipient_result result);
  /// Whether it has said so of an event, ever.
  bool gone() const;

 private:
  const std::size_t suspects_max_;
  mutable std::mutex mutex_;
  std::uint64_t taken_ = 0;       // events, so far
  std::set<std::int64_t> failed_; // different ones since the last that was taken
  bool out_of_order_ = false;
  bool gone_ = false;
  bool aside_ = false; // whether the failure before put its event aside
};

} // namespace paymentd::webhooks
