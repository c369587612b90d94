// The stream keeper: sees to it that streams of processes that died are delivered. From time to
// time it adopts those whose lease has run out, renews what it has adopted, and tells the
// subscribers' supervisors. One a process; only where several processes may share a database.
// Nothing in it blocks.
#pragma once

#include "actors/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <vector>

namespace paymentd::actors {

struct stream_keeper_options {
  caf::actor store;                    // a store worker that delivers
  std::vector<caf::actor> subscribers; // who is told of streams held and lost
  std::chrono::milliseconds lease{15000};
  std::chrono::milliseconds interval{2000}; // between looks; well below the lease
  int streams_max = 64; // adopted at once; more wait, or another process takes them
};

struct stream_keeper_state {
  static inline const char* name = "stream-keeper";
  stream_keeper_options options;
  std::vector<db::stream_lease> held; // by rising stream
  steady_instant asked_at;
};

caf::behavior stream_keeper(caf::stateful_actor<stream_keeper_state>* self,
                            stream_keeper_options options);

/// Until when the holder of a lease acts on it, by its own clock, when it asked for the lease at
/// `asked`: a part of the lease is left for clocks that do not run alike and for what is under way.
steady_instant lease_end(steady_instant asked, std::chrono::milliseconds lease);

} // namespace paymentd::actors
