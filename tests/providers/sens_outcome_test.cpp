// Goal: nothing counts as accepted that SENS did not clearly say to be, and each answer is of the
// right class. Method: the pure functions against answers written by hand, good, bad and hostile.
#include "providers/sens/sens_outcome.hpp"

#include "tests/providers/example_call.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

json result_of(int i, const std::string& code = "A000", const std::string& id = "") {
  return {{"messageId", id.empty() ? "M" + std::to_string(i) : id},
          {"to", "010" + std::to_string(10'000'000 + i)},
          {"requestStatusCode", code},
          {"requestStatusName", code == "A000" ? "success" : "fail"},
          {"requestStatusDesc", "said SENS"}};
}

json answer_of(const std::vector<json>& messages) {
  return {{"requestId", "R"}, {"statusCode", "202"}, {"messages", messages}};
}

net::http_response response(std::string body, int status) {
  net::http_response made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

call_result outcome_of(const call& what, std::string body, int status = 202,
                       bool by_condition = false) {
  return sens_call_result(what, response(std::move(body), status), by_condition);
}

call_result outcome(int recipients, const json& answer, int status = 202,
                    bool by_condition = false) {
  return outcome_of(example_call("k", recipients, {}), answer.dump(), status, by_condition);
}

template <class Result>
void expect_failure(const Result& result, failure_class kind, bool refused_content = false) {
  ASSERT_FALSE(result);
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind)) << result.error().reason;
  EXPECT_EQ(result.error().refused_content, refused_content);
  EXPECT_FALSE(result.error().reason.empty());
}

TEST(sens_outcome, results_are_matched_by_number_whatever_their_order) {
  const call_result result =
      outcome(3, answer_of({result_of(3), result_of(1), result_of(2, "A001")}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "#M1");
  expect_failure(result->at(1), failure_class::permanent);
  EXPECT_EQ(result->at(1).error().reason, "SENS refused the message: A001 said SENS");
  EXPECT_EQ(result->at(2)->provider_message_id, "#M3");
}

TEST(sens_outcome, several_messages_to_one_number_have_their_results_in_their_order) {
  call what = example_call("k", 3, {});
  what.recipients[2].event.phone = what.recipients[0].event.phone;
  const call_result result = outcome_of(
      what, answer_of({result_of(1, "A000", "first"), result_of(2), result_of(1, "A000", "second")})
                .dump());
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "#first");
  EXPECT_EQ(result->at(2)->provider_message_id, "#second");
  const call_result one_short = outcome_of(what, answer_of({result_of(1), result_of(2)}).dump());
  ASSERT_TRUE(one_short);
  expect_failure(one_short->at(0), failure_class::unknown);
  EXPECT_TRUE(one_short->at(1));
  expect_failure(one_short->at(2), failure_class::unknown);
}

TEST(sens_outcome, a_message_without_a_result_is_unknown_and_the_others_stand) {
  const call_result result = outcome(3, answer_of({result_of(1), result_of(3)}));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  expect_failure(result->at(1), failure_class::unknown);
  EXPECT_TRUE(result->at(2));
}

TEST(sens_outcome, an_accepted_message_without_an_id_has_that_of_the_call) {
  json no_id = result_of(1);
  no_id.erase("messageId");
  const call_result result = outcome(1, answer_of({no_id}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->at(0)->provider_message_id, "R") << "no result is found by it";
}

TEST(sens_outcome, results_for_strangers_count_for_nobody) {
  const call_result result = outcome(2, answer_of({result_of(7), result_of(2)}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
  EXPECT_TRUE(result->at(1));
  expect_failure(outcome(2, answer_of({result_of(7), result_of(8)})), failure_class::unknown);
}

TEST(sens_outcome, every_message_refused_is_a_refusal_of_the_call) {
  expect_failure(outcome(2, answer_of({result_of(1, "A001"), result_of(2, "A002")})),
                 failure_class::outage, true);
  expect_failure(outcome(1, answer_of({result_of(1, "A001")})), failure_class::outage, true);
  expect_failure(outcome(1, answer_of({result_of(1, "A001")}), 202, true),
                 failure_class::transient);
}

TEST(sens_outcome, a_refused_message_beside_unclear_ones_is_tried_again) {
  const call_result result = outcome(2, answer_of({result_of(1, "A001")}));
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::transient);
  expect_failure(result->at(1), failure_class::unknown);
}

TEST(sens_outcome, a_success_that_is_not_clearly_one_is_unknown) {
  json no_id = answer_of({result_of(1)});
  no_id.erase("requestId");
  expect_failure(outcome(1, no_id), failure_class::unknown);
  const std::string whole = answer_of({result_of(1)}).dump();
  for (const std::string& bad :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("<html></html>"),
        std::string("null"), std::string("[]"), std::string("{}"),
        std::string(R"({"requestId":"R","messages":{}})"), std::string(100'000, '[')})
    expect_failure(outcome_of(example_call("k", 1, {}), bad), failure_class::unknown);
  json number = answer_of({result_of(1)});
  number["messages"][0]["requestStatusCode"] = 0;
  const call_result result = outcome(1, number);
  ASSERT_TRUE(result);
  expect_failure(result->at(0), failure_class::unknown);
}

TEST(sens_outcome, statuses_have_their_classes) {
  const json error{{"error", {{"errorCode", "200"}, {"details", "Invalid authentication"}}}};
  const call_result unauthorized = outcome(2, error, 401);
  expect_failure(unauthorized, failure_class::outage);
  EXPECT_EQ(unauthorized.error().reason,
            "SENS refused the call: HTTP 401 200 Invalid authentication");
  expect_failure(outcome(2, error, 403), failure_class::outage);
  expect_failure(outcome(2, error, 400), failure_class::outage, true);
  expect_failure(outcome(2, error, 400, true), failure_class::transient);
  expect_failure(outcome(2, error, 413), failure_class::outage, true);
  expect_failure(outcome(2, error, 429), failure_class::throttled);
  expect_failure(outcome(2, error, 500), failure_class::outage);
  expect_failure(outcome(2, error, 503), failure_class::outage);
  expect_failure(outcome(2, error, 504), failure_class::unknown);
  expect_failure(outcome(2, error, 302), failure_class::outage);
}

TEST(sens_outcome, a_success_in_a_refused_status_accepts_nothing) {
  for (const int status : {302, 400, 401, 404, 429, 500, 502})
    EXPECT_FALSE(outcome(1, answer_of({result_of(1)}), status)) << status;
}

json listed(const char* id, const char* code, const char* status) {
  return {{"messageId", id},
          {"messageStatusCode", code},
          {"messageStatusName", status},
          {"messageStatusDesc", "said SENS"},
          {"completeTime", "2026-11-22 23:05:10"},
          {"useSmsFailover", false}};
}

TEST(sens_results, an_id_that_no_database_takes_is_cut_and_found_again) {
  const std::string id = std::string("a\0b", 3) + std::string(10'000, 'x');
  const call_result sent = outcome(1, answer_of({result_of(1, "A000", id)}));
  ASSERT_TRUE(sent);
  const std::string& kept = sent->at(0)->provider_message_id;
  EXPECT_TRUE(kept.starts_with("#a bx"));
  EXPECT_LE(kept.size(), 201u);
  json message = listed("", "0000", "success");
  message["messageId"] = id;
  json told;
  told["messages"] = json::array({message});
  const auto page = sens_results_page(response(told.dump(), 200), evening);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->results.at(0).provider_message_id, kept);
}

TEST(sens_results, only_0000_and_an_sms_that_arrived_are_reached) {
  json by_sms = listed("d", "3019", "fail");
  by_sms["useSmsFailover"] = true;
  by_sms["failover"] = {{"messageStatusName", "success"}};
  json nor_by_sms = listed("e", "3019", "fail");
  nor_by_sms["useSmsFailover"] = true;
  nor_by_sms["failover"] = {{"messageStatusName", "fail"}};
  const auto page = sens_results_page(
      response(
          json{{"messages",
                {listed("a", "0000", "success"), listed("b", "3019", "fail"), by_sms, nor_by_sms}},
               {"nextToken", "t2"}}
              .dump(),
          200),
      evening);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->next, "t2");
  ASSERT_EQ(page->results.size(), 4u);
  EXPECT_EQ(page->results[0].provider_message_id, "#a");
  EXPECT_TRUE(page->results[0].delivery_id.empty());
  EXPECT_TRUE(page->results[0].reached);
  EXPECT_EQ(page->results[0].at, evening + 5min + 10s);
  EXPECT_EQ(page->results[0].channel, message_channel::alimtalk);
  EXPECT_FALSE(page->results[1].reached);
  EXPECT_EQ(page->results[1].reason, "SENS: 3019 said SENS");
  EXPECT_EQ(page->results[1].channel, std::nullopt);
  EXPECT_TRUE(page->results[2].reached);
  EXPECT_EQ(page->results[2].channel, message_channel::sms);
  EXPECT_FALSE(page->results[3].reached) << "nor did the SMS";
}

TEST(sens_results, what_may_still_change_is_not_told) {
  json sms_under_way = listed("a", "3019", "fail");
  sms_under_way["useSmsFailover"] = true;
  json sms_processing = sms_under_way;
  sms_processing["failover"] = {{"messageStatusName", "processing"}};
  json no_id = listed("", "0000", "success");
  json no_time = listed("f", "0000", "success");
  no_time["completeTime"] = nullptr;
  const auto page = sens_results_page(
      response(json{{"messages",
                     {sms_under_way, sms_processing, listed("b", "0000", "processing"),
                      listed("c", "3005", "fail"), listed("d", "", "fail"), no_id, 7, no_time}}}
                   .dump(),
               200),
      evening);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->results.size(), 1u);
  EXPECT_EQ(page->results[0].provider_message_id, "#f");
  EXPECT_EQ(page->results[0].at, evening) << "it was not told";
  EXPECT_TRUE(page->next.empty());
}

TEST(sens_results, a_404_without_a_body_is_an_empty_list_and_other_answers_tell_nothing) {
  const auto none = sens_results_page(response("", 404), evening);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->results.empty());
  expect_failure(sens_results_page(response(R"({"error":{}})", 404), evening),
                 failure_class::outage);
  expect_failure(sens_results_page(response("{}", 429), evening), failure_class::throttled);
  for (const std::string& bad : {std::string(), std::string("<html>"), std::string("null"),
                                 std::string("{\"messages\":7}"), std::string(100'000, '[')})
    expect_failure(sens_results_page(response(bad, 200), evening), failure_class::outage);
}

} // namespace
} // namespace paymentd::providers
