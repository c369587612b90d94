// The life of a claim as a state machine: its states, and one function for each event that changes
// them. docs/delivery.md has the table. Pure: no clock, no chance, no I/O. Used by the notification
// actor through claim_book.hpp.
#pragma once

#include "actors/delivery/delivery_policy.hpp"
#include "domain/delivery.hpp"
#include "providers/provider.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace paymentd::actors {

/// A call or a search that has left.
struct under_way {
  std::uint64_t number = 0; // of this actor's calls and searches
  instant since;
  std::uint64_t successes_before = 0; // how many calls and searches had worked by then
};

/// All that is known of each message, in the claim's order; empty: nothing.
using known_results = std::vector<std::optional<delivery_result>>;

// ---- the states. `at` is the earliest time of what comes next; until then the claim is parked and
// holds no slot. `others_passed`: the call of another claim worked while this one was suspected, so
// this one is at fault if its content is refused once more. `was_refused`: the API refused a repeat
// under this key while it took others, so it may be this claim that it cannot take ----

namespace states {

/// Nothing of it can have been accepted; it is sent.
struct waiting {
  instant at;
  bool others_passed = false;
};
/// Sent for the first time under its key.
struct calling {
  under_way what;
  bool others_passed = false;
};
/// In doubt: something may have been accepted. Sent again, under the same key.
struct in_doubt {
  instant at;
  bool was_refused = false;
};
struct repeating {
  under_way what;
  bool was_refused = false;
};
/// In doubt; the provider is asked which of its messages it accepted under the key.
struct to_search {
  instant at;
  known_results known = {};
  bool was_refused = false;
};
struct searching {
  under_way what;
  known_results known = {};
  bool was_refused = false;
};
/// In doubt at a provider that cannot be asked: gets a new key once the old one is used up.
struct used_up {
  instant at;
};
/// Refused; gets a new key.
struct to_regenerate {
  instant at;
  bool others_passed = false;
};
/// Its content was refused often enough: it is at fault, and is halved, once the call of another
/// claim works. Until then it gets a new key from time to time.
struct suspected {
  instant at;
};
struct to_split {
  instant at;
};
/// Its results wait for the store.
struct to_end {
  std::vector<delivery_result> results;
  bool was_in_doubt = false;
};

} // namespace states

using claim_state =
    std::variant<states::waiting, states::calling, states::in_doubt, states::repeating,
                 states::to_search, states::searching, states::used_up, states::to_regenerate,
                 states::suspected, states::to_split, states::to_end>;

/// As the table in docs/delivery.md has it: "waiting", "in doubt", …
std::string_view name_of(const claim_state& state);

/// A claim that stands in the database, and what this process knows of it.
struct open_claim {
  paymentd::claim claim;
  claim_state state;

  // Data beside the state: all that it has met under all its keys so far. It outlives the states
  // and the keys, and only weighs the answers that come.
  int doubts = 0;   // calls and searches that left it in doubt
  int refusals = 0; // of its content
  /// Its calls and searches that did not succeed: the last ones, oldest first; at most tries_max.
  std::vector<delivery_try> tries = {};
  std::uint64_t tried = 0; // how many there were in all
  std::uint64_t noted = 0; // how many of them were by then when they were stored last
  /// How far the wall clock was put forward since this generation was opened. Its key may be that
  /// old (the machine slept) or not (the clock was wrong): it is not used again, nor is it said to
  /// be.
  std::chrono::milliseconds put_forward{0};
};

// ---- what a state is to those around it ----

/// The call or search that is under way; null where none is.
const under_way* call_of(const claim_state& state);
/// From when on its next move may be made; nothing while a call is under way.
std::optional<instant> due(const claim_state& state);
/// Whether its next move is a call or a search.
bool wants_call(const claim_state& state);
/// Whether its next move is the store's.
bool wants_store(const claim_state& state);
/// Whether something of it may have been accepted under its key.
bool is_in_doubt(const claim_state& state);

// ---- the events ----

/// The circumstances of a claim when something became known of it.
struct circumstances {
  instant now;
  double random = 0.0;              // uniform in [0, 1)
  bool succeeded_about_now = false; // another call, since this one was made or just before
  bool succeeded_since = false;     // another call, surely since this one was made
  bool others_untried = false;      // other claims wait whose content was not refused so often
};

/// Consequences for more than the claim itself.
struct consequence {
  bool worked = false;                                // the API does what it is there for
  std::optional<std::chrono::milliseconds> quiet_for; // nothing may be sent for so long: throttled
  std::string outage;                                 // not empty: the API as a whole does not work
};

/// The store has just opened it, as it is or by halving another, or given it a new key. Messages
/// that are lost are set apart from the others and FAILED.
void opened(open_claim& claim, instant now, const delivery_policy& policy);

/// It stands in the database since another life of this actor, or another process: it may have been
/// sent.
void taken_over(open_claim& claim, instant now, const delivery_policy& policy);

/// It is about to be called about: its key may be too old by now. Then its state changes.
void before_call(open_claim& claim, instant now, const delivery_policy& policy);

/// Its call or search leaves. Precondition: wants_call.
void leaves(open_claim& claim, under_way what);

/// Its call or search has ended. Precondition: it was under way.
consequence answered(open_claim& claim, providers::call_result result,
                     const delivery_policy& policy, const circumstances& around);
consequence answered(open_claim& claim, providers::search_result result,
                     const delivery_policy& policy, const circumstances& around);

/// A call of another claim worked: a suspected one is halved, or tried once more, without waiting
/// any longer. The cause may be mended by now, so that alone fails no message.
void others_worked(open_claim& claim, instant now);

/// The actor ends, and repeats are copies or another provider may take it; or that one takes all
/// that is new by now: what was not sent ends, to be claimed anew, rather than stay in the
/// database, where it would be in doubt. `at_once`: whatever it waited for.
void put_back(open_claim& claim, instant now, bool at_once = false);

} // namespace paymentd::actors
