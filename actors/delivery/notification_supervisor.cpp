#include "actors/delivery/notification_supervisor.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace paymentd::actors {

namespace {
void keep_streams(const caf::message& came, std::vector<caf::message>& kept);
} // namespace

caf::behavior notification_supervisor(caf::stateful_actor<backoff_supervisor_state>* self,
                                      notification_supervisor_options options) {
  backoff_supervisor_options supervision;
  supervision.name = "delivery to " + options.delivery.subscriber;
  if (options.delivery.chain)
    supervision.name.append(" by ").append(options.delivery.provider->name());
  supervision.backoff = options.restart;
  supervision.restarts_max = options.restarts_max;
  supervision.window = options.window;
  supervision.random = options.delivery.random;
  supervision.keep = keep_streams;
  supervision.gauges = options.gauges;
  supervision.make_child =
      [delivery = std::move(options.delivery)](caf::event_based_actor* supervisor) mutable {
        delivery.supervisor = supervisor->address();
        return caf::actor_cast<caf::actor>(supervisor->spawn(notification_actor, delivery));
      };
  return backoff_supervisor(self, std::move(supervision));
}

namespace {

/// Keeps one stream_held a stream that is held: a new notification actor has to know them.
void keep_streams(const caf::message& came, std::vector<caf::message>& kept) {
  const auto find = [&](stream_id stream) {
    return std::ranges::find_if(kept, [stream](const caf::message& each) {
      return each.get_as<stream_held>(0).stream.stream == stream;
    });
  };
  if (came.match_elements<stream_held>()) {
    const auto& held = came.get_as<stream_held>(0).stream;
    const auto before = find(held.stream);
    if (before == kept.end())
      kept.push_back(came);
    else if (before->get_as<stream_held>(0).stream.epoch <= held.epoch)
      *before = came;
  } else if (came.match_elements<stream_lost>()) {
    const auto& lost = came.get_as<stream_lost>(0).stream;
    const auto before = find(lost.stream);
    if (before != kept.end() && before->get_as<stream_held>(0).stream.epoch <= lost.epoch)
      kept.erase(before);
  }
}

} // namespace

} // namespace paymentd::actors
