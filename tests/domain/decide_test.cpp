// Goal: every rule of a payment, one test a rule.
// Method: small snapshots by hand; `decide` is pure, so the answer is compared whole.
#include "domain/decide.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

const instant early{std::chrono::milliseconds{1'000}};
const instant now{std::chrono::milliseconds{2'000}};

user make_user(std::int64_t id, std::int64_t balance) {
  return {.id = {id},
          .phone = "01012345678",
          .balance = {balance},
          .last_sequence = balance > 0 ? 1 : 0,
          .created_at = early};
}

order make_order(std::int64_t id, std::int64_t owner, std::int64_t total,
                 order_status status = order_status::pending) {
  return {.id = {id},
          .owner = {owner},
          .coupon = std::nullopt,
          .total = {total},
          .discount = {0},
          .status = status,
          .payment_entry = std::nullopt,
          .refund_entry = std::nullopt,
          .created_at = early,
          .updated_at = early};
}

snapshot make_snapshot(std::vector<order> orders, std::vector<user> users) {
  return {.orders = std::move(orders),
          .users = std::move(users),
          .first_entry = make_entry_id({1}, 100),
          .first_user = {50},
          .first_order = {60}};
}

decision run(std::vector<command> commands, std::vector<order> orders, std::vector<user> users) {
  return decide(commands, make_snapshot(std::move(orders), std::move(users)), now);
}

outcome refusal_of(refusal why, std::optional<order_status> status = std::nullopt) {
  return refused{why, status};
}

TEST(decide, a_payment_takes_the_final_amount_and_marks_the_order_paid) {
  order bought = make_order(1, 7, 12'000);
  bought.discount = {2'000};
  const decision result = run({pay{{1}, {7}}}, {bought}, {make_user(7, 50'000)});

  ASSERT_EQ(result.entries.size(), 1u);
  const ledger_entry& entry = result.entries.front();
  EXPECT_EQ(entry.id, make_entry_id({1}, 100));
  EXPECT_EQ(entry.kind, entry_kind::payment);
  EXPECT_EQ(entry.amount, won{-10'000});
  EXPECT_EQ(entry.balance_after, won{40'000});
  EXPECT_EQ(entry.sequence, 2);
  EXPECT_EQ(entry.order, order_id{1});
  EXPECT_EQ(entry.created_at, now);

  ASSERT_EQ(result.changed_orders.size(), 1u);
  const order& paid = result.changed_orders.front();
  EXPECT_EQ(paid.status, order_status::paid);
  EXPECT_EQ(paid.payment_entry, entry.id);
  EXPECT_EQ(paid.created_at, early);
  EXPECT_EQ(paid.updated_at, now);
  EXPECT_EQ(result.outcomes, std::vector<outcome>{paid});

  ASSERT_EQ(result.changed_users.size(), 1u);
  EXPECT_EQ(result.changed_users.front().balance, won{40'000});
  EXPECT_EQ(result.changed_users.front().last_sequence, 2);
}

TEST(decide, entries_of_orders_have_the_trace_of_their_own_request) {
  const auto traced = [](command what, std::uint8_t byte) {
    what.trace.id.fill(byte);
    return what;
  };
  const decision result = run({traced(pay{{1}, {7}}, 1), pay{{2}, {7}}, traced(refund{{1}}, 2),
                               traced(create_order{{7}, {10}, {0}, std::nullopt, true}, 3),
                               traced(charge{{7}, {5}}, 4)},
                              {make_order(1, 7, 10), make_order(2, 7, 10)}, {make_user(7, 100)});
  ASSERT_EQ(result.entries.size(), 5u);
  for (const auto& [entry, byte] : std::vector<std::pair<std::size_t, std::uint8_t>>{
           {0, 1}, {1, 0}, {2, 2}, {3, 3}, {4, 0}}) // nobody is told of a charge
    EXPECT_EQ(result.entries[entry].trace.id.back(), byte) << entry;
}

TEST(decide, an_unknown_order_is_not_found) {
  const decision result = run({pay{{1}, {7}}}, {}, {make_user(7, 50'000)});
  EXPECT_EQ(result.outcomes.front(), refusal_of(refusal::order_not_found));
  EXPECT_TRUE(result.entries.empty());
  EXPECT_TRUE(result.changed_users.empty());
}

TEST(decide, another_users_order_is_not_found_even_when_paid) {
  const decision result = run({pay{{1}, {8}}}, {make_order(1, 7, 1, order_status::paid)},
                              {make_user(7, 50'000), make_user(8, 50'000)});
  EXPECT_EQ(result.outcomes.front(), refusal_of(refusal::order_not_found));
}

TEST(decide, a_status_other_than_pending_comes_before_the_balance) {
  for (const order_status status :
       {order_status::paid, order_status::cancelled, order_status::refunded}) {
    const decision result =
        run({pay{{1}, {7}}}, {make_order(1, 7, 100, status)}, {make_user(7, 0)});
    EXPECT_EQ(result.outcomes.front(), refusal_of(refusal::order_not_payable, status));
    EXPECT_TRUE(result.changed_orders.empty());
  }
}

TEST(decide, a_missing_user_comes_before_the_balance) {
  const decision result = run({pay{{1}, {7}}}, {make_order(1, 7, 100)}, {});
  EXPECT_EQ(result.outcomes.front(), refusal_of(refusal::user_not_found));
}

TEST(decide, a_balance_of_one_won_less_does_not_suffice) {
  EXPECT_EQ(run({pay{{1}, {7}}}, {make_order(1, 7, 100)}, {make_user(7, 99)}).outcomes.front(),
            refusal_of(refusal::insufficient_balance));
  EXPECT_TRUE(std::holds_alternative<order>(
      run({pay{{1}, {7}}}, {make_order(1, 7, 100)}, {make_user(7, 100)}).outcomes.front()));
}

TEST(decide, an_order_of_nothing_is_paid_with_an_entry_of_nothing) {
  const decision result = run({pay{{1}, {7}}}, {make_order(1, 7, 0)}, {make_user(7, 0)});
  ASSERT_EQ(result.entries.size(), 1u);
  EXPECT_EQ(result.entries.front().amount, won{0});
  EXPECT_TRUE(std::holds_alternative<order>(result.outcomes.front()));
}

TEST(decide, the_same_order_twice_in_one_batch_is_paid_once) {
  const decision result =
      run({pay{{1}, {7}}, pay{{1}, {7}}}, {make_order(1, 7, 100)}, {make_user(7, 1'000)});
  EXPECT_TRUE(std::holds_alternative<order>(result.outcomes[0]));
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::order_not_payable, order_status::paid));
  EXPECT_EQ(result.entries.size(), 1u);
  EXPECT_EQ(result.changed_users.front().balance, won{900});
}

TEST(decide, a_later_smaller_payment_may_pass_where_an_earlier_one_did_not) {
  const decision result =
      run({pay{{1}, {7}}, pay{{2}, {7}}, pay{{3}, {7}}},
          {make_order(1, 7, 60), make_order(2, 7, 60), make_order(3, 7, 40)}, {make_user(7, 100)});
  EXPECT_TRUE(std::holds_alternative<order>(result.outcomes[0]));
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::insufficient_balance));
  EXPECT_TRUE(std::holds_alternative<order>(result.outcomes[2]));
  EXPECT_EQ(result.changed_users.front().balance, won{0});
  ASSERT_EQ(result.changed_orders.size(), 2u);
  EXPECT_EQ(result.changed_orders[0].id, order_id{1});
  EXPECT_EQ(result.changed_orders[1].id, order_id{3});
}

TEST(decide, a_cancelled_order_is_not_payable_and_a_paid_one_not_cancellable) {
  const decision result = run({cancel{{1}}, pay{{1}, {7}}, pay{{2}, {7}}, cancel{{2}}, cancel{{9}}},
                              {make_order(1, 7, 10), make_order(2, 7, 10)}, {make_user(7, 100)});
  EXPECT_EQ(std::get<order>(result.outcomes[0]).status, order_status::cancelled);
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::order_not_payable, order_status::cancelled));
  EXPECT_EQ(std::get<order>(result.outcomes[2]).status, order_status::paid);
  EXPECT_EQ(result.outcomes[3], refusal_of(refusal::order_not_cancellable, order_status::paid));
  EXPECT_EQ(result.outcomes[4], refusal_of(refusal::order_not_found));
}

TEST(decide, a_refund_gives_the_balance_back_once) {
  const decision result = run({pay{{1}, {7}}, refund{{1}}, refund{{1}}, pay{{1}, {7}}},
                              {make_order(1, 7, 100)}, {make_user(7, 100)});
  const order& refunded = std::get<order>(result.outcomes[1]);
  EXPECT_EQ(refunded.status, order_status::refunded);
  EXPECT_EQ(result.outcomes[2], refusal_of(refusal::order_not_refundable, order_status::refunded));
  EXPECT_EQ(result.outcomes[3], refusal_of(refusal::order_not_payable, order_status::refunded));
  ASSERT_EQ(result.entries.size(), 2u);
  EXPECT_EQ(refunded.payment_entry, result.entries[0].id);
  EXPECT_EQ(refunded.refund_entry, result.entries[1].id);
  EXPECT_EQ(result.changed_users.front().balance, won{100});
  EXPECT_EQ(result.changed_users.front().last_sequence, 3);
}

TEST(decide, refunds_in_parts_are_never_above_what_was_paid) {
  const decision result =
      run({pay{{1}, {7}}, refund{{1}, won{30}, "one came back"}, refund{{1}, won{71}, {}},
           refund{{1}, won{20}, {}}, refund{{1}}, refund{{1}, won{1}, {}}},
          {make_order(1, 7, 100)}, {make_user(7, 100)});
  const order& first = std::get<order>(result.outcomes[1]);
  EXPECT_EQ(first.status, order_status::paid);
  EXPECT_EQ(first.refunded, won{30});
  EXPECT_EQ(result.outcomes[2],
            (outcome{refused{refusal::order_not_refundable, order_status::paid, won{70}}}));
  EXPECT_EQ(std::get<order>(result.outcomes[3]).refunded, won{50});
  const order& last = std::get<order>(result.outcomes[4]);
  EXPECT_EQ(last.status, order_status::refunded);
  EXPECT_EQ(last.refunded, won{100});
  EXPECT_EQ(result.outcomes[5], refusal_of(refusal::order_not_refundable, order_status::refunded));
  ASSERT_EQ(result.entries.size(), 4u);
  EXPECT_EQ(result.entries[1].amount, won{30});
  EXPECT_EQ(result.entries[1].reason, "one came back");
  EXPECT_EQ(result.entries[1].refunded_after, won{30});
  EXPECT_EQ(result.entries[2].refunded_after, won{50});
  EXPECT_EQ(result.entries[3].amount, won{50});
  EXPECT_EQ(last.refund_entry, result.entries[3].id);
  EXPECT_EQ(result.changed_users.front().balance, won{100});
}

TEST(decide, a_withdrawal_takes_no_more_than_there_is) {
  const decision result = run({withdraw{{7}, {60}, "paid out"}, withdraw{{7}, {41}, {}},
                               withdraw{{7}, {40}, {}}, withdraw{{8}, {1}, {}}},
                              {}, {make_user(7, 100)});
  const auto& entry = std::get<ledger_entry>(result.outcomes[0]);
  EXPECT_EQ(entry.kind, entry_kind::withdrawal);
  EXPECT_EQ(entry.amount, won{-60});
  EXPECT_EQ(entry.balance_after, won{40});
  EXPECT_EQ(entry.reason, "paid out");
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::insufficient_balance));
  EXPECT_EQ(result.changed_users.front().balance, won{0});
  EXPECT_EQ(result.outcomes[3], refusal_of(refusal::user_not_found));
}

TEST(decide, a_pending_order_is_not_refundable) {
  const decision result = run({refund{{1}}, refund{{2}}}, {make_order(1, 7, 5)}, {make_user(7, 5)});
  EXPECT_EQ(result.outcomes[0], refusal_of(refusal::order_not_refundable, order_status::pending));
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::order_not_found));
}

TEST(decide, a_refund_past_the_largest_balance_is_refused) {
  order paid = make_order(1, 7, 10, order_status::paid);
  paid.payment_entry = make_entry_id({1}, 5);
  const decision result = run({refund{{1}}}, {paid}, {make_user(7, won_max.value - 9)});
  EXPECT_EQ(result.outcomes.front(), refusal_of(refusal::balance_limit));
  EXPECT_TRUE(result.changed_orders.empty());
}

TEST(decide, a_charge_adds_to_the_balance_up_to_its_limit) {
  const decision result =
      run({charge{{7}, {won_max.value - 100}}, charge{{7}, {1}}, charge{{8}, {1}}}, {},
          {make_user(7, 100)});
  EXPECT_EQ(std::get<ledger_entry>(result.outcomes[0]).balance_after, won_max);
  EXPECT_EQ(std::get<ledger_entry>(result.outcomes[0]).kind, entry_kind::charge);
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::balance_limit));
  EXPECT_EQ(result.outcomes[2], refusal_of(refusal::user_not_found));
  EXPECT_EQ(result.entries.size(), 1u);
}

TEST(decide, a_charge_pays_for_the_payment_behind_it) {
  const decision result = run({pay{{1}, {7}}, charge{{7}, {100}}, pay{{1}, {7}}},
                              {make_order(1, 7, 100)}, {make_user(7, 0)});
  EXPECT_EQ(result.outcomes[0], refusal_of(refusal::insufficient_balance));
  EXPECT_TRUE(std::holds_alternative<order>(result.outcomes[2]));
}

TEST(decide, a_created_user_gets_the_next_id_and_its_balance_as_a_charge) {
  const decision result =
      run({create_user{"01011112222", {500}}, create_user{"01033334444", {0}}}, {}, {});
  const user& rich = std::get<user>(result.outcomes[0]);
  const user& poor = std::get<user>(result.outcomes[1]);
  EXPECT_EQ(rich.id, user_id{50});
  EXPECT_EQ(rich.balance, won{500});
  EXPECT_EQ(rich.last_sequence, 1);
  EXPECT_EQ(poor.id, user_id{51});
  EXPECT_EQ(poor.last_sequence, 0);
  ASSERT_EQ(result.entries.size(), 1u);
  EXPECT_EQ(result.entries.front().user, rich.id);
  EXPECT_EQ(result.new_users, (std::vector<user>{rich, poor}));
  EXPECT_TRUE(result.changed_users.empty());
}

TEST(decide, an_order_is_created_for_a_known_user_only) {
  const decision result =
      run({create_order{{9}, {10}, {0}, std::nullopt}, create_order{{7}, {10}, {4}, coupon_id{3}}},
          {}, {make_user(7, 0)});
  EXPECT_EQ(result.outcomes[0], refusal_of(refusal::user_not_found));
  const order& created = std::get<order>(result.outcomes[1]);
  EXPECT_EQ(created.id, order_id{60});
  EXPECT_EQ(created.final_amount(), won{6});
  EXPECT_EQ(created.coupon, coupon_id{3});
  EXPECT_EQ(created.status, order_status::pending);
  EXPECT_EQ(result.new_orders, std::vector<order>{created});
}

TEST(decide, the_ids_of_a_batch_are_sorted_and_named_once) {
  const std::vector<command> batch = {pay{{5}, {2}},
                                      pay{{3}, {2}},
                                      charge{{1}, {1}},
                                      cancel{{5}},
                                      refund{{4}},
                                      create_user{"", {}},
                                      create_order{{9}, {}, {}, std::nullopt}};
  const named_ids named = ids_named_by(batch);
  EXPECT_EQ(named.orders, (std::vector<order_id>{{3}, {4}, {5}}));
  EXPECT_EQ(named.users, (std::vector<user_id>{{1}, {2}, {9}}));
  EXPECT_EQ(named.creates_users, 1);
  EXPECT_EQ(named.creates_orders, 1);
}

command under(std::uint8_t key, action what, std::int64_t body = 0) {
  command made = std::move(what);
  made.key.emplace();
  made.key->digest.back() = key;
  made.key->body = body;
  return made;
}

TEST(decide, a_command_repeated_under_its_key_is_given_its_first_success) {
  const decision result = run({under(1, charge{{7}, {5}}), under(1, charge{{7}, {5}}),
                               under(2, charge{{7}, {5}}), charge{{7}, {5}}},
                              {}, {make_user(7, 100)});
  ASSERT_EQ(result.entries.size(), 3u);
  EXPECT_EQ(result.outcomes[0], outcome{result.entries[0]});
  EXPECT_EQ(result.outcomes[1], outcome{replayed{result.entries[0]}});
  EXPECT_EQ(result.outcomes[2], outcome{result.entries[1]});
  EXPECT_EQ(result.changed_users.front().balance, won{115});
  ASSERT_EQ(result.new_kept.size(), 2u);
  EXPECT_EQ(result.new_kept[0].what, success{result.entries[0]});
  EXPECT_EQ(result.new_kept[0].key.digest.back(), 1);
  EXPECT_EQ(result.new_kept[1].key.digest.back(), 2);
}

TEST(decide, a_success_of_an_earlier_batch_is_given_again) {
  const command again = under(1, charge{{7}, {5}});
  ledger_entry earlier;
  earlier.id = {99};
  snapshot state = make_snapshot({}, {make_user(7, 100)});
  state.kept.push_back({*again.key, earlier});
  const decision result = decide(std::vector{again}, std::move(state), now);
  EXPECT_EQ(result.outcomes.front(), outcome{replayed{earlier}});
  EXPECT_TRUE(result.entries.empty());
  EXPECT_TRUE(result.new_kept.empty());
}

TEST(decide, a_payments_key_is_kept_in_its_order_and_gives_the_answer_of_then) {
  const command payment = under(1, pay{{1}, {7}});
  const decision paid = run({payment}, {make_order(1, 7, 100)}, {make_user(7, 100)});
  const order then = std::get<order>(paid.outcomes.front());
  EXPECT_EQ(then.paid_under, (payment_key{*payment.key, now}));
  EXPECT_EQ(paid.changed_orders.front(), then);
  EXPECT_TRUE(paid.new_kept.empty());
  order refunded = then;
  refunded.status = order_status::refunded;
  refunded.refunded = {100};
  refunded.refund_entry = entry_id{200};
  refunded.updated_at = now + std::chrono::hours{1};
  const decision again = run({payment, under(1, pay{{1}, {7}}, 5), under(2, pay{{1}, {7}})},
                             {refunded}, {make_user(7, 100)});
  EXPECT_EQ(again.outcomes[0], outcome{replayed{then}});
  EXPECT_EQ(again.outcomes[1], refusal_of(refusal::key_reused));
  EXPECT_EQ(again.outcomes[2], refusal_of(refusal::order_not_payable, order_status::refunded));
  EXPECT_TRUE(again.changed_orders.empty());
}

TEST(decide, a_key_that_came_with_another_body_is_refused) {
  const decision result =
      run({under(1, charge{{7}, {5}}, 10), under(1, charge{{7}, {6}}, 11)}, {}, {make_user(7, 1)});
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::key_reused));
  EXPECT_EQ(result.entries.size(), 1u);
}

TEST(decide, a_refusal_is_not_kept_and_decided_anew_under_the_same_key) {
  const command payment = under(1, pay{{1}, {7}});
  const decision result = run({payment, charge{{7}, {100}}, payment, payment},
                              {make_order(1, 7, 100)}, {make_user(7, 0)});
  EXPECT_EQ(result.outcomes[0], refusal_of(refusal::insufficient_balance));
  ASSERT_TRUE(std::holds_alternative<order>(result.outcomes[2]));
  EXPECT_EQ(result.outcomes[3], outcome{replayed{std::get<order>(result.outcomes[2])}});
}

TEST(decide, the_keys_of_a_batch_are_named_once_and_sorted) {
  const std::vector<command> batch{under(9, charge{{7}, {5}}), under(3, charge{{7}, {5}}),
                                   under(9, charge{{7}, {5}})};
  const named_ids named = ids_named_by(batch);
  ASSERT_EQ(named.keys.size(), 2u);
  EXPECT_EQ(named.keys[0].digest.back(), 3);
  EXPECT_EQ(named.keys[1].digest.back(), 9);
}

TEST(decide, an_order_that_pays_at_once_is_created_and_paid_or_neither) {
  const create_order paid_at_once{{7}, {100}, {30}, std::nullopt, true};
  const decision result =
      run({paid_at_once, paid_at_once}, {}, {make_user(7, 100)}); // the second one lacks 40
  ASSERT_EQ(result.new_orders.size(), 1u);
  const order& made = result.new_orders.front();
  EXPECT_EQ(made.status, order_status::paid);
  ASSERT_EQ(result.entries.size(), 1u);
  EXPECT_EQ(made.payment_entry, result.entries.front().id);
  EXPECT_EQ(result.entries.front().order, made.id);
  EXPECT_EQ(result.entries.front().amount, won{-70});
  EXPECT_EQ(result.outcomes[0], outcome{made});
  EXPECT_EQ(result.outcomes[1], refusal_of(refusal::insufficient_balance));
  EXPECT_TRUE(result.changed_orders.empty());
  EXPECT_EQ(result.changed_users.front().balance, won{30});
}

} // namespace
} // namespace paymentd
