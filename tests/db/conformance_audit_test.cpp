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
    {"entry_balance_negative", "update ledger_entries set balance_after = -1 where id = {pay}",
     "leaves a negative balance"},
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
    {"order_refunded_too_little", "update orders set refunded = refunded - 1 where status = 3",
     "are refunded"},
    {"order_refunded_unsaid", "update orders set refunded = 1 where id = {order}",
     "is PAID but has no REFUND entry"},
    {"refund_tells_another_sum",
     "update ledger_entries set refunded_after = refunded_after - 1 where kind = 2",
     "its refunds sum to"},
    {"entry_kind_withdrawal", "update ledger_entries set kind = 3 where id = {pay}",
     "is a WITHDRAWAL but"},
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
    {"delivery_status",
     "update deliveries set status = 7, next_attempt_at = null "
     "where entry_id = {pay}",
     "is in no known status: 7"},
    {"delivered_with_a_next_try",
     "update deliveries set next_attempt_at = updated_at "
     "where status = 1",
     "is not PENDING, but has a next try"},
    {"arrival_of_a_failed_one",
     "update deliveries set delivered_at = updated_at "
     "where status = 2",
     "is not DELIVERED, but has the time of its arrival"},
    {"delivery_attempts", "update deliveries set attempts = -1 where entry_id = {pay}",
     "has -1 attempts"},
    {"claim_tries", "update claims set tries = '{}'", "its tries are no list of at most 10"},
    {"delivery_tries", "update deliveries set tries = '{}' where entry_id = {pay}", "are no list"},
    {"delivery_channel", "update deliveries set channel = 9 where entry_id = {pay}",
     "came by no known channel: 9"},
    {"claim_in_a_wrong_stream",
     "update claims set stream_id = stream_id + 1 "
     "where first_entry is not null",
     "but holds ledger entry"},
    {"claim_over_nothing",
     "update claims set first_entry = last_entry + 1000, "
     "last_entry = last_entry + 1001 where first_entry is not null",
     "holds nothing that it wants"},
    {"claim_generation", "update claims set generation = 0", "its generation is 0"},
    {"results_mark_of_nobody", "update result_marks set subscriber_id = 77",
     "a results mark names subscriber 77"},
    {"no_instance", "update meta set value = 'SHOP' where name = 'instance'",
     "the instance of the database is 'SHOP'"},
    {"instance_deleted", "delete from meta where name = 'instance'", "has 0 instances"},
    {"entry_amount_beyond_all",
     "update ledger_entries set amount = 9223372036854775807 where id = {pay}", "the amount is"},
    {"stream_epoch", "update streams set epoch = 0", "its epoch is 0"},
    {"phone", "update users set phone = '12' where id = 1", "user 1: the phone is none"},
    {"subscriber_name", "update subscribers set name = 'A B'", "is called 'A B'"},
    {"former_kinds_of_nobody",
     "insert into former_kinds select 77, s.id, 1, b.wants_payments, b.wants_refunds "
     "from subscribers b cross join streams s",
     "a former kind names subscriber 77"},
    {"former_kinds_beyond",
     "insert into former_kinds select b.id, s.id, s.next, b.wants_payments, b.wants_refunds "
     "from subscribers b cross join streams s",
     "beyond the stream's end"},
    {"former_kinds_by_hand",
     "insert into former_kinds select b.id, s.id, s.next - 1, 1 = 0, 1 = 0 "
     "from subscribers b cross join streams s",
     "which it does not want"},
    {"claim_over_what_former_kinds_do_not_have",
     "insert into former_kinds select b.id, s.id, s.next - 1, 1 = 0, 1 = 0 "
     "from subscribers b cross join streams s",
     "holds nothing that it wants"},
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
    settle({cancel{new_order(paid[0].owner, 10).id}, refund{paid[7].id, won{1}, "a part"},
            refund{paid[7].id}});
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
    using std::chrono::minutes;
    must(deliverer().begin_results({.subscriber = "alimtalk",
                                    .to = now_,
                                    .span_min = minutes{1},
                                    .span_max = minutes{5},
                                    .lease = minutes{1}},
                                   now_));
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
  EXPECT_EQ(must(beside->audit([&](std::string_view) { ++lines; })).breaches, 0);
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

TEST_P(audit, results_that_are_read_from_a_time_in_the_future_are_found) {
  const bool on_postgres = std::string_view(GetParam().name) == "postgres";
  break_rule(std::string("update result_marks set read_until = ") +
             (on_postgres ? "clock_timestamp() + interval '3 days'" : "4102444800000"));
  EXPECT_THAT(breaches(), testing::Contains(testing::HasSubstr("a time in the future")));
}

TEST_P(audit, a_delivery_in_an_unknown_status_is_listed_and_spoils_no_page) {
  break_rule("update deliveries set status = 7, next_attempt_at = null where entry_id = {pay}");
  const auto page = read<delivery_page>(list_deliveries{.limit = 100});
  EXPECT_THAT(page.items, testing::Contains(testing::Field(
                              &delivery::last_error, testing::HasSubstr("unknown status 7"))));
}

TEST_P(audit, what_is_done_is_not_sent_again_for_a_next_try_that_was_put_there) {
  break_rule("update deliveries set next_attempt_at = updated_at where status <> 0");
  auto next = step(subscribe(), 4);
  for (const auto& each : deliver(next).claims)
    for (const auto& one : each.messages)
      EXPECT_NE(one.event.entry, entry_);
}

TEST_P(audit, a_time_that_a_hand_has_changed_is_found) {
  using testing::Contains;
  using testing::HasSubstr;
  const bool sqlite = GetParam().name == "sqlite";
  break_rule(std::string("update ledger_entries set created_at = created_at + ") +
             (sqlite ? "1" : "interval '1 millisecond'") + " where id = {pay}");
  EXPECT_THAT(breaches(), Contains(HasSubstr("lists by time do not find it")));
  break_rule(sqlite ? "update entry_times set last_entry = last_entry + 9"
                    : "update ledger_entries set batch_last = id + 9 where batch_last is not null");
  EXPECT_THAT(breaches(), Contains(HasSubstr("is noted twice")));
}

INSTANTIATE_TEST_SUITE_P(stores, audit, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
