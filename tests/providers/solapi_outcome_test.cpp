// Goal: nothing counts as accepted that Solapi did not clearly say to be, and each answer is of the
// right class. Method: the pure function against answers written by hand, good, bad and hostile.
#include "providers/solapi/solapi_outcome.hpp"

#include "tests/providers/example_call.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

json result_of(int i, const std::string& code = "2000") {
  return {{"messageId", "M" + std::to_string(i)},
          {"to", "010" + std::to_string(10'000'000 + i)},
          {"statusCode", code},
          {"statusMessage", "said Solapi"},
          {"customFields", {{"deliveryId", "alimtalk-" + std::to_string(i)}}}};
}

json answer_of(const std::vector<json>& listed, const std::vector<json>& failed) {
  return {{"groupInfo",
           {{"groupId", "G"},
            {"count",
             {{"total", listed.size() + failed.size()},
              {"registeredSuccess", listed.size()},
              {"registeredFailed", failed.size()}}}}},
          {"messageList", listed},
          {"failedMessageList", failed}};
}

call_result outcome_of(const call& what, std::string body, int status = 200) {
  net::http_response response;
  response.status = status;
  response.body = std::move(body);
  return solapi_call_result(what, std::move(response));
}

call_result outcome(int recipients, const json& answer, int status = 200) {
  return outcome_of(example_call("k", recipients, {}), answer.dump(), status);
}

void expect_failure(const call_result& result, failure_class kind, bool refused_content = false) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_EQ(result.error().refused_content, refused_content);
  EXPECT_FALSE(result.error().reason.empty());
}

void expect_failure(const recipient_result& result, failure_class kind) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
}

TEST(solapi_outcome, results_are_matched_by_delivery_id_whatever_their_order) {
  const call_result result =
      outcome(3, answer_of({result_of(3), result_of(1)}, {result_of(2, "3104")}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "G/M1");
  expect_failure(result->at(1), failure_class::permanent);
  EXPECT_EQ(result->at(2)->provider_message_id, "G/M3");
}

TEST(solapi_outcome, a_template_for_some_messages_that_is_refused_is_their_fault_alone) {
  call what = example_call("k", 2, {});
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  const std::vector<conditional_template> gifts{
      {.when = *templates::metadata_condition::parse("metadata.kind = gift"),
       .code = "GIFT",
       .message = {},
       .fallback = {}}};
  const auto outcome_by = [&](const json& answer) {
    net::http_response response;
    response.status = 200;
    response.body = answer.dump();
    return solapi_call_result(what, std::move(response), gifts);
  };
  const auto one = outcome_by(answer_of({result_of(1)}, {result_of(2, "1042")}));
  ASSERT_TRUE(one);
  EXPECT_TRUE(one->at(0));
  expect_failure(one->at(1), failure_class::transient);
  // The template of the other message is everybody else's.
  const auto main = outcome_by(answer_of({result_of(2)}, {result_of(1, "1042")}));
  ASSERT_TRUE(main);
  expect_failure(main->at(0), failure_class::outage);
  // Both: the call is halved, and then each is by itself.
  const json both = answer_of({}, {result_of(1, "1042"), result_of(2, "1043")});
  expect_failure(outcome_by(both), failure_class::outage, true);
  what.recipients[0].event.metadata = R"({"kind":"gift"})";
  expect_failure(outcome_by(both), failure_class::transient);
}

TEST(solapi_outcome, all_three_codes_of_acceptance_count) {
  const call_result result =
      outcome(3, answer_of({result_of(1, "2000"), result_of(2, "3000"), result_of(3, "4000")}, {}));
  ASSERT_TRUE(result);
  for (const auto& each : *result)
    EXPECT_TRUE(each);
}

TEST(solapi_outcome, an_empty_purse_for_one_message_is_not_its_fault) {
  const call_result result = outcome(2, answer_of({result_of(1)}, {result_of(2, "1030")}));
  ASSERT_TRUE(result);
  expect_failure(result->at(1), failure_class::outage);
}

TEST(solapi_outcome,
     a_failed_message_without_custom_fields_is_known_by_its_number_if_that_is_alone) {
  json failed = result_of(2, "3104");
  failed.erase("customFields");
  const call_result alone = outcome(2, answer_of({result_of(1)}, {failed}));
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone->at(0));
  expect_failure(alone->at(1), failure_class::permanent);

  call twice = example_call("k", 3, {});
  twice.recipients[2].event.phone = twice.recipients[1].event.phone;
  const call_result either = outcome_of(twice, answer_of({result_of(1)}, {failed}).dump());
  ASSERT_TRUE(either);
  EXPECT_TRUE(either->at(0));
  expect_failure(either->at(1), failure_class::unknown);
  expect_failure(either->at(2), failure_class::unknown);
}

TEST(solapi_outcome, without_a_list_the_counts_tell_who_was_accepted_if_they_agree) {
  json answer = answer_of({result_of(1), result_of(3)}, {result_of(2, "3104")});
  answer.erase("messageList");
  const call_result result = outcome(3, answer);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "G");
  expect_failure(result->at(1), failure_class::permanent);
  EXPECT_TRUE(result->at(2));

  for (const char* count : {"total", "registeredSuccess", "registeredFailed"}) {
    json wrong = answer;
    wrong["groupInfo"]["count"][count] = 7;
    const call_result doubtful = outcome(3, wrong);
    ASSERT_TRUE(doubtful);
    expect_failure(doubtful->at(0), failure_class::unknown);
    expect_failure(doubtful->at(1), failure_class::permanent);
    expect_failure(doubtful->at(2), failure_class::unknown);
  }
  answer.erase("failedMessageList");
  expect_failure(outcome(3, answer), failure_class::unknown);
}

TEST(solapi_outcome, a_message_without_a_result_is_unknown_and_the_others_stand) {
  const call_result result = outcome(3, answer_of({result_of(1), result_of(3)}, {}));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  expect_failure(result->at(1), failure_class::unknown);
  EXPECT_TRUE(result->at(2));
}

TEST(solapi_outcome, results_for_strangers_count_for_nobody) {
  const call_result result = outcome(2, answer_of({result_of(7), result_of(2)}, {}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
  EXPECT_TRUE(result->at(1));
  expect_failure(outcome(2, answer_of({result_of(7), result_of(8)}, {})), failure_class::unknown);
  json strangers_and_counts = answer_of({result_of(1), result_of(2)}, {});
  strangers_and_counts["messageList"] = json::array();
  strangers_and_counts["failedMessageList"] = {result_of(9, "3104")};
  expect_failure(outcome(2, strangers_and_counts), failure_class::unknown);
}

TEST(solapi_outcome, contradicting_results_for_a_message_are_unknown) {
  const call_result result =
      outcome(2, answer_of({result_of(1), result_of(2)}, {result_of(1, "3104")}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
  EXPECT_TRUE(result->at(1));
  const call_result accepted_failure = outcome(2, answer_of({result_of(1)}, {result_of(2)}));
  ASSERT_TRUE(accepted_failure);
  expect_failure(accepted_failure->at(1), failure_class::unknown);
}

TEST(solapi_outcome, a_success_that_is_not_clearly_one_is_unknown) {
  json no_id = answer_of({result_of(1)}, {});
  no_id["groupInfo"].erase("groupId");
  expect_failure(outcome(1, no_id), failure_class::unknown);
  const std::string whole = answer_of({result_of(1)}, {}).dump();
  for (const std::string& bad :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("<html></html>"),
        std::string("null"), std::string("[]"), std::string("{}"), std::string("\"2000\""),
        std::string(R"({"groupInfo":[]})"), std::string(100'000, '[')})
    expect_failure(outcome_of(example_call("k", 1, {}), bad), failure_class::unknown);
  json number = answer_of({result_of(1)}, {});
  number["messageList"][0]["statusCode"] = 2000;
  const call_result result = outcome(1, number);
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
}

TEST(solapi_outcome, what_every_message_was_refused_for_alike_is_an_outage_of_the_call) {
  expect_failure(outcome(2, answer_of({}, {result_of(1, "1042"), result_of(2, "1042")})),
                 failure_class::outage, true);
  expect_failure(outcome(2, answer_of({}, {result_of(1, "1030"), result_of(2, "1030")})),
                 failure_class::outage);
}

TEST(solapi_outcome, a_lone_message_is_not_failed_for_what_may_be_of_us_all) {
  for (const char* code : {"1020", "1011", "1062", "1099"})
    expect_failure(outcome(1, answer_of({}, {result_of(1, code)})), failure_class::outage, true);
  const call_result beside = outcome(2, answer_of({result_of(1)}, {result_of(2, "1099")}));
  ASSERT_TRUE(beside);
  expect_failure(beside->at(1), failure_class::permanent);
  const call_result none = outcome(2, answer_of({}, {result_of(1, "3104"), result_of(2, "1099")}));
  ASSERT_TRUE(none);
  expect_failure(none->at(0), failure_class::permanent);
  expect_failure(none->at(1), failure_class::transient);
}

TEST(solapi_outcome, errors_have_their_classes) {
  const auto error = [](const char* code) {
    return json{{"errorCode", code}, {"errorMessage", "said Solapi"}};
  };
  for (const char* code : {"InvalidAPIKey", "SignatureDoesNotMatch", "RequestTimeTooSkewed"})
    expect_failure(outcome(2, error(code), 403), failure_class::outage);
  expect_failure(outcome(2, error("DuplicatedSignature"), 403), failure_class::unknown);
  expect_failure(outcome(2, error("ValidationError"), 400), failure_class::outage, true);
  expect_failure(outcome(1, error("ValidationError"), 400), failure_class::outage, true);
  expect_failure(outcome(1, error("NotEnoughBalance"), 400), failure_class::outage);
  expect_failure(outcome(1, error("InternalError"), 500), failure_class::outage);
  expect_failure(outcome(1, error("BadGateway"), 502), failure_class::unknown);
  expect_failure(outcome(1, error("TooManyRequests"), 429), failure_class::throttled);
  expect_failure(outcome(1, error("Moved"), 302), failure_class::outage);
  expect_failure(outcome_of(example_call("k", 1, {}), "", 401), failure_class::outage);
}

TEST(solapi_outcome, a_success_in_a_refused_status_accepts_nothing) {
  for (const int status : {302, 400, 404, 429, 500, 502})
    EXPECT_FALSE(outcome(1, answer_of({result_of(1)}, {}), status)) << status;
}

} // namespace
} // namespace paymentd::providers
