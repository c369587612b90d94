#include "actors/store_worker.hpp"

namespace paymentd::actors {

caf::behavior store_worker(caf::stateful_actor<store_worker_state>* self,
                           store_worker_options options) {
  self->state.options = std::move(options);
  return {
      [self](const store_call& call) {
        // The asker is an actor that waits for the answer; there is always a sender.
        self->send(caf::actor_cast<caf::actor>(self->current_sender()), call.make(self->state));
      },
  };
}

} // namespace paymentd::actors
