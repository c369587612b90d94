// Measures now and then how many messages of each subscriber have no final result yet, and how old
// the oldest is: for /metrics, whoever delivers them. Started by the payment system, one a process.
#pragma once

#include "actors/counters.hpp"
#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace paymentd::actors {

struct backlog_watch_options {
  worker_of<db::upkeep_store> worker;
  std::map<std::string, std::shared_ptr<delivery_counters>> subscribers; // by name
  std::shared_ptr<const webhook_board> webhooks = {}; // measured, too; may be null
  std::chrono::milliseconds interval{10'000};         // between two looks at all of them
  /// Of each part of a backlog, so that a look takes a few milliseconds however long it is.
  std::int64_t looked_at_max = 10'000;
};

struct backlog_watch_state {
  static inline const char* name = "backlog-watch";
  backlog_watch_options options;
  std::map<std::string, std::shared_ptr<delivery_counters>> round; // those of the present look
};

/// Asks for one subscriber at a time. Where the database is away, what was measured last stays.
caf::behavior backlog_watch(caf::stateful_actor<backlog_watch_state>* self,
                            backlog_watch_options options);

} // namespace paymentd::actors
