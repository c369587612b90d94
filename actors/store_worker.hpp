// The store worker: an actor that owns one connection and does, one after the other, what others
// ask of it. All that blocks on a database blocks here, so it is spawned detached: a thread of its
// own. It keeps no state but the connection; what an error means is for those who asked to decide.
#pragma once

#include "actors/clock.hpp"
#include "db/store.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace paymentd::actors {

struct store_worker_options {
  std::string name; // in the log: "lane 1", "reader"
  /// Connects. Called on the worker's thread, at each message as long as it has failed.
  std::function<db::result<std::unique_ptr<db::store>>()> connect;
  wall_clock now = system_wall_clock;
};

struct store_worker_state {
  static inline const char* name = "store-worker";
  store_worker_options options;
  std::unique_ptr<db::store> store;
};

/// Takes every `do_…` of messages.hpp and sends its counterpart to who asked. An exception out of
/// the store becomes an error: `in_doubt` where a commit may have been sent, `unavailable` where
/// repeating does no harm, `broken` elsewhere.
caf::behavior store_worker(caf::stateful_actor<store_worker_state>* self,
                           store_worker_options options);

} // namespace paymentd::actors
