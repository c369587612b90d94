// The way into the payment system for whoever asks something of it: which actor takes which command
// or query. A value; copied freely, used on any thread.
#pragma once

#include "actors/requests.hpp"
#include "domain/check.hpp"

#include <caf/actor.hpp>

#include <functional>
#include <variant>
#include <vector>

namespace paymentd::actors {

struct entrance {
  std::vector<caf::actor> registries; // by order id
  std::vector<caf::actor> lanes;      // by user id
  std::vector<caf::actor> readers;    // by the id that is read
  /// Of all pages, and of a delivery, which has no id of its own; apart from the readers, which a
  /// page would delay.
  std::vector<caf::actor> page_readers;
  caf::actor retry_lane; // of deliveries

  /// The actor that takes `submit` with this command. Commands on orders go through their order's
  /// actor.
  const caf::actor& taking(const command& what) const;
  /// The actor that takes `look_up` with this query.
  const caf::actor& taking(const query& what) const;
};

/// Which of `actors` is responsible for `id`: always the same one for the same id.
template <class Tag>
const caf::actor& shard_of(const std::vector<caf::actor>& actors, strong_id<Tag> id) {
  check(!actors.empty(), "somebody is there for each id");
  // The upper half: the low bits of the hash choose buckets inside the shard.
  return actors[(std::hash<strong_id<Tag>>{}(id) >> 32) % actors.size()];
}

inline const caf::actor& entrance::taking(const command& what) const {
  return std::visit(
      [this](const auto& each) -> const caf::actor& {
        if constexpr (requires { each.order; })
          return shard_of(registries, each.order);
        else if constexpr (requires { each.user; })
          return shard_of(lanes, each.user);
        else
          return lanes.front(); // a user that has no id yet, or a request's note
      },
      what.what);
}

inline const caf::actor& entrance::taking(const query& what) const {
  return std::visit(
      [this](const auto& each) -> const caf::actor& {
        if constexpr (requires { each.id; })
          return shard_of(readers, each.id);
        else
          return page_readers.front();
      },
      what);
}

} // namespace paymentd::actors
