// The rule of delivery, once, for every store: a pure function from a step and what a store read
// for it to what the store is to write. It does no I/O, reads no clock and keeps nothing.
#pragma once

#include "domain/delivery.hpp"

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd {

/// A claim as it stands in the database: a list of retries, or else the range of entries from
/// `first` to `last`.
struct claim_record {
  struct claimed_entry {
    entry_id id;
    instant created_at;
  };
  claim_id id;
  bool retries = false;
  entry_id first = {};
  entry_id last = {};
  std::vector<claimed_entry> entries = {}; // those that its subscriber wants, by rising id
  std::string provider = {};
};

/// How much of what waits a store reads for a step, at the most.
struct delivery_reach {
  std::int64_t messages = 0; // of the retries that are due, and of the entries that are wanted
  std::int64_t entries = 0;  // ahead of the cursor, wanted or not
};
/// One more than the step's claims can hold, so that it shows whether there is more; and a bounded
/// number of entries, since charges, which nobody wants, lie between those that are wanted.
delivery_reach reach_of(const delivery_step& step);

/// Whether the step claims a message that waits and whose copies were sent by that provider; empty:
/// it has none. Another provider never sends what is in doubt, but where the settings do not know
/// the first one any more, it has to be ended.
bool takes(const delivery_step& step, std::string_view copies_by);

/// The same for a store: of what is in doubt at one of these providers it takes nothing, or where
/// the step takes nothing new, of all that waits this alone.
std::span<const std::string> doubt_filter_of(const delivery_step& step);

/// All that a store read for a step, under the lock of its cursor and before it wrote anything.
struct delivery_view {
  struct due_retry {
    entry_id entry;
    instant at;
    std::string copies_by = {}; // of one that is in doubt, the provider that sent its copies
  };
  std::int64_t position = 0;              // the cursor: the number up to which all is claimed
  std::vector<claim_record> claims = {};  // those that are open of the ones that the step names
  std::vector<due_retry> due = {};        // PENDING, in no claim, and the step's to take; the
                                          // earliest first
  std::optional<instant> next_retry = {}; // the earliest that is due later than now
  std::vector<message> ahead = {};        // wanted, ahead of the cursor, by rising entry
  std::int64_t seen_to = 0;               // the number of the last entry that was looked at
  bool at_end = false;                    // no entry of the stream follows that one
};

/// The result of one message, to be stored.
struct planned_result {
  const delivery_result* result; // in the step
  instant created_at;            // of its entry
  bool retried = false;          // there is a delivery of it already
};

/// A try of one message, to be stored behind those that are stored of it.
struct planned_try {
  entry_id entry;
  instant at;
  std::chrono::milliseconds took{0};
  try_outcome outcome = try_outcome::unknown;
  std::string_view detail; // in the step
};

/// A message that waits and is in doubt, and the provider that sent its copies.
struct planned_doubt {
  entry_id entry;
  std::string provider;
};

/// A claim to be added, in its first generation.
struct planned_claim {
  std::vector<entry_id> retries = {}; // by rising id; empty: it is a range
  entry_id first = {};
  entry_id last = {};
  std::string provider = {};
  std::vector<message> messages = {}; // of one that lay ahead of the cursor; of another they are
                                      // still to be read
};

/// All that a store writes, in one transaction.
struct delivery_plan {
  std::vector<planned_result> results; // by rising entry
  std::vector<planned_try> tries;      // of these; those of one message together, the oldest first
  std::vector<planned_doubt> in_doubt; // of these
  std::vector<claim_id> deleted;       // the ended and the halved ones
  std::vector<claim_record> regenerated;
  std::vector<planned_claim> opened; // in the order of the answer
  std::vector<entry_id> taken;       // retries that are claimed, by rising id
  std::int64_t position = 0;         // of the cursor
  bool moves = false;                // whether that is another one
  bool more = false;                 // of the answer
  std::optional<instant> next_due;   // of the answer
  bool writes_nothing() const {
    return deleted.empty() && regenerated.empty() && opened.empty() && !moves;
  }
};

/// Plans `step`. Ends, regenerates and halves the claims that it names; then claims retries that
/// are due, the earliest first, before what lies ahead of the cursor; a new claim holds the one or
/// the other, and retries that are in doubt at one provider alone. The cursor passes what is
/// claimed, and where all of that is, also the unwanted entries that follow. Gives one line where
/// the step does not fit what stands there: nothing may be written then. Cost: n log n for n
/// messages. Precondition: messages_max is at least 1.
std::expected<delivery_plan, std::string> plan_delivery(const delivery_step& step,
                                                        delivery_view view, instant now);

} // namespace paymentd
