#include "actors/payment/order_registry.hpp"

#include "actors/caf_log.hpp"
#include "domain/check.hpp"
#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {
using registry_actor = caf::stateful_actor<order_registry_state>;
void pass_on(registry_actor* self, submit& what);
void on_down(registry_actor* self, const caf::down_msg& down);
} // namespace

caf::behavior order_registry(registry_actor* self, order_registry_options options) {
  self->state.options = std::move(options);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  return {
      [self](submit& what) { pass_on(self, what); },
      [self](submit_many& many) {
        for (submit& each : many.commands)
          pass_on(self, each);
        leave_caf_log();
      },
  };
}

namespace {

using resident = order_registry_state::resident;
using residents_map = decltype(order_registry_state::residents);

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

// At most so many busy ones are passed by for each new order.
constexpr int looks_max = 16;

void use(order_registry_state& state, std::list<order_id>::iterator at) {
  state.used.splice(state.used.end(), state.used, at);
}

/// Takes the order out of memory that was unused for longest and is idle; empty where there is
/// none among the next few. Busy ones count as used now.
residents_map::node_type take_idle(order_registry_state& state) {
  for (int looks = 0; looks < looks_max && !state.used.empty(); ++looks) {
    const auto oldest = state.residents.find(state.used.front());
    check(oldest != state.residents.end(), "each order in `used` is in memory");
    if (oldest->second.is_idle())
      return state.residents.extract(oldest);
    use(state, state.used.begin());
  }
  return {};
}

/// An actor for an order that has none; null at the bound.
resident* resident_for_new(registry_actor* self, order_id id) {
  auto& state = self->state;
  const std::size_t resident_now = state.residents.size();
  const bool at_bound = resident_now >= state.options.resident_max;
  if (at_bound || resident_now > state.options.idle_max) {
    if (auto idle = take_idle(state)) {
      idle.key() = id;
      *idle.mapped().used = id;
      use(state, idle.mapped().used);
      add(state.options.counters->reassigned);
      return &state.residents.insert(std::move(idle)).position->second;
    }
  }
  if (at_bound)
    return nullptr;
  auto answered = std::make_shared<answered_count>(0);
  caf::actor started = self->spawn<caf::lazy_init>(order_actor, answered, state.options.context);
  self->monitor(started);
  state.options.counters->resident.fetch_add(1, std::memory_order_relaxed);
  const auto used = state.used.insert(state.used.end(), id);
  return &state.residents.emplace(id, resident{std::move(started), std::move(answered), 0, used})
              .first->second;
}

void pass_on(registry_actor* self, submit& what) {
  auto& state = self->state;
  const order_id id = order_named_by(what.what);
  if (const auto found = state.residents.find(id); found != state.residents.end()) {
    resident& there = found->second;
    use(state, there.used);
    ++there.sent;
    self->send(there.actor, std::move(what));
    return;
  }
  resident* const there = resident_for_new(self, id);
  if (there == nullptr) {
    self->send(what.from.reply_to,
               settled{what.from.number, std::unexpected(no_outcome::overloaded)});
    return;
  }
  ++there->sent;
  self->send(there->actor, assignment{id, std::move(what)});
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
  state.used.erase(dead->second.used);
  state.residents.erase(dead);
  state.options.counters->resident.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace

} // namespace paymentd::actors
