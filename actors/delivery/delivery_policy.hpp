// How patient delivery is: times between tries, and how many of them. Settings of the claim's state
// machine (claim_machine.hpp).
#pragma once

#include "domain/backoff.hpp"

#include <chrono>
#include <string>

namespace paymentd::actors {

struct delivery_policy {
  /// Between the tries of one message that fails transiently.
  backoff_options retry{.min = std::chrono::seconds{1},
                        .max = std::chrono::minutes{10},
                        .factor = 2.0,
                        .jitter = 0.2};
  /// Between the repeats of a call, or of a search, that told nothing; and for a throttled call
  /// where the provider does not say how long.
  backoff_options doubt{
      .min = std::chrono::seconds{1}, .max = std::chrono::minutes{1}, .factor = 2.0, .jitter = 0.2};
  /// Between the repeats of what is in doubt where each may be a copy; and how often it is sent in
  /// all before it is FAILED.
  backoff_options copy{
      .min = std::chrono::minutes{1}, .max = std::chrono::hours{1}, .factor = 5.0, .jitter = 0.2};
  int copies_max = 5;
  /// However long the API says to wait: one wrong Retry-After must not stop all messages for years.
  std::chrono::milliseconds retry_after_max = std::chrono::hours{1};
  /// A message that failed and whose event is older than this is FAILED rather than tried again.
  std::chrono::milliseconds max_age = std::chrono::hours{24};
  /// So long after it was sent, a call has been accepted or never will be: more than the provider's
  /// time-out, plus the difference of the clocks of processes that share a database.
  std::chrono::milliseconds accepted_within = std::chrono::seconds{30};
  /// So often a claim's content is refused before the claim is halved; at least 1.
  int refusals_max = 2;
  /// So many calls and searches may leave a claim in doubt before it is given up, once it is too
  /// old.
  int doubts_max = 10;
  /// Abilities of the provider: see providers::provider.
  bool can_search = false;
  std::chrono::milliseconds key_window{0};
  bool repeats_are_copies = false;
  bool needs_phone = false;
  std::string provider = {}; // its name
};

} // namespace paymentd::actors
