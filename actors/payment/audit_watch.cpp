#include "actors/payment/audit_watch.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>
#include <vector>

namespace paymentd::actors {

namespace {
using watch_actor = caf::stateful_actor<audit_watch_state>;
using look_atom = caf::atom_constant<caf::atom("look")>;
void look(watch_actor* self);

void rest(watch_actor* self) {
  self->delayed_send(self, self->state.options.interval, look_atom::value);
}
} // namespace

caf::behavior audit_watch(watch_actor* self, audit_watch_options options) {
  self->state.options = std::move(options);
  rest(self);
  return {
      [self](look_atom) { look(self); },
      [](const store_answer& answer) { answer.take(); },
  };
}

namespace {

void on_read(watch_actor* self, const db::result<std::vector<answer>>& answers) {
  const auto* found =
      answers && !answers->empty() ? std::get_if<noted_audits>(&answers->front()) : nullptr;
  if (found != nullptr) {
    auto& gauges = *self->state.options.gauges;
    const auto& last = found->last;
    gauges.began_at_ms.store(last ? last->began_at.time_since_epoch().count() : 0,
                             std::memory_order_relaxed);
    gauges.breaches.store(last ? last->breaches : 0, std::memory_order_relaxed);
  } else if (!answers) {
    // A database that is away is logged by those whom it hurts.
    spdlog::debug("the last audit was not looked for: {}", answers.error().text);
  }
  rest(self);
}

void look(watch_actor* self) {
  ask(
      self, self->state.options.worker, store_call_kind::read, db::error_kind::unavailable,
      [](db::read_store& store, instant) {
        const query asked[] = {get_audits{}};
        return store.read(asked);
      },
      [self](const db::result<std::vector<answer>>& answers) { on_read(self, answers); });
}

} // namespace

} // namespace paymentd::actors
