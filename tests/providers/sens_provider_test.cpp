// Goal: the SENS adapter signs and sends what SENS expects and tells every failure and every result
// apart, end to end. Method: signatures against values made by another program; then it runs
// against fake-alimtalk over real sockets, which checks each signature and fails in each way that
// it knows.
#include "providers/sens/sens_provider.hpp"

#include "tests/providers/example_call.hpp"
#include "tests/providers/whole_text_options.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <future>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;
using json = nlohmann::json;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 10s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

// Expected: printf 'POST /alimtalk/v2/services/ncp:kkobizmsg:kr:1234567:shop/messages\n' > text
//           printf '1795356000000\nACCESS' >> text
//           openssl dgst -sha256 -hmac SECRET -binary text | base64
TEST(sens_signature, is_what_openssl_computes) {
  EXPECT_EQ(sens_signature("POST", "/alimtalk/v2/services/ncp:kkobizmsg:kr:1234567:shop/messages",
                           "1795356000000", "ACCESS", "SECRET"),
            "2S+FWxZjLnBgOjNPXsSD9expr2c32nuvnPxoAGiEQCY=");
}

// Expected: the same of 'GET …/messages?pageSize=100\n1795356000021\nmYaCcEsS', by the key
//           QW2FNY0CZWD1JBTLN6QTKXLGDJBCSYMH.
TEST(sens_signature, has_the_query_in_it) {
  EXPECT_EQ(sens_signature(
                "GET", "/alimtalk/v2/services/ncp:kkobizmsg:kr:1234567:shop/messages?pageSize=100",
                "1795356000021", "mYaCcEsS", "QW2FNY0CZWD1JBTLN6QTKXLGDJBCSYMH"),
            "4CXtGDnNlbbcWeB1LgiSuaaQaKDIOb13PzZfwVt2yL8=");
}

template <class Result, class Begin>
Result wait(Begin begin) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto result = promise->get_future();
  begin([promise](Result given) { promise->set_value(std::move(given)); });
  if (result.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return result.get();
}

class sens_provider_test : public testing::Test {
 protected:
  sens_options options() {
    sens_options made;
    made.base_url = fake_.base_url();
    made.access_key = "access";
    made.secret_key = "secret";
    made.service_id = "ncp:kkobizmsg:kr:1234567:shop";
    made.channel = "@상점";
    made.template_code = "PAID";
    made.message = whole_text_options();
    made.timeout = long_time;
    made.now = [this] { return now_.load(); };
    return made;
  }
  static std::unique_ptr<provider> sens(sens_options with) {
    auto made = make_sens_provider(std::move(with));
    EXPECT_TRUE(made) << made.error();
    return std::move(made).value();
  }
  std::unique_ptr<provider> sens(std::chrono::milliseconds timeout = long_time) {
    sens_options with = options();
    with.timeout = timeout;
    return sens(std::move(with));
  }

  static call_result send(provider& to, call what) {
    return wait<call_result>([&](auto done) { to.send(std::move(what), std::move(done)); });
  }
  call_result send_while(fake_behaviour behaviour, std::chrono::milliseconds timeout = long_time) {
    fake_.set_behaviour(std::move(behaviour));
    return send(*sens(timeout), example_call("k", 2, evening));
  }
  static results_answer ask(provider& of, results_query what) {
    return wait<results_answer>([&](auto done) { of.results(std::move(what), std::move(done)); });
  }

  static void expect_failure(const call_result& result, failure_class kind) {
    ASSERT_FALSE(result);
    EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind))
        << result.error().reason;
  }

  std::atomic<instant> now_ = evening;
  fake_alimtalk fake_{{.now = [this] { return now_.load(); }}};
};

TEST_F(sens_provider_test, a_call_of_a_hundred_is_accepted_message_by_message) {
  const auto to = sens();
  EXPECT_EQ(to->recipients_max(), 100u) << "whatever the settings say";
  const call_result result = send(*to, example_call("7.1", 100, evening));
  ASSERT_TRUE(result) << result.error().reason;
  ASSERT_EQ(result->size(), 100u);
  EXPECT_EQ(fake_.accepted(), 100u);
  EXPECT_EQ(fake_.distinct(), 100u);
  for (std::size_t i = 0; i < result->size(); ++i) {
    ASSERT_TRUE(result->at(i));
    EXPECT_EQ(result->at(i)->provider_message_id, "#fake-1-" + std::to_string(i + 1));
  }
}

TEST_F(sens_provider_test, the_body_has_the_fields_that_sens_names) {
  call what = example_call("7.1", 1, evening);
  what.recipients[0].event.user_metadata = R"({"name":"홍길동"})";
  ASSERT_TRUE(send(*sens(), what));
  EXPECT_EQ(json::parse(fake_.last_body()), json::parse(R"({
    "plusFriendId": "@상점", "templateCode": "PAID",
    "messages": [
      {"to": "01010000001", "content": "[주문완료] 홍길동님,\n주문번호 1",
       "buttons": [
         {"type": "WL", "name": "주문 보기", "linkMobile": "https://m.shop.example/1",
          "linkPc": "https://shop.example/1"},
         {"type": "AC", "name": "채널 추가"}],
       "useSmsFailover": false}]})"));
}

TEST_F(sens_provider_test, a_fallback_goes_with_each_message_filled_in) {
  sens_options with = options();
  with.fallback = {
      .is_long = true, .from = "0212345678", .title = "주문", .text = "결제 #{주문번호}"};
  ASSERT_TRUE(send(*sens(std::move(with)), example_call("7.1", 2, evening)));
  EXPECT_EQ(json::parse(fake_.last_body())["messages"][1]["failoverConfig"], json::parse(R"({
    "type": "LMS", "from": "0212345678", "subject": "주문", "content": "결제 2"})"));
  sens_options short_one = options();
  short_one.fallback = {.is_long = false, .from = "0212345678", .title = {}, .text = {}};
  short_one.message.text = std::string(100, 'x');
  ASSERT_TRUE(send(*sens(std::move(short_one)), example_call("7.1", 1, evening)));
  const json message = json::parse(fake_.last_body())["messages"][0];
  EXPECT_EQ(message["useSmsFailover"], true);
  EXPECT_EQ(message["failoverConfig"]["content"], std::string(90, 'x')) << "the text, cut";
}

TEST_F(sens_provider_test, a_text_is_cut_by_its_values_alone) {
  sens_options with = options();
  with.message.text += std::string(960, 'x');
  call what = example_call("7.1", 1, evening);
  what.recipients[0].event.user_metadata =
      R"({"name":"가나다라마바사아자차카타파하가나다라마바사아자차카타파하"})";
  ASSERT_TRUE(send(*sens(std::move(with)), what));
  const std::string content = json::parse(fake_.last_body())["messages"][0]["content"];
  EXPECT_TRUE(content.starts_with("[주문완료] 가나다라"));
  EXPECT_TRUE(content.ends_with("…님,\n주문번호 1" + std::string(960, 'x')));
}

TEST_F(sens_provider_test, messages_of_several_templates_are_a_request_each) {
  sens_options with = options();
  with.others = {gift_template()};
  call what = example_call("7.1", 3, evening);
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  const call_result result = send(*sens(std::move(with)), what);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(fake_.calls(), 2u);
  for (const recipient_result& each : *result)
    EXPECT_TRUE(each);
  const json last = json::parse(fake_.last_body());
  EXPECT_EQ(last["templateCode"], "GIFT");
  EXPECT_EQ(last["messages"][0]["content"], "선물 2");
  EXPECT_FALSE(last["messages"][0].contains("buttons")) << "it has none";
}

TEST_F(sens_provider_test, a_refund_goes_by_its_own_text_beside_payments) {
  sens_options with = options();
  with.others = {gift_template(), refund_template()};
  call what = example_call("7.1", 2, evening);
  what.recipients[1].event.kind = entry_kind::refund;
  what.recipients[1].event.refund = {3'000};
  const call_result result = send(*sens(std::move(with)), what);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(fake_.calls(), 2u);
  const json last = json::parse(fake_.last_body());
  EXPECT_EQ(last["templateCode"], "BACK");
  EXPECT_EQ(last["messages"][0]["content"], "환불 3,000원");
}

TEST_F(sens_provider_test, a_request_is_shown_as_it_is_sent_but_for_its_signature) {
  const auto to = sens();
  const call what = example_call("7.1", 1, evening);
  const auto shown = to->show(what);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->url,
            fake_.base_url() + "/alimtalk/v2/services/ncp:kkobizmsg:kr:1234567:shop/messages");
  EXPECT_EQ(shown->headers,
            (decltype(shown->headers){{"x-ncp-apigw-timestamp", "1795356000000"},
                                      {"x-ncp-iam-access-key", "access"},
                                      {"x-ncp-apigw-signature-v2", "***"},
                                      {"Content-Type", "application/json; charset=utf-8"}}));
  ASSERT_TRUE(send(*to, what));
  EXPECT_EQ(shown->body, fake_.last_body());
}

TEST_F(sens_provider_test, credentials_and_a_clock_that_are_refused_are_an_outage) {
  sens_options wrong_secret = options();
  wrong_secret.secret_key = "another";
  const call_result result = send(*sens(std::move(wrong_secret)), example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_FALSE(result.error().refused_content);
  EXPECT_EQ(result.error().reason, "SENS refused the call: HTTP 401 200 refused");
  sens_options wrong_clock = options();
  wrong_clock.now = [] { return evening + 6min; };
  expect_failure(send(*sens(std::move(wrong_clock)), example_call("k", 1, evening)),
                 failure_class::outage);
  sens_options other_clock = options();
  other_clock.now = [] { return evening - 4min; };
  EXPECT_TRUE(send(*sens(std::move(other_clock)), example_call("k", 1, evening)));
}

TEST_F(sens_provider_test, one_bad_number_fails_alone) {
  fake_.set_behaviour({.poison_numbers = {"01010000002"}});
  const call_result result = send(*sens(), example_call("k", 3, evening));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  EXPECT_EQ(result->at(1).error().kind, failure_class::permanent);
  EXPECT_TRUE(result->at(2));
  EXPECT_EQ(fake_.accepted(), 2u);
}

TEST_F(sens_provider_test, a_number_that_poisons_its_call_says_that_a_part_might_pass) {
  const call_result result =
      send_while({.poison_numbers = {"01010000002"}, .poison_refuses_call = true});
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().refused_content);
  EXPECT_TRUE(send(*sens(), example_call("k", 1, evening, 1)));
}

TEST_F(sens_provider_test, each_status_and_code_has_its_class) {
  expect_failure(send_while({.status = 500}), failure_class::outage);
  expect_failure(send_while({.status = 504}), failure_class::unknown);
  const call_result throttled = send_while({.throttle = 3s});
  expect_failure(throttled, failure_class::throttled);
  EXPECT_EQ(throttled.error().retry_after, 3s);
  const call_result refused = send_while({.result_code = 9});
  expect_failure(refused, failure_class::outage);
  EXPECT_TRUE(refused.error().refused_content);
  EXPECT_EQ(fake_.accepted(), 0u);
}

TEST_F(sens_provider_test, what_tells_nothing_leaves_the_call_unknown) {
  expect_failure(send_while({.hang = true}, short_time), failure_class::unknown);
  expect_failure(send_while({.garbage = true}), failure_class::unknown);
  expect_failure(send_while({.drop_answers = true}), failure_class::unknown);
}

TEST_F(sens_provider_test, its_repeats_are_copies_and_it_knows_no_keys_and_no_search) {
  const auto to = sens();
  EXPECT_TRUE(to->repeats_are_copies());
  EXPECT_TRUE(to->needs_phone());
  EXPECT_EQ(to->key_window(), 0ms);
  EXPECT_FALSE(to->can_search());
}

TEST_F(sens_provider_test, calls_of_a_wrong_size_are_not_sent) {
  const auto to = sens();
  for (const int size : {0, 101}) {
    const call_result result = send(*to, example_call("k", size, evening));
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
  }
  EXPECT_EQ(fake_.connections(), 0u);
}

TEST_F(sens_provider_test, every_result_is_told_page_by_page_by_the_messages_own_id) {
  sens_options with = options();
  with.fallback = {.is_long = false, .from = "0212345678", .title = {}, .text = "결제"};
  const auto to = sens(std::move(with));
  fake_.set_behaviour({.unreachable_numbers = {"01010000002", "01010000103"}});
  std::vector<std::string> ids;
  for (int first : {1, 101}) {
    const call_result sent = send(*to, example_call("k", 100, evening, first));
    ASSERT_TRUE(sent);
    for (const recipient_result& each : *sent)
      ids.push_back(each->provider_message_id);
  }
  results_query what{.from = evening - 1min, .to = evening + 1min, .cursor = {}};
  std::map<std::string, final_result> told;
  int pages = 0;
  do {
    const results_answer page = ask(*to, what);
    ASSERT_TRUE(page) << page.error().reason;
    ++pages;
    for (const final_result& each : page->results)
      EXPECT_TRUE(told.emplace(each.provider_message_id, each).second);
    what.cursor = page->next;
  } while (!what.cursor.empty());
  EXPECT_EQ(pages, 2);
  ASSERT_EQ(told.size(), 200u);
  for (const std::string& each : ids)
    ASSERT_TRUE(told.contains(each)) << each;
  EXPECT_EQ(told.at(ids[0]).channel, message_channel::alimtalk);
  EXPECT_EQ(told.at(ids[0]).at, evening);
  EXPECT_TRUE(told.at(ids[1]).reached);
  EXPECT_EQ(told.at(ids[1]).channel, message_channel::sms);
  EXPECT_EQ(told.at(ids[102]).channel, message_channel::sms);
  const results_answer earlier =
      ask(*to, {.from = evening - 10min, .to = evening - 5min, .cursor = {}});
  ASSERT_TRUE(earlier);
  EXPECT_TRUE(earlier->results.empty());
}

TEST_F(sens_provider_test, who_was_not_reached_is_told_with_the_reason) {
  const auto to = sens();
  fake_.set_behaviour({.unreachable_numbers = {"01010000001"}});
  ASSERT_TRUE(send(*to, example_call("k", 1, evening)));
  const results_answer page =
      ask(*to, {.from = evening - 1min, .to = evening + 1min, .cursor = {}});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->results.size(), 1u);
  EXPECT_FALSE(page->results[0].reached);
  EXPECT_EQ(page->results[0].reason, "SENS: 3019 no KakaoTalk");
}

TEST_F(sens_provider_test, an_api_that_is_gone_or_stopped_is_an_outage) {
  const auto to = sens();
  fake_.stop();
  const call_result gone = send(*to, example_call("k", 1, evening));
  expect_failure(gone, failure_class::outage);
  EXPECT_TRUE(gone.error().never_written);
  EXPECT_FALSE(ask(*to, {.from = evening, .to = evening, .cursor = {}}));
  to->stop();
  EXPECT_FALSE(ask(*to, {.from = evening, .to = evening, .cursor = {}}));
}

TEST_F(sens_provider_test, options_that_cannot_work_are_refused_by_name) {
  const auto error_with = [this](auto change) {
    sens_options bad = options();
    change(bad);
    const auto made = make_sens_provider(std::move(bad));
    return made ? std::string() : made.error();
  };
  EXPECT_EQ(error_with([](sens_options& o) { o.access_key.clear(); }), "sens_access_key is empty");
  EXPECT_EQ(error_with([](sens_options& o) { o.service_id = "a\nb"; }),
            "sens_service_id has control characters");
  EXPECT_EQ(error_with([](sens_options& o) { o.message.text.clear(); }), "template_text is empty");
  EXPECT_EQ(error_with([](sens_options& o) {
              o.others = {gift_template()};
              o.others[0].message.text.clear();
            }),
            "template: a template_text is empty");
  EXPECT_EQ(error_with([](sens_options& o) { o.recipients_max = 0; }),
            "max_recipients must be 1 to 100");
  EXPECT_EQ(error_with([](sens_options& o) { o.base_url = "nowhere"; }),
            "base_url: a URL must begin with http:// or https://");
}

} // namespace
} // namespace paymentd::providers
