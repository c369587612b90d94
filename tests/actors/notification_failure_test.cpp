// Goal: each class of failure does to a message, to its claim and to the whole subscriber exactly
// what the design says, and none loses a message or sends one twice.
// Method: as notification_delivery_test; the provider fails as the test tells it.
#include "failing_delivery.hpp"

namespace paymentd::actors::test {
namespace {

using namespace std::chrono_literals;
using providers::call;
using providers::failure;
using providers::failure_class;
using providers::recipient;

class notification_failure_test : public failing_delivery {};

// ---- one recipient ------------------------------------------------------------------------------

TEST_F(notification_failure_test, a_bad_number_is_failed_with_its_reason_and_blocks_nobody) {
  start_warm();
  auto paid = fixture.pay(9);
  fail_recipient(paid[4], failing(failure_class::permanent, "-5000 bad number"));
  fixture.run();
  const auto result = fixture.result_of(paid[4]);
  EXPECT_EQ(result.status, delivery_status::failed);
  EXPECT_EQ(result.last_error, "-5000 bad number");
  EXPECT_EQ(provider.sent.size(), 1u);
  EXPECT_EQ(fixture.counters->failed, 1u);
  paid.erase(paid.begin() + 4);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, a_transient_failure_is_tried_again_later_and_later) {
  start_warm();
  auto paid = fixture.pay(3);
  fail_recipient(paid[1], failing(failure_class::transient, "-7000 vendor"), 3);
  fixture.run();
  EXPECT_EQ(fixture.result_of(paid[1]).status, delivery_status::pending);
  EXPECT_EQ(fixture.result_of(paid[1]).attempts, 1);
  for (const auto delay : {1000ms, 2000ms, 4000ms}) {
    const auto calls = provider.sent.size();
    fixture.pass(delay - 200ms);
    EXPECT_EQ(provider.sent.size(), calls) << "too early";
    fixture.pass(250ms);
    EXPECT_EQ(provider.sent.size(), calls + 1);
    EXPECT_EQ(provider.sent.back().recipients.size(), 1u) << "the others are not repeated";
  }
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.result_of(paid[1]).attempts, 4);
  EXPECT_EQ(fixture.counters->retried, 3u);
}

TEST_F(notification_failure_test, a_message_that_fails_beyond_the_maximum_age_is_failed) {
  fixture.options.delivery.policy.max_age = 10s;
  start_warm();
  auto paid = fixture.pay(2);
  fail_recipient(paid[0], failing(failure_class::transient, "-7000 vendor"), 1000);
  fixture.pass(30s);
  const auto result = fixture.result_of(paid[0]);
  EXPECT_EQ(result.status, delivery_status::failed);
  EXPECT_EQ(result.attempts, 5) << "at 0, 1, 3, 7 and 15 s";
  EXPECT_EQ(result.last_error, "-7000 vendor (given up: too old)");
  EXPECT_EQ(fixture.open_claims(), 0u);
}

TEST_F(notification_failure_test, a_recipient_whose_result_is_unknown_is_looked_up) {
  start_warm();
  auto paid = fixture.pay(3);
  provider.on_send = [&, first = true](const call&) mutable {
    if (!std::exchange(first, false))
      return treatment{};
    return treatment{.garble = [](auto& results) { // accepted, but the answer does not say so
      results[1] = std::unexpected(failing(failure_class::unknown));
    }};
  };
  fixture.run();
  EXPECT_EQ(provider.searched.size(), 1u);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

// ---- whole calls --------------------------------------------------------------------------------

TEST_F(notification_failure_test, an_outage_kills_spends_no_attempts_and_gives_a_new_key) {
  start_warm();
  fail_next(failing(failure_class::outage, "503"));
  const auto paid = fixture.pay(3);
  fixture.run();
  EXPECT_EQ(fixture.status().state, supervision::backing_off);
  EXPECT_EQ(fixture.status().last_error, "503");
  EXPECT_EQ(fixture.open_claims(), 1u);
  fixture.pass(200ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.result_of(paid[0]).attempts, 1);
  ASSERT_EQ(provider.sent.size(), 2u);
  EXPECT_NE(provider.sent[0].key, provider.sent[1].key) << "a refused key is not used again";
  EXPECT_EQ(fixture.status().restarts, 1u);
}

TEST_F(notification_failure_test, what_was_never_written_keeps_its_key) {
  start_warm();
  failure refused = failing(failure_class::outage, "connection refused");
  refused.never_written = true;
  fail_next(refused);
  const auto paid = fixture.pay(3);
  fixture.pass(200ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  ASSERT_EQ(provider.sent.size(), 2u);
  EXPECT_EQ(provider.sent[0].key, provider.sent[1].key);
}

TEST_F(notification_failure_test, a_long_outage_delays_more_and_more_and_a_success_resets_it) {
  start_warm();
  const auto steps = fixture.store->steps.size();
  fail_next(failing(failure_class::outage, "503"), false, 6);
  const auto paid = fixture.pay(30);
  fixture.run();
  for (const auto delay : {200ms, 400ms, 800ms, 1600ms, 3200ms}) {
    EXPECT_EQ(fixture.status().delay, delay);
    fixture.pass(delay);
  }
  EXPECT_EQ(fixture.open_claims(), 1u) << "nothing grows";
  EXPECT_LE(fixture.store->steps.size(), steps + 2) << "nothing more is written";
  fixture.pass(3200ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.status().failures, 0);
  fail_next(failing(failure_class::outage, "503"));
  fixture.pay(1);
  fixture.run();
  EXPECT_EQ(fixture.status().delay, 200ms);
}

TEST_F(notification_failure_test, calls_under_way_when_the_outage_comes_are_stored_first) {
  fixture.options.delivery.messages_max = 2;
  start_warm();
  provider.hold_answers = true;
  const auto paid = fixture.pay(6);
  fixture.run();
  ASSERT_EQ(provider.waiting(), 3u);
  provider.on_send = [](const call&) {
    return treatment{.accept = false, .says = failing(failure_class::outage, "503")};
  };
  const auto refused = fixture.pay(1);
  fixture.run();
  ASSERT_EQ(provider.waiting(), 4u);
  provider.release(3);
  fixture.run();
  EXPECT_TRUE(fixture.status().child_lives) << "it waits for the others";
  provider.on_send = nullptr;
  while (provider.waiting() > 0)
    provider.release();
  fixture.run();
  EXPECT_FALSE(fixture.status().child_lives);
  EXPECT_EQ(fixture.open_claims(), 1u) << "only the refused one";
  provider.hold_answers = false;
  fixture.pass(1s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_TRUE(fixture.all_delivered_once(refused));
  EXPECT_EQ(provider.searched.size(), 0u) << "nothing was in doubt";
}

TEST_F(notification_failure_test, calls_that_hang_do_not_keep_it_alive) {
  fixture.options.delivery.messages_max = 2;
  start_warm();
  provider.hold_answers = true;
  const auto paid = fixture.pay(2);
  fixture.run();
  provider.on_send = [](const call&) {
    return treatment{.accept = false, .says = failing(failure_class::outage, "503")};
  };
  fixture.pay(1);
  fixture.run();
  provider.release(1);
  fixture.pass(4900ms);
  EXPECT_TRUE(fixture.status().child_lives);
  fixture.pass(200ms);
  EXPECT_EQ(fixture.status().failures, 1);
}

TEST_F(notification_failure_test, a_wait_without_an_end_ends_after_an_hour) {
  start_warm();
  failure throttled = failing(failure_class::throttled, "429");
  throttled.retry_after = std::chrono::hours{24 * 365};
  fail_next(throttled);
  const auto paid = fixture.pay(1);
  fixture.pass(59min);
  EXPECT_EQ(provider.sent.size(), 1u);
  fixture.pass(2min);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, a_long_wait_is_shown_and_outlives_its_actor) {
  start_warm();
  failure throttled = failing(failure_class::throttled, "429");
  throttled.retry_after = 30min;
  fail_next(throttled);
  const auto paid = fixture.pay(1);
  fixture.run();
  EXPECT_EQ(fixture.counters->held_until_ms,
            (fixture.on.time() + 30min).time_since_epoch().count());
  fixture.pass(1min);
  ASSERT_TRUE(fixture.kill());
  fixture.pass(28min);
  EXPECT_EQ(provider.sent.size(), 1u);
  fixture.pass(2min);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, behind_a_long_wait_one_call_goes_first) {
  start_warm();
  failure throttled = failing(failure_class::throttled, "429");
  throttled.retry_after = 1min;
  fail_next(throttled);
  fixture.options.delivery.messages_max = 1;
  fixture.pay(1);
  fixture.run();
  for (int i = 0; i < 4; ++i)
    fixture.pay(1);
  provider.hold_answers = true;
  fixture.pass(61s);
  EXPECT_EQ(provider.waiting(), 1u);
  provider.hold_answers = false;
  provider.release();
  fixture.pass(1s);
  EXPECT_EQ(fixture.open_claims(), 0u);
}

// ---- clocks -------------------------------------------------------------------------------------

TEST_F(notification_failure_test, a_clock_that_is_set_back_does_not_lengthen_a_retrys_wait) {
  start_warm();
  const auto paid = fixture.pay(2);
  fail_recipient(paid[1], failing(failure_class::transient, "-7000 vendor"), 1);
  fixture.run();
  fixture.on.set_by = -1h;
  fixture.pass(1500ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, a_clock_that_is_set_makes_no_second_copy_of_what_is_in_doubt) {
  for (const auto set_by : {-1h, 1h}) {
    SCOPED_TRACE(set_by / 1min);
    start_warm();
    provider.on_send = [](const call&) { // taken, and never told
      return treatment{.says = failing(failure_class::unknown)};
    };
    provider.on_find = [](const call&) {
      return treatment{.says = failing(failure_class::unknown)};
    };
    const auto paid = fixture.pay(1);
    fixture.pass(1min);
    fixture.on.set_by += set_by;
    fixture.pass(20min);
    provider.on_send = nullptr;
    provider.on_find = nullptr;
    fixture.pass(20min);
    EXPECT_TRUE(fixture.all_delivered_once(paid));
    fixture.end();
  }
}

TEST_F(notification_failure_test, what_was_in_doubt_for_long_has_its_results_read_again) {
  for (const auto time : {1min, 30min}) {
    SCOPED_TRACE(time);
    start_warm();
    fixture.store->steps.clear();
    provider.on_send = [](const call&) {
      return treatment{.says = failing(failure_class::unknown)};
    };
    provider.on_find = [](const call&) {
      return treatment{.says = failing(failure_class::unknown)};
    };
    const auto paid = fixture.pay(1);
    fixture.pass(time);
    provider.on_send = nullptr;
    provider.on_find = nullptr;
    fixture.pass(20min);
    EXPECT_TRUE(fixture.all_delivered_once(paid));
    bool again = false;
    for (const delivery_step& each : fixture.store->steps)
      for (const ended_claim& ended : each.ended)
        again = again || ended.read_again_from;
    EXPECT_EQ(again, time > 10min) << "those of before wait for it";
    fixture.end();
  }
}

TEST_F(notification_failure_test, a_clock_that_was_set_back_before_a_restart_makes_no_second_copy) {
  start_warm();
  provider.on_send = [](const call&) { return treatment{.says = failing(failure_class::unknown)}; };
  const auto paid = fixture.pay(1);
  fixture.pass(1min);
  fixture.on.set_by = -1h;
  ASSERT_TRUE(fixture.kill());
  fixture.pass(30s);
  provider.on_send = nullptr;
  fixture.pass(15min);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, a_throttled_call_holds_everybody_and_spends_no_attempts) {
  start_warm();
  failure throttled = failing(failure_class::throttled, "429");
  throttled.retry_after = 5s;
  fail_next(throttled);
  auto paid = fixture.pay(2);
  fixture.run();
  for (const entry_id each : fixture.pay(2))
    paid.push_back(each);
  fixture.pass(4900ms);
  EXPECT_EQ(provider.sent.size(), 1u);
  EXPECT_TRUE(fixture.status().child_lives);
  fixture.pass(200ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.result_of(paid[0]).attempts, 1);
  EXPECT_EQ(fixture.counters->retried, 0u);
}

TEST_F(notification_failure_test, a_transient_refusal_of_a_call_is_tried_again_as_its_messages) {
  start_warm();
  fail_next(failing(failure_class::transient, "busy"));
  const auto paid = fixture.pay(4);
  fixture.run();
  EXPECT_EQ(fixture.result_of(paid[0]).attempts, 1);
  EXPECT_EQ(fixture.result_of(paid[0]).status, delivery_status::pending);
  fixture.pass(1100ms);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.result_of(paid[0]).attempts, 2);
}

TEST_F(notification_failure_test, an_unknown_outcome_is_repeated_under_the_same_key) {
  start_warm();
  fail_next(failing(failure_class::unknown, "time-out"), false, 2); // it never arrived
  const auto paid = fixture.pay(4);
  fixture.run();
  EXPECT_EQ(provider.sent.size(), 1u);
  fixture.pass(1050ms);
  EXPECT_EQ(provider.sent.size(), 2u);
  fixture.pass(2050ms);
  ASSERT_EQ(provider.sent.size(), 3u);
  EXPECT_EQ(provider.sent[0].key, provider.sent[2].key);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.counters->unknown, 2u);
}

TEST_F(notification_failure_test, an_unknown_outcome_that_was_accepted_is_found_not_sent_again) {
  start_warm();
  fail_next(failing(failure_class::unknown, "time-out"), true);
  const auto paid = fixture.pay(4);
  fixture.pass(1050ms);
  EXPECT_EQ(provider.searched.size(), 1u);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, seen_but_half_accepted_waits_for_the_window_then_sends_the_rest) {
  start_warm();
  const auto paid = fixture.pay(4);
  provider.on_send = [&, first = true](const call&) mutable {
    if (!std::exchange(first, false))
      return treatment{};
    return treatment{.says = failing(failure_class::unknown, "connection lost"),
                     .recipient = [&](const recipient& each) -> std::optional<failure> {
                       if (each.event.entry == paid[0] || each.event.entry == paid[3])
                         return failing(failure_class::transient);
                       return std::nullopt;
                     }};
  };
  fixture.pass(2s);
  EXPECT_EQ(provider.searched.size(), 1u);
  EXPECT_EQ(fixture.counters->parked, 1);
  const auto others = fixture.pay(3); // who waits holds no slot and stops nobody
  fixture.run();
  EXPECT_EQ(fixture.store->times_delivered[others[2]], 1);
  fixture.pass(590s, 500ms);
  EXPECT_EQ(provider.times_accepted(paid[0]), 0) << "the window is not over";
  fixture.pass(20s, 500ms);
  EXPECT_EQ(provider.searched.size(), 2u);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
  EXPECT_EQ(fixture.counters->parked, 0);
}

TEST_F(notification_failure_test, a_search_that_fails_is_repeated_and_an_outage_of_it_kills) {
  start_warm();
  fail_next(failing(failure_class::unknown, "time-out"), true);
  int searches = 0;
  provider.on_find = [&](const call&) {
    ++searches;
    if (searches == 1)
      return treatment{.says = failing(failure_class::unknown, "half a body")};
    if (searches == 2)
      return treatment{.says = failing(failure_class::outage, "503")};
    return treatment{};
  };
  const auto paid = fixture.pay(4);
  fixture.pass(1100ms);
  EXPECT_EQ(searches, 1);
  fixture.pass(2100ms);
  EXPECT_EQ(searches, 3) << "again after the supervisor's delay";
  EXPECT_EQ(fixture.status().restarts, 1u);
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, who_cannot_be_searched_is_sent_again_under_a_new_key) {
  provider.finds = false;
  provider.window = 0ms;
  start_warm();
  fail_next(failing(failure_class::unknown, "time-out"), false);
  const auto paid = fixture.pay(4);
  fixture.pass(1100ms);
  ASSERT_EQ(provider.sent.size(), 2u);
  EXPECT_NE(provider.sent[0].key, provider.sent[1].key);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, an_outage_longer_than_the_maximum_age_fails_nothing) {
  fixture.options.delivery.policy.max_age = 10s;
  start_warm();
  bool away = true;
  provider.on_send = provider.on_find = [&](const call&) {
    treatment how;
    if (away)
      how = {.accept = false, .says = failing(failure_class::outage, "503")};
    return how;
  };
  // Killed in the middle of a call, so that the claim is in doubt when its successor takes it over.
  provider.hold_answers = true;
  const auto paid = fixture.pay(3);
  fixture.run();
  ASSERT_TRUE(fixture.kill());
  provider.hold_answers = false;
  fixture.pass(20min, 1s);
  away = false;
  fixture.pass(2min, 1s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, a_refusal_of_a_repeat_says_nothing_of_the_try_before_it) {
  start_warm();
  int calls = 0;
  provider.on_send = [&](const call&) {
    ++calls;
    if (calls == 1) // accepted, and the answer is lost
      return treatment{.says = failing(failure_class::unknown, "time-out")};
    if (calls == 2)
      return treatment{.accept = false, .says = failing(failure_class::transient, "busy")};
    return treatment{};
  };
  const auto paid = fixture.pay(4);
  fixture.pass(10s);
  EXPECT_TRUE(fixture.all_delivered_once(paid)) << "the key stayed, and the search found them";
}

TEST_F(notification_failure_test, an_answer_about_too_few_recipients_delivers_nobody) {
  start_warm();
  const auto paid = fixture.pay(4);
  provider.on_send = [&, first = true](const call&) mutable {
    if (!std::exchange(first, false))
      return treatment{};
    return treatment{.garble = [](auto& results) { results.pop_back(); }};
  };
  fixture.run();
  EXPECT_EQ(fixture.store->times_delivered[paid[0]], 0);
  fixture.pass(2s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

TEST_F(notification_failure_test, parked_claims_are_bounded_and_hold_no_slots) {
  fixture.options.delivery.in_flight_max = 2;
  fixture.options.delivery.messages_max = 1;
  fixture.options.delivery.parked_max = 4;
  start_warm();
  provider.on_send = [](const call&) {
    return treatment{.accept = false, .says = failing(failure_class::unknown, "time-out")};
  };
  const auto paid = fixture.pay(50);
  fixture.pass(30s);
  EXPECT_LE(fixture.open_claims(), 6u) << "those parked, and those in slots";
  EXPECT_GE(fixture.open_claims(), 4u);
  provider.on_send = nullptr;
  fixture.pass(70s);
  EXPECT_TRUE(fixture.all_delivered_once(paid));
}

} // namespace
} // namespace paymentd::actors::test
