// Questions of clients that change nothing, and their answers. Values only; any thread.
#pragma once

#include "domain/delivery.hpp"
#include "domain/model.hpp"

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
/// One page, newest first. Within a stream the order is that of its numbers; streams are merged by
/// the times of their entries. The work is bounded: where few of many are asked for, a page may
/// hold fewer than `limit`, or none, and more follow all the same.
struct list_deliveries {
  std::optional<delivery_status> status = std::nullopt;
  std::optional<order_id> order = std::nullopt;
  int limit = 20;
  std::optional<std::vector<list_position>> after = std::nullopt; // the `next` of the page before
};
/// One page of a user's orders, newest first: those whose ids are below `below`.
struct list_orders {
  user_id user;
  int limit = 20; // at least 1
  std::int64_t below = safe_integer_max + 1;
};
/// One page of a user's ledger entries, newest first: those whose sequences are below `below`.
struct list_entries {
  user_id user;
  int limit = 20; // at least 1
  std::int64_t below = safe_integer_max + 1;
};
using query =
    std::variant<get_user, get_order, get_delivery, list_deliveries, list_orders, list_entries>;

struct not_found {
  friend bool operator==(not_found, not_found) = default;
};
/// Of a retry: only a FAILED delivery can be retried.
struct not_failed {
  delivery_status status = delivery_status::pending;
  friend bool operator==(const not_failed&, const not_failed&) = default;
};
struct delivery_page {
  std::vector<delivery> items;
  std::optional<std::vector<list_position>> next; // nothing: this is the last page
  friend bool operator==(const delivery_page&, const delivery_page&) = default;
};
/// Of a list; not_found instead where there is no such user.
template <class Thing>
struct page_of {
  std::vector<Thing> items;
  bool more = false; // below the last one
  friend bool operator==(const page_of&, const page_of&) = default;
};
using order_page = page_of<order>;
using entry_page = page_of<ledger_entry>;
using answer = std::variant<not_found, user, order, delivery, delivery_page, not_failed, order_page,
                            entry_page>;

} // namespace paymentd
