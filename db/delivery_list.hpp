// Gathers pages of deliveries out of what a store can read cheaply: stretches of the ledger and of
// the stored deliveries, each by its primary key. Used by the reading side of both stores, so that
// they show the same; the SQL is theirs. One thread at a time.
#pragma once

#include "db/event_kinds.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace paymentd::db {

/// A subscriber's cursor in a stream, with its open claims.
struct list_cursor {
  subscriber_id subscriber;
  std::string name;
  wanted_kinds wants;
  stream_id stream;
  std::int64_t next = 0;      // the number that the stream gives next
  std::int64_t position = 0;  // the cursor: entries up to it are claimed or done
  std::int64_t kept_from = 0; // entries up to it need no row
  struct range {
    std::int64_t first;
    std::int64_t last;
  };
  std::vector<range> claimed = {}; // the numbers in open claims; those of retries have rows
};

/// An entry of the ledger, and what is stored of its delivery to one subscriber.
struct list_row {
  entry_id entry;
  std::optional<entry_kind> kind; // nothing: the entry is gone, which is a breach
  order_id order;                 // of a payment or a refund
  instant created_at;             // the entry's
  std::optional<delivery> stored; // but for what the row and its cursor say already
};

/// A stretch to read, by falling entry ids: those above `above` and below `below`, at most `rows`.
struct list_look {
  enum class from : std::uint8_t {
    ledger,      // every entry, with its delivery where one is stored
    stored,      // every stored delivery, with its entry
    undelivered, // stored deliveries in `status`, which is not DELIVERED, by an index of their own
  };
  from what = from::ledger;
  subscriber_id subscriber;
  entry_id above;
  entry_id below;
  delivery_status status = delivery_status::failed;
  int rows = 1;
};

/// A stored status and channel, by their numbers in the database. A number that stands for no
/// status (put there by hand) is shown as FAILED, with a reason; one for no channel as unknown.
void set_status(delivery& of, std::int64_t number);
void set_channel(delivery& of, std::int64_t number);

class list_source {
 public:
  virtual ~list_source() = default;
  /// All subscribers in all streams, in the snapshot that all reads share.
  virtual result<std::vector<list_cursor>> cursors() = 0;
  /// The rows of each stretch, in order.
  virtual result<std::vector<std::vector<list_row>>> look(std::span<const list_look> stretches) = 0;
  /// The entries of an order's payment and refunds, by falling id: the newest 10,000.
  virtual result<std::vector<entry_id>> entries_of(order_id id) = 0;
  /// The tries that are stored of a message, oldest first: with its delivery, then with the claim
  /// that it is in.
  virtual result<std::vector<delivery_try>> tries_of(subscriber_id subscriber, entry_id entry) = 0;
};

/// The answers to queries on deliveries, in one snapshot of `from`.
class delivery_list {
 public:
  /// The cursors are read once, with the first query.
  explicit delivery_list(list_source& from) : from_(from) {}
  result<answer> find(const get_delivery& which);
  result<answer> page(const list_deliveries& asked);

 private:
  result<void> begin();
  list_source& from_;
  std::optional<std::vector<list_cursor>> cursors_;
};

} // namespace paymentd::db
