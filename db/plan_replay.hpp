// The part of a replay that both stores share: where it begins in a stream, and which entries of a
// piece of it are delivered once more. Pure but for the probes of a store; any thread.
#pragma once

#include "db/error.hpp"
#include "db/event_kinds.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace paymentd::db {

/// A replay of one stream to one subscriber, as its row has it.
struct replay {
  subscriber_id subscriber;
  stream_id stream;
  instant from;
  std::int64_t next = 0; // the number that it goes on with; 0: it has not begun
  std::int64_t last = 0; // of the cursor, when it was asked for
};

struct replay_entry {
  entry_id id;
  entry_kind kind = entry_kind::payment;
  instant created_at;
};
/// Entries from `first` to `last`, both among them.
struct replay_gap {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// In one step, of entries that are looked at, and of those that are delivered once more.
inline constexpr int replay_looked_at_max = 1000;
inline constexpr int replayed_at_once_max = 250;
/// With more than so many messages of the stream that wait, a step gives them time: new events are
/// behind no more than these.
inline constexpr int replay_waiting_max = 50;

/// So many replays make a step in one call of a store, whose time has a bound.
inline constexpr std::int64_t replays_at_once_max = 8;

struct replay_piece {
  std::vector<replay_entry> again = {}; // at most replayed_at_once_max
  std::int64_t next = 0;                // the number that the replay goes on with
  bool over = false;
};

/// `looked_at` are the entries from `of.next` on, by rising id, replay_looked_at_max at the most;
/// fewer where there are no more. `gaps` are entries that are left out: imported ones, and those in
/// open claims, which are on their way.
inline replay_piece plan_replay(const replay& of, const std::vector<replay_entry>& looked_at,
                                const std::vector<replay_gap>& gaps, const wanted_kinds& wanted) {
  replay_piece made{.next = of.next};
  for (const replay_entry& each : looked_at) {
    if (made.again.size() == static_cast<std::size_t>(replayed_at_once_max))
      return made;
    made.next = number_of(each.id) + 1;
    const bool in_gap = std::ranges::any_of(gaps, [&](const replay_gap& gap) {
      return gap.first <= each.id.value && each.id.value <= gap.last;
    });
    if (wanted.hold(each.kind, number_of(each.id)) && each.created_at >= of.from && !in_gap)
      made.again.push_back(each);
  }
  made.over = looked_at.size() < static_cast<std::size_t>(replay_looked_at_max);
  return made;
}

/// The first number of a stream up to `of.last` whose entry was made at `of.from` or later; one
/// more than `of.last` where there is none. `probe(number)` gives the first entry from that number
/// up to `of.last`, or nothing; it is asked 42 times at the most. Entries are written in the order
/// of their times, but where a clock was set back, which moves the beginning by as much.
template <class Probe>
result<std::int64_t> begin_of_replay(const replay& of, Probe probe) {
  std::int64_t low = 1;
  std::int64_t high = of.last + 1;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const result<std::optional<replay_entry>> found = probe(middle);
    if (!found)
      return std::unexpected(found.error());
    if (!*found || (*found)->created_at >= of.from)
      high = middle;
    else
      low = number_of((*found)->id) + 1;
  }
  return low;
}

} // namespace paymentd::db
