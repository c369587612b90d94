#include "actors/delivery/backlog_watch.hpp"

#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

namespace paymentd::actors {

namespace {
using watch_actor = caf::stateful_actor<backlog_watch_state>;
using look_atom = caf::atom_constant<caf::atom("look")>;
void look_at(watch_actor* self, const std::string& subscriber);

void rest(watch_actor* self) {
  self->delayed_send(self, self->state.options.interval, look_atom::value);
}
} // namespace

caf::behavior backlog_watch(watch_actor* self, backlog_watch_options options) {
  self->state.options = std::move(options);
  rest(self);
  return {
      [self](look_atom) {
        auto& all = self->state.round;
        all = self->state.options.subscribers;
        if (self->state.options.webhooks)
          for (const auto& [name, numbers] : self->state.options.webhooks->all())
            all.emplace(name, numbers.delivery);
        if (all.empty())
          rest(self);
        else
          look_at(self, all.begin()->first);
      },
      [](const store_answer& answer) { answer.take(); },
  };
}

namespace {

void on_measured(watch_actor* self, const std::string& subscriber,
                 const db::result<delivery_backlog>& backlog) {
  const auto& all = self->state.round;
  const auto at = all.find(subscriber);
  if (backlog) {
    const auto& oldest = backlog->oldest;
    at->second->backlog.store(backlog->messages, std::memory_order_relaxed);
    at->second->backlog_oldest_ms.store(oldest ? oldest->time_since_epoch().count() : 0,
                                        std::memory_order_relaxed);
  } else {
    // A database that is away is logged by those whom it hurts.
    spdlog::debug("{}: its backlog was not measured: {}", subscriber, backlog.error().text);
  }
  const auto next = std::next(at);
  if (backlog && next != all.end())
    look_at(self, next->first);
  else
    rest(self);
}

void look_at(watch_actor* self, const std::string& subscriber) {
  ask(
      self, self->state.options.worker, store_call_kind::measure_backlog,
      db::error_kind::unavailable,
      [subscriber, most = self->state.options.looked_at_max](db::upkeep_store& store, instant) {
        return store.measure_backlog(subscriber, most);
      },
      [self, subscriber](const db::result<delivery_backlog>& backlog) {
        on_measured(self, subscriber, backlog);
      });
}

} // namespace

} // namespace paymentd::actors
