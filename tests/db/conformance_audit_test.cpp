// Goal: the audit finds whatever is wrong and names it. Method: a shop with payments, refunds and
// deliveries in every state is clean; then one rule at a time is broken past the store.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

struct breach {
  std::string_view name;
  std::string_view sql;  // {pay}: a PAYMENT entry, {order}: its order
  std::string_view says; // what one of the lines has to contain
};

constexpr breach breaches_by_hand[] = {
    {"balance_raised", "update users set balance = balance + 1 where id = 1",
     "user 1: the balance is"},
    {"balance_negative", "update users set balance = -5 where id = 1", "user 1: the balance is"},
    {"last_sequence", "update users set last_sequence = 99 where id = 1",
     "user 1: the last sequence is 99"},
    {"entry_deleted", "delete from ledger_entries where id = {pay}", "does not exist"},
    {"entry_deleted_sequence", "delete from ledger_entries where id = {pay}", "has sequence"},
    {"entry_amount", "update ledger_entries set amount = amount - 1 where id = {pay}",
     "the amount is"},
    {"entry_balance_after",
     "update ledger_entries set balance_after = balance_after + 1 where id = {pay}",
     "leaves a balance of"},
    {"entry_of_nobody", "update ledger_entries set user_id = 999, sequence = 1 where id = {pay}",
     "user 999 does not exist"},
    {"entry_kind", "update ledger_entries set kind = 0 where id = {pay}", "is a CHARGE but"},
    {"entry_beyond_stream", "update streams set next = 1", "is not below the next of its stream"},
    {"entry_without_stream",
     "update ledger_entries set id = id + 2199023255552 * 7 where id = {pay}",
     "its stream 8 does not exist"},
    {"user_deleted", "delete from users where id = 1", "user 1 does not exist"},
    {"order_deleted", "delete from orders where id = {order}", "its order"},
    {"order_unpaid", "update orders set status = 0 where id = {order}", "is PENDING but"},
    {"order_cancelled", "update orders set status = 2 where id = {order}", "is CANCELLED but"},
    {"order_paid_by_hand", "update orders set status = 1 where status = 0",
     "is PAID but has no PAYMENT entry"},
    {"order_refunded_by_hand", "update orders set status = 3 where id = {order}",
     "is REFUNDED but has no REFUND entry"},
    {"order_forgot_entry", "update orders set payment_entry_id = null where id = {order}",
     "is PAID but has no PAYMENT entry"},
    {"order_total", "update orders set total = total + 1 where id = {order}", "the amount is"},
    {"order_of_another", "update orders set user_id = 2 where id = {order}", "but its order"},
    {"paid_twice",
     "insert into ledger_entries (id, user_id, sequence, order_id, kind, amount, balance_after, "
     "created_at) select id + 1000, 2, 2, order_id, kind, amount, 0, created_at "
     "from ledger_entries where id = {pay}",
     "is a PAYMENT of it that it does not know"},
    {"delivery_lost", "delete from deliveries where entry_id = {pay}", "is lost"},
    {"cursor_ahead", "update cursors set position = position + 1", "is lost"},
    {"cursor_behind", "update cursors set position = kept_from", "states: ahead of the cursor"},
    {"cursor_beyond", "update cursors set position = 1099511627776", "beyond the stream's end"},
    {"claim_deleted", "delete from claims", "is lost"},
    {"claim_deleted_retry", "delete from claims where first_entry is null",
     "is PENDING, but waits for no time"},
    {"claim_too_wide", "update claims set first_entry = {pay} where first_entry is not null",
     "states: claimed done"},
    {"claim_of_nobody", "update claims set subscriber_id = 77", "a claim names subscriber 77"},
    {"failed_without_reason", "update deliveries set last_error = null where status = 2",
     "is FAILED without a reason"},
    {"delivery_of_nothing", "update deliveries set entry_id = 12345 where entry_id = {pay}",
     "ledger entry 12345, which does not exist"},
    {"delivery_of_nobody", "update deliveries set subscriber_id = 77 where entry_id = {pay}",
     "a delivery names subscriber 77"},
    {"delivery_unwanted", "update subscribers set wants_payments = (1 = 0)",
     "which it does not want"},
};

class audit : public conformance {
 protected:
  // User 1 pays eight orders, one PENDING, one CANCELLED, one REFUNDED; user 2 is there. Of the
  // events, two are DELIVERED, one FAILED, one waits, two are claimed again, one is claimed, and
  // one is ahead.
  void SetUp() override {
    conformance::SetUp();
    const auto who = subscribe();
    const auto paid = paid_orders(8);
    new_user(5);
    new_order(paid[0].owner, 10);
    settle({cancel{new_order(paid[0].owner, 10).id}, refund{paid[7].id}});
    order_ = paid[0].id;
    entry_ = *paid[0].payment_entry;

    auto next = step(who, 1, 2);
    next.ended = {end_as(deliver(next).claims.at(0), delivery_status::delivered)};
    auto retried = deliver(next).claims.at(0);
    next.ended = {end_as(retried, delivery_status::pending, now_)};
    const auto again = deliver(next).claims.at(0);
    EXPECT_EQ(again.messages.size(), 2u);
    auto wide = step(who, 1, 2);
    wide.ended = {end_as(deliver(wide).claims.at(0), delivery_status::failed)};
    wide.ended[0].results[0].status = delivery_status::pending;
    wide.ended[0].results[0].next_attempt = now_ + std::chrono::hours{1};
    wide.messages_max = 1;
    EXPECT_EQ(deliver(wide).claims.size(), 1u);
  }

  void break_rule(std::string_view sql) {
    std::string text(sql);
    const auto put = [&](std::string_view name, std::int64_t value) {
      for (auto at = text.find(name); at != std::string::npos; at = text.find(name))
        text.replace(at, name.size(), std::to_string(value));
    };
    put("{pay}", entry_.value);
    put("{order}", order_.value);
    fresh_->raw(text);
  }

  order_id order_;
  entry_id entry_;
};

TEST_P(audit, a_shop_with_everything_in_it_is_clean) {
  EXPECT_THAT(breaches(), testing::IsEmpty());
}

TEST_P(audit, it_needs_no_lock_and_stops_no_one) {
  const auto beside = open("beside");
  std::int64_t lines = 0;
  EXPECT_EQ(must(beside->audit([&](std::string_view) { ++lines; })), 0);
  EXPECT_EQ(new_user(1).balance, won{1});
}

TEST_P(audit, every_breach_by_hand_is_found_and_named) {
  for (const auto& one : breaches_by_hand) {
    SCOPED_TRACE(one.name);
    lane_.reset();
    database_.reset();
    SetUp();
    break_rule(one.sql);
    const auto lines = breaches();
    EXPECT_THAT(lines, testing::Contains(testing::HasSubstr(std::string(one.says))));
    for (const auto& line : lines)
      EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(stores, audit, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
