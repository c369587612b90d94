#include "actors/payment/key_pruner.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace paymentd::actors {

namespace {
using pruner_actor = caf::stateful_actor<key_pruner_state>;
using look_atom = caf::atom_constant<caf::atom("look")>;
void look(pruner_actor* self);
} // namespace

caf::behavior key_pruner(pruner_actor* self, key_pruner_options options) {
  self->state.options = std::move(options);
  self->delayed_send(self, self->state.options.interval, look_atom::value);
  return {
      [self](look_atom) { look(self); },
      [](const store_answer& answer) { answer.take(); },
  };
}

namespace {

void on_forgotten(pruner_actor* self, const db::result<std::int64_t>& forgotten) {
  auto& state = self->state;
  if (!forgotten && !std::exchange(state.failed, true))
    spdlog::warn("old idempotency keys cannot be forgotten: {}", forgotten.error().text);
  if (forgotten)
    state.failed = false;
  const bool more = forgotten && *forgotten >= db::upkeep_store::forgotten_at_once;
  self->delayed_send(self, more ? state.options.pause : state.options.interval, look_atom::value);
}

void look(pruner_actor* self) {
  ask(
      self, self->state.options.worker, db::error_kind::unavailable,
      [retention = self->state.options.retention](db::upkeep_store& store, instant now) {
        return store.forget_keys(now - retention);
      },
      [self](const db::result<std::int64_t>& forgotten) { on_forgotten(self, forgotten); });
}

} // namespace

} // namespace paymentd::actors
