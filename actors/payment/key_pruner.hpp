// Forgets idempotency keys whose time is over: some at a time, each time in a transaction of its
// own, so that no payment waits long for it. Started by the payment system, one a process.
#pragma once

#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>

namespace paymentd::actors {

struct key_pruner_options {
  worker_of<db::upkeep_store> worker;
  std::chrono::milliseconds retention{std::chrono::hours{24}};
  std::chrono::milliseconds interval{
      10'000};                         // between two looks, where no more was to be forgotten
  std::chrono::milliseconds pause{20}; // where there may be more
};

struct key_pruner_state {
  static inline const char* name = "key-pruner";
  key_pruner_options options;
  bool failed = false; // the last time; said once
};

caf::behavior key_pruner(caf::stateful_actor<key_pruner_state>* self, key_pruner_options options);

} // namespace paymentd::actors
