#include "db/sqlite/settlement.hpp"

#include "db/row_readers.hpp"
#include "db/sqlite/sql.hpp"
#include "domain/check.hpp"
#include "domain/id_floor.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

std::int64_t only_number(statement& of) {
  auto rows = of.query();
  rows.next();
  return rows.integer(0);
}

user read_balance(const statement::rows& row, user_id id) {
  user found;
  found.id = id;
  found.balance = {row.integer(0)};
  found.last_sequence = row.integer(1);
  found.phone = row.text(2);
  return found;
}

/// Those of `references` that are in use, by the statement that finds one.
std::vector<reference_use> in_use(statement& find, const std::vector<std::string>& references) {
  std::vector<reference_use> found;
  for (const std::string& each : references)
    if (auto row = find.query(std::string_view(each)); row.next())
      found.push_back({each, row.integer(0)});
  return found;
}

} // namespace

reading::reading(connection& on)
    : given_(on.given()), get_order_(on, sql::get_order), get_orders_(on, sql::get_orders),
      get_payment_(on, sql::get_payment), get_user_(on, sql::get_user),
      get_balance_(on, sql::get_balance), get_balances_(on, sql::get_balances) {}

std::optional<order> reading::find(order_id id) {
  auto row = get_order_.query(id);
  if (!row.next())
    return std::nullopt;
  std::optional<order> found = read_unpaid(row, id);
  add_payment(*found);
  return found;
}

/// Reads what an order has that was paid.
void reading::add_payment(order& to) {
  if (to.status == order_status::pending || to.status == order_status::cancelled)
    return;
  if (auto rest = get_payment_.query(to.id); rest.next())
    read_payment(rest, 0, to);
}

std::vector<order> reading::find(std::span<const order_id> ids) {
  std::vector<order> found;
  found.reserve(ids.size());
  for (const order_id id : ids)
    given_.add(id);
  auto rows = get_orders_.query_on(given_);
  while (rows.next())
    add_payment(found.emplace_back(read_unpaid(rows, {rows.integer(9)})));
  return found;
}

std::optional<user> reading::find(user_id id) {
  auto row = get_user_.query(id);
  if (!row.next())
    return std::nullopt;
  return read_user(row, id);
}

std::optional<user> reading::find_balance(user_id id) {
  auto row = get_balance_.query(id);
  if (!row.next())
    return std::nullopt;
  return read_balance(row, id);
}

std::vector<user> reading::find_balances(std::span<const user_id> ids) {
  std::vector<user> found;
  found.reserve(ids.size());
  for (const user_id id : ids)
    given_.add(id);
  auto rows = get_balances_.query_on(given_);
  while (rows.next())
    found.push_back(read_balance(rows, {rows.integer(3)}));
  return found;
}

settlement::settlement(connection& on, reading& reads, const recent_keys& recent)
    : given_(on.given()), reads_(reads), recent_(recent), last_user_(on, sql::last_user),
      last_order_(on, sql::last_order), user_of_reference_(on, sql::user_of_reference),
      order_of_reference_(on, sql::order_of_reference), add_user_(on, sql::add_user),
      add_order_(on, sql::add_order), update_user_(on, sql::update_user),
      update_order_(on, sql::update_order), change_users_(on, sql::change_users),
      change_orders_(on, sql::change_orders), change_whole_orders_(on, sql::change_whole_orders),
      add_entries_(on, sql::add_entries), add_entry_times_(on, sql::add_entry_times), keys_(on) {}

decision settlement::settle(std::span<const command> batch, entry_id first, instant now) {
  snapshot state = load(batch, first, now);
  recent_.warn(batch, state);
  decision decided = decide(batch, std::move(state), now);
  write(decided, now);
  return decided;
}

snapshot settlement::load(std::span<const command> batch, entry_id first, instant now) {
  named_ids named = ids_named_by(batch);
  snapshot state;
  state.first_entry = first;
  state.orders = reads_.find(named.orders);
  // The owner is nearly always one of the named; a refund alone names no user.
  const std::size_t named_users = named.users.size();
  for (const order& each : state.orders) {
    const auto end = named.users.begin() + static_cast<std::ptrdiff_t>(named_users);
    if (!std::binary_search(named.users.begin(), end, each.owner))
      named.users.push_back(each.owner);
  }
  if (named.users.size() != named_users) {
    std::ranges::sort(named.users);
    const auto repeated = std::ranges::unique(named.users);
    named.users.erase(repeated.begin(), repeated.end());
  }
  load_users(named, state);
  if (named.creates_users > 0)
    state.first_user = {std::max(only_number(last_user_) + 1, row_id_floor_at(now))};
  if (named.creates_orders > 0)
    state.first_order = {std::max(only_number(last_order_) + 1, row_id_floor_at(now))};
  state.kept = find_kept(named.keys);
  state.user_references = in_use(user_of_reference_, named.user_references);
  state.order_references = in_use(order_of_reference_, named.order_references);
  return state;
}

/// Of one that is not updated no decision and no outcome shows more than balance and phone.
void settlement::load_users(const named_ids& named, snapshot& into) {
  if (named.updated_users.empty()) {
    into.users = reads_.find_balances(named.users);
    return;
  }
  for (const user_id id : named.users) {
    const bool whole = std::ranges::binary_search(named.updated_users, id);
    if (auto found = whole ? reads_.find(id) : reads_.find_balance(id))
      into.users.push_back(*std::move(found));
  }
}

std::vector<kept_success> settlement::find_kept(const std::vector<idempotency_key>& keys) {
  std::vector<kept_success> found;
  for (const idempotency_key& each : keys)
    if (auto kept = keys_.find<kept_success>(each, success_from_bytes))
      found.push_back(*std::move(kept));
  return found;
}

void settlement::write(const decision& decided, instant now) {
  for (const auto& created : decided.new_users)
    add(created);
  for (const auto& created : decided.new_orders)
    add(created);
  for (const auto& changed : decided.changed_users)
    given_.add(changed.id, changed.balance, changed.last_sequence);
  change_users_.run_on(given_);
  change(decided.changed_orders);
  for (const auto& updated : decided.updated_users)
    update(updated);
  for (const auto& updated : decided.updated_orders)
    update(updated);
  add(decided.entries);
  for (const auto& kept : decided.new_kept)
    keys_.add(kept.key, to_bytes(kept.what), now);
}

void settlement::change(std::span<const order> orders) {
  const auto has_more = [](const order& one) { return one.paid_under || one.refund_entry; };
  for (const order& one : orders)
    if (!has_more(one))
      given_.add(one.id, static_cast<int>(one.status), one.updated_at, one.payment_entry);
  change_orders_.run_on(given_);
  for (const order& one : orders) {
    if (!has_more(one))
      continue;
    const auto& under = one.paid_under;
    given_.add(one.id, static_cast<int>(one.status), one.updated_at, one.payment_entry,
               one.refund_entry, one.refunded,
               under ? std::optional(as_blob(under->key)) : std::nullopt,
               under ? std::optional(under->key.body) : std::nullopt,
               under ? std::optional(under->paid_at) : std::nullopt);
  }
  change_whole_orders_.run_on(given_);
}

void settlement::update(const user& updated) {
  update_user_.run(updated.id, std::string_view(updated.phone), or_null(updated.metadata),
                   updated.updated_at);
}

void settlement::update(const order& updated) {
  const auto& under = updated.paid_under;
  update_order_.run(updated.id, or_null(updated.metadata),
                    under && under->metadata ? std::optional<std::string_view>(*under->metadata)
                                             : std::nullopt);
}

void settlement::add(const user& created) {
  add_user_.run(created.id, std::string_view(created.phone), created.balance, created.last_sequence,
                created.created_at, created.updated_at, or_null(created.reference),
                or_null(created.metadata));
}

void settlement::add(const order& created) {
  // A command of the same batch may have paid and refunded it already.
  const auto& under = created.paid_under;
  add_order_.run(created.id, created.owner, created.coupon, created.total, created.discount,
                 static_cast<int>(created.status), created.payment_entry, created.refund_entry,
                 created.created_at, created.updated_at, created.refunded,
                 under ? std::optional(as_blob(under->key)) : std::nullopt,
                 under ? std::optional(under->key.body) : std::nullopt,
                 under ? std::optional(under->paid_at) : std::nullopt, or_null(created.reference),
                 or_null(created.metadata));
}

/// All of one batch, so all have one time, and nobody else's ids are between theirs.
void settlement::add(std::span<const ledger_entry> entries) {
  if (entries.empty())
    return;
  check(entries.back().id.value - entries.front().id.value == std::ssize(entries) - 1,
        "the ids of a batch's ledger entries have no gap");
  for (const ledger_entry& entry : entries)
    give(entry, given_);
  add_entries_.run_on(given_);
  add_entry_times_.run(entries.front().created_at, entries.front().id, entries.back().id);
}

void give(const ledger_entry& entry, given_rows& to) {
  const auto trace = or_null(entry.trace);
  to.add(entry.id, entry.user, entry.sequence, entry.order, static_cast<int>(entry.kind),
         entry.amount, entry.balance_after, entry.created_at, or_null(entry.reason),
         entry.kind == entry_kind::refund ? std::optional(entry.refunded_after) : std::nullopt,
         or_null(entry.created_by), trace ? std::optional(blob{*trace}) : std::nullopt);
}

} // namespace paymentd::db::sqlite
