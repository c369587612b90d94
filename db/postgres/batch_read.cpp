// Locks and reads the rows that a batch names, in the first of its two round trips.
#include "db/postgres/kept_keys.hpp"
#include "db/postgres/list_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/settlement_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/stream_sql.hpp"
#include "db/row_readers.hpp"
#include "db/store_rules.hpp"
#include "domain/check.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>
#include <functional>

namespace paymentd::db::postgres {
namespace {

constexpr int order_address_column = order_id_column + 1;

/// All that a batch names.
struct named_rows {
  named_ids ids;
  std::vector<order_id> owned;
  bool locks_users() const { return !ids.users.empty() || !owned.empty(); }
};

void add_lock(session& on, const named_rows& named) {
  if (!named.owned.empty())
    on.add(sql::lock_users_and_owners, parameters{}.add_ids(named.ids.users).add_ids(named.owned));
  else if (named.locks_users())
    on.add(sql::lock_users, parameters{}.add_ids(named.ids.users));
}

/// Behind the lock of the users.
void add_reads(session& on, const named_rows& named) {
  const named_ids& ids = named.ids;
  if (!ids.orders.empty())
    on.add(sql::read_owned_orders, parameters{}.add_ids(ids.orders));
  // Behind the locks: a batch that held them before has committed, with its keys.
  if (!ids.keys.empty())
    on.add(sql::read_kept, digests_of(ids.keys));
  if (!ids.user_references.empty())
    on.add(sql::read_user_references, parameters{}.add_texts(ids.user_references, std::identity{}));
  if (!ids.order_references.empty())
    on.add(sql::read_order_references,
           parameters{}.add_texts(ids.order_references, std::identity{}));
  if (!ids.updated_users.empty())
    on.add(sql::read_users, parameters{}.add_ids(ids.updated_users));
}

void read_orders(const rows& found, locked_batch& into) {
  std::vector<order>& orders = into.state.orders;
  orders.reserve(static_cast<std::size_t>(found.size()));
  into.orders.reserve(orders.capacity());
  for (const row_view row : found) {
    orders.push_back(read_order(row));
    into.orders.push_back({orders.back().id, row.address(order_address_column),
                           row.version(order_address_column + 1)});
  }
  // An index gives them so today; the statement does not ask for it, which spares a sort.
  if (!std::ranges::is_sorted(orders, {}, &order::id)) {
    std::ranges::sort(orders, {}, &order::id);
    std::ranges::sort(into.orders, {}, &read_order_row::id);
  }
}

/// The phone is for the events. All else of a user stays out: no decision and no outcome shows it,
/// unless the user is updated.
void read_balances(const rows& found, locked_batch& into) {
  std::vector<user>& users = into.state.users;
  users.reserve(static_cast<std::size_t>(found.size()));
  into.users.reserve(users.capacity());
  for (const row_view row : found) {
    user one;
    one.id = {row.integer(0)};
    one.balance = {row.integer(1)};
    one.last_sequence = row.integer(2);
    one.phone = row.text(4);
    into.users.push_back({one.id, row.address(3)});
    users.push_back(std::move(one));
  }
}

/// An order that came between the two statements has an owner who is not locked: it is not known
/// yet, as is another user's order to the one who would pay it.
void leave_out_unlocked(locked_batch& from) {
  const auto is_locked = [&](const order& one) {
    return std::ranges::binary_search(from.users, one.owner, {}, &locked_user_row::id);
  };
  std::vector<order>& orders = from.state.orders;
  if (std::ranges::all_of(orders, is_locked))
    return;
  std::erase_if(orders, std::not_fn(is_locked));
  std::erase_if(from.orders, [&](const read_order_row& row) {
    return !std::ranges::binary_search(orders, row.id, {}, &order::id);
  });
}

void read_updated(const rows& found, std::vector<user>& users) {
  for (const row_view row : found) {
    user whole = read_user(row);
    const auto at = std::ranges::lower_bound(users, whole.id, {}, &user::id);
    if (at != users.end() && at->id == whole.id) // else it came after the locks
      *at = std::move(whole);
  }
}

reference_use read_reference(const row_view& row) {
  return {std::string(row.text(0)), row.integer(1)};
}

/// The answers to the lock of the users and to add_reads.
result<void> read_answers(const named_rows& named, std::span<const rows> answers,
                          locked_batch& into) {
  const named_ids& ids = named.ids;
  auto next = answers.begin();
  if (named.locks_users())
    read_balances(*next++, into);
  if (!ids.orders.empty())
    read_orders(*next++, into);
  leave_out_unlocked(into);
  if (!ids.keys.empty()) {
    auto kept = kept_in<kept_success>(*next++, success_from_bytes);
    if (!kept)
      return std::unexpected(kept.error());
    into.state.kept = *std::move(kept);
  }
  if (!ids.user_references.empty())
    into.state.user_references = all_of(*next++, read_reference);
  if (!ids.order_references.empty())
    into.state.order_references = all_of(*next++, read_reference);
  if (!ids.updated_users.empty())
    read_updated(*next++, into.state.users);
  check(next == answers.end(), "settle: each answer is to a statement that was added");
  return {};
}

} // namespace

std::vector<order_id> owned_in(std::span<const command> batch) {
  std::vector<order_id> owned;
  for (const command& one : batch) {
    if (const auto* what = std::get_if<refund>(&one.what))
      owned.push_back(what->order);
    else if (const auto* cancelled = std::get_if<cancel>(&one.what))
      owned.push_back(cancelled->order);
    else if (const auto* updated = std::get_if<update_order>(&one.what))
      owned.push_back(updated->order);
  }
  return owned;
}

result<locked_batch> postgres_store::lock_and_read(std::span<const command> batch, instant now) {
  const named_rows named{ids_named_by(batch), owned_in(batch)};
  if (auto enough = reserve(user_ids_, named.ids.creates_users, now); !enough)
    return std::unexpected(enough.error());
  if (auto enough = reserve(order_ids_, named.ids.creates_orders, now); !enough)
    return std::unexpected(enough.error());
  if (auto enough = reserve_numbers(numbers_for(batch)); !enough)
    return std::unexpected(enough.error());

  session_.add(sql::begin);
  // Most batches, payments and charges among them, are fenced by the lock of their users.
  const bool lock_is_fence = !renews_lease() && named.owned.empty() && !named.ids.users.empty();
  if (lock_is_fence) {
    session_.add(sql::lock_users_in_epoch, of_epoch(parameters{}.add_ids(named.ids.users)));
  } else {
    add_fence();
    add_lock(session_, named);
  }
  add_reads(session_, named);
  const auto answers = session_.run("settle");
  if (!answers)
    return std::unexpected(answers.error());
  bool epoch_holds = !(*answers)[1].empty();
  if (!epoch_holds && lock_is_fence) { // or none of its users is there
    session_.add(sql::check_epoch, of_epoch({}));
    const auto fence = session_.run("settle");
    if (!fence)
      return std::unexpected(fence.error());
    epoch_holds = !fence->front().empty();
  }
  if (!epoch_holds) {
    session_.roll_back();
    return std::unexpected(epoch_has_ended(lease_));
  }
  locked_batch out;
  out.state.first_entry = make_entry_id(lease_.stream, numbers_.next);
  out.state.first_user = {user_ids_.next};
  out.state.first_order = {order_ids_.next};
  const auto reads = std::span(*answers).subspan(lock_is_fence ? 1 : 2);
  if (auto read = read_answers(named, reads, out); !read) {
    session_.roll_back();
    return std::unexpected(read.error());
  }
  return out;
}

} // namespace paymentd::db::postgres
