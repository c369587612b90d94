// Goal: a claim is repeated only whole, under keys that are never used twice, and ended only by
// results that are exactly its own. Method: every wrong result is offered; nothing may have
// changed.
#include "tests/db/conformance.hpp"

#include <set>

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class claims : public conformance {
 protected:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  claim open(int messages) {
    paid_orders(messages);
    return deliver(step(who_, 1)).claims.at(0);
  }
  void expect_broken(const ended_claim& ended) {
    auto wrong = step(who_, 1);
    wrong.ended = {ended};
    EXPECT_EQ(kind_of(deliverer().deliver(wrong, now_)), error_kind::broken);
    EXPECT_THAT(open_claims(who_), SizeIs(1));
  }

  subscriber_id who_;
};

TEST_P(claims, a_key_names_the_database_the_claim_and_its_generation) {
  const auto opened = open(1);
  EXPECT_THAT(opened.key, testing::MatchesRegex("[a-z0-9.-]+"));
  EXPECT_LE(opened.key.size(), 64u);
  EXPECT_THAT(opened.key, testing::EndsWith("-" + std::to_string(opened.id.value) + ".1"));
}

TEST_P(claims, a_regenerated_claim_has_a_new_key_and_the_same_messages) {
  const auto opened = open(3);
  now_ += std::chrono::seconds{1};
  auto next = step(who_);
  next.regenerate = {opened.id};
  const auto again = deliver(next).claims.at(0);
  EXPECT_EQ(again.id, opened.id);
  EXPECT_EQ(again.generation, 2);
  EXPECT_NE(again.key, opened.key);
  EXPECT_EQ(again.since, now_);
  EXPECT_EQ(entries_of(again), entries_of(opened));
  EXPECT_EQ(open_claims(who_).at(0).key, again.key);
}

TEST_P(claims, a_split_claim_becomes_its_two_halves) {
  const auto opened = open(5);
  auto next = step(who_);
  next.split = {opened.id};
  const auto halves = deliver(next).claims;
  ASSERT_THAT(halves, SizeIs(2));
  const auto all = entries_of(opened);
  EXPECT_THAT(entries_of(halves[0]), ElementsAre(all[0], all[1]));
  EXPECT_THAT(entries_of(halves[1]), ElementsAre(all[2], all[3], all[4]));
  const auto found = open_claims(who_);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(entries_of(found[0]), entries_of(halves[0]));
  EXPECT_EQ(entries_of(found[1]), entries_of(halves[1]));
  EXPECT_THAT((std::set{opened.key, halves[0].key, halves[1].key}), SizeIs(3));
  auto last = step(who_);
  last.ended = {end_as(halves[0], delivery_status::delivered),
                end_as(halves[1], delivery_status::failed)};
  deliver(last);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(claims, a_split_retry_becomes_its_two_halves) {
  auto next = step(who_, 1);
  next.ended = {end_as(open(3), delivery_status::pending, now_)};
  const auto retried = deliver(next).claims.at(0);
  auto split = step(who_);
  split.split = {retried.id};
  const auto halves = deliver(split).claims;
  ASSERT_THAT(halves, SizeIs(2));
  EXPECT_THAT(halves[0].messages, SizeIs(1));
  EXPECT_THAT(halves[1].messages, SizeIs(2));
  EXPECT_EQ(halves[1].messages[1].attempts, 1);
}

TEST_P(claims, retries_that_a_hand_has_put_out_of_order_are_a_claim_all_the_same) {
  auto next = step(who_, 1);
  next.ended = {end_as(open(3), delivery_status::pending, now_)};
  const auto retried = deliver(next).claims.at(0);
  std::string list;
  for (const std::size_t i : {2, 0, 1})
    list += (list.empty() ? "" : ",") + std::to_string(retried.messages[i].event.entry.value);
  const bool is_sqlite = std::string_view(GetParam().name) == "sqlite";
  fresh_->raw("update claims set retries = " +
              (is_sqlite ? "'[" + list + "]'" : "'{" + list + "}'"));
  reopen();
  const auto found = open_claims(who_);
  ASSERT_THAT(found, SizeIs(1));
  auto end = step(who_);
  end.ended = {end_as(found[0], delivery_status::delivered)};
  deliver(end);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(claims, a_claim_of_one_message_cannot_be_split) {
  auto next = step(who_);
  next.split = {open(1).id};
  EXPECT_EQ(kind_of(deliverer().deliver(next, now_)), error_kind::broken);
  EXPECT_THAT(open_claims(who_), SizeIs(1));
}

TEST_P(claims, no_key_is_ever_used_again) {
  std::set<std::string> keys;
  for (int i = 0; i < 3; ++i) {
    const auto opened = open(1);
    EXPECT_TRUE(keys.insert(opened.key).second);
    auto next = step(who_);
    next.ended = {end_as(opened, delivery_status::delivered)};
    deliver(next);
    if (i == 1)
      reopen();
  }
}

TEST_P(claims, results_in_any_order_are_taken) {
  auto ended = end_as(open(3), delivery_status::delivered);
  std::swap(ended.results[0], ended.results[2]);
  auto next = step(who_);
  next.ended = {ended};
  deliver(next);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(claims, a_missing_result_ends_nothing) {
  auto ended = end_as(open(3), delivery_status::delivered);
  ended.results.pop_back();
  expect_broken(ended);
}

TEST_P(claims, a_result_of_another_message_ends_nothing) {
  auto ended = end_as(open(3), delivery_status::delivered);
  ended.results[1].entry.value += 1000;
  expect_broken(ended);
}

TEST_P(claims, one_result_too_many_ends_nothing) {
  auto ended = end_as(open(3), delivery_status::delivered);
  ended.results.push_back(ended.results[0]);
  expect_broken(ended);
}

TEST_P(claims, the_same_result_twice_ends_nothing) {
  auto ended = end_as(open(3), delivery_status::delivered);
  ended.results[1] = ended.results[0];
  expect_broken(ended);
}

TEST_P(claims, a_claim_that_is_not_open_ends_nothing) {
  auto ended = end_as(open(3), delivery_status::delivered);
  ended.id.value += 1;
  expect_broken(ended);
}

TEST_P(claims, a_claim_ends_once) {
  const auto opened = open(2);
  auto next = step(who_);
  next.ended = {end_as(opened, delivery_status::delivered)};
  deliver(next);
  EXPECT_EQ(kind_of(deliverer().deliver(next, now_)), error_kind::broken);
}

TEST_P(claims, another_subscribers_claim_is_not_touched) {
  const auto opened = open(2);
  auto next = step(subscribe("other"));
  next.ended = {end_as(opened, delivery_status::delivered)};
  EXPECT_EQ(kind_of(deliverer().deliver(next, now_)), error_kind::broken);
  EXPECT_THAT(open_claims(who_), SizeIs(1));
}

TEST_P(claims, a_step_that_fails_at_its_end_has_changed_nothing) {
  const auto opened = open(2);
  paid_orders(2);
  auto next = step(who_, 1);
  next.ended = {end_as(opened, delivery_status::delivered)};
  next.regenerate = {{opened.id.value + 100}};
  EXPECT_EQ(kind_of(deliverer().deliver(next, now_)), error_kind::broken);
  const auto found = open_claims(who_);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].key, opened.key);
}

class missing_rows : public conformance {
 protected:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
  subscriber_id who_;
};

TEST_P(missing_rows, a_message_without_its_order_or_user_says_so_and_the_others_are_there) {
  const auto paid = paid_orders(3);
  const auto other = paid_orders(1);
  fresh_->raw("delete from orders where id = " + std::to_string(paid[1].id.value) +
              "; delete from users where id = " + std::to_string(other[0].owner.value));
  pass_memory();
  const auto claims = deliver(step(who_, 1)).claims;
  ASSERT_THAT(claims, SizeIs(1));
  const auto& found = claims[0].messages;
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[0].lost, "");
  EXPECT_EQ(found[1].lost, "its order is gone");
  EXPECT_EQ(found[1].event.entry, *paid[1].payment_entry);
  EXPECT_EQ(found[2].lost, "");
  EXPECT_EQ(found[3].lost, "its user is gone");
  EXPECT_EQ(open_claims(who_).at(0).messages[1].lost, "its order is gone");
  auto next = step(who_, 1);
  next.ended = {end_as(claims[0], delivery_status::failed)};
  deliver(next);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(missing_rows, a_retry_without_its_entry_can_be_ended) {
  const auto paid = paid_orders(2);
  const auto opened = deliver(step(who_, 1)).claims.at(0);
  auto end = step(who_);
  end.ended = {end_as(opened, delivery_status::pending, now_)};
  deliver(end);
  fresh_->raw("delete from ledger_entries where id = " +
              std::to_string(paid[0].payment_entry->value));
  const auto retried = deliver(step(who_, 1)).claims.at(0);
  ASSERT_THAT(retried.messages, SizeIs(2));
  EXPECT_EQ(retried.messages[0].lost, "its ledger entry is gone");
  EXPECT_EQ(retried.messages[1].lost, "");
  EXPECT_EQ(retried.messages[1].attempts, 1);
  auto last = step(who_);
  last.ended = {end_as(retried, delivery_status::failed)};
  deliver(last);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(missing_rows, a_claim_whose_entry_was_deleted_meanwhile_can_be_ended) {
  const auto paid = paid_orders(2);
  const auto opened = deliver(step(who_, 1)).claims.at(0);
  fresh_->raw("delete from ledger_entries where id = " +
              std::to_string(paid[0].payment_entry->value));
  auto end = step(who_);
  end.ended = {end_as(opened, delivery_status::delivered)};
  deliver(end);
  EXPECT_THAT(open_claims(who_), IsEmpty());
  EXPECT_EQ(read<delivery>(get_delivery{"alimtalk", *paid[1].payment_entry}).status,
            delivery_status::delivered);
}

TEST_P(missing_rows, a_claim_over_no_entry_can_be_ended) {
  const auto paid = paid_orders(1);
  ASSERT_THAT(deliver(step(who_, 1)).claims, SizeIs(1));
  fresh_->raw("delete from ledger_entries where id = " +
              std::to_string(paid[0].payment_entry->value));
  reopen();
  const auto empty = open_claims(who_);
  ASSERT_THAT(empty, SizeIs(1));
  EXPECT_THAT(empty[0].messages, IsEmpty());
  auto next = step(who_);
  next.ended = {{.id = empty[0].id, .results = {}}};
  deliver(next);
  EXPECT_THAT(open_claims(who_), IsEmpty());
}

TEST_P(claims, a_claim_notes_the_provider_that_it_was_opened_for) {
  paid_orders(4);
  auto opening = step(who_, 1);
  opening.provider = "nhn";
  const auto opened = deliver(opening).claims.at(0);
  EXPECT_EQ(opened.provider, "nhn");
  auto split = step(who_);
  split.split = {opened.id};
  for (const auto& half : deliver(split).claims)
    EXPECT_EQ(half.provider, "nhn");
  auto retry = step(who_, 1);
  retry.provider = "solapi";
  retry.ended = {end_as(open_claims(who_).at(0), delivery_status::pending, now_)};
  EXPECT_EQ(deliver(retry).claims.at(0).provider, "solapi");
  reopen();
  EXPECT_EQ(open_claims(who_).at(0).provider, "nhn");
}

TEST_P(claims, copies_and_the_channel_are_stored_with_the_message) {
  auto ended = end_as(open(3), delivery_status::pending, now_);
  ended.results[0].copies = 2;
  ended.results[1].status = delivery_status::delivered;
  ended.results[1].channel = message_channel::sms;
  auto next = step(who_, 1);
  next.ended = {ended};
  const auto again = deliver(next).claims.at(0);
  ASSERT_THAT(again.messages, SizeIs(2));
  EXPECT_EQ(again.messages[0].copies, 2);
  EXPECT_EQ(again.messages[1].copies, 0);
  const auto sent = read<delivery>(get_delivery{"alimtalk", ended.results[1].entry});
  EXPECT_EQ(sent.channel, message_channel::sms);
  auto failed = end_as(again, delivery_status::failed);
  failed.results[0].copies = 3;
  next.ended = {failed};
  next.open_max = 0;
  deliver(next);
  const delivery_retry which{{"alimtalk", failed.results[0].entry}};
  must(deliverer().retry(std::span(&which, 1), now_));
  EXPECT_EQ(deliver(step(who_, 1)).claims.at(0).messages.at(0).copies, 0) << "a hand says: again";
}

TEST_P(claims, a_message_in_doubt_is_left_to_the_provider_that_sent_its_copies) {
  paid_orders(3);
  auto opening = step(who_, 1);
  opening.provider = "solapi";
  auto ended = end_as(deliver(opening).claims.at(0), delivery_status::pending, now_);
  const entry_id doubtful = ended.results[0].entry;
  ended.results[0].copies = 1;
  auto ending = step(who_);
  ending.provider = "nhn";
  ending.others = {"solapi"};
  ending.ended = {ended};
  deliver(ending);

  auto other = ending;
  other.ended.clear();
  other.open_max = 4;
  const auto claimed = deliver(other).claims;
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].provider, "nhn");
  EXPECT_THAT(entries_of(claimed[0]), testing::Not(testing::Contains(doubtful)));
  EXPECT_THAT(claimed[0].messages, SizeIs(2));

  paid_orders(1);
  auto own = step(who_, 4);
  own.provider = "solapi";
  own.others = {"nhn"};
  own.takes_new = false;
  const auto repeated = deliver(own).claims;
  ASSERT_THAT(repeated, SizeIs(1)) << "nothing that is new";
  EXPECT_EQ(repeated[0].provider, "solapi");
  EXPECT_THAT(entries_of(repeated[0]), ElementsAre(doubtful));
  EXPECT_EQ(repeated[0].messages[0].copies, 1);
  EXPECT_THAT(deliver(own).claims, IsEmpty());
}

TEST_P(claims, a_message_in_doubt_at_a_provider_that_is_gone_is_claimed_for_that_one) {
  paid_orders(2);
  auto opening = step(who_, 1);
  opening.provider = "aligo";
  auto ended = end_as(deliver(opening).claims.at(0), delivery_status::pending, now_);
  ended.results[0].copies = 1;
  auto next = step(who_, 2);
  next.provider = "nhn";
  next.ended = {ended};
  const auto claimed = deliver(next).claims;
  ASSERT_THAT(claimed, SizeIs(2));
  for (const claim& each : claimed)
    EXPECT_EQ(each.provider, each.messages.at(0).copies > 0 ? "aligo" : "nhn");
}

TEST_P(claims, a_retry_by_hand_takes_a_message_out_of_doubt) {
  paid_orders(1);
  auto opening = step(who_, 1);
  opening.provider = "solapi";
  auto ended = end_as(deliver(opening).claims.at(0), delivery_status::pending, now_);
  ended.results[0].copies = 4;
  auto again = step(who_, 1);
  again.provider = "solapi";
  again.ended = {ended};
  auto failed = end_as(deliver(again).claims.at(0), delivery_status::failed);
  failed.results[0].copies = 5;
  again.open_max = 0;
  again.ended = {failed};
  deliver(again);
  const delivery_retry which{{"alimtalk", failed.results[0].entry}};
  must(deliverer().retry(std::span(&which, 1), now_));
  auto other = step(who_, 1);
  other.provider = "nhn";
  other.others = {"solapi"};
  EXPECT_THAT(deliver(other).claims, SizeIs(1));
}

INSTANTIATE_TEST_SUITE_P(stores, claims, testing::ValuesIn(all_stores()), name_of_store);
INSTANTIATE_TEST_SUITE_P(stores, missing_rows, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
