// What happens to a claim next: the classes of failure, the provider's memory of keys, the age and
// the tries of messages, as pure functions from what is known to what is to be done. Used by the
// notification actor; no clock, no chance and no I/O of its own.
#pragma once

#include "alimtalk/provider.hpp"
#include "db/store.hpp"
#include "domain/backoff.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
  std::chrono::milliseconds settles_within = std::chrono::seconds{30};
  /// So often in a row a call's content is refused before the call is halved; at least 1.
  int refusals_max = 2;
  /// So often in a row a claim may stay in doubt before it is given up, once it is too old.
  int doubts_max = 10;
  /// What the provider can do: see alimtalk::provider.
  bool can_find = false;
  std::chrono::milliseconds key_window{0};
  bool repeats_are_copies = false;
  std::string provider = {}; // its name
};

enum class next_move : std::uint8_t {
  send,       // the call, under the claim's key
  find,       // which of the claim's messages were accepted under its key
  regenerate, // the next generation, and with it a new key, to be committed; then send
  split,      // halve it, to be committed; then send both
  end,        // store `results`
};

/// A claim that stands in the database, and what this process knows of it.
struct open_claim {
  paymentd::claim claim;
  next_move move = next_move::send;
  instant not_before;             // of the move; until then the claim is parked and holds no slot
  bool in_doubt = false;          // something may have been accepted under its key
  bool refused = false;           // in doubt, and a repeat was refused while other calls succeeded
  int doubts = 0;                 // calls and searches in a row that told nothing
  int refusals = 0;               // of its content
  bool parked_as_refused = false; // only others' success is missing for that to be its own fault
  bool others_passed = false;     // since its newest refusal
  instant called_at;              // when the newest call or search left
  std::uint64_t successes_before = 0; // how many calls and searches had worked by then
  /// How far the wall clock was put forward since this generation was opened. Its key may be that
  /// old (the machine slept) or not (the clock was wrong): it is not used again, nor is it said to
  /// be.
  std::chrono::milliseconds put_forward{0};
  std::vector<std::optional<delivery_result>> known; // one a message; empty: nothing is known
  std::vector<delivery_result> results;              // of a claim to end

  std::uint64_t call = 0; // the number of the call or search that is under way; 0: none
  bool at_store = false;  // its move is being committed
};

/// What surrounds a claim when something became known of it.
struct circumstances {
  instant now;
  double random = 0.0;           // uniform in [0, 1)
  bool others_succeeded = false; // calls, since this one was made or in the moment before
  bool others_passed = false;    // calls, surely since this one was made
  bool others_untried = false;   // other claims wait whose content has not been refused so often
};

/// What becomes of more than the claim itself.
struct consequence {
  bool worked = false;                               // the API does what it is there for
  std::optional<std::chrono::milliseconds> hold_for; // nothing may be sent for so long: throttled
  std::string outage;                                // not empty: the API as a whole does not work
};

/// Decides how `claim` is gone on with at `at` or later: its key is used as long as it is safe,
/// then it is looked up where it is in doubt, or gets a new key.
void go_on(open_claim& claim, instant at, const delivery_policy& policy);

/// Decides what becomes of a claim that the store has just opened, halved or given a new key: it
/// goes on, but that messages which are lost are set apart from the others and FAILED.
void opened(open_claim& claim, instant now, const delivery_policy& policy);

/// Decides what becomes of a claim that stands in the database since another life of this actor, or
/// another process: it may have been sent.
void take_over(open_claim& claim, instant now, const delivery_policy& policy);

/// Of a claim of which nothing was sent that may have been accepted: ends it, so that it is claimed
/// anew, rather than leave it in the database, where it would be in doubt.
void put_back(open_claim& claim, instant now);

/// Decides what follows from the end of a call or of a search.
consequence after_call(open_claim& claim, alimtalk::call_result result,
                       const delivery_policy& policy, const circumstances& around);
consequence after_find(open_claim& claim, alimtalk::find_result result,
                       const delivery_policy& policy, const circumstances& around);

/// A call of another claim succeeded: where this one's content was refused and only that was
/// missing to be sure that it is its own fault, it is halved, or tried once more, without waiting
/// any longer. What refused it may be mended by now, so that alone fails no message.
void others_worked(open_claim& claim, instant now);

/// The call of a claim: "<subscriber>-<instance>-<entry id>" is each message's own id, so that
/// those of two databases are not mixed where they have one account, or one receiver.
alimtalk::call call_of(const claim& claim, const std::string& subscriber,
                       const std::string& instance);

} // namespace paymentd::actors
