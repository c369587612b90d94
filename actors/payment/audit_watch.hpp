// Looks now and then for the result of the last audit, which another process notes in the database:
// for /metrics. Started by the payment system, one a process.
#pragma once

#include "actors/store_worker.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <memory>

namespace paymentd::actors {

struct audit_watch_options {
  worker_of<db::read_store> worker; // one of reads, so that no payment waits for it
  std::shared_ptr<audit_gauges> gauges = std::make_shared<audit_gauges>();
  std::chrono::milliseconds interval{10'000}; // between an answer and the next look
};

struct audit_watch_state {
  static inline const char* name = "audit-watch";
  audit_watch_options options;
};

/// One question at a time, of a row or two. Where the database is away, what was read last stays.
caf::behavior audit_watch(caf::stateful_actor<audit_watch_state>* self,
                          audit_watch_options options);

} // namespace paymentd::actors
