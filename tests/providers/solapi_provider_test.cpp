// Goal: the Solapi adapter signs and sends what Solapi expects and tells every failure apart, end
// to end. Method: signatures against values made by other programs; then it runs against
// fake-alimtalk over real sockets, which checks each signature and fails in each way that it knows.
#include "providers/solapi/solapi_provider.hpp"

#include "net/digest.hpp"
#include "tests/providers/example_call.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <future>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 10s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

TEST(hmac, has_the_value_that_rfc_4231_gives) {
  EXPECT_EQ(net::hex_text(net::hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(base64, is_written_and_read_back_and_nothing_else_is_read) {
  const auto written = [](std::string_view text) {
    return net::base64_text({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  // RFC 4648, section 10.
  for (const auto& [text, encoded] :
       {std::pair{"", ""}, std::pair{"f", "Zg=="}, std::pair{"fo", "Zm8="},
        std::pair{"foo", "Zm9v"}, std::pair{"foob", "Zm9vYg=="}, std::pair{"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(written(text), encoded);
    EXPECT_EQ(net::from_base64(encoded), text);
  }
  for (const char* bad : {"Zg", "Zg=", "Zg==\n", " Zg==", "Zh==", "Zg==Zg==", "Z-8=", "===="})
    EXPECT_EQ(net::from_base64(bad), std::nullopt) << bad;
}

TEST(base64url, has_neither_padding_nor_letters_that_a_url_encodes) {
  const std::string bytes = "\xfb\xff\xfe"
                            "f";
  EXPECT_EQ(net::base64url_text(bytes), "-__-Zg");
  EXPECT_EQ(net::from_base64url("-__-Zg"), bytes);
  EXPECT_EQ(net::from_base64url(""), "");
  for (const char* bad : {"+__-Zg", "-//-Zg", "-__-Zg==", "-__-Z", "-__-Zh", "-__-Zg ", "*"})
    EXPECT_EQ(net::from_base64url(bad), std::nullopt) << bad;
}

// Expected: printf '2026-10-08T00:00:00.000Zabc123' | openssl dgst -sha256 -hmac test-secret
TEST(solapi_authorization, is_what_openssl_computes) {
  constexpr instant at = std::chrono::sys_days{std::chrono::year{2026} / 10 / 8};
  EXPECT_EQ(solapi_authorization("test-key", "test-secret", at, "abc123"),
            "HMAC-SHA256 apiKey=test-key, date=2026-10-08T00:00:00.000Z, salt=abc123, "
            "signature=01ed74b1a957a9670695979fd98b45116ee25697ed1ec792422ae5dc0dac1ac7");
}

// Expected: printf '2026-11-22T14:00:00.021Z00112233445566778899aabbccddeeff' |
//           openssl dgst -sha256 -hmac 'QW2FNY0CZWD1JBTLN6QTKXLGDJBCSYMH'
TEST(solapi_authorization, is_what_openssl_computes_with_milliseconds_and_a_long_salt) {
  EXPECT_EQ(solapi_authorization("NCSKEY", "QW2FNY0CZWD1JBTLN6QTKXLGDJBCSYMH", evening + 21ms,
                                 "00112233445566778899aabbccddeeff"),
            "HMAC-SHA256 apiKey=NCSKEY, date=2026-11-22T14:00:00.021Z, "
            "salt=00112233445566778899aabbccddeeff, "
            "signature=ff3682fc9eb2eb07cb4f153849b83337f85fd0628a44c0054a2209d3a468c87f");
}

class solapi_provider_test : public testing::Test {
 protected:
  solapi_options options() {
    solapi_options made;
    made.base_url = fake_.base_url();
    made.api_key = "key";
    made.api_secret = "secret";
    made.pf_id = "PF1";
    made.template_id = "KA01TP";
    made.timeout = long_time;
    return made;
  }

  static std::unique_ptr<provider> solapi(solapi_options with) {
    auto made = make_solapi_provider(std::move(with));
    EXPECT_TRUE(made) << made.error();
    return std::move(made).value();
  }
  std::unique_ptr<provider> solapi(std::chrono::milliseconds timeout = long_time) {
    solapi_options with = options();
    with.timeout = timeout;
    return solapi(std::move(with));
  }

  static call_result send(provider& to, call what) {
    auto promise = std::make_shared<std::promise<call_result>>();
    auto result = promise->get_future();
    to.send(std::move(what),
            [promise](call_result given) { promise->set_value(std::move(given)); });
    if (result.wait_for(2 * long_time) != std::future_status::ready)
      throw std::runtime_error("no answer at all");
    return result.get();
  }

  call_result send_while(fake_behaviour behaviour, std::chrono::milliseconds timeout = long_time) {
    fake_.set_behaviour(std::move(behaviour));
    return send(*solapi(timeout), example_call("k", 2, evening));
  }

  static void expect_failure(const call_result& result, failure_class kind) {
    ASSERT_FALSE(result);
    EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind))
        << result.error().reason;
  }

  fake_alimtalk fake_;
};

TEST_F(solapi_provider_test, a_call_of_a_thousand_is_accepted_message_by_message) {
  const auto to = solapi();
  const call_result result = send(*to, example_call("7.1", 1000, evening));
  ASSERT_TRUE(result) << result.error().reason;
  ASSERT_EQ(result->size(), 1000u);
  const std::vector<fake_message> received = fake_.received();
  ASSERT_EQ(received.size(), 1000u);
  for (std::size_t i = 0; i < received.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    EXPECT_EQ(received[i].recipient_grouping_key, "alimtalk-" + number);
    EXPECT_EQ(received[i].sender_grouping_key, "7.1");
    EXPECT_EQ(received[i].phone, "010" + std::to_string(10'000'001 + i));
    ASSERT_TRUE(result->at(i));
    EXPECT_EQ(result->at(i)->provider_message_id, "fake-1/fake-1-" + number);
  }
}

TEST_F(solapi_provider_test, the_body_has_the_fields_that_solapi_names) {
  ASSERT_TRUE(send(*solapi(), example_call("7.1", 1, evening)));
  EXPECT_EQ(nlohmann::json::parse(fake_.last_body()), nlohmann::json::parse(R"({
    "messages": [
      {"to": "01010000001", "type": "ATA",
       "kakaoOptions": {"pfId": "PF1", "templateId": "KA01TP", "disableSms": true,
         "variables": {"#{orderId}": "1", "#{amount}": "10,000원", "#{time}": "2026-11-22 23:00",
                       "#{status}": "결제 완료"}},
       "customFields": {"deliveryId": "alimtalk-1", "callKey": "7.1"}}],
    "allowDuplicates": true, "showMessageList": true})"));
}

TEST_F(solapi_provider_test, a_fallback_goes_with_each_message_filled_in) {
  solapi_options with = options();
  with.fallback = {
      .is_long = false, .from = "0212345678", .title = {}, .text = "주문 #{orderId} #{status}"};
  ASSERT_TRUE(send(*solapi(std::move(with)), example_call("7.1", 2, evening)));
  const auto message = nlohmann::json::parse(fake_.last_body())["messages"][1];
  EXPECT_EQ(message["from"], "0212345678");
  EXPECT_EQ(message["text"], "주문 2 결제 완료");
  EXPECT_EQ(message["kakaoOptions"]["disableSms"], false);
}

TEST_F(solapi_provider_test, the_variables_are_those_of_the_settings_filled_in_for_each_message) {
  solapi_options with = options();
  templates::message_plan plan;
  ASSERT_TRUE(plan.set("고객명", "{user.metadata.name|고객}"));
  ASSERT_TRUE(plan.set("결제금액", "{order.finalAmount:won}"));
  with.message.plan = plan;
  call what = example_call("7.1", 2, evening);
  what.recipients[1].event.user_metadata = R"({"name":"홍길동"})";
  ASSERT_TRUE(send(*solapi(std::move(with)), what));
  const auto messages = nlohmann::json::parse(fake_.last_body())["messages"];
  EXPECT_EQ(messages[0]["kakaoOptions"]["variables"],
            nlohmann::json::parse(R"({"#{고객명}": "고객", "#{결제금액}": "10,000원"})"));
  EXPECT_EQ(messages[1]["kakaoOptions"]["variables"]["#{고객명}"], "홍길동");
}

TEST_F(solapi_provider_test, each_message_of_a_call_goes_by_its_own_template) {
  solapi_options with = options();
  templates::message_plan plan;
  ASSERT_TRUE(plan.set("번호", "{order.reference}"));
  with.others = {
      {.when = *templates::metadata_condition::parse("metadata.kind = gift"),
       .code = "KA02GIFT",
       .message = {.plan = plan, .excess_max = 0},
       .fallback = fallback_message{
           .is_long = false, .from = "0212345678", .title = {}, .text = "선물 #{번호}"}}};
  call what = example_call("7.1", 3, evening);
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  what.recipients[1].event.reference = "G-1";
  const auto to = solapi(std::move(with));
  const call_result result = send(*to, what);
  ASSERT_TRUE(result);
  EXPECT_EQ(fake_.calls(), 1u);
  EXPECT_EQ(fake_.accepted(), 3u);
  const auto messages = nlohmann::json::parse(fake_.last_body())["messages"];
  EXPECT_EQ(messages[0]["kakaoOptions"]["templateId"], "KA01TP");
  EXPECT_EQ(messages[0]["kakaoOptions"]["variables"]["#{orderId}"], "1");
  EXPECT_EQ(messages[0]["kakaoOptions"]["disableSms"], true);
  EXPECT_EQ(messages[1]["kakaoOptions"], nlohmann::json::parse(R"({
    "pfId": "PF1", "templateId": "KA02GIFT", "disableSms": false, "variables": {"#{번호}": "G-1"}})"));
  EXPECT_EQ(messages[1]["text"], "선물 G-1");
  EXPECT_EQ(messages[2]["kakaoOptions"], nlohmann::json::parse(R"({
    "pfId": "PF1", "templateId": "KA01TP", "disableSms": true,
    "variables": {"#{orderId}": "3", "#{amount}": "10,000원", "#{time}": "2026-11-22 23:00",
                  "#{status}": "결제 완료"}})"));
}

TEST_F(solapi_provider_test, a_request_is_shown_as_it_is_sent_but_for_its_signature) {
  const auto to = solapi();
  const call what = example_call("7.1", 1, evening);
  const auto shown = to->show(what);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->url, fake_.base_url() + "/messages/v4/send-many/detail");
  EXPECT_EQ(shown->headers,
            (decltype(shown->headers){{"Content-Type", "application/json;charset=UTF-8"},
                                      {"Authorization", "***"}}));
  ASSERT_TRUE(send(*to, what));
  EXPECT_EQ(shown->body, fake_.last_body());
}

TEST_F(solapi_provider_test, each_call_is_signed_anew) {
  const auto to = solapi();
  for (int i = 0; i < 3; ++i) // the fake takes a signature once
    EXPECT_TRUE(send(*to, example_call("k", 1, evening)));
}

TEST_F(solapi_provider_test, a_signature_that_was_seen_before_leaves_the_call_unknown) {
  solapi_options with = options();
  with.now = [] { return evening; };
  with.salt = [] { return std::string(12, 's'); };
  const auto to = solapi(std::move(with));
  EXPECT_TRUE(send(*to, example_call("k", 1, evening)));
  expect_failure(send(*to, example_call("k", 1, evening)), failure_class::unknown);
}

TEST_F(solapi_provider_test, credentials_that_are_refused_are_an_outage) {
  solapi_options with = options();
  with.api_secret = "another";
  const call_result result = send(*solapi(std::move(with)), example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_EQ(result.error().reason, "Solapi refused the call: SignatureDoesNotMatch refused");
  EXPECT_FALSE(result.error().refused_content);
}

TEST_F(solapi_provider_test, two_messages_to_one_number_are_both_accepted) {
  call what = example_call("k", 2, evening);
  what.recipients[1].event.phone = what.recipients[0].event.phone;
  const call_result result = send(*solapi(), what);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  EXPECT_TRUE(result->at(1));
  EXPECT_EQ(fake_.times_accepted("alimtalk-1"), 1u);
  EXPECT_EQ(fake_.times_accepted("alimtalk-2"), 1u);
}

TEST_F(solapi_provider_test, one_bad_number_fails_alone) {
  fake_.set_behaviour({.poison_numbers = {"01010000002"}});
  const call_result result = send(*solapi(), example_call("k", 3, evening));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  EXPECT_EQ(result->at(1).error().kind, failure_class::permanent);
  EXPECT_EQ(result->at(1).error().reason, "Solapi refused the message: 3104 refused");
  EXPECT_TRUE(result->at(2));
  EXPECT_EQ(fake_.accepted(), 2u);
}

TEST_F(solapi_provider_test, a_number_that_poisons_its_call_says_that_a_part_might_pass) {
  const call_result result =
      send_while({.poison_numbers = {"01010000002"}, .poison_refuses_call = true});
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().refused_content);
  // Alone it is no different: whether it is at fault shows where others pass.
  const call_result alone = send(*solapi(), example_call("k", 1, evening, 2));
  expect_failure(alone, failure_class::outage);
  EXPECT_TRUE(alone.error().refused_content);
  EXPECT_TRUE(send(*solapi(), example_call("k", 1, evening, 1)));
}

TEST_F(solapi_provider_test, each_status_and_code_has_its_class) {
  expect_failure(send_while({.status = 500}), failure_class::outage);
  expect_failure(send_while({.status = 504}), failure_class::unknown);
  expect_failure(send_while({.status = 302}), failure_class::outage);
  const call_result throttled = send_while({.throttle = 3s});
  expect_failure(throttled, failure_class::throttled);
  EXPECT_EQ(throttled.error().retry_after, 3s);
  const call_result no_balance = send_while({.result_code = 1030});
  expect_failure(no_balance, failure_class::outage);
  EXPECT_FALSE(no_balance.error().refused_content);
  const call_result no_template = send_while({.result_code = 1042});
  expect_failure(no_template, failure_class::outage);
  EXPECT_TRUE(no_template.error().refused_content);
  EXPECT_EQ(fake_.accepted(), 0u);
}

TEST_F(solapi_provider_test, an_api_that_is_gone_was_never_written_to) {
  const auto to = solapi();
  fake_.stop();
  const call_result result = send(*to, example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().never_written);
}

TEST_F(solapi_provider_test, what_tells_nothing_leaves_the_call_unknown) {
  expect_failure(send_while({.hang = true}, short_time), failure_class::unknown);
  expect_failure(send_while({.garbage = true}), failure_class::unknown);
  expect_failure(send_while({.drop_answers = true}), failure_class::unknown);
}

TEST_F(solapi_provider_test, it_knows_no_keys_and_no_search) {
  const auto to = solapi();
  EXPECT_EQ(to->key_window(), 0ms);
  EXPECT_FALSE(to->can_find());
}

TEST_F(solapi_provider_test, calls_of_a_wrong_size_are_not_sent) {
  const auto to = solapi();
  for (const int size : {0, 1001}) {
    const call_result result = send(*to, example_call("k", size, evening));
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
  }
  EXPECT_EQ(fake_.connections(), 0u);
}

TEST_F(solapi_provider_test, stop_leaves_open_calls_unknown_and_later_ones_unsent) {
  fake_.set_behaviour({.hang = true});
  const auto to = solapi();
  std::promise<call_result> open;
  to->send(example_call("k", 1, evening),
           [&](call_result result) { open.set_value(std::move(result)); });
  ASSERT_TRUE(fake_.wait_for_calls(1, long_time));
  to->stop();
  expect_failure(open.get_future().get(), failure_class::unknown);
  const call_result later = send(*to, example_call("k", 1, evening));
  expect_failure(later, failure_class::outage);
  EXPECT_TRUE(later.error().never_written);
}

TEST_F(solapi_provider_test, options_that_cannot_work_are_refused_by_name) {
  const auto error_with = [this](auto change) {
    solapi_options bad = options();
    change(bad);
    const auto made = make_solapi_provider(std::move(bad));
    return made ? std::string() : made.error();
  };
  EXPECT_EQ(error_with([](solapi_options& o) { o.api_key.clear(); }), "api_key is empty");
  EXPECT_EQ(error_with([](solapi_options& o) { o.pf_id = "a\nb"; }),
            "pf_id has control characters");
  EXPECT_EQ(error_with([](solapi_options& o) { o.recipients_max = 10'001; }),
            "max_recipients must be 1 to 10000");
  EXPECT_EQ(error_with([](solapi_options& o) { o.base_url = "nowhere"; }),
            "base_url: a URL must begin with http:// or https://");
}

} // namespace
} // namespace paymentd::providers
