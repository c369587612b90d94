// Goal: no event is lost or claimed twice on its way to a subscriber. Method: pay, claim, end
// claims in every way, restart in between, and let the audit judge the states after each test.
#include "tests/db/conformance.hpp"

#include <algorithm>
#include <iterator>

namespace paymentd::db {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class delivering : public conformance {
  void TearDown() override { EXPECT_THAT(breaches(), IsEmpty()); }
};

std::vector<entry_id> payments_of(const std::vector<order>& paid) {
  std::vector<entry_id> entries;
  for (const auto& one : paid)
    entries.push_back(one.payment_entry.value());
  return entries;
}

TEST_P(delivering, a_subscriber_is_found_again_with_its_kinds_as_they_were) {
  const auto made = must(deliverer().subscribe("hook", true, true, now_));
  const auto again = must(deliverer().subscribe("hook", false, false, now_));
  EXPECT_EQ(again.id, made.id);
  EXPECT_TRUE(again.wants_payments && again.wants_refunds);
  EXPECT_NE(subscribe("other"), made.id);
}

TEST_P(delivering, a_new_subscriber_starts_from_here) {
  paid_orders(3);
  const auto who = subscribe();
  EXPECT_THAT(deliver(step(who, 1)).claims, IsEmpty());
  const auto paid = paid_orders(2);
  const auto answer = deliver(step(who, 1));
  ASSERT_THAT(answer.claims, SizeIs(1));
  EXPECT_EQ(entries_of(answer.claims[0]), payments_of(paid));
}

TEST_P(delivering, a_message_tells_the_event_of_its_payment) {
  const auto who = subscribe();
  const auto owner = new_user(50'000);
  const auto made = settle_one<order>(create_order{owner.id, {12'000}, {2'000}, coupon_id{7}});
  now_ += 1h;
  const auto paid = settle_one<order>(pay{made.id, owner.id});
  const auto answer = deliver(step(who, 1));
  ASSERT_THAT(answer.claims, SizeIs(1));
  ASSERT_THAT(answer.claims[0].messages, SizeIs(1));
  const message expected{{.entry = paid.payment_entry.value(),
                          .kind = entry_kind::payment,
                          .order = made.id,
                          .user = owner.id,
                          .phone = owner.phone,
                          .coupon = coupon_id{7},
                          .total = {12'000},
                          .discount = {2'000},
                          .ordered_at = made.created_at,
                          .at = now_},
                         0};
  EXPECT_EQ(answer.claims[0].messages[0].event, expected.event);
  EXPECT_EQ(answer.claims[0].messages[0].attempts, 0);
  EXPECT_EQ(answer.claims[0].since, now_);
  EXPECT_EQ(answer.claims[0].generation, 1);
}

// A process need not read back what it has just committed (db/recent_events.hpp).
TEST_P(delivering, an_event_is_the_same_whether_it_is_remembered_or_read) {
  const auto at_once = subscribe("at-once", true, true);
  const auto later = subscribe("later", true, true);
  const auto payer = new_user(1'000'000);
  const auto no_phone = settle_one<user>(create_user{"", {1'000'000}, "", ""});
  const auto told = settle_one<order>(
      create_order{payer.id, {9'000}, {1'000}, coupon_id{3}, false, "A-1", R"({"title":"책"})"});
  const auto plain = new_order(no_phone.id, 500);
  deliver(step(at_once, 1)); // all before is behind the cursor
  deliver(step(later, 1));
  command traced = pay{told.id, payer.id};
  traced.trace.id[3] = 9;
  traced.trace.flags = 1;
  settle({traced, charge{payer.id, {5}}, pay{plain.id, no_phone.id},
          refund{told.id, won{2'000}, "품절"},
          create_order{payer.id, {700}, {0}, std::nullopt, true, "A-2", ""}});
  settle({charge{payer.id, {5}}, refund{told.id}});
  now_ += 500ms;
  settle({create_user{"01099998888", {50}, "", ""}, refund{plain.id, won{1}, ""}});
  const auto events_for = [&](subscriber_id who) {
    std::vector<payment_event> events;
    for (const claim& each : deliver(step(who, 1)).claims)
      for (const message& one : each.messages)
        events.push_back(one.event);
    return events;
  };
  const auto remembered = events_for(at_once);
  now_ += 1h;
  const auto read = events_for(later);
  ASSERT_THAT(read, SizeIs(6));
  EXPECT_EQ(remembered, read);
}

TEST_P(delivering, a_message_has_the_phone_and_metadata_that_were_changed_before_it_was_claimed) {
  const auto who = subscribe();
  const auto owner = new_user(1'000);
  const auto made = new_order(owner.id, 100);
  deliver(step(who, 1));
  settle({pay{made.id, owner.id}});
  settle({update_user{owner.id, "01022223333", std::nullopt}});
  settle({update_order{made.id, R"({"title":"책"})"}});
  const auto opened = deliver(step(who, 1)).claims.at(0);
  EXPECT_EQ(opened.messages.at(0).event.phone, "01022223333");
  EXPECT_EQ(opened.messages.at(0).event.metadata, R"({"title":"책"})");
}

TEST_P(delivering, claims_of_what_is_remembered_are_bounded_and_nothing_is_passed) {
  const auto who = subscribe();
  paid_orders(1);
  deliver(step(who, 1)); // from here on all is remembered
  std::vector<entry_id> paid;
  for (int batch = 0; batch < 4; ++batch)
    for (const entry_id entry : payments_of(paid_orders(5)))
      paid.push_back(entry);
  std::vector<entry_id> claimed;
  for (bool more = true; more;) {
    const auto answer = deliver(step(who, 1, 3));
    more = answer.more;
    ASSERT_THAT(answer.claims, SizeIs(1));
    for (const entry_id entry : entries_of(answer.claims[0]))
      claimed.push_back(entry);
  }
  EXPECT_EQ(claimed, paid);
}

TEST_P(delivering, an_event_tells_the_users_reference_and_metadata_only_where_they_are_asked_for) {
  const auto who = subscribe();
  const auto owner =
      settle_one<user>(create_user{"01012345678", {1000}, "member-2", R"({"name":"홍길동"})"});
  const auto plain = new_user(1000); // has neither
  const auto pay_one = [&](user_id by) {
    return settle_one<order>(pay{new_order(by, 100).id, by});
  };
  const auto of_claim = [](const claim& one) { return one.messages.at(0).event; };

  pay_one(owner.id);
  const auto untold = deliver(step(who, 1)).claims.at(0);
  EXPECT_TRUE(of_claim(untold).user_reference.empty() && of_claim(untold).user_metadata.empty());
  EXPECT_EQ(of_claim(open_claims(who).at(0)), of_claim(untold));

  reads_user_ = true;
  reopen();
  // A claim that was left, as it is read anew.
  const auto left = of_claim(open_claims(who).at(0));
  EXPECT_EQ(left.user_reference, "member-2");
  EXPECT_EQ(left.user_metadata, R"({"name":"홍길동"})");
  // Entries ahead of the cursor.
  pay_one(owner.id);
  pay_one(plain.id);
  const auto ahead = deliver(step(who, 1)).claims.at(0);
  ASSERT_THAT(ahead.messages, SizeIs(2));
  EXPECT_EQ(ahead.messages[0].event.user_metadata, R"({"name":"홍길동"})");
  EXPECT_TRUE(ahead.messages[1].event.user_reference.empty());
  EXPECT_TRUE(ahead.messages[1].event.user_metadata.empty());
  // A retry of its own, as metadata are by then.
  auto ending = step(who, 1);
  ending.ended = {end_as(untold, delivery_status::pending, now_)};
  settle_one<user>(update_user{owner.id, std::nullopt, R"({"name":"임꺽정"})"});
  const auto again = deliver(ending);
  const auto retried =
      again.claims.empty() ? deliver(step(who, 1)).claims.at(0) : again.claims.at(0);
  EXPECT_EQ(of_claim(retried).user_reference, "member-2");
  EXPECT_EQ(of_claim(retried).user_metadata, R"({"name":"임꺽정"})");
  // Pages of events are for others, and never have them.
  for (const auto& each : read<event_page>(list_events{.from = event_start::oldest}).items)
    EXPECT_TRUE(each.user_reference.empty() && each.user_metadata.empty());
}

TEST_P(delivering, a_subscriber_gets_the_kinds_that_it_wants) {
  const auto payments = subscribe("payments", true, false);
  const auto refunds = subscribe("refunds", false, true);
  const auto both = subscribe("both", true, true);
  const auto paid = paid_orders(2);
  const auto refunded = settle_one<order>(refund{paid[0].id});
  const auto got = [&](subscriber_id who) {
    return entries_of(deliver(step(who, 1)).claims.at(0));
  };
  EXPECT_THAT(got(payments), ElementsAre(*paid[0].payment_entry, *paid[1].payment_entry));
  EXPECT_THAT(got(refunds), ElementsAre(*refunded.refund_entry));
  EXPECT_THAT(got(both),
              ElementsAre(*paid[0].payment_entry, *paid[1].payment_entry, *refunded.refund_entry));
}

TEST_P(delivering, what_nobody_wants_is_passed_without_a_claim) {
  const auto who = subscribe();
  const auto owner = new_user(1);
  for (int i = 0; i < 5; ++i)
    settle({charge{owner.id, {1}}});
  const auto answer = deliver(step(who, 3));
  EXPECT_THAT(answer.claims, IsEmpty());
  EXPECT_FALSE(answer.more);
}

TEST_P(delivering, claims_are_bounded_and_more_says_when_there_is_more) {
  const auto who = subscribe();
  const auto entries = payments_of(paid_orders(7));
  EXPECT_TRUE(deliver(step(who, 0)).more);
  auto answer = deliver(step(who, 2, 2));
  ASSERT_THAT(answer.claims, SizeIs(2));
  EXPECT_THAT(entries_of(answer.claims[0]), ElementsAre(entries[0], entries[1]));
  EXPECT_THAT(entries_of(answer.claims[1]), ElementsAre(entries[2], entries[3]));
  EXPECT_TRUE(answer.more);
  answer = deliver(step(who, 2, 2));
  ASSERT_THAT(answer.claims, SizeIs(2));
  EXPECT_THAT(entries_of(answer.claims[1]), ElementsAre(entries[6]));
  EXPECT_FALSE(answer.more);
  EXPECT_THAT(open_claims(who), SizeIs(4));
}

TEST_P(delivering, an_open_claim_is_found_whole_after_a_restart) {
  const auto who = subscribe();
  paid_orders(3);
  const auto opened = deliver(step(who, 1)).claims.at(0);
  reopen();
  const auto found = open_claims(who);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, opened.id);
  EXPECT_EQ(found[0].key, opened.key);
  EXPECT_EQ(found[0].since, opened.since);
  EXPECT_EQ(entries_of(found[0]), entries_of(opened));
  EXPECT_THAT(deliver(step(who, 1)).claims, IsEmpty());
}

TEST_P(delivering, what_was_paid_before_a_restart_is_still_ahead_after_it) {
  const auto who = subscribe();
  const auto before = payments_of(paid_orders(2));
  reopen();
  const std::vector<std::string> names{"alimtalk"};
  const std::vector written{lane_->lease().stream};
  std::vector<entry_id> got;
  for (const auto& [name, stream] :
       must(deliverer().lease_deliveries(names, written, 10, now_ + 1h))) {
    must(deliverer().open_claims(who, stream, now_));
    auto from = step(who, 1);
    from.stream = stream;
    for (const auto& one : deliver(from).claims)
      for (const auto entry : entries_of(one))
        got.push_back(entry);
  }
  EXPECT_EQ(got, before);
}

/// The entries that steps claim one after the other, while there is more; each step has one claim
/// of one message.
std::vector<entry_id> claimed_in_steps(const auto& deliver, delivery_step step) {
  std::vector<entry_id> got;
  for (bool more = true; more;) {
    const auto answer = deliver(step);
    for (const claim& one : answer.claims)
      std::ranges::copy(entries_of(one), std::back_inserter(got));
    more = answer.more;
  }
  return got;
}

TEST_P(delivering, numbers_that_a_stream_has_left_out_hide_nothing_behind_them) {
  const auto who = subscribe();
  auto paid = payments_of(paid_orders(2));
  now_ += 1h;
  reopen(); // the stream's next numbers are beyond the reach of a step
  std::ranges::copy(payments_of(paid_orders(2)), std::back_inserter(paid));
  const std::vector<std::string> names{"alimtalk"};
  const std::vector written{lane_->lease().stream};
  std::vector<entry_id> got;
  for (const auto& [name, stream] :
       must(deliverer().lease_deliveries(names, written, 10, now_ + 1h))) {
    must(deliverer().open_claims(who, stream, now_));
    auto from = step(who, 1, 1);
    from.stream = stream;
    std::ranges::copy(claimed_in_steps([&](const auto& one) { return deliver(one); }, from),
                      std::back_inserter(got));
  }
  EXPECT_THAT(got, testing::UnorderedElementsAreArray(paid));
}

TEST_P(delivering, commands_that_write_no_entry_do_not_make_a_step_short) {
  const auto who = subscribe();
  auto paid = payments_of(paid_orders(1));
  const auto owner = new_user(1);
  settle(std::vector<command>(1000, command{create_order{owner.id, {100}, {}, {}}}));
  std::ranges::copy(payments_of(paid_orders(1)), std::back_inserter(paid));
  const auto answer = deliver(step(who, 1, 32));
  ASSERT_THAT(answer.claims, SizeIs(1));
  EXPECT_EQ(entries_of(answer.claims[0]), paid);
}

TEST_P(delivering, more_unwanted_entries_than_a_step_looks_at_hide_nothing_behind_them) {
  const auto who = subscribe();
  auto paid = payments_of(paid_orders(1));
  const auto owner = new_user(1);
  settle(std::vector<command>(6000, command{charge{owner.id, {1}}}));
  std::ranges::copy(payments_of(paid_orders(1)), std::back_inserter(paid));
  EXPECT_EQ(claimed_in_steps([&](const auto& one) { return deliver(one); }, step(who, 1, 1)), paid);
}

TEST_P(delivering, an_ended_claim_is_done_with) {
  const auto who = subscribe();
  paid_orders(3);
  auto next = step(who, 1);
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::delivered)};
  const auto answer = deliver(next);
  EXPECT_THAT(answer.claims, IsEmpty());
  EXPECT_FALSE(answer.more);
  EXPECT_EQ(answer.next_due, std::nullopt);
  EXPECT_THAT(open_claims(who), IsEmpty());
}

TEST_P(delivering, one_step_ends_a_claim_and_opens_the_next) {
  const auto who = subscribe();
  const auto entries = payments_of(paid_orders(4));
  auto next = step(who, 1, 2);
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::delivered)};
  const auto answer = deliver(next);
  ASSERT_THAT(answer.claims, SizeIs(1));
  EXPECT_THAT(entries_of(answer.claims[0]), ElementsAre(entries[2], entries[3]));
  EXPECT_THAT(open_claims(who), SizeIs(1));
}

TEST_P(delivering, a_retry_is_claimed_when_it_is_due_and_not_before) {
  const auto who = subscribe();
  const auto entries = payments_of(paid_orders(2));
  auto next = step(who, 1);
  const auto due = now_ + 10s;
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::pending, due)};
  next.ended[0].results[1].status = delivery_status::failed;
  auto answer = deliver(next);
  EXPECT_THAT(answer.claims, IsEmpty());
  EXPECT_FALSE(answer.more);
  EXPECT_EQ(answer.next_due, due);
  now_ = due;
  answer = deliver(step(who, 1));
  ASSERT_THAT(answer.claims, SizeIs(1));
  EXPECT_THAT(entries_of(answer.claims[0]), ElementsAre(entries[0]));
  EXPECT_EQ(answer.claims[0].messages[0].attempts, 1);
  EXPECT_EQ(answer.next_due, std::nullopt);
  EXPECT_THAT(deliver(step(who, 1)).claims, IsEmpty());
}

TEST_P(delivering, a_retry_claim_is_found_after_a_restart_and_can_be_ended) {
  const auto who = subscribe();
  paid_orders(3);
  auto next = step(who, 1);
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::pending, now_)};
  const auto retried = deliver(next).claims.at(0);
  reopen();
  const auto found = open_claims(who);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(entries_of(found[0]), entries_of(retried));
  EXPECT_EQ(found[0].messages[2].attempts, 1);
  auto last = step(who, 1);
  last.ended = {end_as(found[0], delivery_status::delivered)};
  last.stream = delivers(who);
  EXPECT_THAT(deliver(last).claims, IsEmpty());
}

TEST_P(delivering, retries_go_before_what_lies_ahead_and_do_not_mix_with_it) {
  const auto who = subscribe();
  const auto first = payments_of(paid_orders(2));
  auto next = step(who, 0);
  next.ended = {end_as(deliver(step(who, 1)).claims.at(0), delivery_status::pending, now_)};
  deliver(next);
  const auto second = payments_of(paid_orders(2));
  const auto answer = deliver(step(who, 5));
  ASSERT_THAT(answer.claims, SizeIs(2));
  EXPECT_EQ(entries_of(answer.claims[0]), first);
  EXPECT_EQ(entries_of(answer.claims[1]), second);
}

TEST_P(delivering, subscribers_do_not_see_each_other) {
  const auto one = subscribe("one");
  const auto two = subscribe("two");
  const auto entries = payments_of(paid_orders(2));
  auto next = step(one, 1);
  next.ended = {end_as(deliver(next).claims.at(0), delivery_status::delivered)};
  deliver(next);
  const auto answer = deliver(step(two, 1));
  ASSERT_THAT(answer.claims, SizeIs(1));
  EXPECT_EQ(entries_of(answer.claims[0]), entries);
}

TEST_P(delivering, the_quiet_that_a_provider_asked_for_is_kept_for_who_delivers_next) {
  const auto who = subscribe();
  auto quiet = step(who);
  quiet.quiet_until = now_ + 1h;
  deliver(quiet);
  reopen();
  const auto found = must(deliverer().subscribe("alimtalk", true, false, now_));
  EXPECT_EQ(found.quiet_until, now_ + 1h);
  EXPECT_EQ(must(deliverer().subscribe("webhook-shop", true, false, now_)).quiet_until,
            std::nullopt);
}

TEST_P(delivering, who_holds_an_ended_epoch_is_fenced_and_changes_nothing) {
  const auto who = subscribe();
  paid_orders(2);
  auto late = step(who, 1);
  const auto opened = deliver(late).claims.at(0);
  --late.stream.epoch;
  late.ended = {end_as(opened, delivery_status::delivered)};
  EXPECT_EQ(kind_of(deliverer().deliver(late, now_)), error_kind::fenced);
  EXPECT_EQ(kind_of(deliverer().open_claims(who, late.stream, now_)), error_kind::fenced);
  EXPECT_THAT(open_claims(who), SizeIs(1));
}

TEST_P(delivering, nothing_is_leased_where_nothing_was_left) {
  subscribe();
  EXPECT_THAT(
      must(deliverer().lease_deliveries(std::vector<std::string>{"alimtalk"}, {}, 10, now_ + 1h)),
      IsEmpty());
}

TEST_P(delivering, an_unknown_subscriber_is_an_error) {
  EXPECT_NE(kind_of(deliverer().deliver(step({4711}, 1), now_)), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(stores, delivering, testing::ValuesIn(all_stores()), name_of_store);

} // namespace
} // namespace paymentd::db
