// Goal: nothing but a 2xx counts as delivered, and each answer is of the right class. Method: the
// rules alone, over every kind of answer and of history.
#include "providers/webhook/outcome.hpp"

#include <gtest/gtest.h>

namespace paymentd::webhooks {
namespace {

using namespace std::chrono_literals;
using net::http_error;
using net::http_response;
using providers::accepted;
using providers::call_result;
using providers::failure;
using providers::failure_class;
using providers::recipient_result;

recipient_result of_status(int status, std::optional<std::chrono::seconds> after = std::nullopt) {
  return result_of(net::http_response{.status = status, .retry_after = after, .body = {}});
}

recipient_result of_error(net::http_error::kind what, bool written) {
  return result_of(std::unexpected(net::http_error{what, written, "why"}));
}

template <class Result>
void expect_failure(const Result& result, failure_class kind) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_FALSE(result.error().reason.empty());
}

TEST(webhook_result, only_2xx_is_a_success) {
  for (const int status : {200, 201, 202, 204, 299})
    EXPECT_TRUE(of_status(status)) << status;
  for (const int status :
       {301, 302, 307, 308, 400, 401, 403, 404, 408, 409, 422, 500, 502, 503, 504})
    expect_failure(of_status(status), failure_class::transient);
}

TEST(webhook_result, who_is_gone_and_who_is_busy_is_told_from_the_rest) {
  expect_failure(of_status(410), failure_class::transient);
  EXPECT_TRUE(of_status(410).error().gone);
  EXPECT_FALSE(of_status(404).error().gone);
  expect_failure(of_status(429), failure_class::throttled);
  for (const int status : {429, 502, 503, 504})
    EXPECT_EQ(of_status(status, 7s).error().retry_after, 7s);
}

TEST(webhook_result, an_exchange_without_an_answer_is_repeated_whatever_was_written) {
  const recipient_result unwritten = of_error(net::http_error::kind::not_connected, false);
  expect_failure(unwritten, failure_class::outage);
  EXPECT_TRUE(unwritten.error().never_written);
  for (const auto kind : {net::http_error::kind::too_slow, net::http_error::kind::lost,
                          net::http_error::kind::malformed})
    expect_failure(of_error(kind, true), failure_class::transient);
  expect_failure(of_error(net::http_error::kind::stopped, true), failure_class::unknown);
}

/// A receiver that is out of order after four different events.
class receiver_health_test : public testing::Test {
 public:
  call_result ends(std::int64_t event, recipient_result result) {
    return health.ended(health.begun(), {event}, std::move(result));
  }
  receiver_health health{4};
};

TEST_F(receiver_health_test, what_is_taken_ends_its_event) {
  const call_result taken = ends(1, of_status(204));
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->at(0));
}

TEST_F(receiver_health_test, a_receiver_that_is_gone_ends_no_event_whatever_it_has_taken) {
  const std::uint64_t begun = health.begun();
  ASSERT_TRUE(ends(1, of_status(204)));
  EXPECT_FALSE(health.gone());
  for (const std::int64_t event : {2, 3}) {
    const call_result gone = health.ended(begun, {event}, of_status(410));
    expect_failure(gone, failure_class::outage);
    EXPECT_FALSE(gone.error().never_written);
  }
  EXPECT_TRUE(health.gone());
}

TEST_F(receiver_health_test, a_failure_is_its_events_own_where_others_were_taken_meanwhile) {
  const std::uint64_t begun = health.begun();
  ASSERT_TRUE(ends(99, of_status(204)));
  for (std::int64_t event = 1; event < 20; ++event) {
    const call_result hung =
        health.ended(begun, {event}, of_error(net::http_error::kind::too_slow, true));
    ASSERT_TRUE(hung);
    expect_failure(hung->at(0), failure_class::transient);
  }
  const call_result busy = health.ended(begun, {20}, of_status(503, 7s));
  ASSERT_TRUE(busy);
  expect_failure(busy->at(0), failure_class::throttled);
  const call_result unwritten =
      health.ended(begun, {21}, of_error(net::http_error::kind::not_connected, false));
  ASSERT_TRUE(unwritten);
  expect_failure(unwritten->at(0), failure_class::outage);
}

TEST_F(receiver_health_test, different_events_that_fail_in_a_row_are_an_outage_in_the_end) {
  for (std::int64_t event = 1; event < 4; ++event)
    expect_failure(ends(event, of_status(500)), failure_class::transient);
  expect_failure(ends(4, of_status(500)), failure_class::outage);
}

TEST_F(receiver_health_test, one_event_that_fails_for_ever_is_no_outage) {
  for (int i = 0; i < 100; ++i)
    expect_failure(ends(i % 3, of_status(500)), failure_class::transient);
}

TEST_F(receiver_health_test, a_receiver_that_is_out_of_order_puts_every_other_event_aside) {
  for (std::int64_t event = 1; event < 4; ++event)
    ends(event, of_status(500));
  for (std::int64_t i = 0; i < 6; ++i)
    expect_failure(ends(4, of_error(net::http_error::kind::too_slow, true)),
                   i % 2 == 0 ? failure_class::outage : failure_class::transient);
  ASSERT_TRUE(ends(5, of_status(204)));
  expect_failure(ends(4, of_status(500)), failure_class::transient);
  expect_failure(ends(5, of_status(500)), failure_class::transient);
}

TEST_F(receiver_health_test, a_receiver_that_cannot_be_reached_is_out_of_order_at_once) {
  for (int i = 0; i < 2; ++i) {
    const call_result result = ends(1, of_error(net::http_error::kind::not_connected, false));
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
  }
}

TEST_F(receiver_health_test, a_busy_receiver_is_waited_for_as_long_as_it_says) {
  const call_result busy = ends(1, of_status(503, 9s));
  expect_failure(busy, failure_class::throttled);
  EXPECT_EQ(busy.error().retry_after, 9s);
  const std::uint64_t begun = health.begun();
  ASSERT_TRUE(ends(2, of_status(204)));
  expect_failure(health.ended(begun, {3}, of_status(429, 3s)), failure_class::throttled);
}

TEST_F(receiver_health_test, a_stop_in_the_middle_leaves_it_unknown) {
  expect_failure(ends(1, of_error(net::http_error::kind::stopped, true)), failure_class::unknown);
}

} // namespace
} // namespace paymentd::webhooks
