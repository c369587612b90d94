#include "actors/delivery/notification_actor.hpp"

#include "actors/delivery/deliverer.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace paymentd::actors {

notification_state::notification_state() = default;
notification_state::~notification_state() = default;

caf::behavior notification_actor(caf::stateful_actor<notification_state>* self,
                                 notification_options options) {
  // The text of an exception is what the supervisor logs; CAF alone would lose it.
  self->set_exception_handler([](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return caf::make_error(caf::sec::runtime_error, e.what());
    } catch (...) {
      return caf::make_error(caf::sec::runtime_error, "an unknown exception");
    }
  });
  self->set_down_handler([self](caf::down_msg&) { self->state.it->store_is_gone(); });
  self->monitor(options.store.actor);
  self->state.it = std::make_unique<deliverer>(self, std::move(options));

  const auto pass_on = [self](auto& what) { self->state.it->on(what); };
  self->state.it->start();
  return {
      [=](stream_held& what) { pass_on(what); },
      [=](stream_lost& what) { pass_on(what); },
      [=](payment_success& what) { pass_on(what); },
      [=](retries_due& what) { pass_on(what); },
      [](const store_answer& answer) { answer.take(); },
      [=](call_answered& what) { pass_on(what); },
      [=](find_answered& what) { pass_on(what); },
      [=](alarm& what) { pass_on(what); },
      [=](const finish_deliveries&) -> caf::result<deliveries_finished> {
        auto promise = self->make_response_promise<deliveries_finished>();
        self->state.it->finish(promise);
        return promise;
      },
  };
}

} // namespace paymentd::actors
