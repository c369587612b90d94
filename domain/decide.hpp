// The rules of payment, once, for every store: a pure function from a batch of commands and the
// state that they name to outcomes and changes. It does no I/O, reads no clock and keeps nothing.
#pragma once

#include "domain/command.hpp"

#include <span>
#include <vector>

namespace paymentd {

/// A success that is kept for the idempotency key it was asked under.
struct kept_success {
  idempotency_key key;
  success what;
  friend bool operator==(const kept_success&, const kept_success&) = default;
};

/// A reference and the id of the user, or of the order, that has it.
struct reference_use {
  std::string reference;
  std::int64_t id = 0;
  friend bool operator==(const reference_use&, const reference_use&) = default;
};

/// All that a batch names, as read under lock. `decide` takes it over and changes it in place.
struct snapshot {
  std::vector<order> orders; // those of the named orders that exist, by rising id, each once
  std::vector<user> users;   // those of the named users and of the orders' owners, likewise
  /// Those of the named keys that there are, by digest. Also keys of payments that are known to
  /// have come with another body before; their success is not looked at.
  std::vector<kept_success> kept = {};
  std::vector<reference_use> user_references = {};  // those of the named ones that are in use
  std::vector<reference_use> order_references = {}; // likewise
  entry_id first_entry; // entry ids from here on are the batch's: one a command at the most
  user_id first_user;   // ids for created users: from here on, one a create_user
  order_id first_order; // ids for created orders: from here on, one a create_order
};

/// The outcome of a batch. The vectors of changes are by rising id, each id once, with the state
/// after the whole batch; created ones, whose ids have no gaps, stand in `new_…` only.
struct decision {
  std::vector<outcome> outcomes; // one for each command, in the order of the commands
  std::vector<user> new_users;
  std::vector<order> new_orders;
  std::vector<user> changed_users; // balance and last_sequence may differ
  /// Likewise: phone, metadata and updated_at may differ. Such a user need not stand in
  /// changed_users, and an order stands in changed_orders, too.
  std::vector<user> updated_users;
  std::vector<order> updated_orders; // metadata, and that of paid_under, may differ
  /// Their status, payment_entry, refund_entry, refunded, paid_under and updated_at may differ.
  std::vector<order> changed_orders;
  std::vector<ledger_entry> entries;  // by rising id
  std::vector<kept_success> new_kept; // successes under a key, by rising digest
};

/// Decides `commands` in their order, each against what the ones before it left. One that does not
/// fit is refused and changes nothing; a later, smaller one may still pass. One whose key had a
/// success before, in this batch or an earlier one, is given that again and changes nothing, or is
/// refused where its body is another one; a refusal is not kept. A payment's key is kept in its
/// order, and found there. The checks of a payment come in this order: the order exists and belongs
/// to that user; it is PENDING; the user exists; the balance suffices. Cost: n log m for n commands
/// on m orders and users. Never throws but for memory. Precondition: `commands` were validated
/// (amounts and ids in their bounds).
decision decide(std::span<const command> commands, snapshot state, instant now);

/// The orders and users that a batch names: sorted, each once. The users leave out the owners of
/// orders that a refund names, since only the orders tell them.
struct named_ids {
  std::vector<order_id> orders;
  std::vector<user_id> users;
  std::int64_t creates_users = 0;           // how many create_user there are
  std::int64_t creates_orders = 0;          // how many create_order
  std::vector<idempotency_key> keys;        // but those of payments; by digest, each digest once
  std::vector<std::string> user_references; // of those to be created; sorted, each once
  std::vector<std::string> order_references;
  std::vector<user_id> updated_users; // those of `users` whose every field counts; likewise
};
named_ids ids_named_by(std::span<const command> commands);

} // namespace paymentd
