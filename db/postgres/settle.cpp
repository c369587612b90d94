// Settlement: one batch, one transaction, two round trips. The first fences, locks and reads what
// the batch names; the second writes what `decide` made of it and commits.
#include "db/postgres/kept_keys.hpp"
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"
#include "domain/id_floor.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>
#include <stdexcept>

namespace paymentd::db::postgres {
namespace {

// Ids are reserved in blocks of at least this many, so that creating costs no round trip; what is
// left of a block when the process ends is lost.
constexpr std::int64_t id_block_min = 1000;
/// How often a batch is decided again since keys of it were taken meanwhile.
constexpr int key_races_max = 5;
constexpr std::int64_t all_numbers_end = std::int64_t{1} << stream_shift;

std::int64_t numbers_for(std::span<const command> batch) {
  return std::max<std::int64_t>(std::ssize(batch), 1);
}

// How the hot statements take a null.
template <class Id>
Id or_0(const std::optional<Id>& id) {
  return id.value_or(Id{});
}

/// A part of the key that an order was paid under; null where it has none.
auto of_key(auto part) {
  return [part](const order& one) {
    return one.paid_under ? std::optional(part(*one.paid_under)) : std::nullopt;
  };
}
constexpr auto digest_of = [](const payment_key& under) { return under.key.digest; };
constexpr auto body_of = [](const payment_key& under) { return under.key.body; };
constexpr auto paid_at_of = [](const payment_key& under) { return under.paid_at; };

std::optional<std::string_view> or_null(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}
/// The text of a member, or null where it is empty.
template <class Of>
auto text_of(rare_text Of::* member) {
  return [member](const Of& one) { return or_null(one.*member); };
}

std::vector<reference_use> read_references(const rows& from) {
  std::vector<reference_use> found;
  for (int row = 0; row < from.size(); ++row)
    found.push_back({std::string(from.text(row, 0)), from.integer(row, 1)});
  return found;
}

error fenced(stream_lease lease) {
  return {error_kind::fenced, "epoch " + std::to_string(lease.epoch) + " of stream " +
                                  std::to_string(lease.stream.value) + " has ended"};
}

} // namespace

order read_order(const rows& from, int row) {
  order found{.id = {from.integer(row, 0)},
              .owner = {from.integer(row, 1)},
              .coupon = from.optional_id<coupon_id>(row, 4),
              .total = {from.integer(row, 2)},
              .discount = {from.integer(row, 3)},
              .status = static_cast<order_status>(from.small_integer(row, 9)),
              .payment_entry = from.optional_id<entry_id>(row, 5),
              .refund_entry = from.optional_id<entry_id>(row, 6),
              .created_at = from.time(row, 7),
              .updated_at = from.time(row, 8),
              .refunded = {from.integer(row, 10)},
              .reference = from.text(row, 14),
              .metadata = from.text(row, 15)};
  if (!from.is_null(row, 11)) {
    found.paid_under = payment_key{.key = {from.digest(row, 11), from.integer(row, 12)},
                                   .paid_at = from.time(row, 13)};
    if (!from.is_null(row, 16))
      found.paid_under->metadata = from.text(row, 16);
  }
  return found;
}

user read_user(const rows& from, int row) {
  return {.id = {from.integer(row, 0)},
          .phone = std::string(from.text(row, 4)),
          .balance = {from.integer(row, 1)},
          .last_sequence = from.integer(row, 2),
          .created_at = from.time(row, 3),
          .updated_at = from.time(row, 5),
          .reference = from.text(row, 6),
          .metadata = from.text(row, 7)};
}

result<std::vector<outcome>> postgres_store::settle(std::span<const command> batch, instant now) {
  if (doubt_)
    return std::unexpected(
        error{error_kind::in_doubt, "database: an earlier batch has to be resolved first"});
  if (!locked_.empty())
    review_locked();
  auto settled = settle_free(batch, now);
  // Another process was first with one of the keys. It has committed by now, so this batch, of
  // which nothing is left, is decided again with what that one did.
  for (int times = 0; !settled && session_.duplicate() && times < key_races_max; ++times)
    settled = settle_free(batch, now);
  if (settled || !session_.contended() || !find_locked(batch))
    return settled;
  return settle_free(batch, now);
}

result<std::vector<outcome>> postgres_store::settle_free(std::span<const command> batch,
                                                         instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  if (auto same = begin_epoch_after_reconnect(now); !same)
    return std::unexpected(same.error());
  std::vector<command> free;
  std::vector<std::size_t> at; // where they stand in the batch
  if (!locked_.empty()) {
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (!names_locked(batch[i])) {
        free.push_back(batch[i]);
        at.push_back(i);
      }
  }
  const bool all_free = locked_.empty();
  const std::span<const command> chosen = all_free ? batch : std::span<const command>(free);

  auto found = lock_and_read(chosen, now);
  if (!found)
    return std::unexpected(found.error());
  const std::int64_t first = number_of(found->state.first_entry);
  const std::int64_t last = first + numbers_for(chosen) - 1;
  numbers_.next = last + 1; // as the ids below
  recent_.warn(chosen, found->state);
  decision decided = decide(chosen, std::move(found->state), now);
  // Used up whether the batch commits or not: gaps do no harm, a second use would.
  user_ids_.next += std::ssize(decided.new_users);
  order_ids_.next += std::ssize(decided.new_orders);
  add_created(decided, now);
  add_changes(decided, *found, now);
  add_kept(session_, decided.new_kept, now);
  const entry_id proof = add_proof(decided, first, last);
  if (all_free) {
    auto committed = commit_batch(proof, last, std::move(decided.outcomes));
    if (committed)
      recent_.learn(batch, *committed);
    return committed;
  }
  std::vector<outcome> outcomes(batch.size(), refused{refusal::row_locked, std::nullopt});
  for (std::size_t i = 0; i < at.size(); ++i)
    outcomes[at[i]] = std::move(decided.outcomes[i]);
  auto committed = commit_batch(proof, last, std::move(outcomes));
  if (committed)
    recent_.learn(batch, *committed);
  return committed;
}

// A server that was failed over to may have lost this stream's last commits and would give their
// numbers again. A new epoch begins above all of them.
result<void> postgres_store::begin_epoch_after_reconnect(instant now) {
  if (lease_session_ == session_.opened())
    return {};
  add_raise_epoch(lease_, now);
  const auto raised = session_.run_to_commit("begin an epoch");
  if (!raised)
    return std::unexpected(repeatable(raised.error()));
  if (raised->front().empty())
    return std::unexpected(fenced(lease_));
  holds({lease_.stream, raised->front().integer(0, 0)}, raised->front().integer(0, 1));
  return {};
}

void postgres_store::add_raise_epoch(stream_lease ended, instant now) {
  session_.add(sql::raise_epoch,
               parameters{}.add(options_.lease.count(), ended.stream, options_.owner, ended.epoch,
                                stream_floor_at(now).number, number_block));
}

// Ids that were reserved on another connection are left unused: a server that was failed over to
// may have lost their reservation, and reserve them for somebody else.
void postgres_store::holds(stream_lease now, std::int64_t numbers_end) {
  if (lease_.stream != now.stream)
    marked_from_ = 0;
  marked_ = true; // a process that died may have left some
  lease_ = now;
  numbers_ = {.next = numbers_end - number_block, .end = numbers_end};
  renewed_ = std::chrono::steady_clock::now();
  if (lease_session_ != session_.opened()) {
    user_ids_.next = user_ids_.end;
    order_ids_.next = order_ids_.end;
  }
  lease_session_ = session_.opened();
}

result<void> postgres_store::reserve(id_block& block, std::int64_t count, instant now) {
  if (count == 0 || block.end - block.next >= count)
    return {};
  const std::int64_t size = std::max(count, id_block_min);
  session_.add(sql::reserve_ids,
               parameters{}.add(std::string_view(block.kind), size, row_id_floor_at(now)));
  const auto reserved = session_.run_to_commit("reserve ids");
  if (!reserved)
    return std::unexpected(repeatable(reserved.error()));
  if (reserved->front().empty())
    return std::unexpected(error{error_kind::broken, "database: the table id_blocks is empty"});
  block.next = reserved->front().integer(0, 0);
  block.end = block.next + size;
  return {};
}

result<void> postgres_store::reserve_numbers(std::int64_t count) {
  if (numbers_.end - numbers_.next >= count)
    return {};
  const std::int64_t size = std::max(count, number_block);
  session_.add(sql::reserve_numbers, parameters{}.add(size, lease_.stream, options_.owner,
                                                      lease_.epoch, all_numbers_end));
  const auto reserved = session_.run_to_commit("reserve numbers");
  if (!reserved)
    return std::unexpected(repeatable(reserved.error()));
  if (reserved->front().empty())
    return std::unexpected(fenced(lease_));
  // Those that were left are below them: nobody else reserves in this epoch.
  numbers_.end = reserved->front().integer(0, 0);
  numbers_.next = std::max(numbers_.next, numbers_.end - size);
  return {};
}

void postgres_store::add_fence() {
  const auto now = std::chrono::steady_clock::now();
  renewing_.reset();
  if (now - renewed_ < options_.lease / lease_renewals) {
    session_.add(sql::check_epoch, parameters{}.add(lease_.stream, options_.owner, lease_.epoch));
    return;
  }
  session_.add(sql::renew_lease, parameters{}.add(options_.lease.count(), lease_.stream,
                                                  options_.owner, lease_.epoch));
  renewing_ = now;
}

// The proof of the batch, if its commit comes into doubt: its first entry, or a mark. On the way,
// the marks of batches that are past all doubt go, as often as the lease is renewed.
entry_id postgres_store::add_proof(const decision& decided, std::int64_t first, std::int64_t last) {
  if (renewing_ && marked_)
    session_.add(sql::delete_marks, parameters{}.add(lease_.stream, marked_from_, first));
  if (!decided.entries.empty())
    return decided.entries.front().id;
  session_.add(sql::add_mark, parameters{}.add(lease_.stream, last));
  return {};
}

result<postgres_store::locked> postgres_store::lock_and_read(std::span<const command> batch,
                                                             instant now) {
  const named_ids named = ids_named_by(batch);
  if (auto enough = reserve(user_ids_, named.creates_users, now); !enough)
    return std::unexpected(enough.error());
  if (auto enough = reserve(order_ids_, named.creates_orders, now); !enough)
    return std::unexpected(enough.error());
  if (auto enough = reserve_numbers(numbers_for(batch)); !enough)
    return std::unexpected(enough.error());
  std::vector<order_id> refunded; // only their orders tell whose they are
  for (const command& one : batch)
    if (const auto* what = std::get_if<refund>(&one.what))
      refunded.push_back(what->order);

  session_.add(sql::begin);
  add_fence();
  const bool orders = !named.orders.empty();
  const bool users = !named.users.empty() || !refunded.empty();
  if (orders)
    session_.add(sql::lock_orders, parameters{}.add_ids(named.orders));
  if (!refunded.empty())
    session_.add(sql::lock_users_and_owners, parameters{}.add_ids(named.users).add_ids(refunded));
  else if (users)
    session_.add(sql::lock_users, parameters{}.add_ids(named.users));
  // Behind the locks: a batch that held them before has committed, with its keys.
  if (!named.keys.empty())
    session_.add(sql::read_kept, digests_of(named.keys));
  if (!named.user_references.empty())
    session_.add(sql::read_user_references,
                 parameters{}.add_texts(named.user_references, std::identity{}));
  if (!named.order_references.empty())
    session_.add(sql::read_order_references,
                 parameters{}.add_texts(named.order_references, std::identity{}));
  if (!named.updated_users.empty())
    session_.add(sql::read_users, parameters{}.add_ids(named.updated_users));
  auto answers = session_.run("settle");
  if (!answers)
    return std::unexpected(answers.error());
  if ((*answers)[1].empty()) {
    session_.roll_back();
    return std::unexpected(fenced(lease_));
  }

  locked out;
  snapshot& state = out.state;
  state.first_entry = make_entry_id(lease_.stream, numbers_.next);
  state.first_user = {user_ids_.next};
  state.first_order = {order_ids_.next};
  std::size_t at = 2;
  if (orders) {
    const rows& found = (*answers)[at++];
    state.orders.reserve(static_cast<std::size_t>(found.size()));
    out.orders.reserve(state.orders.capacity());
    for (int row = 0; row < found.size(); ++row) {
      state.orders.push_back(read_order(found, row));
      out.orders.emplace_back(state.orders.back().id, found.place(row, 17));
    }
  }
  if (users) {
    // All else stays out: no decision and no outcome shows it, unless the user is updated.
    const rows& found = (*answers)[at++];
    state.users.reserve(static_cast<std::size_t>(found.size()));
    out.users.reserve(state.users.capacity());
    for (int row = 0; row < found.size(); ++row) {
      user one;
      one.id = {found.integer(row, 0)};
      one.balance = {found.integer(row, 1)};
      one.last_sequence = found.integer(row, 2);
      out.users.emplace_back(one.id, found.place(row, 3));
      state.users.push_back(std::move(one));
    }
  }
  if (!named.keys.empty()) {
    auto kept = kept_in<kept_success>((*answers)[at++], success_from_bytes);
    if (!kept) {
      session_.roll_back();
      return std::unexpected(kept.error());
    }
    state.kept = *std::move(kept);
  }
  if (!named.user_references.empty())
    state.user_references = read_references((*answers)[at++]);
  if (!named.order_references.empty())
    state.order_references = read_references((*answers)[at++]);
  if (!named.updated_users.empty()) {
    const rows& found = (*answers)[at];
    for (int row = 0; row < found.size(); ++row) {
      user whole = read_user(found, row);
      const auto at_id = std::ranges::lower_bound(state.users, whole.id, {}, &user::id);
      if (at_id != state.users.end() && at_id->id == whole.id) // else it came after the locks
        *at_id = std::move(whole);
    }
  }
  return out;
}

void postgres_store::add_created(const decision& decided, instant now) {
  if (const auto& users = decided.new_users; !users.empty())
    session_.add(sql::add_users, parameters{}
                                     .add_array(element::int8, users, &user::id)
                                     .add_texts(users, &user::phone)
                                     .add_array(element::int8, users, &user::balance)
                                     .add_array(element::int8, users, &user::last_sequence)
                                     .add(now)
                                     .add_texts(users, text_of(&user::reference))
                                     .add_texts(users, text_of(&user::metadata)));
  if (const auto& orders = decided.new_orders; !orders.empty())
    session_.add(sql::add_orders, parameters{}
                                      .add_array(element::int8, orders, &order::id)
                                      .add_array(element::int8, orders, &order::owner)
                                      .add_array(element::int8, orders, &order::coupon)
                                      .add_array(element::int8, orders, &order::total)
                                      .add_array(element::int8, orders, &order::discount)
                                      .add_array(element::int2, orders, &order::status)
                                      .add_array(element::int8, orders, &order::payment_entry)
                                      .add_array(element::int8, orders, &order::refund_entry)
                                      .add(now)
                                      .add_array(element::int8, orders, &order::refunded)
                                      .add_array(element::uuid, orders, of_key(digest_of))
                                      .add_array(element::int8, orders, of_key(body_of))
                                      .add_array(element::timestamptz, orders, of_key(paid_at_of))
                                      .add_texts(orders, text_of(&order::reference))
                                      .add_texts(orders, text_of(&order::metadata)));
}

namespace {

/// Gives the places of rows by their ids. Rows and places are by rising id, so one walk finds all.
auto place_in(const auto& places) {
  return [next = places.begin(), end = places.end()](const auto& one) mutable {
    while (next != end && next->first != one.id)
      ++next;
    if (next == end)
      throw std::logic_error("settle: a row is changed that was not locked");
    return next->second;
  };
}

} // namespace

void postgres_store::add_changed_orders(const std::vector<order>& orders, const locked& at,
                                        instant now) {
  if (orders.empty())
    return;
  auto with =
      parameters{}
          .add_array(element::tid, orders, place_in(at.orders))
          .add_array(element::int2, orders, &order::status)
          .add_array(element::int8, orders,
                     [](const order& one) { return or_0(one.payment_entry); })
          .add_array(element::int8, orders, [](const order& one) { return or_0(one.refund_entry); })
          .add(now)
          .add_array(element::int8, orders, &order::refunded);
  const auto has_key = [](const order& one) { return one.paid_under.has_value(); };
  if (std::ranges::none_of(orders, has_key))
    return session_.add(sql::change_orders, with);
  with.add_array(element::uuid, orders, of_key(digest_of))
      .add_array(element::int8, orders, of_key(body_of))
      .add_array(element::timestamptz, orders, of_key(paid_at_of));
  session_.add(sql::change_keyed_orders, with);
}

void postgres_store::add_changes(const decision& decided, const locked& at, instant now) {
  add_changed_orders(decided.changed_orders, at, now);
  if (const auto& users = decided.changed_users; !users.empty())
    session_.add(sql::change_users, parameters{}
                                        .add_array(element::tid, users, place_in(at.users))
                                        .add_array(element::int8, users, &user::balance)
                                        .add_array(element::int8, users, &user::last_sequence));
  if (const auto& users = decided.updated_users; !users.empty())
    session_.add(sql::update_users, parameters{}
                                        .add_array(element::int8, users, &user::id)
                                        .add_texts(users, &user::phone)
                                        .add_texts(users, text_of(&user::metadata))
                                        .add(now));
  if (const auto& orders = decided.updated_orders; !orders.empty())
    session_.add(sql::update_orders,
                 parameters{}
                     .add_array(element::int8, orders, &order::id)
                     .add_texts(orders, text_of(&order::metadata))
                     .add_texts(orders, [](const order& one) -> std::optional<std::string_view> {
                       if (one.paid_under && one.paid_under->metadata)
                         return *one.paid_under->metadata;
                       return std::nullopt;
                     }));
  add_entries(decided.entries, now);
}

void postgres_store::add_entries(const std::vector<ledger_entry>& entries, instant now) {
  if (entries.empty())
    return;
  using entry = ledger_entry;
  auto with =
      parameters{}
          .add_array(element::int8, entries, &entry::id)
          .add_array(element::int8, entries, &entry::user)
          .add_array(element::int8, entries, &entry::sequence)
          .add_array(element::int8, entries, [](const entry& one) { return or_0(one.order); })
          .add_array(element::int2, entries, &entry::kind)
          .add_array(element::int8, entries, &entry::amount)
          .add_array(element::int8, entries, &entry::balance_after)
          .add(now);
  const bool payments_alone = std::ranges::none_of(entries, [](const entry& one) {
    return one.kind == entry_kind::refund || !one.reason.empty() || !one.created_by.empty();
  });
  if (payments_alone)
    return session_.add(sql::add_entries, with);
  with.add_texts(entries, text_of(&entry::reason));
  with.add_array(element::int8, entries, [](const entry& one) {
    return one.kind == entry_kind::refund ? std::optional(one.refunded_after) : std::nullopt;
  });
  with.add_texts(entries, text_of(&entry::created_by));
  session_.add(sql::add_told_entries, with);
}

result<std::vector<outcome>> postgres_store::commit_batch(entry_id proof, std::int64_t last,
                                                          std::vector<outcome> outcomes) {
  // In doubt before the commit leaves: whatever is thrown from then on, `resolve` knows the batch.
  doubt_ = doubt{.stream = lease_, .entry = proof, .last = last, .outcomes = std::move(outcomes)};
  auto done = session_.run_to_commit("settle");
  if (!done && done.error().kind == error_kind::in_doubt)
    return std::unexpected(done.error());
  outcomes = std::move(doubt_->outcomes);
  doubt_.reset();
  if (!done)
    return std::unexpected(done.error());
  if (renewing_) {
    renewed_ = *renewing_;
    marked_from_ = last;
    marked_ = false;
  }
  marked_ |= proof == entry_id{};
  return outcomes;
}

result<std::optional<std::vector<outcome>>> postgres_store::resolve(instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const stream_lease asked = doubt_ ? doubt_->stream : lease_;
  add_raise_epoch(asked, now);
  session_.add(sql::ended_epoch, parameters{}.add(asked.stream, asked.epoch, options_.owner));
  session_.add(sql::is_committed, parameters{}.add(doubt_ ? doubt_->entry : entry_id{},
                                                   asked.stream, doubt_ ? doubt_->last : 0));
  const auto answers = session_.run_to_commit("resolve");
  if (!answers)
    return std::unexpected(repeatable(answers.error()));
  if (const rows& raised = (*answers)[0]; !raised.empty())
    holds({asked.stream, raised.integer(0, 0)}, raised.integer(0, 1));
  // The one that ended the epoch, this call or another owner, has noted it, and waited for the
  // batch if that was still on its way. Without a note the epoch itself was lost with a failed
  // server, and all that was done under it.
  const rows& ended = (*answers)[1];
  const bool committed = (*answers)[2].boolean(0, 0);
  std::optional<std::vector<outcome>> outcomes;
  if (doubt_ && !ended.empty() && committed)
    outcomes = std::move(doubt_->outcomes);
  doubt_.reset();
  return outcomes;
}

} // namespace paymentd::db::postgres
