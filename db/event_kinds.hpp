// Which entries of the ledger are events for somebody. Values; any thread.
#pragma once

#include "domain/model.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace paymentd::db {

struct event_kinds {
  bool payments = false;
  bool refunds = false;

  bool hold(entry_kind kind) const {
    return (kind == entry_kind::payment && payments) || (kind == entry_kind::refund && refunds);
  }
  friend bool operator==(event_kinds, event_kinds) = default;
};

/// So often the kinds of a subscriber can change in a stream, each time with entries in between.
inline constexpr std::size_t kinds_changes_max = 1000;

/// The events of one stream that a subscriber takes. Its kinds may change, and each entry is judged
/// by those that were in force when it was committed. So a stream has stretches, each with its own
/// kinds; those of the present one go on.
struct wanted_kinds {
  struct former {
    std::int64_t last; // the number of the last entry that they hold for
    event_kinds kinds;
  };
  struct stretch {
    event_kinds kinds;
    std::optional<std::int64_t> last; // nothing: it is the present one
  };
  event_kinds now;
  std::vector<former> before = {}; // by rising `last`; empty for nearly everybody

  /// The stretch that the entry of that number lies in.
  stretch at(std::int64_t number) const {
    const auto found = std::ranges::lower_bound(before, number, {}, &former::last);
    return found == before.end() ? stretch{now, std::nullopt} : stretch{found->kinds, found->last};
  }
  bool hold(entry_kind kind, std::int64_t number) const {
    return before.empty() ? now.hold(kind) : at(number).kinds.hold(kind);
  }
};

} // namespace paymentd::db
