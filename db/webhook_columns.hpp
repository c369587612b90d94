// A webhook as a row of either store: its columns, and how they are read. Pure; any thread.
#pragma once

#include "db/row_readers.hpp"
#include "domain/webhook.hpp"

namespace paymentd::db {

/// Of `webhooks w join subscribers b`, in the order that read_webhook takes.
inline constexpr char webhook_columns[] =
    "w.name, w.url, w.secret, w.old_secrets, b.wants_payments, b.wants_refunds, w.enabled, "
    "w.max_in_flight, w.max_per_second, w.allow_private_network, w.ca_file, w.content_type, "
    "w.timeout_ms, w.failing_since, w.paused_at, w.created_at, w.updated_at, "
    "exists (select 1 from replays r where r.subscriber_id = b.id)";

template <class Row>
webhook read_webhook(const Row& row) {
  check_width(row, 18);
  return {.name = std::string(row.text(0)),
          .url = std::string(row.text(1)),
          .payments = row.boolean(4),
          .refunds = row.boolean(5),
          .enabled = row.boolean(6),
          .max_in_flight = static_cast<int>(row.integer(7)),
          .max_per_second = static_cast<int>(row.integer(8)),
          .secret = std::string(row.text(2)),
          .old_secrets = old_secrets_from(row.text(3)),
          .content_type = std::string(row.text(11)),
          .allow_private_network = row.boolean(9),
          .ca_file = std::string(row.text(10)),
          .timeout = std::chrono::milliseconds{row.integer(12)},
          .failing_since = row.optional_time(13),
          .paused_at = row.optional_time(14),
          .created_at = row.time(15),
          .updated_at = row.time(16),
          .replaying = row.boolean(17)};
}

/// The name in `meta` that remembers that a table of the settings' file was taken over.
inline std::string taken_over_mark(const webhook& what) {
  return "taken over " + webhook_subscriber(what.name);
}

} // namespace paymentd::db
