// Keeps one child actor alive: when it ends, for whatever reason, a new one is started after a
// delay that grows with each failure in a row. A stable handle: what is sent to the supervisor is
// passed on to the child that lives now. It never ends by itself, and knows nothing of what the
// child does. An actor; nothing in it blocks.
#pragma once

#include "actors/counters.hpp"
#include "domain/backoff.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/message.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors {

/// From the child: it works, which some success of its work has proven. Only this ends a row of
/// failures; that a child lived for a while proves nothing.
struct child_succeeded {};

/// To the supervisor; answered by `supervisor_status`.
struct get_supervisor_status {};

struct supervisor_status {
  supervision state = supervision::backing_off;
  bool child_lives = false;
  int failures = 0;                   // in a row, without a proven success between them
  std::uint64_t restarts = 0;         // in all
  std::chrono::milliseconds delay{0}; // of the start that is waited for; 0 while a child lives
  std::string last_error;             // of the newest failure; empty after a proven success
};

struct backoff_supervisor_options {
  std::string name = "child"; // in the log
  backoff_options backoff;    // between a failure and the next start
  /// Makes the child, on the supervisor's thread: `self->spawn(...)`. An exception or a null handle
  /// counts as a failure like any other.
  std::function<caf::actor(caf::event_based_actor* self)> make_child = nullptr;
  int restarts_max = 0; // so many restarts in `window` are one too many: degraded; 0: no limit
  std::chrono::milliseconds window{60000};
  std::function<double()> random = [] { return 0.0; }; // uniform in [0, 1), for the jitter
  /// Messages are hints and lost while no child lives. Those that every child has to know stay in
  /// `kept`, which this brings up to date with a message that came; each new child gets all of
  /// `kept` first, in its order.
  std::function<void(const caf::message& came, std::vector<caf::message>& kept)> keep = nullptr;
  std::shared_ptr<supervision_gauges> gauges = std::make_shared<supervision_gauges>();
};

struct backoff_supervisor_state {
  static inline const char* name = "backoff-supervisor";

  backoff_supervisor_state() = default;
  backoff_supervisor_state(const backoff_supervisor_state&) = delete;
  backoff_supervisor_state& operator=(const backoff_supervisor_state&) = delete;
  ~backoff_supervisor_state(); // takes the child along

  backoff_supervisor_options options;
  caf::actor child;
  supervisor_status status;
  std::deque<std::chrono::steady_clock::time_point> recent; // restarts, at most restarts_max
  std::uint64_t timer = 0; // number of the newest timer; those before it are void
  std::vector<caf::message> kept;
};

caf::behavior backoff_supervisor(caf::stateful_actor<backoff_supervisor_state>* self,
                                 backoff_supervisor_options options);

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::child_succeeded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::get_supervisor_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::supervisor_status)
