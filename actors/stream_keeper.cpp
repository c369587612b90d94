#include "actors/stream_keeper.hpp"

#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {

using keeper_actor = caf::stateful_actor<stream_keeper_state>;
using look_atom = caf::atom_constant<caf::atom("look")>;

template <class Message>
void tell(keeper_actor* self, const Message& news) {
  for (const caf::actor& each : self->state.options.subscribers)
    self->send(each, news);
}

void look(keeper_actor* self) {
  auto& state = self->state;
  state.asked_at = self->clock().now();
  self->send(state.options.store, do_adopt{state.held, state.options.streams_max});
}

bool contains(const std::vector<db::stream_lease>& leases, const db::stream_lease& wanted) {
  return std::ranges::find(leases, wanted) != leases.end();
}

void on_adopted(keeper_actor* self, adopted& answer) {
  auto& state = self->state;
  self->delayed_send(self, state.options.interval, look_atom::value);
  if (!answer.streams) {
    // What is held stays so until its lease is over; the next look renews it, or finds it lost.
    spdlog::debug("stream keeper: {}", answer.streams.error().text);
    return;
  }
  const auto before = std::exchange(state.held, std::move(*answer.streams));
  for (const db::stream_lease& each : before)
    if (!contains(state.held, each))
      tell(self, stream_lost{each});
  const steady_instant until = lease_end(state.asked_at, state.options.lease);
  for (const db::stream_lease& each : state.held) {
    if (!contains(before, each))
      spdlog::info("{}", with_fields(fmt::format("stream {} had no owner: its messages are "
                                                 "delivered here",
                                                 each.stream.value),
                                     {{"stream", each.stream.value}}));
    tell(self, stream_held{each, until});
  }
}

} // namespace

steady_instant lease_end(steady_instant asked, std::chrono::milliseconds lease) {
  return asked + lease - lease / 5;
}

caf::behavior stream_keeper(keeper_actor* self, stream_keeper_options options) {
  self->state.options = std::move(options);
  look(self);
  return {
      [self](look_atom) { look(self); },
      [self](adopted& answer) { on_adopted(self, answer); },
  };
}

} // namespace paymentd::actors
