#include "actors/delivery/stream_keeper.hpp"

#include "actors/delivery/notification_actor.hpp"
#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {
using keeper_actor = caf::stateful_actor<stream_keeper_state>;
using look_atom = caf::atom_constant<caf::atom("look")>;
void look(keeper_actor* self);
void lanes_changed(keeper_actor* self);
void forget(stream_keeper_state& state, const subscriber_ended& news);
} // namespace

caf::behavior stream_keeper(keeper_actor* self, stream_keeper_options options) {
  self->state.options = std::move(options);
  self->state.wait = self->state.options.soon;
  look(self);
  return {
      [self](const stream_written& by_lane) {
        self->state.written[by_lane.stream.stream] = by_lane.stream;
        lanes_changed(self);
      },
      [self](const stream_left& by_lane) {
        self->state.written.erase(by_lane.stream.stream);
        lanes_changed(self);
      },
      [self](const subscriber_begun& news) {
        self->state.options.supervisors.erase(news.name);
        self->state.options.supervisors.emplace(news.name, news.supervisor);
        lanes_changed(self); // it is told of all that is held
      },
      [self](const subscriber_ended& news) { forget(self->state, news); },
      [self](look_atom, std::uint64_t alarm) {
        if (alarm == self->state.alarm)
          look(self);
      },
      [](const store_answer& answer) { answer.take(); },
  };
}

namespace {

using leases_answer = db::result<std::vector<delivery_lease>>;
void on_leased(keeper_actor* self, leases_answer leases);

void look(keeper_actor* self) {
  auto& state = self->state;
  if (state.asked) {
    state.again = true;
    return;
  }
  ++state.alarm;
  state.asked = true;
  state.asked_at = self->clock().now();
  std::vector<std::string> subscribers;
  for (const auto& [name, handle] : state.options.supervisors)
    if (subscribers.empty() || subscribers.back() != name)
      subscribers.push_back(name);
  std::vector<stream_id> written;
  for (const auto& [stream, lease] : state.written)
    written.push_back(stream);
  ask(
      self, state.options.store, store_call_kind::lease_deliveries, db::error_kind::unavailable,
      [=, leases_max = state.options.leases_max](db::delivery_store& store, instant now) {
        return store.lease_deliveries(subscribers, written, leases_max, now);
      },
      [self](leases_answer leases) { on_leased(self, std::move(leases)); });
}

void look_later(keeper_actor* self) {
  auto& state = self->state;
  self->delayed_send(self, state.wait, look_atom::value, ++state.alarm);
  state.wait = std::min(std::max(state.wait * 2, state.options.soon), state.options.interval);
}

void lanes_changed(keeper_actor* self) {
  self->state.wait = self->state.options.soon;
  look(self);
}

/// Its leases stay this process's in the database: whoever delivers to it again goes on with them.
void forget(stream_keeper_state& state, const subscriber_ended& news) {
  const auto known = state.options.supervisors.find(news.name);
  if (known == state.options.supervisors.end() || known->second != news.supervisor)
    return;
  state.options.supervisors.erase(known);
  std::erase_if(state.held,
                [&](const delivery_lease& each) { return each.subscriber == news.name; });
  state.told.erase(news.name);
}

/// Whether all that the lanes write is delivered here.
bool is_complete(const stream_keeper_state& state) {
  const auto own = std::ranges::count_if(state.held, [&](const delivery_lease& each) {
    return state.written.contains(each.stream.stream);
  });
  std::size_t subscribers = 0;
  const auto& all = state.options.supervisors;
  for (auto one = all.begin(); one != all.end(); one = all.upper_bound(one->first))
    ++subscribers;
  return static_cast<std::size_t>(own) == state.written.size() * subscribers;
}

/// Says of a stream that another process writes, or wrote, that it is delivered here. It may come
/// and go with each payment, so it is said once.
void say_taken(stream_keeper_state& state, const delivery_lease& lease) {
  const stream_id stream = lease.stream.stream;
  auto& told = state.told[lease.subscriber];
  if (state.written.contains(stream) || std::ranges::find(told, stream) != told.end())
    return;
  told.push_back(stream);
  spdlog::info("{}",
               with_fields(fmt::format("{}: stream {} had nobody who delivers it: its messages "
                                       "are delivered here",
                                       lease.subscriber, stream.value),
                           {{"subscriber", lease.subscriber}, {"stream", stream.value}}));
}

void on_leased(keeper_actor* self, leases_answer leases) {
  auto& state = self->state;
  state.asked = false;
  if (!leases) {
    // A stream that is held stays so until its lease is over; the next look renews it, or finds it
    // lost.
    spdlog::debug("stream keeper: {}", leases.error().text);
    look_later(self);
    return;
  }
  const auto tell = [&](const delivery_lease& whose, const auto& news) {
    const auto [first, last] = state.options.supervisors.equal_range(whose.subscriber);
    for (auto handle = first; handle != last; ++handle)
      self->send(handle->second, news);
  };
  const auto before = std::exchange(state.held, *std::move(leases));
  const auto is_held = [&](const delivery_lease& one) {
    return std::ranges::any_of(state.held, [&](const delivery_lease& each) {
      return each.subscriber == one.subscriber && each.stream.stream == one.stream.stream;
    });
  };
  for (const delivery_lease& each : before)
    if (!is_held(each))
      tell(each, stream_lost{each.stream});
  std::optional<steady_instant> until;
  if (state.options.lease.count() > 0)
    until = lease_end(state.asked_at, state.options.lease);
  for (const delivery_lease& each : state.held) {
    say_taken(state, each);
    tell(each, stream_held{each.stream, until});
  }
  if (std::exchange(state.again, false)) {
    look(self);
    return;
  }
  if (is_complete(state))
    state.wait = state.options.interval;
  look_later(self);
}

} // namespace

steady_instant lease_end(steady_instant asked, std::chrono::milliseconds lease) {
  return asked + lease - lease / 5;
}

} // namespace paymentd::actors
