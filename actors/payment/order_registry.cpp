#include "actors/payment/order_registry.hpp"
#include "actors/payment/messages.hpp"

#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
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
      what.what);
}

/// Takes an order out of memory, and gives its actor. It is idle.
caf::actor take_longest_idle(order_registry_state& state) {
  const auto oldest = state.residents.find(state.idle.front());
  state.idle.pop_front();
  caf::actor actor = std::move(oldest->second.actor);
  state.residents.erase(oldest);
  return actor;
}

/// An actor for an order that has none; null at the bound.
caf::actor actor_for_new(registry_actor* self) {
  auto& state = self->state;
  const bool at_bound = state.residents.size() >= state.options.resident_max;
  if (!state.idle.empty() && (at_bound || state.idle.size() > state.options.idle_max)) {
    state.options.counters->reassigned.fetch_add(1, std::memory_order_relaxed);
    return take_longest_idle(state);
  }
  if (at_bound)
    return nullptr;
  const caf::actor started =
      self->spawn(order_actor, caf::actor_cast<caf::actor>(self), state.options.context);
  self->monitor(started);
  state.options.counters->resident.fetch_add(1, std::memory_order_relaxed);
  return started;
}

void pass_on(registry_actor* self, submit& what) {
  auto& state = self->state;
  const order_id id = order_named_by(what.what);
  if (const auto found = state.residents.find(id); found != state.residents.end()) {
    resident& there = found->second;
    if (there.idle)
      state.idle.erase(*std::exchange(there.idle, std::nullopt));
    ++there.sent;
    self->send(there.actor, std::move(what));
    return;
  }
  caf::actor actor = actor_for_new(self);
  if (!actor) {
    self->send(what.from.reply_to,
               settled{what.from.number, std::unexpected(no_outcome::overloaded)});
    return;
  }
  self->send(actor, assignment{id, std::move(what)});
  state.residents.emplace(id, resident{std::move(actor), 1, std::nullopt});
}

void on_idle(order_registry_state& state, const order_idle& news) {
  const auto found = state.residents.find(news.order);
  // A notice that crossed a command says too little; the next one will do.
  if (found == state.residents.end() || found->second.sent != news.handled || found->second.idle)
    return;
  found->second.idle = state.idle.insert(state.idle.end(), news.order);
}

/// An order actor died of an error: it is forgotten, and whoever waits for it runs into its
/// time-out, since what was at the database may have happened.
void on_down(registry_actor* self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto dead = std::ranges::find_if(state.residents, [&](const auto& each) {
    return each.second.actor.address() == down.source;
  });
  if (dead == state.residents.end())
    return;
  spdlog::error("{}", with_fields(fmt::format("order {}: its actor died: {}", dead->first.value,
                                              self->system().render(down.reason)),
                                  {{"order", dead->first.value}}));
  if (dead->second.idle)
    state.idle.erase(*dead->second.idle);
  state.residents.erase(dead);
  state.options.counters->resident.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace

caf::behavior order_registry(registry_actor* self, order_registry_options options) {
  self->state.options = std::move(options);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  return {
      [self](submit& what) { pass_on(self, what); },
      [self](submit_many& many) {
        for (submit& each : many.commands)
          pass_on(self, each);
      },
      [self](const order_idle& news) { on_idle(self->state, news); },
  };
}

} // namespace paymentd::actors
