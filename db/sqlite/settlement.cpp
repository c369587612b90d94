#include "db/sqlite/settlement.hpp"

#include "db/sqlite/sql.hpp"
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

blob as_blob(const idempotency_key& key) {
  return {{reinterpret_cast<const char*>(key.digest.data()), key.digest.size()}};
}

order read_order(const statement::rows& row, order_id id) {
  order found{.id = id,
              .owner = {row.integer(0)},
              .coupon = row.optional_id<coupon_id>(1),
              .total = {row.integer(2)},
              .discount = {row.integer(3)},
              .status = static_cast<order_status>(row.integer(4)),
              .payment_entry = row.optional_id<entry_id>(5),
              .refund_entry = row.optional_id<entry_id>(6),
              .created_at = row.time(7),
              .updated_at = row.time(8),
              .refunded = {row.integer(9)}};
  if (!row.is_null(10)) {
    payment_key& under = found.paid_under.emplace();
    const std::string_view digest = row.text(10);
    if (digest.size() != under.key.digest.size())
      throw std::runtime_error("an order's pay_key has another length");
    std::ranges::copy(digest, under.key.digest.begin());
    under.key.body = row.integer(11);
    under.paid_at = row.time(12);
  }
  return found;
}

ledger_entry read_entry(const statement::rows& row) {
  ledger_entry found{.id = {row.integer(0)},
                     .user = {row.integer(1)},
                     .sequence = row.integer(2),
                     .order = row.optional_id<order_id>(3),
                     .kind = static_cast<entry_kind>(row.integer(4)),
                     .amount = {row.integer(5)},
                     .balance_after = {row.integer(6)},
                     .created_at = row.time(7),
                     .reason = std::string(row.text(8))};
  if (found.kind == entry_kind::refund)
    found.refunded_after = {row.integer(9)};
  return found;
}

/// Takes one more than the limit off the page again: it tells that more follow.
template <class Thing>
void cut(page_of<Thing>& page, int limit) {
  page.more = std::ssize(page.items) > limit;
  if (page.more)
    page.items.pop_back();
}

} // namespace

reading::reading(connection& on)
    : get_order_(on, sql::get_order), get_user_(on, sql::get_user),
      list_orders_(on, sql::list_orders), list_entries_(on, sql::list_entries) {}

std::optional<order> reading::find(order_id id) {
  auto row = get_order_.query(id);
  return row.next() ? std::optional(read_order(row, id)) : std::nullopt;
}

std::optional<user> reading::find(user_id id) {
  auto row = get_user_.query(id);
  if (!row.next())
    return std::nullopt;
  return user{.id = id,
              .phone = std::string(row.text(0)),
              .balance = {row.integer(1)},
              .last_sequence = row.integer(2),
              .created_at = row.time(3)};
}

std::optional<order_page> reading::page(const list_orders& asked) {
  order_page page;
  {
    auto rows = list_orders_.query(asked.user, asked.below, asked.limit + 1);
    while (rows.next())
      page.items.push_back(read_order(rows, {rows.integer(13)}));
  }
  cut(page, asked.limit);
  if (page.items.empty() && !find(asked.user))
    return std::nullopt;
  return page;
}

std::optional<entry_page> reading::page(const list_entries& asked) {
  entry_page page;
  {
    auto rows = list_entries_.query(asked.user, asked.below, asked.limit + 1);
    while (rows.next())
      page.items.push_back(read_entry(rows));
  }
  cut(page, asked.limit);
  if (page.items.empty() && !find(asked.user))
    return std::nullopt;
  return page;
}

settlement::settlement(connection& on, reading& reads, const recent_keys& recent)
    : reads_(reads), recent_(recent), last_user_(on, sql::last_user),
      last_order_(on, sql::last_order), add_user_(on, sql::add_user),
      add_order_(on, sql::add_order), change_user_(on, sql::change_user),
      change_order_(on, sql::change_order), change_refunded_order_(on, sql::change_refunded_order),
      change_keyed_order_(on, sql::change_keyed_order), add_entry_(on, sql::add_entry),
      add_told_entry_(on, sql::add_told_entry), get_kept_(on, sql::get_kept),
      add_kept_(on, sql::add_kept), forget_keys_(on, sql::forget_keys) {}

std::vector<outcome> settlement::settle(std::span<const command> batch, entry_id first,
                                        instant now) {
  snapshot state = load(batch, first, now);
  recent_.warn(batch, state);
  decision decided = decide(batch, std::move(state), now);
  write(decided, now);
  return std::move(decided.outcomes);
}

snapshot settlement::load(std::span<const command> batch, entry_id first, instant now) {
  named_ids named = ids_named_by(batch);
  snapshot state;
  state.first_entry = first;
  state.orders.reserve(named.orders.size());
  const std::size_t named_users = named.users.size();
  for (const order_id id : named.orders) {
    auto found = reads_.find(id);
    if (!found)
      continue;
    // The owner is nearly always one of the named; a refund alone names no user.
    const auto end = named.users.begin() + static_cast<std::ptrdiff_t>(named_users);
    if (!std::binary_search(named.users.begin(), end, found->owner))
      named.users.push_back(found->owner);
    state.orders.push_back(*std::move(found));
  }
  if (named.users.size() != named_users) {
    std::ranges::sort(named.users);
    const auto repeated = std::ranges::unique(named.users);
    named.users.erase(repeated.begin(), repeated.end());
  }
  state.users.reserve(named.users.size());
  for (const user_id id : named.users)
    if (auto found = reads_.find(id))
      state.users.push_back(*std::move(found));
  if (named.creates_users > 0)
    state.first_user = {std::max(only_number(last_user_) + 1, row_id_floor_at(now))};
  if (named.creates_orders > 0)
    state.first_order = {std::max(only_number(last_order_) + 1, row_id_floor_at(now))};
  state.kept = find_kept(named.keys);
  return state;
}

std::vector<kept_success> settlement::find_kept(const std::vector<idempotency_key>& keys) {
  std::vector<kept_success> found;
  for (const idempotency_key& each : keys) {
    auto row = get_kept_.query(as_blob(each));
    if (!row.next())
      continue;
    auto what = success_from_bytes(row.text(1));
    if (!what)
      throw std::runtime_error("what is kept for an idempotency key cannot be read");
    found.push_back({{each.digest, row.integer(0)}, *std::move(what)});
  }
  return found;
}

void settlement::write(const decision& decided, instant now) {
  for (const auto& created : decided.new_users)
    add(created);
  for (const auto& created : decided.new_orders)
    add(created);
  for (const auto& changed : decided.changed_users)
    change_user_.run(changed.id, changed.balance, changed.last_sequence);
  for (const auto& changed : decided.changed_orders)
    change(changed);
  for (const auto& entry : decided.entries)
    add(entry);
  for (const auto& kept : decided.new_kept)
    add(kept, now);
}

void settlement::change(const order& changed) {
  const auto status = static_cast<int>(changed.status);
  if (const auto& under = changed.paid_under)
    change_keyed_order_.run(changed.id, status, changed.payment_entry, changed.refund_entry,
                            changed.updated_at, changed.refunded, as_blob(under->key),
                            under->key.body, under->paid_at);
  else if (changed.refund_entry)
    change_refunded_order_.run(changed.id, status, changed.payment_entry, changed.refund_entry,
                               changed.updated_at, changed.refunded);
  else
    change_order_.run(changed.id, status, changed.payment_entry, changed.refund_entry,
                      changed.updated_at);
}

void settlement::add(const user& created) {
  add_user_.run(created.id, std::string_view(created.phone), created.balance, created.last_sequence,
                created.created_at);
}

void settlement::add(const order& created) {
  // A command of the same batch may have paid and refunded it already.
  const auto& under = created.paid_under;
  add_order_.run(created.id, created.owner, created.coupon, created.total, created.discount,
                 static_cast<int>(created.status), created.payment_entry, created.refund_entry,
                 created.created_at, created.updated_at, created.refunded,
                 under ? std::optional(as_blob(under->key)) : std::nullopt,
                 under ? std::optional(under->key.body) : std::nullopt,
                 under ? std::optional(under->paid_at) : std::nullopt);
}

void settlement::add(const ledger_entry& entry) {
  const bool refund = entry.kind == entry_kind::refund;
  const auto kind = static_cast<int>(entry.kind);
  if (refund || !entry.reason.empty())
    add_told_entry_.run(entry.id, entry.user, entry.sequence, entry.order, kind, entry.amount,
                        entry.balance_after, entry.created_at,
                        entry.reason.empty() ? std::nullopt
                                             : std::optional<std::string_view>(entry.reason),
                        refund ? std::optional(entry.refunded_after) : std::nullopt);
  else
    add_entry_.run(entry.id, entry.user, entry.sequence, entry.order, kind, entry.amount,
                   entry.balance_after, entry.created_at);
}

void settlement::add(const kept_success& kept, instant now) {
  const std::string bytes = to_bytes(kept.what);
  add_kept_.run(as_blob(kept.key), kept.key.body, now, blob{bytes});
}

} // namespace paymentd::db::sqlite
