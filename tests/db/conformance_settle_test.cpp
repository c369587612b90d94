// Goal: every store settles, reads and keeps what the port says. Method: commands go in, outcomes
// and what is read back are compared with the rules, and the audit has to stay clean.
#include "tests/db/conformance.hpp"

namespace paymentd::db {
namespace {

class settling : public conformance {
  void TearDown() override { EXPECT_THAT(breaches(), testing::IsEmpty()); }
};

TEST_P(settling, a_created_user_is_read_back_with_the_first_charge) {
  const auto made = new_user(500);
  EXPECT_EQ(made.balance, won{500});
  EXPECT_EQ(made.last_sequence, 1);
  EXPECT_EQ(made.created_at, now_);
  EXPECT_EQ(read<user>(get_user{made.id}), made);
}

TEST_P(settling, a_created_order_is_read_back) {
  const auto owner = new_user(0);
  const auto made = settle_one<order>(create_order{owner.id, {12'000}, {2'000}, coupon_id{7}});
  EXPECT_EQ(made.status, order_status::pending);
  EXPECT_EQ(made.final_amount(), won{10'000});
  EXPECT_EQ(made.coupon, coupon_id{7});
  EXPECT_EQ(read<order>(get_order{made.id}), made);
}

TEST_P(settling, a_payment_takes_the_final_amount_once) {
  const auto owner = new_user(15'000);
  const auto made = new_order(owner.id, 12'000, 2'000);
  now_ += std::chrono::milliseconds{5};
  const auto paid = settle_one<order>(pay{made.id, owner.id});
  EXPECT_EQ(paid.status, order_status::paid);
  EXPECT_EQ(paid.updated_at, now_);
  ASSERT_TRUE(paid.payment_entry);
  EXPECT_EQ(stream_of(*paid.payment_entry), lane_->lease().stream);
  EXPECT_EQ(read<order>(get_order{made.id}), paid);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{5'000});
  EXPECT_EQ(settle_one<refused>(pay{made.id, owner.id}),
            (refused{refusal::order_not_payable, order_status::paid}));
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{5'000});
}

TEST_P(settling, refunds_in_parts_add_up_and_are_kept_with_their_reasons) {
  const auto owner = new_user(100);
  const auto bought = new_order(owner.id, 100);
  settle({pay{bought.id, owner.id}});
  // A part together with charges, which have no more than a payment has.
  const auto outcomes = settle({refund{bought.id, won{30}, "하나 반품"}, charge{owner.id, {1}},
                                charge{owner.id, {1}, "a gift"}});
  const auto part = std::get<order>(outcomes[0]);
  EXPECT_EQ(part.status, order_status::paid);
  EXPECT_EQ(part.refunded, won{30});
  EXPECT_EQ(read<order>(get_order{bought.id}), part);
  EXPECT_EQ(std::get<ledger_entry>(outcomes[2]).reason, "a gift");
  EXPECT_THAT(breaches(), testing::IsEmpty());
  EXPECT_EQ(settle_one<refused>(refund{bought.id, won{71}, {}}),
            (refused{refusal::order_not_refundable, order_status::paid, won{70}}));
  const auto rest = settle_one<order>(refund{bought.id});
  EXPECT_EQ(rest.status, order_status::refunded);
  EXPECT_EQ(rest.refunded, won{100});
  EXPECT_EQ(read<order>(get_order{bought.id}), rest);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{102});
}

TEST_P(settling, what_becomes_of_an_order_in_the_batch_that_creates_it_is_stored) {
  const auto owner = new_user(1000);
  const auto before = new_order(owner.id, 1);
  // Ids are guessed: those that the batch will give.
  const order_id first{before.id.value + 1};
  const order_id second{before.id.value + 2};
  command keyed = pay{second, owner.id};
  keyed.key.emplace().body = 7;
  const auto outcomes =
      settle({create_order{owner.id, {100}, {0}, std::nullopt, true}, refund{first, won{99}, {}},
              create_order{owner.id, {10}, {0}, std::nullopt}, keyed});
  const auto refunded = std::get<order>(outcomes[1]);
  EXPECT_EQ(refunded.refunded, won{99});
  EXPECT_EQ(read<order>(get_order{first}), refunded);
  EXPECT_EQ(read<order>(get_order{second}), std::get<order>(outcomes[3]));
  EXPECT_EQ(settle_one<refused>(refund{first, won{2}, {}}).refundable, won{1});
  EXPECT_EQ(settle_one<replayed>(keyed).what, success{std::get<order>(outcomes[3])});
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{1000 - 100 + 99 - 10});
}

TEST_P(settling, what_a_user_has_is_listed_newest_first_whatever_is_added_meanwhile) {
  const auto owner = new_user(1000);
  new_order(new_user(5).id, 1); // another's
  std::vector<order> made;
  for (int n = 0; n < 5; ++n)
    made.push_back(new_order(owner.id, 100));
  const auto paid = settle_one<order>(pay{made[1].id, owner.id});
  settle({refund{paid.id, won{30}, "a part"}});
  made[1] = read<order>(get_order{paid.id});
  const auto orders_below = [&](list_below below) {
    return read<order_page>(list_orders{.user = owner.id, .limit = 2, .below = below});
  };
  const auto first = orders_below({});
  EXPECT_EQ(first, (order_page{{made[4], made[3]}, list_below{made[3].id.value}}));
  new_order(owner.id, 7);
  const auto second = orders_below(*first.next);
  EXPECT_EQ(second, (order_page{{made[2], made[1]}, list_below{made[1].id.value}}));
  EXPECT_EQ(orders_below(*second.next), (order_page{{made[0]}, std::nullopt}));
  EXPECT_EQ(orders_below({made[0].id.value}), order_page{});

  auto entries = read<entry_page>(list_entries{.user = owner.id, .limit = 2});
  ASSERT_EQ(entries.items.size(), 2u);
  ASSERT_TRUE(entries.next);
  EXPECT_EQ(entries.items[0].kind, entry_kind::refund);
  EXPECT_EQ(entries.items[0].reason, "a part");
  EXPECT_EQ(entries.items[0].refunded_after, won{30});
  EXPECT_EQ(entries.items[1].id, *paid.payment_entry);
  entries = read<entry_page>(list_entries{.user = owner.id, .limit = 2, .below = *entries.next});
  ASSERT_EQ(entries.items.size(), 1u);
  EXPECT_FALSE(entries.next);
  EXPECT_EQ(entries.items[0].balance_after, won{1000});
  read<not_found>(list_orders{.user = user_id{77}});
  read<not_found>(list_entries{.user = user_id{77}});
}

TEST_P(settling, a_withdrawal_takes_no_more_than_there_is) {
  const auto owner = new_user(100);
  const auto taken = settle_one<ledger_entry>(withdraw{owner.id, {60}, "paid out"});
  EXPECT_EQ(taken.kind, entry_kind::withdrawal);
  EXPECT_EQ(taken.balance_after, won{40});
  EXPECT_EQ(settle_one<refused>(withdraw{owner.id, {41}, {}}).why, refusal::insufficient_balance);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{40});
}

TEST_P(settling, an_order_that_pays_at_once_is_created_and_paid_or_neither) {
  const auto owner = new_user(100);
  const create_order asked{owner.id, {100}, {30}, std::nullopt, true};
  const auto outcomes = settle({asked, asked});
  const auto paid = std::get<order>(outcomes[0]);
  EXPECT_EQ(paid.status, order_status::paid);
  EXPECT_EQ(read<order>(get_order{paid.id}), paid);
  EXPECT_EQ(std::get<refused>(outcomes[1]).why, refusal::insufficient_balance);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{30});
  EXPECT_EQ(settle_one<order>(refund{paid.id}).status, order_status::refunded);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{100});
}

TEST_P(settling, a_charge_gives_its_ledger_entry) {
  const auto owner = new_user(10);
  const auto entry = settle_one<ledger_entry>(charge{owner.id, {90}});
  EXPECT_EQ(entry.user, owner.id);
  EXPECT_EQ(entry.sequence, 2);
  EXPECT_EQ(entry.kind, entry_kind::charge);
  EXPECT_EQ(entry.amount, won{90});
  EXPECT_EQ(entry.balance_after, won{100});
}

TEST_P(settling, a_batch_is_decided_in_its_order) {
  const auto owner = new_user(100);
  const auto large = new_order(owner.id, 150);
  const auto small = new_order(owner.id, 60);
  const auto outcomes =
      settle({pay{large.id, owner.id}, pay{small.id, owner.id}, charge{owner.id, {200}},
              pay{large.id, owner.id}, pay{large.id, owner.id}});
  EXPECT_EQ(std::get<refused>(outcomes[0]).why, refusal::insufficient_balance);
  EXPECT_EQ(std::get<order>(outcomes[1]).status, order_status::paid);
  EXPECT_EQ(std::get<ledger_entry>(outcomes[2]).balance_after, won{240});
  EXPECT_EQ(std::get<order>(outcomes[3]).status, order_status::paid);
  EXPECT_EQ(std::get<refused>(outcomes[4]).why, refusal::order_not_payable);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{90});
}

TEST_P(settling, a_refund_gives_back_though_it_names_no_user) {
  const auto owner = new_user(100);
  const auto made = new_order(owner.id, 70);
  settle({pay{made.id, owner.id}});
  const auto refunded = settle_one<order>(refund{made.id});
  EXPECT_EQ(refunded.status, order_status::refunded);
  EXPECT_TRUE(refunded.refund_entry);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{100});
  EXPECT_EQ(read<user>(get_user{owner.id}).last_sequence, 3);
}

TEST_P(settling, a_cancelled_order_cannot_be_paid) {
  const auto owner = new_user(100);
  const auto made = new_order(owner.id, 70);
  EXPECT_EQ(settle_one<order>(cancel{made.id}).status, order_status::cancelled);
  EXPECT_EQ(settle_one<refused>(pay{made.id, owner.id}).status, order_status::cancelled);
}

TEST_P(settling, what_does_not_exist_is_refused) {
  const auto owner = new_user(100);
  const auto other = new_user(100);
  const auto made = new_order(owner.id, 70);
  const auto outcomes =
      settle({pay{{9999}, owner.id}, pay{made.id, other.id}, charge{{9999}, {1}},
              create_order{{9999}, {1}, {0}, std::nullopt}, refund{{9999}}, cancel{{9999}}});
  EXPECT_EQ(std::get<refused>(outcomes[0]).why, refusal::order_not_found);
  EXPECT_EQ(std::get<refused>(outcomes[1]).why, refusal::order_not_found);
  EXPECT_EQ(std::get<refused>(outcomes[2]).why, refusal::user_not_found);
  EXPECT_EQ(std::get<refused>(outcomes[3]).why, refusal::user_not_found);
  EXPECT_EQ(std::get<refused>(outcomes[4]).why, refusal::order_not_found);
  EXPECT_EQ(std::get<refused>(outcomes[5]).why, refusal::order_not_found);
  EXPECT_EQ(read<order>(get_order{made.id}), made);
}

TEST_P(settling, ids_are_given_once_also_within_one_batch) {
  const auto first = settle({create_user{"01011111111", {0}}, create_user{"01022222222", {0}}});
  const auto second = settle({create_user{"01033333333", {0}}});
  const auto id = [](const outcome& one) { return std::get<user>(one).id; };
  EXPECT_NE(id(first[0]), id(first[1]));
  EXPECT_GT(id(second[0]), std::max(id(first[0]), id(first[1])));
  EXPECT_EQ(read<user>(get_user{id(first[1])}).phone, "01022222222");
}

TEST_P(settling, an_empty_batch_only_renews) {
  EXPECT_THAT(settle({}), testing::IsEmpty());
}

TEST_P(settling, the_largest_amounts_are_kept) {
  const auto owner = new_user(won_max.value);
  EXPECT_EQ(settle_one<refused>(charge{owner.id, {1}}).why, refusal::balance_limit);
  const auto made = new_order(owner.id, won_max.value);
  EXPECT_EQ(settle_one<order>(pay{made.id, owner.id}).total, won_max);
  EXPECT_EQ(read<user>(get_user{owner.id}).balance, won{0});
}

TEST_P(settling, answers_come_in_the_order_of_the_queries) {
  const auto owner = new_user(100);
  const auto made = new_order(owner.id, 70);
  const auto reader = must(database_->connect_reader());
  const std::vector<query> queries{get_order{made.id}, get_user{{777}}, get_user{owner.id},
                                   get_order{{777}}, get_order{made.id}};
  EXPECT_THAT(must(reader->read(queries)),
              testing::ElementsAre(answer{made}, answer{not_found{}}, answer{owner},
                                   answer{not_found{}}, answer{made}));
}

TEST_P(settling, a_reader_sees_what_was_just_committed) {
  const auto reader = must(database_->connect_reader());
  const auto owner = new_user(100);
  const std::vector<query> queries{get_user{owner.id}};
  EXPECT_EQ(std::get<user>(must(reader->read(queries)).at(0)), owner);
}

TEST_P(settling, everything_is_there_after_a_restart) {
  const auto paid = paid_orders(5);
  reopen();
  for (const auto& one : paid)
    EXPECT_EQ(read<order>(get_order{one.id}), one);
  const auto owner = read<user>(get_user{paid[0].owner});
  EXPECT_EQ(owner.balance, won{999'500});
  EXPECT_GT(new_user(0).id, owner.id);
}

TEST_P(settling, each_epoch_begins_far_above_the_numbers_of_the_one_before) {
  const auto owner = new_user(0);
  const auto before = settle_one<ledger_entry>(charge{owner.id, {1}});
  const auto ended = lane_->lease();
  EXPECT_EQ(must(lane_->resolve(now_)), std::nullopt);
  EXPECT_EQ(lane_->lease().stream, ended.stream);
  EXPECT_GT(lane_->lease().epoch, ended.epoch);
  const auto after = settle_one<ledger_entry>(charge{owner.id, {1}});
  EXPECT_GT(number_of(after.id), number_of(before.id) + 10'000);
}

TEST_P(settling, an_epoch_that_took_no_number_is_left_behind_as_well) {
  must(lane_->resolve(now_));
  must(lane_->resolve(now_));
  const auto owner = new_user(1);
  EXPECT_EQ(owner.last_sequence, 1);
}

TEST_P(settling, a_seeded_shop_can_be_paid_in) {
  lane_.reset();
  must(database_->seed(
      {.users = 30, .orders = 100, .spread = 7, .balance = {1'000}, .amount = {10}}, now_));
  reopen();
  const auto made = read<order>(get_order{{100}});
  EXPECT_EQ(made.owner, user_id{1 + 100 % 7});
  EXPECT_EQ(made.total, won{10});
  EXPECT_TRUE(valid_phone(read<user>(get_user{{30}}).phone));
  EXPECT_EQ(settle_one<order>(pay{made.id, made.owner}).status, order_status::paid);
  EXPECT_EQ(read<user>(get_user{made.owner}).balance, won{990});
  EXPECT_EQ(new_user(0).id, user_id{31});
}

TEST_P(settling, only_an_empty_database_is_seeded) {
  new_user(1);
  EXPECT_EQ(kind_of(database_->seed(
                {.users = 1, .orders = 1, .spread = 0, .balance = {}, .amount = {}}, now_)),
            error_kind::broken);
}

TEST_P(settling, migrating_again_applies_nothing) {
  EXPECT_EQ(must(database_->migrate(now_)), 0);
  EXPECT_TRUE(database_->check_schema());
}

INSTANTIATE_TEST_SUITE_P(stores, settling, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
