// The rule of retries by hand, once, for every store: a pure function from what is asked and what a
// store read for it to the answers and to what the store is to write. It does no I/O, reads no
// clock and keeps nothing.
#pragma once

#include "domain/query.hpp"

#include <span>
#include <vector>

namespace paymentd {

/// A retry that is kept for the idempotency key it was asked under.
struct kept_retry {
  idempotency_key key;
  delivery what; // as it was answered
  friend bool operator==(const kept_retry&, const kept_retry&) = default;
};

/// The same of a failed_retry.
struct kept_count {
  idempotency_key key;
  retried_count what;
};

/// A delivery that is to be retried, as a store read it.
struct retry_view {
  answer found;           // the delivery, or not_found
  bool is_failed = false; // and nobody else can change it
};

/// All that a store writes, in one transaction.
struct retry_plan {
  std::vector<answer> answers;       // one a retry, in their order
  std::vector<get_delivery> retried; // become PENDING and due, each once
  std::vector<kept_retry> new_kept;  // retries under a key, by rising digest
};

/// Plans the retries in their order. One whose key was kept before, in this batch or an earlier
/// one, is given that answer again, or is refused where its body is another one. Any other makes
/// its delivery PENDING and due, or is refused where that is not FAILED any more; a refusal is not
/// kept. `views` has one for each of the batch; `kept` what is kept for keys of the batch. Cost:
/// n log n. Never throws but for memory.
retry_plan plan_retries(std::span<const delivery_retry> batch, std::vector<retry_view> views,
                        std::span<const kept_retry> kept, instant now);

} // namespace paymentd
