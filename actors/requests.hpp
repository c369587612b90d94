// Requests of clients, with where the answer goes, and the answers: all that the HTTP side says to
// the actors. Plain structs, sent within one process only, so none needs a serialization.
#pragma once

#include "domain/command.hpp"
#include "domain/query.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <expected>
#include <vector>

namespace paymentd::actors {

/// Why there is no outcome.
enum class no_outcome : std::uint8_t {
  overloaded,           // a queue is full, or the time ran out before it began: nothing happened
  database_unavailable, // nothing happened
  row_locked,           // somebody else's transaction holds a row that it needs: nothing happened
  shutting_down,        // nothing happened
  outcome_unknown,      // it may have happened
  internal_error,       // a bug, or a broken database: nothing happened; the log tells more
};

using outcome_reply = std::expected<outcome, no_outcome>;
using answer_reply = std::expected<answer, no_outcome>;

/// Where a reply goes and until when the work may begin. `number` is the asker's own.
struct ticket {
  std::uint64_t number = 0;
  caf::actor reply_to;
  /// By the actor system's clock. Work that was not begun by then is answered `overloaded` or
  /// `database_unavailable`; what was begun is only answered with what became of it.
  steady_instant begin_by;
  /// One of many that came in one request: it gives way to those that came alone.
  bool bulk = false;
  /// When it was asked, by the same clock; for the counters alone.
  steady_instant asked_at = {};
};

/// A command, to the payment system's entrance; answered by exactly one `settled`.
struct submit {
  ticket from;
  command what;
};
/// Several of them at once; each is answered by itself.
struct submit_many {
  std::vector<submit> commands;
};
struct settled {
  std::uint64_t number = 0;
  outcome_reply reply;
};

/// A query, likewise; answered by exactly one `looked_up`. Where its asker asks more than one at a
/// time, that may come within a `looked_up_many`.
struct look_up {
  ticket from;
  query what;
};
struct looked_up {
  std::uint64_t number = 0;
  answer_reply reply;
};
/// Several queries at once, to a read lane. Each is answered by itself, or several together.
struct look_up_many {
  std::vector<look_up> queries;
};
struct looked_up_many {
  std::vector<looked_up> answers;
};

/// That a FAILED delivery be tried again; answered by exactly one `looked_up`, with the delivery as
/// it is then, not_failed, not_found, replayed_retry or key_reused.
struct retry_delivery {
  ticket from;
  delivery_retry what;
};

/// The same for all FAILED deliveries that fit; answered by exactly one `looked_up`, with
/// retried_count or key_reused, once all were looked at.
struct retry_all_failed {
  ticket from;
  failed_retry what;
};

/// A webhook is made, changed, shown, tested or replayed; answered by exactly one `looked_up`.
struct webhook_asked {
  ticket from;
  webhook_request what;
};

/// To a settlement lane: see whether the database takes a write, where you have not asked it of
/// late. Its answer stands in its lane_health.
struct check_store {};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::submit_many)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::look_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::looked_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::look_up_many)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::looked_up_many)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retry_delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retry_all_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::webhook_asked)
