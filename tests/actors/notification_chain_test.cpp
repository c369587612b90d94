// Goal: where a subscriber has two providers, the second one sends new messages after an outage of
// the first of so long, and the first one again once it works; nothing that may have been sent by
// one is ever sent by the other, and nothing is sent twice or lost.
// Method: the fixture of delivery_fixture.hpp with a supervised notification actor for each of two
// model providers, on one store.
#include "actors/payment_success.hpp"
#include "tests/actors/delivery_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;
using providers::call;
using providers::failure_class;

class notification_chain_test : public testing::Test {
 protected:
  notification_chain_test() {
    first.called = "first";
    second.called = "second";
  }
  ~notification_chain_test() override { end(); }

  void start() {
    const auto chain =
        std::make_shared<provider_chain>("alimtalk", std::vector<std::string>{"first", "second"},
                                         chain_times{.failover_after = 5min, .gap_max = 10min});
    fixture.options.delivery.chain = chain;
    fixture.start();
    notification_supervisor_options options = fixture.options;
    options.delivery.provider = second_;
    options.delivery.place = 1;
    options.delivery.counters = counters;
    options.gauges = std::make_shared<supervision_gauges>();
    next_ = fixture.on.system.spawn(notification_supervisor, options);
    caf::anon_send(next_, stream_held{fixture.stream});
    fixture.run();
  }
  void end() {
    second.hold_answers = false;
    if (next_)
      caf::anon_send_exit(next_, caf::exit_reason::user_shutdown);
    next_ = nullptr;
    fixture.end();
    while (second.waiting() > 0)
      second.release();
    fixture.run();
  }
  /// As a process that ends and starts again: nothing is remembered but the database.
  void restart() {
    end();
    start();
  }

  static void fail(model_provider& which, const providers::failure& why, bool accept = false) {
    which.on_send = [why, accept](const call&) { return treatment{.accept = accept, .says = why}; };
  }
  static void know_no_keys(model_provider& which) {
    which.copies = true;
    which.searchable = false;
    which.window = 0ms;
  }
  static void heal(model_provider& which) { which.on_send = nullptr; }
  void pass(std::chrono::milliseconds time) { fixture.pass(time, 250ms); }

  static bool was_sent(const model_provider& by, entry_id entry) {
    return std::ranges::any_of(by.sent, [entry](const call& each) {
      return std::ranges::any_of(each.recipients, [entry](const providers::recipient& one) {
        return one.event.entry == entry;
      });
    });
  }
  void expect_all_once(const std::vector<entry_id>& entries) {
    for (const entry_id each : entries) {
      EXPECT_EQ(first.times_accepted(each) + second.times_accepted(each), 1) << number_of(each);
      EXPECT_EQ(fixture.store->times_delivered[each], 1)
          << number_of(each) << ": " << fixture.result_of(each).last_error;
    }
    EXPECT_EQ(fixture.open_claims(), 0u);
    EXPECT_EQ(fixture.breaches(), 0);
  }

  delivery_fixture fixture;
  std::shared_ptr<delivery_counters> counters = std::make_shared<delivery_counters>();
  std::shared_ptr<model_provider> second_ = std::make_shared<model_provider>(fixture.on);
  model_provider& first = *fixture.provider;
  model_provider& second = *second_;
  caf::actor next_;
};

TEST_F(notification_chain_test, the_first_one_sends_all_as_long_as_it_works) {
  start();
  const auto paid = fixture.pay(20);
  pass(10s);
  EXPECT_TRUE(second.sent.empty());
  expect_all_once(paid);
  EXPECT_TRUE(fixture.counters->takes_new);
  EXPECT_FALSE(counters->takes_new);
}

TEST_F(notification_chain_test, after_an_outage_of_so_long_the_second_sends_what_was_not_sent) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  const auto paid = fixture.pay(5);
  pass(4min);
  EXPECT_TRUE(second.sent.empty()) << "a short outage is waited for";
  pass(2min);
  EXPECT_EQ(first.accepted.size(), 0u);
  EXPECT_EQ(second.accepted.size(), 5u);
  expect_all_once(paid);
  EXPECT_FALSE(fixture.counters->takes_new);
  EXPECT_TRUE(counters->takes_new);
}

TEST_F(notification_chain_test, a_message_that_is_refused_for_its_content_leaves_all_at_the_first) {
  start();
  const auto bad = fixture.pay(1);
  auto refusal = failing(failure_class::outage, "400");
  refusal.refused_content = true;
  first.on_send = [&](const call& what) {
    const bool has_it = std::ranges::any_of(what.recipients, [&](const providers::recipient& one) {
      return one.event.entry == bad[0];
    });
    return has_it ? treatment{.accept = false, .says = refusal} : treatment{};
  };
  pass(10min); // nobody else is paid for, so nothing else says that the provider works
  EXPECT_TRUE(second.sent.empty());
  const auto paid = fixture.pay(5);
  pass(10s);
  for (const entry_id each : paid)
    EXPECT_EQ(first.times_accepted(each), 1);
  EXPECT_TRUE(fixture.counters->takes_new);
}

TEST_F(notification_chain_test, once_it_takes_a_probe_new_messages_go_to_the_first_again) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  auto paid = fixture.pay(5);
  pass(6min);
  heal(first);
  pass(5min);
  const auto probe = fixture.pay(1);
  pass(2s);
  EXPECT_EQ(first.times_accepted(probe[0]), 1);
  const auto sent_by_second = second.sent.size();
  const auto later = fixture.pay(10);
  pass(10s);
  EXPECT_EQ(second.sent.size(), sent_by_second);
  paid.insert(paid.end(), probe.begin(), probe.end());
  paid.insert(paid.end(), later.begin(), later.end());
  expect_all_once(paid);
}

TEST_F(notification_chain_test, a_probe_that_is_refused_goes_to_the_second_and_is_rare) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  auto paid = fixture.pay(1);
  pass(6min);
  const auto calls = first.sent.size();
  for (int minute = 0; minute < 60; ++minute) {
    const auto more = fixture.pay(2);
    paid.insert(paid.end(), more.begin(), more.end());
    pass(1min);
  }
  EXPECT_GE(first.sent.size(), calls + 8);
  EXPECT_LE(first.sent.size(), calls + 13) << "one each five minutes";
  expect_all_once(paid);
}

TEST_F(notification_chain_test, what_is_in_doubt_at_the_first_is_never_sent_by_the_second) {
  start();
  fail(first, failing(failure_class::unknown, "time-out"), true); // accepted, the answer lost
  auto paid = fixture.pay(3);
  pass(6min);
  for (int i = 0; i < 10; ++i) {
    const auto more = fixture.pay(3);
    paid.insert(paid.end(), more.begin(), more.end());
    pass(1min);
  }
  EXPECT_GT(second.accepted.size(), 20u) << "new ones go on";
  for (const entry_id each : paid)
    EXPECT_FALSE(was_sent(first, each) && was_sent(second, each)) << number_of(each);
  heal(first);
  pass(25min);
  expect_all_once(paid);
}

TEST_F(notification_chain_test, where_repeats_are_copies_doubts_stay_with_their_provider_too) {
  know_no_keys(first);
  start();
  fail(first, failing(failure_class::unknown, "time-out")); // lost on its way
  std::vector<entry_id> paid;
  const auto pay = [&](int orders) {
    const auto more = fixture.pay(orders);
    paid.insert(paid.end(), more.begin(), more.end());
  };
  for (int i = 0; i < 12; ++i) {
    pay(1);
    pass(30s);
  }
  pay(20);
  pass(10s);
  EXPECT_GE(second.accepted.size(), 15u);
  heal(first);
  restart();
  pass(40min);
  for (const entry_id each : paid)
    EXPECT_FALSE(was_sent(first, each) && was_sent(second, each)) << number_of(each);
  expect_all_once(paid);
}

TEST_F(notification_chain_test, doubts_at_the_second_stay_there_once_the_first_works_again) {
  know_no_keys(second);
  start();
  fail(first, failing(failure_class::outage, "503"));
  fail(second, failing(failure_class::unknown, "time-out"));
  const auto doubtful = fixture.pay(2);
  pass(5min + 15s);
  for (const entry_id each : doubtful)
    ASSERT_TRUE(was_sent(second, each));
  heal(first);
  heal(second);
  first.sent.clear();
  restart();
  const auto more = fixture.pay(5);
  pass(20min);
  for (const entry_id each : doubtful)
    EXPECT_FALSE(was_sent(first, each)) << number_of(each);
  for (const entry_id each : more)
    EXPECT_FALSE(was_sent(second, each)) << number_of(each);
  expect_all_once(doubtful);
  expect_all_once(more);
}

TEST_F(notification_chain_test, a_provider_that_asks_for_a_long_wait_is_passed_over_as_well) {
  start();
  auto busy = failing(failure_class::throttled, "quota");
  busy.retry_after = 1h;
  fail(first, busy);
  const auto paid = fixture.pay(4);
  pass(4min);
  EXPECT_TRUE(second.sent.empty());
  pass(2min);
  EXPECT_EQ(second.accepted.size(), 4u) << "its wait is not the second one's";
  expect_all_once(paid);
  restart();
  const auto more = fixture.pay(2);
  pass(6min);
  EXPECT_EQ(second.accepted.size(), 6u) << "nor after a restart";
  expect_all_once(more);
}

TEST_F(notification_chain_test, one_that_gets_nothing_new_looks_for_its_own_doubts_once_a_second) {
  know_no_keys(second);
  start();
  std::vector<entry_id> paid;
  for (int i = 0; i < 100; ++i) {
    paid.push_back(fixture.pay(1)[0]);
    caf::anon_send(next_, payment_success{fixture.stream, paid.back()});
    pass(100ms);
  }
  const auto looks = std::ranges::count_if(
      fixture.store->steps, [](const delivery_step& each) { return !each.takes_new; });
  EXPECT_GE(looks, 8);
  EXPECT_LE(looks, 15) << "not for each payment";
  EXPECT_TRUE(second.sent.empty());
  expect_all_once(paid);
}

TEST_F(notification_chain_test, where_both_fail_the_one_that_works_first_sends_all) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  fail(second, failing(failure_class::outage, "500"));
  const auto paid = fixture.pay(6);
  pass(15min);
  EXPECT_EQ(fixture.counters->failed + counters->failed, 0u) << "an outage fails no message";
  heal(second);
  pass(1min);
  EXPECT_EQ(second.accepted.size(), 6u);
  expect_all_once(paid);
}

TEST_F(notification_chain_test, an_open_claim_stays_with_its_provider_over_a_restart) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  const auto paid = fixture.pay(1);
  pass(6min);
  second.hold_answers = true; // it accepts, and its answer never arrives
  const auto more = fixture.pay(2);
  pass(10s);
  for (const entry_id each : more)
    ASSERT_EQ(second.times_accepted(each), 1);
  heal(first);
  first.sent.clear();
  second.hold_answers = false;
  restart();
  pass(25min);
  EXPECT_TRUE(first.sent.empty());
  expect_all_once(paid);
  expect_all_once(more);
}

TEST_F(notification_chain_test, a_claim_of_a_provider_that_is_gone_is_failed_once) {
  first.called = "gone";
  fixture.start();
  first.hold_answers = true;
  const auto doubtful = fixture.pay(1);
  fixture.run();
  fixture.end();
  first.hold_answers = false;
  first.called = "first";
  start();
  pass(25min);
  EXPECT_EQ(fixture.result_of(doubtful[0]).status, delivery_status::failed);
  EXPECT_EQ(fixture.result_of(doubtful[0]).last_error,
            "outcome unknown: it may have been sent by gone before the provider was changed");
  EXPECT_EQ(fixture.counters->failed, 1u);
  EXPECT_TRUE(second.sent.empty());
}

TEST_F(notification_chain_test, each_try_names_its_provider) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  second.on_send = [](const call&) {
    return treatment{.recipient = [](const providers::recipient&) {
      return std::optional(failing(failure_class::permanent, "a bad number"));
    }};
  };
  const auto paid = fixture.pay(1);
  pass(6min);
  EXPECT_EQ(fixture.result_of(paid[0]).last_error, "second: a bad number");
  const auto tries = fixture.tries_of(paid[0]);
  ASSERT_EQ(tries.size(), tries_max);
  EXPECT_EQ(tries.front().detail, "first: 503");
  EXPECT_EQ(tries.back().detail, "second: a bad number");
}

TEST_F(notification_chain_test, a_retry_by_hand_goes_to_the_one_that_serves) {
  start();
  fail(first, failing(failure_class::outage, "503"));
  second.on_send = [](const call&) {
    return treatment{.recipient = [](const providers::recipient&) {
      return std::optional(failing(failure_class::permanent, "a bad number"));
    }};
  };
  const auto paid = fixture.pay(1);
  pass(6min);
  ASSERT_EQ(fixture.result_of(paid[0]).status, delivery_status::failed);
  heal(second);
  const delivery_retry which{{"alimtalk", paid[0]}};
  ASSERT_TRUE(fixture.lane->retry(std::span(&which, 1), fixture.on.time()));
  pass(5s);
  EXPECT_EQ(second.times_accepted(paid[0]), 1);
  expect_all_once(paid);
}

} // namespace
} // namespace paymentd::actors::test
