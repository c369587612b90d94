// What actors say to each other. Plain structs, sent within one process only, so none needs a
// serialization; names say who speaks: what clients ask (`submit`, `look_up`), what is known after
// a commit (`payment_success`). Calls to a store are in store_worker.hpp.
#pragma once

#include "db/store.hpp"
#include "domain/command.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace paymentd::actors {

// ---- between the gateways and everything behind them --------------------------------------------

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
  /// By the actor system's clock. What was not begun by then is answered `overloaded` or
  /// `database_unavailable`; what was begun is only answered with what became of it.
  steady_instant begin_by;
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

/// A query, likewise; answered by exactly one `looked_up`.
struct look_up {
  ticket from;
  query what;
};
struct looked_up {
  std::uint64_t number = 0;
  answer_reply reply;
};

/// That a FAILED delivery be tried again; answered by exactly one `looked_up`, with the delivery as
/// it is then, not_failed or not_found.
struct retry_delivery {
  ticket from;
  get_delivery what;
};

/// To a settlement lane: see whether the database takes a write, where you have not asked it of
/// late. What the lane learns stands in its lane_health.
struct check_store {};

// ---- order registry and order actors ------------------------------------------------------------

/// The order that an order actor stands for from now on, with the first command on it. Only an
/// actor that is idle is given another order.
struct assignment {
  order_id order;
  submit first;
};
/// From an order actor to the registry: nothing waits here. `handled` is how many commands on this
/// order it has answered; where the registry has sent more, one is on its way and it is not idle.
struct order_idle {
  order_id order;
  std::uint64_t handled = 0;
};

// ---- delivery -----------------------------------------------------------------------------------

/// A hint after a commit: the stream holds new payments. The ledger is the record; a lost hint
/// delays a message and loses none.
struct payment_success {
  stream_lease stream;
  entry_id last;
};

/// From a lane to the stream keeper: it writes to the stream from now on, or goes on under another
/// epoch. From the keeper to a subscriber: its messages of the stream are this process's to
/// deliver. Sent again for each renewal; under another epoch without a stream_lost before, it goes
/// on with what it has under way.
struct stream_held {
  stream_lease stream;
  /// By the actor system's clock: nothing is sent from then on, unless it is held on. Nothing: for
  /// as long as no stream_lost comes, where no other process can take the stream.
  std::optional<steady_instant> held_until = std::nullopt;
};
/// It no longer does, or under another epoch.
struct stream_lost {
  stream_lease stream;
};

/// A hint to whoever delivers: deliveries of the stream were made due by hand. A lost one costs a
/// second.
struct retries_due {
  stream_id stream;
};

} // namespace paymentd::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::submit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::submit_many)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::settled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::look_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::looked_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retry_delivery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::assignment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::order_idle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::payment_success)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_held)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::stream_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(paymentd::actors::retries_due)
