// The store worker: an actor that owns one connection and makes, one after the other, the calls
// that others send it. All that blocks on a database blocks here, so it is spawned detached: a
// thread of its own. It keeps no state but the connection; what an error means is for those who
// asked to decide.
#pragma once

#include "actors/caf_log.hpp"
#include "actors/clock.hpp"
#include "actors/counters.hpp"
#include "db/store.hpp"
#include "domain/check.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace paymentd::actors {

struct store_worker_options {
  std::string name; // in the log: "lane 1", "reader"
  /// Connects. Called on the worker's thread, at each call as long as it has failed.
  std::function<db::result<std::shared_ptr<db::store_connection>>()> connect;
  wall_clock now = system_wall_clock;
  std::shared_ptr<store_counters> counters = std::make_shared<store_counters>();
};

struct store_worker_state {
  static inline const char* name = "store-worker";
  store_worker_options options;
  std::shared_ptr<db::store_connection> connection;

  /// Makes `call` of the connection's `Port`, and counts it. An exception out of it becomes the
  /// error `thrown`.
  template <class Port, class Call>
  auto make(store_call_kind kind, const Call& call, db::error_kind thrown)
      -> std::invoke_result_t<Call, Port&, instant> {
    const auto begun = std::chrono::steady_clock::now();
    auto answer = make_uncounted<Port>(call, thrown);
    options.counters->count(kind, std::chrono::steady_clock::now() - begun, answer.has_value());
    return answer;
  }

 private:
  template <class Port, class Call>
  auto make_uncounted(const Call& call, db::error_kind thrown)
      -> std::invoke_result_t<Call, Port&, instant> {
    try {
      if (!connection) {
        auto made = options.connect();
        if (!made)
          return std::unexpected(std::move(made.error()));
        connection = *std::move(made);
      }
      auto* const port = dynamic_cast<Port*>(connection.get());
      check(port != nullptr, "a worker is asked for what its connection offers");
      return call(*port, options.now());
    } catch (const std::exception& e) {
      spdlog::error("{}: {}", options.name, e.what());
      return std::unexpected(db::error{thrown, e.what()});
    }
  }
};

/// The answer to a store_call: runs what the asker wants done with it. Run it on arrival.
struct store_answer {
  std::function<void()> take;
};
/// To a store worker, which answers with one store_answer to the sender.
struct store_call {
  std::function<store_answer(store_worker_state&)> make; // on the worker's thread
};

inline caf::behavior store_worker(caf::stateful_actor<store_worker_state>* self,
                                  store_worker_options options) {
  self->state.options = std::move(options);
  return {
      [self](const store_call& call) {
        leave_caf_log();
        // The asker is an actor that waits for the answer; there is always a sender.
        self->send(caf::actor_cast<caf::actor>(self->current_sender()), call.make(self->state));
      },
  };
}

/// A store worker whose connection offers `Port`.
template <class Port>
struct worker_of {
  caf::actor actor;
};

/// Has the worker make `call`, with its port and the time of day, and `then` run with the
/// db::result of it once the answer has come to `self`, unless that is gone. Both hold values only,
/// or `self`. `thrown` is what an exception out of the call means: `in_doubt` where a commit may
/// have been sent, `unavailable` where to repeat it does no harm, `broken` elsewhere. `kind` is for
/// the counters alone.
template <class Port, class Call, class Then>
void ask(caf::event_based_actor* self, const worker_of<Port>& worker, store_call_kind kind,
         db::error_kind thrown, Call call, Then then) {
  using answer = std::invoke_result_t<Call, Port&, instant>;
  self->send(worker.actor, store_call{[call = std::move(call), then = std::move(then), kind,
                                       thrown](store_worker_state& state) -> store_answer {
               auto got = std::make_shared<answer>(state.make<Port>(kind, call, thrown));
               return {[then, got = std::move(got)] { then(std::move(*got)); }};
             }});
}

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::store_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::store_answer)
