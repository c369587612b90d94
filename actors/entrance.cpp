#include "actors/entrance.hpp"

namespace paymentd::actors {

const caf::actor& entrance::taking(const command& what) const {
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

const caf::actor& entrance::taking(const query& what) const {
  return std::visit(
      [this](const auto& each) -> const caf::actor& {
        if constexpr (requires { each.id; })
          return shard_of(readers, each.id);
        else
          return listers.front();
      },
      what);
}

} // namespace paymentd::actors
