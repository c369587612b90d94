// Adds the statements of a batch's second round trip: the changes that `decide` gave.
#include "db/postgres/settlement_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"
#include "domain/check.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

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

/// The text of a member, or the bytes of a trace; null where it is empty.
template <class Of, class Member>
auto text_of(Member Of::* member) {
  return [member](const Of& one) { return or_null(one.*member); };
}

bool is_plain(const ledger_entry& one) {
  return one.kind != entry_kind::refund && one.reason.empty() && one.created_by.empty() &&
         one.trace.empty();
}

/// Whether sql::pay_orders, or sql::pay_told_orders, writes all of it.
bool is_payments_alone(const decision& decided) {
  const auto paid_without_key = [](const order& one) {
    return one.status == order_status::paid && one.payment_entry && !one.paid_under &&
           one.refunded == won{};
  };
  const auto payment = [](const ledger_entry& one) {
    return one.kind == entry_kind::payment && one.reason.empty();
  };
  return !decided.entries.empty() && decided.changed_orders.size() == decided.entries.size() &&
         decided.updated_users.empty() && decided.updated_orders.empty() &&
         std::ranges::all_of(decided.changed_orders, paid_without_key) &&
         std::ranges::all_of(decided.entries, payment);
}

/// Gives the addresses (or versions) of rows by their ids. Both are by rising id, so one walk finds
/// all.
auto found_in(const auto& rows, auto member) {
  return [next = rows.begin(), end = rows.end(), member](const auto& one) mutable {
    while (next != end && next->id != one.id)
      ++next;
    check(next != end, "settle: only rows that were read are changed");
    return std::invoke(member, *next);
  };
}

} // namespace

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

void postgres_store::add_changed_orders(const std::vector<order>& orders, const locked_batch& at,
                                        instant now) {
  if (orders.empty())
    return;
  auto with =
      parameters{}
          .add_array(element::tid, orders, found_in(at.orders, &read_order_row::address))
          .add_array(element::int2, orders, &order::status)
          .add_array(element::int8, orders,
                     [](const order& one) { return or_0(one.payment_entry); })
          .add_array(element::int8, orders, [](const order& one) { return or_0(one.refund_entry); })
          .add(now)
          .add_array(element::int8, orders, &order::refunded)
          .add_array(element::xid, orders, found_in(at.orders, &read_order_row::version));
  const auto has_key = [](const order& one) { return one.paid_under.has_value(); };
  if (std::ranges::none_of(orders, has_key))
    return session_.add(sql::change_orders, with);
  with.add_array(element::uuid, orders, of_key(digest_of))
      .add_array(element::int8, orders, of_key(body_of))
      .add_array(element::timestamptz, orders, of_key(paid_at_of));
  session_.add(sql::change_keyed_orders, with);
}

void postgres_store::add_payments(const decision& decided, const locked_batch& at, instant now) {
  const auto& [orders, users, entries] =
      std::tie(decided.changed_orders, decided.changed_users, decided.entries);
  using entry = ledger_entry;
  auto with =
      parameters{}
          .add_array(element::tid, orders, found_in(at.orders, &read_order_row::address))
          .add_array(element::xid, orders, found_in(at.orders, &read_order_row::version))
          .add_array(element::int8, orders,
                     [](const order& one) { return or_0(one.payment_entry); })
          .add_array(element::tid, users, found_in(at.users, &locked_user_row::address))
          .add_array(element::int8, users, &user::balance)
          .add_array(element::int8, users, &user::last_sequence)
          .add(entries.front().id)
          .add_array(element::int8, entries, &entry::user)
          .add_array(element::int8, entries, &entry::sequence)
          .add_array(element::int8, entries, [](const entry& one) { return or_0(one.order); })
          .add_array(element::int8, entries, &entry::amount)
          .add_array(element::int8, entries, &entry::balance_after)
          .add(now);
  if (std::ranges::all_of(entries, is_plain))
    return session_.add(sql::pay_orders, with);
  with.add_texts(entries, text_of(&entry::created_by));
  with.add_texts(entries, text_of(&entry::trace), element::bytea);
  session_.add(sql::pay_told_orders, with);
}

void postgres_store::add_changes(const decision& decided, const locked_batch& at, instant now) {
  if (is_payments_alone(decided))
    return add_payments(decided, at, now);
  add_changed_orders(decided.changed_orders, at, now);
  if (const auto& users = decided.changed_users; !users.empty())
    session_.add(sql::change_users,
                 parameters{}
                     .add_array(element::tid, users, found_in(at.users, &locked_user_row::address))
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
  if (std::ranges::all_of(entries, is_plain))
    return session_.add(sql::add_entries, with);
  with.add_texts(entries, text_of(&entry::reason));
  with.add_array(element::int8, entries, [](const entry& one) {
    return one.kind == entry_kind::refund ? std::optional(one.refunded_after) : std::nullopt;
  });
  with.add_texts(entries, text_of(&entry::created_by));
  with.add_texts(entries, text_of(&entry::trace), element::bytea);
  session_.add(sql::add_told_entries, with);
}

} // namespace paymentd::db::postgres
