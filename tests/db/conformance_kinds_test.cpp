// Goal: a subscriber's kinds of events may change at any time, and each entry is wanted by the
// kinds that were in force when it was committed. Method: pay and refund between changes, deliver
// in steps of every size, leave claims open over a change, reopen, and let the audit judge each
// test's end; at last changes, steps and restarts at random against a list of what is to come.
#include "tests/db/conformance.hpp"

#include <random>
#include <set>

namespace paymentd::db {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class changing_kinds : public conformance {
 protected:
  void SetUp() override {
    conformance::SetUp();
    who_ = subscribe();
  }
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }

  void set_kinds(bool payments, bool refunds) {
    const auto set = must(deliverer().set_kinds("alimtalk", payments, refunds));
    EXPECT_EQ(set.id, who_);
    EXPECT_EQ(set.wants_payments, payments);
    EXPECT_EQ(set.wants_refunds, refunds);
  }
  struct both {
    entry_id payment;
    entry_id refund;
  };
  /// An order that is paid and given back, with a charge between the two.
  both pay_and_refund() {
    const auto paid = paid_orders(1).at(0);
    settle({charge{paid.owner, {1}}});
    const auto refunded = settle_one<order>(refund{paid.id});
    return {*paid.payment_entry, *refunded.refund_entry};
  }
  /// All that is claimed and sent until there is no more.
  std::vector<entry_id> deliver_all(int messages_max = 1000) {
    std::vector<entry_id> told;
    auto next = step(who_, 2, messages_max);
    for (int steps = 0; steps < 5000; ++steps) {
      const auto answer = deliver(next);
      next.ended.clear();
      for (const claim& each : answer.claims) {
        for (const entry_id entry : entries_of(each))
          told.push_back(entry);
        next.ended.push_back(end_as(each, delivery_status::delivered));
      }
      if (!answer.more && next.ended.empty())
        return told;
    }
    ADD_FAILURE() << "there is always more";
    return told;
  }
  std::vector<entry_id> listed() {
    std::vector<entry_id> entries;
    for (const delivery& each : read<delivery_page>(list_deliveries{.limit = 100}).items)
      entries.insert(entries.begin(), each.entry);
    return entries;
  }

  subscriber_id who_;
};

TEST_P(changing_kinds, refunds_that_are_turned_on_are_told_from_then_on) {
  const auto before = pay_and_refund();
  set_kinds(true, true);
  const auto after = pay_and_refund();
  EXPECT_THAT(listed(), ElementsAre(before.payment, after.payment, after.refund));
  EXPECT_THAT(deliver_all(), ElementsAre(before.payment, after.payment, after.refund));
  EXPECT_THAT(listed(), ElementsAre(before.payment, after.payment, after.refund));
}

TEST_P(changing_kinds, refunds_that_are_turned_off_are_told_as_far_as_they_happened_before) {
  set_kinds(true, true);
  const auto before = pay_and_refund();
  set_kinds(true, false);
  const auto after = pay_and_refund();
  EXPECT_THAT(deliver_all(1), ElementsAre(before.payment, before.refund, after.payment));
  EXPECT_THAT(listed(), ElementsAre(before.payment, before.refund, after.payment));
}

TEST_P(changing_kinds, they_change_as_often_as_one_likes) {
  std::vector<entry_id> expected;
  for (int i = 0; i < 8; ++i) {
    const bool payments = i % 4 != 1;
    const bool refunds = i % 3 == 0;
    set_kinds(payments, refunds);
    set_kinds(payments, refunds); // once more changes nothing
    const auto [payment, refund] = pay_and_refund();
    if (payments)
      expected.push_back(payment);
    if (refunds)
      expected.push_back(refund);
  }
  EXPECT_THAT(listed(), ElementsAreArray(expected));
  reopen();
  EXPECT_THAT(deliver_all(2), ElementsAreArray(expected));
}

TEST_P(changing_kinds, a_change_back_before_anything_happened_leaves_nothing_behind) {
  const auto before = pay_and_refund();
  for (int i = 0; i < 20; ++i) {
    set_kinds(true, true);
    set_kinds(false, true);
    set_kinds(true, false);
  }
  const auto after = pay_and_refund();
  EXPECT_THAT(deliver_all(), ElementsAre(before.payment, after.payment));
}

TEST_P(changing_kinds, an_open_claim_stays_what_it_is_over_a_change) {
  set_kinds(true, true);
  const auto one = pay_and_refund();
  const auto two = pay_and_refund();
  const auto opened = deliver(step(who_, 1)).claims.at(0);
  set_kinds(true, false);
  const auto after = pay_and_refund();
  // Read again, given a new key, halved and ended, it has the messages that it had.
  EXPECT_EQ(entries_of(open_claims(who_).at(0)), entries_of(opened));
  reopen();
  EXPECT_EQ(entries_of(open_claims(who_).at(0)), entries_of(opened));
  auto next = step(who_);
  next.regenerate = {opened.id};
  EXPECT_EQ(entries_of(deliver(next).claims.at(0)), entries_of(opened));
  next = step(who_);
  next.split = {opened.id};
  const auto halves = deliver(next).claims;
  ASSERT_THAT(halves, SizeIs(2));
  EXPECT_THAT(entries_of(halves[0]), ElementsAre(one.payment, one.refund));
  EXPECT_THAT(entries_of(halves[1]), ElementsAre(two.payment, two.refund));
  next = step(who_);
  next.ended = {end_as(halves[0], delivery_status::delivered),
                end_as(halves[1], delivery_status::failed)};
  deliver(next);
  EXPECT_THAT(deliver_all(), ElementsAre(after.payment));
  // A FAILED one of a kind that is not wanted any more can be retried all the same.
  const std::vector<delivery_retry> retries{{{"alimtalk", two.refund}}};
  must(deliverer().retry(retries, now_));
  EXPECT_THAT(deliver_all(), ElementsAre(two.refund));
}

TEST_P(changing_kinds, what_waits_for_another_try_gets_it) {
  set_kinds(true, true);
  const auto before = pay_and_refund();
  auto next = step(who_, 1);
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::pending, now_)};
  next.open_max = 0;
  deliver(next);
  set_kinds(true, false);
  EXPECT_THAT(deliver_all(), ElementsAre(before.payment, before.refund));
}

TEST_P(changing_kinds, a_stretch_without_anything_wanted_is_passed) {
  set_kinds(false, true);
  paid_orders(3);
  set_kinds(true, false);
  EXPECT_THAT(deliver_all(), IsEmpty());
  const auto answer = deliver(step(who_, 1));
  EXPECT_FALSE(answer.more);
}

TEST_P(changing_kinds, what_was_pruned_stays_forgotten) {
  set_kinds(true, true);
  pay_and_refund();
  deliver_all();
  now_ += std::chrono::hours{2};
  const prune_step old{
      .subscriber = who_, .stream = delivers(who_), .before = now_ - std::chrono::hours{1}};
  EXPECT_EQ(must(deliverer().prune(old, now_)).deleted, 2);
  set_kinds(true, false);
  EXPECT_THAT(listed(), IsEmpty());
  EXPECT_THAT(deliver_all(), IsEmpty());
}

TEST_P(changing_kinds, another_subscriber_keeps_its_own) {
  const auto other = subscribe("hook", true, true);
  set_kinds(false, true);
  const auto [payment, refund] = pay_and_refund();
  EXPECT_THAT(deliver_all(), ElementsAre(refund));
  EXPECT_THAT(entries_of(deliver(step(other, 1)).claims.at(0)), ElementsAre(payment, refund));
}

TEST_P(changing_kinds, nobody_of_that_name_is_told) {
  const auto set = deliverer().set_kinds("nobody", true, true);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().kind, error_kind::broken);
  EXPECT_THAT(set.error().text, HasSubstr("nobody"));
}

TEST_P(changing_kinds, there_is_an_end_to_it) {
  const auto paid = paid_orders(1).at(0);
  const std::int64_t numbers = number_of(*paid.payment_entry);
  std::string rows = "insert into former_kinds (subscriber_id, stream_id, last, wants_payments, "
                     "wants_refunds) values ";
  const bool postgres = std::string_view(GetParam().name) == "postgres";
  for (std::int64_t i = 1; i <= 1000; ++i)
    rows += (i == 1 ? "(" : ", (") + std::to_string(who_.value) + ", " +
            std::to_string(lane_->lease().stream.value) + ", " + std::to_string(numbers - i) +
            (postgres ? ", true, false)" : ", 1, 0)");
  fresh_->raw(rows);
  const auto set = deliverer().set_kinds("alimtalk", true, true);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().kind, error_kind::broken);
  EXPECT_THAT(set.error().text, HasSubstr("1000 times"));
  EXPECT_THAT(deliver_all(), ElementsAre(*paid.payment_entry));
}

TEST_P(changing_kinds, at_random_each_entry_is_told_once_by_the_kinds_of_its_time) {
  std::mt19937_64 random{11};
  const auto one_of = [&](std::uint64_t n) { return random() % n == 0; };
  bool payments = true;
  bool refunds = false;
  std::set<entry_id> expected;
  std::multiset<entry_id> told;
  std::vector<claim> open;
  const auto take = [&](delivery_answer answer) {
    for (claim& each : answer.claims)
      open.push_back(std::move(each));
  };
  for (int i = 0; i < 150; ++i) {
    if (one_of(3)) {
      const auto [payment, refund] = pay_and_refund();
      if (payments)
        expected.insert(payment);
      if (refunds)
        expected.insert(refund);
    }
    if (one_of(4)) {
      payments = one_of(2);
      refunds = one_of(2);
      set_kinds(payments, refunds);
    }
    if (one_of(20)) {
      reopen();
      open = open_claims(who_);
    }
    auto next = step(who_, static_cast<int>(random() % 3), 1 + static_cast<int>(random() % 3));
    while (!open.empty() && one_of(2)) {
      for (const entry_id entry : entries_of(open.back()))
        told.insert(entry);
      next.ended.push_back(end_as(open.back(), delivery_status::delivered));
      open.pop_back();
    }
    take(deliver(next));
    if (one_of(25)) {
      EXPECT_THAT(breaches(), IsEmpty());
    }
  }
  auto last = step(who_);
  for (const claim& each : open) {
    for (const entry_id entry : entries_of(each))
      told.insert(entry);
    last.ended.push_back(end_as(each, delivery_status::delivered));
  }
  deliver(last);
  for (const entry_id entry : deliver_all())
    told.insert(entry);
  EXPECT_THAT(std::vector<entry_id>(told.begin(), told.end()), ElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(stores, changing_kinds, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
