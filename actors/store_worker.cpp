#include "actors/store_worker.hpp"

#include "actors/messages.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace paymentd::actors {

namespace {

/// Calls `what` with the connected store. `thrown` is what an exception out of it means.
template <class What>
auto with_store(store_worker_state& state, db::error_kind thrown, What what)
    -> decltype(what(*state.store)) {
  try {
    if (!state.store) {
      auto connected = state.options.connect();
      if (!connected)
        return std::unexpected(std::move(connected.error()));
      state.store = std::move(*connected);
    }
    return what(*state.store);
  } catch (const std::exception& e) {
    spdlog::error("{}: {}", state.options.name, e.what());
    return std::unexpected(db::error{thrown, e.what()});
  }
}

} // namespace

caf::behavior store_worker(caf::stateful_actor<store_worker_state>* self,
                           store_worker_options options) {
  self->state.options = std::move(options);
  auto& state = self->state;
  // Whoever asks is an actor that waits for the answer; there is always a sender.
  const auto reply = [self](auto answer) {
    self->send(caf::actor_cast<caf::actor>(self->current_sender()), std::move(answer));
  };
  const auto lease = [&state] { return state.store ? state.store->lease() : stream_lease{}; };

  return {
      [=, &state](const do_take_stream&) {
        reply(stream_taken{with_store(state, db::error_kind::unavailable, [&](db::store& store) {
          return store.take_stream(state.options.now());
        })});
      },
      [=, &state](const do_settle& work) {
        auto outcomes = with_store(state, db::error_kind::in_doubt, [&](db::store& store) {
          return store.settle(*work.batch, state.options.now());
        });
        reply(batch_settled{std::move(outcomes), lease()});
      },
      [=, &state](const do_resolve&) {
        auto outcomes = with_store(state, db::error_kind::unavailable, [&](db::store& store) {
          return store.resolve(state.options.now());
        });
        reply(batch_resolved{std::move(outcomes), lease()});
      },
      [=, &state](const do_read& work) {
        reply(batch_read{with_store(state, db::error_kind::broken,
                                    [&](db::store& store) { return store.read(*work.queries); })});
      },
      [=, &state](const do_subscribe& work) {
        reply(subscribed{with_store(state, db::error_kind::broken, [&](db::store& store) {
          return store.subscribe(work.name, work.wants_payments, work.wants_refunds,
                                 state.options.now());
        })});
      },
      [=, &state](const do_lease_deliveries& work) {
        reply(
            deliveries_leased{with_store(state, db::error_kind::unavailable, [&](db::store& store) {
              return store.lease_deliveries(work.subscribers, work.written, work.leases_max,
                                            state.options.now());
            })});
      },
      [=, &state](const do_open_claims& work) {
        reply(claims_opened{
            work.stream, with_store(state, db::error_kind::broken, [&](db::store& store) {
              return store.open_claims(work.subscriber, work.stream, state.options.now());
            })});
      },
      [=, &state](const do_deliver& work) {
        reply(delivered{work.step.stream,
                        with_store(state, db::error_kind::in_doubt, [&](db::store& store) {
                          return store.deliver(work.step, work.now);
                        })});
      },
      [=, &state](const do_prune& work) {
        reply(pruned{work.step.stream,
                     with_store(state, db::error_kind::unavailable, [&](db::store& store) {
                       return store.prune(work.step, state.options.now());
                     })});
      },
      [=, &state](const do_begin_results& work) {
        reply(results_begun{with_store(state, db::error_kind::broken, [&](db::store& store) {
          return store.begin_results(work.asked, state.options.now());
        })});
      },
      [=, &state](const do_store_results& work) {
        reply(results_stored{with_store(state, db::error_kind::broken, [&](db::store& store) {
          return store.store_results(work.step, state.options.now());
        })});
      },
      [=, &state](const do_retry& work) {
        reply(batch_retried{with_store(state, db::error_kind::in_doubt, [&](db::store& store) {
          return store.retry(*work.which, state.options.now());
        })});
      },
  };
}

} // namespace paymentd::actors
