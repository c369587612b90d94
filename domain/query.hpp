// Questions of clients that change nothing, and their answers. Values only; any thread.
#pragma once

#include "domain/audit.hpp"
#include "domain/delivery.hpp"
#include "domain/model.hpp"
#include "domain/webhook.hpp"

#include <variant>

namespace paymentd {

/// The state of one event on its way to one subscriber. One that was not tried yet, or is being
/// tried, is PENDING too.
struct delivery {
  std::string subscriber; // its name
  entry_id entry;
  order_id order;
  delivery_status status = delivery_status::pending;
  int attempts = 0;
  std::string last_error;          // empty: none
  std::string provider_message_id; // empty: none
  std::optional<instant> next_attempt;
  instant created_at; // when it was paid or refunded
  instant updated_at;
  std::optional<instant> delivered_at = std::nullopt;    // at the customer's, where that is known
  std::optional<message_channel> channel = std::nullopt; // likewise
  /// The last ones that did not succeed, oldest first; at most tries_max. A page has none.
  std::vector<delivery_try> tries = {};
  friend bool operator==(const delivery&, const delivery&) = default;
};

/// How far the pages of a list have come in one subscriber's part of one stream: what is numbered
/// below `below` is still to be shown.
struct list_position {
  subscriber_id subscriber;
  stream_id stream;
  std::int64_t below = 0;
  friend bool operator==(const list_position&, const list_position&) = default;
};

struct get_user {
  user_id id;
};
struct get_order {
  order_id id;
};
struct get_delivery {
  std::string subscriber;
  entry_id entry;
};
/// How far the pages of a list have come, newest first: what stands below is still to be shown.
/// Lists by the time of creation go by both; all others by the number alone.
struct list_below {
  std::int64_t number = safe_integer_max + 1; // an id, or a user's sequence
  instant created_at = instant::max();
  friend bool operator==(const list_below&, const list_below&) = default;
};
/// From `from`, before `to`.
struct time_span {
  instant from = instant::min();
  instant to = instant::max();
  bool holds(instant at) const { return from <= at && at < to; }
};
/// One page, newest first. Within a stream the order is that of its numbers; streams are merged by
/// the times of their entries. The work is bounded: where few of many are asked for, a page may
/// hold fewer than `limit`, or none, and more follow all the same.
struct list_deliveries {
  std::optional<delivery_status> status = std::nullopt;
  std::optional<order_id> order = std::nullopt;
  std::string subscriber = {}; // empty: any
  time_span created = {};
  int limit = 20;
  std::optional<std::vector<list_position>> after = std::nullopt; // the `next` of the page before
};
// One page of a list, newest first. The work is bounded: where few of many fit, a page may hold
// fewer than `limit`, or none, and more follow all the same. `limit` is at least 1.

/// By id.
struct list_users {
  std::string reference = {}; // empty: any
  std::string phone = {};     // likewise
  int limit = 20;
  list_below below = {};
};
/// Of a user by id, else by the time of creation.
struct list_orders {
  std::optional<user_id> user = std::nullopt;
  std::optional<order_status> status = std::nullopt;
  std::string reference = {}; // empty: any
  time_span created = {};
  int limit = 20;
  list_below below = {};
};
/// Of a user or of an order by the user's sequence, else by the time of creation.
struct list_entries {
  std::optional<user_id> user = std::nullopt;
  std::optional<order_id> order = std::nullopt; // then no user
  std::optional<entry_kind> kind = std::nullopt;
  time_span created = {};
  int limit = 20;
  list_below below = {};
};
/// How far a reader of the events has come in one stream: all that is numbered up to `seen` was
/// shown to it, or was nothing for it.
struct stream_position {
  stream_id stream;
  std::int64_t seen = 0; // from 1
  friend bool operator==(const stream_position&, const stream_position&) = default;
};
/// The same in all streams, by rising stream, each once. Nothing was shown of a stream that is not
/// named. Entries of different streams have no order among them, so one number would not do.
using event_position = std::vector<stream_position>;

enum class event_start : std::uint8_t {
  oldest, // the first event that there is
  now,    // behind all that is committed
};
/// One page of the ledger's events, oldest first: within a stream by number, and streams merged by
/// the times of their entries as far as one page reaches. A position that is ahead of the ledger,
/// as after a restore, is taken back to its end. The work is bounded: a page may hold fewer than
/// `limit`, or none, and more follow all the same.
struct list_events {
  std::variant<event_start, event_position> from = event_start::now;
  std::optional<event_position> to = std::nullopt; // nothing beyond it
  bool payments = true;
  bool refunds = true;
  int limit = 20; // 0: only the position is asked for
};

using query = std::variant<get_user, get_order, get_delivery, list_deliveries, list_users,
                           list_orders, list_entries, list_events, get_audits>;

/// That a FAILED delivery be tried again, under a key or without one.
struct delivery_retry {
  get_delivery which;
  std::optional<idempotency_key> key = std::nullopt;
};

/// Bytes of a subscriber's name, where one is asked for.
inline constexpr std::size_t subscriber_name_max = 64;

/// That all FAILED deliveries that fit be tried again, under a key or without one.
struct failed_retry {
  std::string subscriber = {}; // empty: of every one
  time_span created = {};
  std::optional<idempotency_key> key = std::nullopt;
};

struct not_found {
  friend bool operator==(not_found, not_found) = default;
};
/// Of a retry: only a FAILED delivery can be retried.
struct not_failed {
  delivery_status status = delivery_status::pending;
  friend bool operator==(const not_failed&, const not_failed&) = default;
};
/// Of a retry: the delivery as an earlier one under the same idempotency key made it. Nothing
/// happened now.
struct replayed_retry {
  delivery what;
  friend bool operator==(const replayed_retry&, const replayed_retry&) = default;
};
/// Of a retry, a failed_retry or a webhook_request: its idempotency key came with another body
/// before.
struct key_reused {
  friend bool operator==(key_reused, key_reused) = default;
};
/// Of a failed_retry: how many deliveries are tried again.
struct retried_count {
  std::int64_t count = 0;
  bool replayed = false; // by an earlier one under the same idempotency key; nothing happened now
  friend bool operator==(const retried_count&, const retried_count&) = default;
};
struct delivery_page {
  std::vector<delivery> items;
  std::optional<std::vector<list_position>> next; // nothing: this is the last page
  friend bool operator==(const delivery_page&, const delivery_page&) = default;
};
/// Of a list; not_found instead where there is no such user or order.
template <class Thing>
struct page_of {
  std::vector<Thing> items;
  std::optional<list_below> next; // nothing: this is the last page
  friend bool operator==(const page_of&, const page_of&) = default;
};
using user_page = page_of<user>;
using order_page = page_of<order>;
using entry_page = page_of<ledger_entry>;
struct event_page {
  std::vector<payment_event> items;
  event_position begin; // where it begins
  event_position next;  // where the next one does
  bool more = false;    // before `to`, or before the end
  std::string instance; // of the database, as in `subscriber`
  friend bool operator==(const event_page&, const event_page&) = default;
};
using answer = std::variant<not_found, user, order, delivery, delivery_page, not_failed,
                            replayed_retry, key_reused, retried_count, user_page, order_page,
                            entry_page, event_page, noted_audits, webhook_list, webhook_shown,
                            webhook_done, webhook_refused, webhook_tested>;

} // namespace paymentd
