// Asks a provider what finally became of one subscriber's messages and has it stored: at each poll
// the span of time that is due, page by page. An actor beside the notification actor, which knows
// nothing of it: whatever fails here is tried again at the next poll, and nothing in it blocks.
#pragma once

#include "actors/clock.hpp"
#include "actors/delivery/notification_actor.hpp"
#include "actors/requests.hpp"
#include "actors/store_worker.hpp"
#include "providers/provider.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors {

struct results_poller_options {
  std::string subscriber = "alimtalk"; // its name
  worker_of<db::delivery_store> store;
  std::shared_ptr<providers::provider> provider; // can_tell_results()
  /// Providers that are asked behind it, in the same turn. Where one of all has no answer, the turn
  /// is given up, and all are asked again.
  std::vector<std::shared_ptr<providers::provider>> others = {};
  std::chrono::milliseconds poll{60000};
  /// The time that is asked for ended so many polls ago: by then the provider tells all of it, and
  /// the messages are stored as DELIVERED.
  int lag_polls = 2;
  std::chrono::milliseconds span_max{300000}; // of one turn, so that each has a bounded number
  int pages_max = 10000;                      // of pages; what is beyond is passed by
  std::chrono::milliseconds lease{65000};     // above the time that the provider takes for a page
  wall_clock now = system_wall_clock;
  std::shared_ptr<delivery_counters> counters = std::make_shared<delivery_counters>();
};

/// From the provider's thread to the actor.
struct results_told {
  std::uint64_t question = 0;
  providers::results_answer answer;
};

struct results_poller_state {
  static inline const char* name = "results-poller";
  results_poller_options options;
  results_turn turn;           // that is being read
  std::size_t asked = 0;       // the provider that is being asked; 0: the first, then `others`
  std::string cursor;          // of the page that comes next; empty: none does
  int pages = 0;               // of this provider in this turn so far
  bool goes_on = false;        // there is more to ask in this turn
  bool failed = false;         // the provider, in this turn
  std::uint64_t questions = 0; // asked so far
};

/// Looks for the first time after one poll.
caf::behavior results_poller(caf::stateful_actor<results_poller_state>* self,
                             results_poller_options options);

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::results_told)
