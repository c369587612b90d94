// Goal: only a PubAck of the stream that was asked for accepts an event, and each error of
// JetStream has its consequence. Method: answers as nats-server writes them, and such as it never
// would.
#include "providers/nats/puback.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::nats {
namespace {

using providers::call_result;
using providers::failure;
using providers::failure_class;
using testing::HasSubstr;

call_result answered(const std::string& answer) {
  return puback_result(answer, "PAYMENTD");
}

failure refused(const std::string& answer) {
  const call_result result = answered(answer);
  return result ? failure{.reason = "it was accepted"} : result.error();
}

std::string error(int code, const std::string& description) {
  return R"({"error":{"code":503,"err_code":)" + std::to_string(code) + R"(,"description":")" +
         description + R"("},"stream":"PAYMENTD","seq":0})";
}

TEST(nats_puback, of_the_stream_accepts_the_event_under_its_sequence) {
  const call_result result = answered(R"({"stream":"PAYMENTD","seq":42})");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 1u);
  ASSERT_TRUE(result->at(0));
  EXPECT_EQ(result->at(0)->provider_message_id, "PAYMENTD:42");
}

TEST(nats_puback, of_a_duplicate_accepts_it_too) {
  const call_result result =
      answered(R"({"stream":"PAYMENTD","domain":"hub","seq":7,"duplicate":true})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "PAYMENTD:7");
}

TEST(nats_puback, an_error_is_an_outage_that_stored_nothing) {
  for (const auto& [code, description] :
       {std::pair{10077, "maximum messages exceeded"},
        std::pair{10047, "insufficient storage resources available"},
        std::pair{10060, "expected stream does not match"}, std::pair{10059, "stream not found"},
        std::pair{10008, "JetStream system temporarily unavailable"},
        std::pair{10109, "invalid operation on sealed stream"}}) {
    const failure why = refused(error(code, description));
    EXPECT_EQ(why.kind, failure_class::outage) << description;
    EXPECT_FALSE(why.refused_content) << description;
    EXPECT_FALSE(why.may_follow_acceptance) << description;
    EXPECT_FALSE(why.never_written) << description;
    EXPECT_EQ(why.reason,
              std::string("JetStream: ") + description + " (" + std::to_string(code) + ")");
  }
}

TEST(nats_puback, a_message_above_the_streams_bound_is_refused_for_its_content) {
  EXPECT_TRUE(refused(error(10054, "message size exceeds maximum allowed")).refused_content);
}

TEST(nats_puback, whatever_else_comes_leaves_it_unknown) {
  for (const std::string answer :
       {"", "+OK", "[]", "{}", "null", "42", R"({"stream":"OTHER","seq":1})",
        R"({"stream":"PAYMENTD"})", R"({"stream":"PAYMENTD","seq":0})",
        R"({"stream":"PAYMENTD","seq":-1})", R"({"stream":"PAYMENTD","seq":1.5})",
        R"({"stream":"PAYMENTD","seq":"1"})", R"({"stream":"PAYMENTD","seq":18446744073709551615})",
        R"({"seq":1})", R"({"stream":["PAYMENTD"],"seq":1})", R"({"error":null})",
        R"({"error":"no","stream":"PAYMENTD","seq":1})", R"({"stream":"PAYMENTD","seq":1)"}) {
    const failure why = refused(answer);
    EXPECT_EQ(why.kind, failure_class::unknown) << answer << ": " << why.reason;
  }
}

TEST(nats_puback, an_error_without_words_or_with_odd_ones_is_one_line) {
  EXPECT_EQ(refused(R"({"error":{}})").reason, "JetStream: an error without a description (0)");
  EXPECT_EQ(refused(R"({"error":{"err_code":1,"description":"a\nb"}})").reason,
            "JetStream: a b (1)");
}

TEST(nats_puback, without_an_answer_the_event_may_have_been_stored) {
  for (const failure& why : {no_puback("Permissions Violation"), connection_lost("IO Error")}) {
    EXPECT_EQ(why.kind, failure_class::outage);
    EXPECT_TRUE(why.may_follow_acceptance);
    EXPECT_FALSE(why.never_written);
  }
  EXPECT_THAT(no_puback("Permissions Violation").reason, HasSubstr("Permissions Violation"));
}

TEST(nats_puback, where_nobody_takes_the_subject_nothing_was_stored) {
  EXPECT_EQ(no_stream().kind, failure_class::outage);
  EXPECT_FALSE(no_stream().may_follow_acceptance);
}

TEST(nats_puback, an_event_above_the_servers_bound_is_refused_for_its_content) {
  EXPECT_TRUE(too_large(2000, 1000).refused_content);
  EXPECT_TRUE(too_large(2000, 1000).never_written);
}

} // namespace
} // namespace paymentd::nats
