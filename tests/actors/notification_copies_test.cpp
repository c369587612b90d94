// Goal: where each repeat may be a copy that nobody notices, a message is sent five times at most,
// whatever dies between; and never by another provider than the one that may have had it.
// Method: as notification_failure_test, with a provider that knows no keys and cannot be searched.
#include "failing_delivery.hpp"

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;
using providers::call;
using providers::failure_class;

class notification_copies_test : public failing_delivery {
 public:
  void start_without_keys() {
    provider.copies = true;
    provider.searchable = false;
    provider.window = 0ms;
    start_warm();
  }
};

TEST_F(notification_copies_test,
       who_takes_calls_but_never_says_so_is_sent_them_five_times_at_most) {
  start_without_keys();
  fail_next(failing(failure_class::unknown, "time-out"), true, 1000);
  const auto paid = fixture.pay(2);
  fixture.pass(59s, 500ms);
  EXPECT_EQ(provider.times_accepted(paid[0]), 1) << "not at once";
  fixture.pass(24h, 10s);
  EXPECT_EQ(provider.times_accepted(paid[0]), 5);
  EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::failed);
  EXPECT_EQ(fixture.result_of(paid[0]).last_error, "outcome unknown, sent 5 times: time-out");
  EXPECT_EQ(fixture.open_claims(), 0u);
}

TEST_F(notification_copies_test, a_recipient_who_is_never_told_of_is_sent_five_copies_at_most) {
  start_without_keys();
  const auto paid = fixture.pay(2);
  provider.on_send = [&](const call& what) {
    return treatment{.garble = [&](auto& results) {
      for (std::size_t i = 0; i < results.size(); ++i)
        if (what.recipients[i].event.entry == paid[0])
          results[i] = std::unexpected(failing(failure_class::unknown));
    }};
  };
  fixture.pass(24h, 10s);
  EXPECT_EQ(provider.times_accepted(paid[0]), 5);
  EXPECT_EQ(provider.times_accepted(paid[1]), 1);
  EXPECT_EQ(fixture.result_of(paid[0]).last_error, "outcome unknown, sent 5 times: no result");
}

TEST_F(notification_copies_test, copies_are_counted_over_deaths_and_restarts) {
  start_without_keys();
  const auto paid = fixture.pay(1);
  int calls = 0;
  provider.on_send = [&](const call& what) {
    if (!has(what, paid[0]))
      return treatment{};
    // Late answers that alternate with 500, which ends the actor.
    return ++calls % 2 == 1
               ? treatment{.says = failing(failure_class::unknown, "late")}
               : treatment{.accept = false, .says = failing(failure_class::outage, "500")};
  };
  for (int minute = 0; minute < 4 * 60; ++minute) {
    fixture.pass(1min, 1s);
    if (minute % 7 == 0)
      fixture.kill();
    fixture.pay(1);
  }
  EXPECT_LE(provider.times_accepted(paid[0]), 5);
  EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::failed);
  EXPECT_EQ(fixture.result_of(paid[0]).copies, 5);
}

TEST_F(notification_copies_test, a_call_that_outlives_its_actor_counts_as_a_copy) {
  start_without_keys();
  provider.hold_answers = true;
  const auto paid = fixture.pay(1);
  for (int life = 0; life < 9; ++life) {
    fixture.run();
    ASSERT_TRUE(fixture.kill());
    fixture.pass(2h, 10s);
  }
  EXPECT_EQ(provider.times_accepted(paid[0]), 5);
  EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::failed);
  EXPECT_EQ(fixture.result_of(paid[0]).last_error,
            "outcome unknown, sent 5 times: the process ended");
}

TEST_F(notification_copies_test, an_outage_of_hours_uses_up_no_copies) {
  start_without_keys();
  auto refused = failing(failure_class::outage, "connection refused");
  refused.never_written = true;
  fail_next(refused, false, 1'000'000);
  const auto paid = fixture.pay(3);
  fixture.pass(5h, 1s);
  EXPECT_EQ(fixture.counters->failed, 0u);
  provider.on_send = nullptr;
  fixture.pass(2min, 100ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.result_of(paid[0]).copies, 0);
}

TEST_F(notification_copies_test, what_is_in_doubt_at_one_provider_is_never_sent_by_the_next) {
  start_warm();
  provider.hold_answers = true;
  const auto doubtful = fixture.pay(2);
  fixture.run();
  ASSERT_EQ(provider.sent.size(), 1u);
  fixture.end();
  provider.hold_answers = false;
  provider.called = "another";
  fixture.start();
  const auto next = fixture.pay(1);
  fixture.pass(25min, 100ms);
  EXPECT_EQ(provider.sent.size(), 2u) << "the second payment alone";
  EXPECT_TRUE(fixture.all_delivered_once(next));
  for (const entry_id each : doubtful) {
    EXPECT_EQ(fixture.result_of(each).status, delivery_status::failed);
    EXPECT_EQ(fixture.result_of(each).last_error,
              "outcome unknown: it may have been sent by model before the provider was changed");
  }
}

} // namespace
} // namespace paymentd::actors::test
