// Goal: nothing but a 2xx counts as delivered, and each answer is of the right class. Method: the
// pure functions, over every kind of answer and of call.
#include "webhook/outcome.hpp"

#include <gtest/gtest.h>

namespace paymentd::webhook {
namespace {

using namespace std::chrono_literals;
using alimtalk::accepted;
using alimtalk::call_result;
using alimtalk::failure;
using alimtalk::failure_class;
using alimtalk::http_error;
using alimtalk::http_response;
using alimtalk::recipient_result;

recipient_result of_status(int status, std::optional<std::chrono::seconds> after = std::nullopt) {
  return result_of(http_response{.status = status, .retry_after = after, .body = {}});
}

recipient_result of_error(http_error::kind what, bool written) {
  return result_of(std::unexpected(http_error{what, written, "why"}));
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

TEST(webhook_result, who_is_gone_is_not_asked_again_and_who_is_busy_is_waited_for) {
  expect_failure(of_status(410), failure_class::permanent);
  expect_failure(of_status(429), failure_class::throttled);
  for (const int status : {429, 502, 503, 504}) {
    const recipient_result busy = of_status(status, 7s);
    expect_failure(busy, failure_class::throttled);
    EXPECT_EQ(busy.error().retry_after, 7s);
  }
}

TEST(webhook_result, an_exchange_without_an_answer_is_repeated_whatever_was_written) {
  const recipient_result unwritten = of_error(http_error::kind::not_connected, false);
  expect_failure(unwritten, failure_class::outage);
  EXPECT_TRUE(unwritten.error().never_written);
  for (const auto kind :
       {http_error::kind::too_slow, http_error::kind::lost, http_error::kind::malformed})
    expect_failure(of_error(kind, true), failure_class::transient);
  expect_failure(of_error(http_error::kind::stopped, true), failure_class::unknown);
}

std::vector<recipient_result> all(std::initializer_list<recipient_result> results) {
  return results;
}

TEST(webhook_call, one_success_lets_each_event_have_its_own_result) {
  const call_result result = call_result_of(all({of_status(500), of_status(204), of_status(429, 3s),
                                                 of_error(http_error::kind::not_connected, false)}),
                                            1);
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::transient);
  EXPECT_TRUE(result->at(1));
  expect_failure(result->at(2), failure_class::throttled);
  expect_failure(result->at(3), failure_class::outage);
}

TEST(webhook_call, a_receiver_that_is_gone_fails_each_event) {
  const call_result result = call_result_of(all({of_status(410), of_status(410)}), 0);
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::permanent);
}

TEST(webhook_call, a_receiver_that_takes_nothing_is_out_of_order_every_other_time) {
  for (std::uint64_t before = 0; before < 6; ++before)
    expect_failure(
        call_result_of(all({of_status(500), of_error(http_error::kind::too_slow, true)}), before),
        before % 2 == 0 ? failure_class::transient : failure_class::outage);
}

TEST(webhook_call, a_receiver_that_cannot_be_reached_is_out_of_order_at_once) {
  for (std::uint64_t before = 0; before < 2; ++before) {
    const call_result result =
        call_result_of(all({of_error(http_error::kind::not_connected, false)}), before);
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
  }
}

TEST(webhook_call, a_busy_receiver_is_waited_for_as_long_as_it_says_at_the_most) {
  const call_result result =
      call_result_of(all({of_status(500), of_status(429, 3s), of_status(503, 9s)}), 1);
  expect_failure(result, failure_class::throttled);
  EXPECT_EQ(result.error().retry_after, 9s);
}

TEST(webhook_call, a_stop_in_the_middle_leaves_the_whole_unknown) {
  expect_failure(
      call_result_of(all({of_status(204), of_error(http_error::kind::stopped, true)}), 0),
      failure_class::unknown);
}

} // namespace
} // namespace paymentd::webhook
