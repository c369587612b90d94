// Gathers pages of the ledger's events out of what a store can read cheaply: stretches of single
// streams, by their primary key. Used by the reading side of both stores, so that they show the
// same; the SQL is theirs. One thread at a time.
#pragma once

#include "db/event_kinds.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace paymentd::db {

/// A stretch of a stream to read, by rising numbers.
struct event_look {
  stream_id stream;
  std::int64_t above = 0; // numbers behind this one
  std::int64_t up_to = 0; // and up to this one
  event_kinds wanted;
  std::int64_t events = 1;    // so many wanted ones at the most
  std::int64_t looked_at = 1; // among so many entries
};

/// The events of one, and up to which number all was looked at.
struct event_stretch {
  std::vector<payment_event> events; // without those whose order or user is gone (`paymentd audit`)
  std::int64_t seen_to = 0;
};

class event_source {
 public:
  virtual ~event_source() = default;
  /// The ends of all streams, by rising stream, in the snapshot that all reads share. Entries of a
  /// stream are committed in their order, so nothing is added later below its end.
  virtual result<event_position> ends() = 0;
  /// The entries of each stretch, in order.
  virtual result<std::vector<event_stretch>> look(std::span<const event_look> stretches) = 0;
  /// The database's own name.
  virtual result<std::string> instance() = 0;
};

/// One page, in one snapshot of `from`.
result<answer> gather_events(event_source& from, const list_events& asked);

} // namespace paymentd::db
