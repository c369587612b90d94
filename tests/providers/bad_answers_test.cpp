// Goal: whatever an API answers, no adapter crashes, and none takes a message for accepted that was
// not. Method: all adapters, over real sockets, against a server that gives each bad answer.
#include "providers/aligo/aligo_provider.hpp"
#include "providers/nhn/nhn_provider.hpp"
#include "providers/sens/sens_provider.hpp"
#include "providers/solapi/solapi_provider.hpp"

#include "tests/providers/example_call.hpp"
#include "tests/providers/whole_text_options.hpp"
#include "tests/support/canned_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace paymentd::providers {
namespace {

using net::canned_connection;
using net::canned_server;
using net::http_answer;
using net::make_test_certificate;
using net::test_certificate;

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto long_time = 10s;

/// One adapter, and its API's words.
struct api {
  const char* name;
  std::function<std::unique_ptr<provider>(const std::string& origin, const std::string& ca_file)>
      make;
  std::string accepted; // of messages 1 and 2
  // Empty for an API that names no messages in its answer:
  std::string one_accepted; // of message 1 alone
  std::string strangers;    // of messages that nobody sent
  std::string refused;      // of the whole call, in a 200
};

template <class Options>
Options common(const std::string& origin, const std::string& ca_file) {
  Options options;
  options.base_url = origin;
  options.timeout = long_time;
  options.ca_file = ca_file;
  return options;
}

std::string nhn_answer_of(const std::string& results, const std::string& header) {
  return R"({"header":)" + header + R"(,"message":{"requestId":"R","sendResults":[)" + results +
         "]}}";
}
std::string nhn_result_of(const std::string& id) {
  return R"({"recipientSeq":1,"recipientNo":"01010000001","resultCode":0,"recipientGroupingKey":")" +
         id + R"("})";
}
std::string solapi_answer_of(const std::string& results, const std::string& failed = "") {
  return R"({"groupInfo":{"groupId":"G"},"messageList":[)" + results +
         R"(],"failedMessageList":[)" + failed + "]}";
}
std::string solapi_result_of(const std::string& id, const std::string& code = "2000") {
  return R"({"messageId":"M","statusCode":")" + code + R"(","customFields":{"deliveryId":")" + id +
         R"("}})";
}

std::string sens_answer_of(const std::string& results) {
  return R"({"requestId":"R","messages":[)" + results + "]}";
}
std::string sens_result_of(int i, const std::string& code = "A000") {
  return R"({"messageId":"M","to":"0101000000)" + std::to_string(i) + R"(","requestStatusCode":")" +
         code + R"("})";
}

const std::vector<api>& apis() {
  static const std::string good = R"({"resultCode":0,"resultMessage":"","isSuccessful":true})";
  static const std::string bad = R"({"resultCode":-9999,"resultMessage":"","isSuccessful":false})";
  static const std::vector<api> all{
      {"nhn",
       [](const std::string& origin, const std::string& ca_file) {
         auto options = common<nhn_options>(origin, ca_file);
         options.app_key = options.secret_key = options.sender_key = options.template_code = "x";
         return make_nhn_provider(std::move(options)).value();
       },
       nhn_answer_of(nhn_result_of("alimtalk-1") + "," + nhn_result_of("alimtalk-2"), good),
       nhn_answer_of(nhn_result_of("alimtalk-1"), good),
       nhn_answer_of(nhn_result_of("alimtalk-8") + "," + nhn_result_of("alimtalk-9"), good),
       nhn_answer_of("", bad)},
      {"solapi",
       [](const std::string& origin, const std::string& ca_file) {
         auto options = common<solapi_options>(origin, ca_file);
         options.api_key = options.api_secret = options.pf_id = options.template_id = "x";
         return make_solapi_provider(std::move(options)).value();
       },
       solapi_answer_of(solapi_result_of("alimtalk-1") + "," + solapi_result_of("alimtalk-2")),
       solapi_answer_of(solapi_result_of("alimtalk-1")),
       solapi_answer_of(solapi_result_of("alimtalk-8") + "," + solapi_result_of("alimtalk-9")),
       solapi_answer_of("", solapi_result_of("alimtalk-1", "1042") + "," +
                                solapi_result_of("alimtalk-2", "1042"))},
      {"sens",
       [](const std::string& origin, const std::string& ca_file) {
         auto options = common<sens_options>(origin, ca_file);
         options.access_key = options.secret_key = options.service_id = options.channel =
             options.template_code = "x";
         options.message = whole_text_options();
         return make_sens_provider(std::move(options)).value();
       },
       sens_answer_of(sens_result_of(1) + "," + sens_result_of(2)),
       sens_answer_of(sens_result_of(1)),
       sens_answer_of(sens_result_of(8) + "," + sens_result_of(9)),
       sens_answer_of(sens_result_of(1, "A001") + "," + sens_result_of(2, "A001"))},
      {"aligo",
       [](const std::string& origin, const std::string& ca_file) {
         auto options = common<aligo_options>(origin, ca_file);
         options.api_key = options.user_id = options.sender_key = options.template_code = "x";
         options.sender = "0212345678";
         options.message = whole_text_options();
         return make_aligo_provider(std::move(options)).value();
       },
       R"({"code":0,"message":"","info":{"mid":7,"scnt":2,"fcnt":0}})", "", "",
       R"({"code":-99,"message":"refused"})"}};
  return all;
}

call_result send(const api& what, const std::string& origin, const std::string& ca_file = "") {
  const auto to = what.make(origin, ca_file);
  std::promise<call_result> promise;
  to->send(example_call("k", 2, {}),
           [&](call_result given) { promise.set_value(std::move(given)); });
  auto result = promise.get_future();
  if (result.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return result.get();
}

/// The result of a call that is answered with these bytes.
call_result answered(const api& what, const std::string& bytes) {
  canned_server server([&](canned_connection& connection) {
    if (connection.read_request())
      connection.write(bytes);
  });
  return send(what, server.origin());
}

void expect_failure(const call_result& result, failure_class kind, const api& of) {
  ASSERT_FALSE(result) << of.name;
  EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind))
      << of.name << ": " << result.error().reason;
  EXPECT_FALSE(result.error().reason.empty()) << of.name;
}

TEST(bad_answers, the_good_one_that_they_are_made_from_is_good) {
  for (const api& each : apis()) {
    const call_result result = answered(each, http_answer(each.accepted));
    ASSERT_TRUE(result) << each.name << ": " << result.error().reason;
    EXPECT_TRUE(result->at(0) && result->at(1)) << each.name;
  }
}

TEST(bad_answers, garbage_tells_nothing) {
  for (const api& each : apis())
    for (const std::string& garbage :
         {std::string("<html>garbage</html>"), std::string("\0\xff\xfe", 3), std::string(),
          std::string("null"), std::string("{\"header\":\"\",\"groupInfo\":\"\"}")})
      expect_failure(answered(each, http_answer(garbage)), failure_class::unknown, each);
}

TEST(bad_answers, half_a_body_tells_nothing_however_it_was_cut) {
  for (const api& each : apis()) {
    const std::string whole = http_answer(each.accepted);
    expect_failure(answered(each, whole.substr(0, whole.size() - each.accepted.size() / 2)),
                   failure_class::unknown, each);
    expect_failure(answered(each, http_answer(each.accepted.substr(0, each.accepted.size() / 2))),
                   failure_class::unknown, each);
  }
}

TEST(bad_answers, a_200_that_refuses_the_call_is_an_outage) {
  for (const api& each : apis())
    expect_failure(answered(each, http_answer(each.refused)), failure_class::outage, each);
}

TEST(bad_answers, results_for_recipients_never_asked_for_accept_nobody) {
  for (const api& each : apis())
    if (!each.strangers.empty())
      expect_failure(answered(each, http_answer(each.strangers)), failure_class::unknown, each);
}

TEST(bad_answers, who_is_missing_among_the_results_is_not_accepted) {
  for (const api& each : apis()) {
    if (each.one_accepted.empty())
      continue;
    const call_result result = answered(each, http_answer(each.one_accepted));
    ASSERT_TRUE(result) << each.name;
    EXPECT_TRUE(result->at(0)) << each.name;
    ASSERT_FALSE(result->at(1)) << each.name;
    EXPECT_EQ(result->at(1).error().kind, failure_class::unknown) << each.name;
  }
}

TEST(bad_answers, a_redirect_is_an_outage_and_is_not_followed) {
  for (const api& each : apis()) {
    canned_server elsewhere([&](canned_connection& connection) {
      if (connection.read_request())
        connection.write(http_answer(each.accepted));
    });
    const call_result result = answered(
        each, http_answer(each.accepted, 307, "Location: " + elsewhere.origin() + "/\r\n"));
    expect_failure(result, failure_class::outage, each);
    EXPECT_THAT(result.error().reason, HasSubstr("redirect"));
    EXPECT_EQ(elsewhere.connections(), 0);
  }
}

TEST(bad_answers, a_certificate_that_does_not_match_is_an_outage_before_anything_is_written) {
  const test_certificate certificate = make_test_certificate("DNS:other.example");
  const support::temporary_file trusted(certificate.certificate);
  for (const api& each : apis()) {
    std::atomic<int> requests = 0;
    canned_server server(
        [&](canned_connection& connection) { requests += connection.read_request() ? 1 : 0; },
        &certificate);
    const call_result result = send(each, server.origin("localhost"), trusted.path());
    expect_failure(result, failure_class::outage, each);
    EXPECT_TRUE(result.error().never_written) << each.name;
    EXPECT_THAT(result.error().reason, HasSubstr("mismatch"));
    EXPECT_EQ(requests, 0) << each.name;
  }
}

TEST(bad_answers, ten_megabytes_are_not_read_and_tell_nothing) {
  for (const api& each : apis()) {
    const std::string large = each.accepted + std::string(10 * 1024 * 1024, ' ');
    const call_result result = answered(each, http_answer(large));
    expect_failure(result, failure_class::unknown, each);
    EXPECT_THAT(result.error().reason, HasSubstr("larger than"));
  }
}

} // namespace
} // namespace paymentd::providers
