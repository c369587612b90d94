#include "actors/order_registry.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace paymentd::actors {

namespace {

using registry_actor = caf::stateful_actor<order_registry_state>;
using resident = order_registry_state::resident;

order_id order_named_by(const command& what) {
  return std::visit(
      [](const auto& each) -> order_id {
        if constexpr (requires { each.order; })
          return each.order;
        else
          return {};
      },
      what);
}

/// Asks the least recently used to leave, one for each command that comes while there are too many.
/// It keeps its place in by_age until it answers, moved to the end so that the next in line is
/// asked next.
void retire_oldest(registry_actor* self) {
  auto& state = self->state;
  if (state.residents.size() - state.retiring <= state.options.idle_max)
    return;
  const order_id oldest = state.by_age.front();
  resident& leaving = state.residents.at(oldest);
  state.by_age.splice(state.by_age.end(), state.by_age, leaving.age);
  if (leaving.retiring)
    return;
  leaving.retiring = true;
  ++state.retiring;
  self->send(leaving.actor, retire{leaving.sent});
}

void forget(registry_actor* self, std::unordered_map<order_id, resident>::iterator which) {
  auto& state = self->state;
  state.by_age.erase(which->second.age);
  if (which->second.retiring)
    --state.retiring;
  state.residents.erase(which);
  state.options.counters->resident.fetch_sub(1, std::memory_order_relaxed);
}

resident& start(registry_actor* self, order_id id) {
  auto& state = self->state;
  const caf::actor started = self->spawn(order_actor, id, state.options.context);
  self->monitor(started);
  state.by_age.push_back(id);
  state.options.counters->started.fetch_add(1, std::memory_order_relaxed);
  state.options.counters->resident.fetch_add(1, std::memory_order_relaxed);
  resident fresh;
  fresh.actor = started;
  fresh.age = std::prev(state.by_age.end());
  return state.residents.emplace(id, std::move(fresh)).first->second;
}

void pass_on(registry_actor* self, submit what) {
  auto& state = self->state;
  const order_id id = order_named_by(what.what);
  const auto found = state.residents.find(id);
  if (found != state.residents.end()) {
    resident& there = found->second;
    state.by_age.splice(state.by_age.end(), state.by_age, there.age);
    if (there.retiring) {
      there.held.push_back(std::move(what));
      return;
    }
    ++there.sent;
    self->send(there.actor, std::move(what));
    return;
  }
  if (state.residents.size() >= state.options.resident_max) {
    self->send(what.from.reply_to,
               settled{what.from.number, std::unexpected(no_outcome::overloaded)});
    retire_oldest(self);
    return;
  }
  resident& fresh = start(self, id);
  ++fresh.sent;
  self->send(fresh.actor, std::move(what));
  retire_oldest(self);
}

void on_retire_answer(registry_actor* self, const retire_answer& answer) {
  auto& state = self->state;
  const auto found = state.residents.find(answer.order);
  if (found == state.residents.end() || !found->second.retiring)
    return;
  resident& there = found->second;
  std::vector<submit> held = std::exchange(there.held, {});
  if (answer.retired) {
    state.options.counters->retired.fetch_add(1, std::memory_order_relaxed);
    forget(self, found);
  } else {
    there.retiring = false;
    --state.retiring;
  }
  for (submit& each : held)
    pass_on(self, std::move(each));
}

/// An order actor died of an error: it is forgotten, and whoever waits for it runs into its
/// time-out, since what was at the database may have happened. What had not reached it starts anew.
void on_down(registry_actor* self, const caf::down_msg& down) {
  if (down.reason == caf::exit_reason::normal || down.reason == caf::exit_reason::user_shutdown)
    return;
  auto& state = self->state;
  for (auto at = state.residents.begin(); at != state.residents.end(); ++at)
    if (at->second.actor.address() == down.source) {
      spdlog::error("order {}: its actor died: {}", at->first.value,
                    self->system().render(down.reason));
      std::vector<submit> held = std::move(at->second.held);
      forget(self, at);
      for (submit& each : held)
        pass_on(self, std::move(each));
      return;
    }
}

} // namespace

caf::behavior order_registry(registry_actor* self, order_registry_options options) {
  self->state.options = std::move(options);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  return {
      [self](submit& what) { pass_on(self, std::move(what)); },
      [self](const retire_answer& answer) { on_retire_answer(self, answer); },
  };
}

} // namespace paymentd::actors
