// Goal: the NHN adapter sends what NHN expects and tells every failure apart, end to end. Method:
// it runs against fake-alimtalk over real sockets, which is made to fail in each way that it knows.
#include "providers/nhn/nhn_provider.hpp"

#include "tests/providers/example_call.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <future>
#include <set>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;

constexpr auto short_time = 500ms; // where a test waits for a time-out; enough to connect in
constexpr auto long_time = 10s;
constexpr instant evening = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h;

class nhn_provider_test : public testing::Test {
 protected:
  nhn_options options() {
    nhn_options made;
    made.base_url = fake_.base_url();
    made.app_key = "app/key"; // to be encoded
    made.secret_key = "secret";
    made.sender_key = "sender";
    made.template_code = "PAID";
    made.timeout = long_time;
    made.now = [this] { return now_.load(); };
    return made;
  }

  std::unique_ptr<provider> nhn(std::chrono::milliseconds timeout = long_time) {
    nhn_options with = options();
    with.timeout = timeout;
    auto made = make_nhn_provider(std::move(with));
    EXPECT_TRUE(made) << made.error();
    return std::move(made).value();
  }

  template <class Result, class Begin>
  static Result wait(Begin begin) {
    auto promise = std::make_shared<std::promise<Result>>();
    auto result = promise->get_future();
    begin([promise](Result given) { promise->set_value(std::move(given)); });
    if (result.wait_for(2 * long_time) != std::future_status::ready)
      throw std::runtime_error("no answer at all");
    return result.get();
  }
  static call_result send(provider& to, call what) {
    return wait<call_result>([&](auto done) { to.send(std::move(what), std::move(done)); });
  }
  static find_result find(provider& in, call what) {
    return wait<find_result>([&](auto done) { in.find(std::move(what), std::move(done)); });
  }

  call_result send_while(fake_behaviour behaviour, std::chrono::milliseconds timeout = long_time) {
    fake_.set_behaviour(std::move(behaviour));
    return send(*nhn(timeout), example_call("k", 2, evening));
  }

  static void expect_failure(const call_result& result, failure_class kind) {
    ASSERT_FALSE(result);
    EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind))
        << result.error().reason;
  }

  std::atomic<instant> now_ = evening;
  fake_alimtalk fake_{{.now = [this] { return now_.load(); }}};
};

TEST_F(nhn_provider_test, a_call_of_a_thousand_is_accepted_message_by_message) {
  const auto to = nhn();
  const call_result result = send(*to, example_call("7.0", 1000, evening));
  ASSERT_TRUE(result) << result.error().reason;
  ASSERT_EQ(result->size(), 1000u);
  const std::vector<fake_message> received = fake_.received();
  ASSERT_EQ(received.size(), 1000u);
  for (std::size_t i = 0; i < received.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    EXPECT_EQ(received[i].recipient_grouping_key, "alimtalk-" + number + ".10000");
    EXPECT_EQ(received[i].sender_grouping_key, "7.0");
    EXPECT_EQ(received[i].phone, "010" + std::to_string(10'000'001 + i));
    ASSERT_TRUE(result->at(i));
    EXPECT_EQ(result->at(i)->provider_message_id, received[i].request_id + "/" + number);
  }
}

TEST_F(nhn_provider_test, the_body_has_the_fields_that_nhn_names) {
  ASSERT_TRUE(send(*nhn(), example_call("7.0", 2, evening)));
  const nlohmann::json body = nlohmann::json::parse(fake_.last_body());
  EXPECT_EQ(body, nlohmann::json::parse(R"({
    "senderKey": "sender", "templateCode": "PAID", "senderGroupingKey": "7.0",
    "recipientList": [
      {"recipientNo": "01010000001", "recipientGroupingKey": "alimtalk-1.10000",
       "resendParameter": {"isResend": false},
       "templateParameter": {"orderId": "1", "amount": "10,000원", "time": "2026-11-22 23:00",
                             "status": "결제 완료"}},
      {"recipientNo": "01010000002", "recipientGroupingKey": "alimtalk-2.10000",
       "resendParameter": {"isResend": false},
       "templateParameter": {"orderId": "2", "amount": "10,000원", "time": "2026-11-22 23:00",
                             "status": "결제 완료"}}]})"));
}

TEST_F(nhn_provider_test, the_parameters_are_those_of_the_settings_filled_in_for_each_message) {
  nhn_options with = options();
  templates::message_plan plan;
  ASSERT_TRUE(plan.set("고객명", "{user.metadata.name|고객}"));
  ASSERT_TRUE(plan.set("주문번호", "{order.reference}"));
  ASSERT_TRUE(plan.set("상품명", "{order.metadata.title|상품}"));
  with.message = {.plan = plan, .excess_max = 14};
  with.fallback = {.is_long = false,
                   .from = "0212345678",
                   .title = {},
                   .text = "#{고객명}님 #{상품명} " + std::string(60, 'x')};
  call what = example_call("7.0", 2, evening);
  what.recipients[0].event.reference = "A-1";
  what.recipients[0].event.metadata = R"({"title":"아주 긴 이름을 가진 원두 커피 1kg 묶음"})";
  what.recipients[0].event.user_metadata = R"({"name":"홍\"길동\""})";
  what.recipients[1].event.reference = "A-2";
  const auto to = make_nhn_provider(std::move(with));
  ASSERT_TRUE(send(**to, what));
  const auto recipients = nlohmann::json::parse(fake_.last_body())["recipientList"];
  EXPECT_EQ(recipients[0]["templateParameter"], nlohmann::json::parse(R"({
    "고객명": "홍\"길동\"", "주문번호": "A-1", "상품명": "아주 긴 이름을 가진 원두 커…"})"));
  EXPECT_EQ(recipients[1]["templateParameter"],
            nlohmann::json::parse(R"({"고객명": "고객", "주문번호": "A-2", "상품명": "상품"})"));
  EXPECT_EQ(recipients[1]["resendParameter"]["resendContent"],
            "고객님 상품 " + std::string(60, 'x'));
}

/// Gifts go by the template GIFT, whose one variable is the order's reference.
conditional_template gifts() {
  templates::message_plan plan;
  if (!plan.set("번호", "{order.reference}"))
    throw std::runtime_error("a parameter that is well-formed is taken");
  return {.when = *templates::metadata_condition::parse("metadata.kind = gift"),
          .code = "GIFT",
          .message = {.plan = std::move(plan), .excess_max = 0},
          .fallback = fallback_message{
              .is_long = false, .from = "0212345678", .title = {}, .text = "선물 #{번호}"}};
}

/// Messages of which those with an even number are gifts.
call mixed_call(const std::string& key, int count) {
  call what = example_call(key, count, evening);
  for (int i = 1; i < count; i += 2) {
    what.recipients[static_cast<std::size_t>(i)].event.metadata = R"({"kind":"gift"})";
    what.recipients[static_cast<std::size_t>(i)].event.reference = "G-" + std::to_string(i + 1);
  }
  return what;
}

TEST_F(nhn_provider_test, messages_go_by_the_template_whose_condition_their_order_meets) {
  nhn_options with = options();
  with.others = {gifts()};
  const auto to = make_nhn_provider(std::move(with));
  ASSERT_TRUE(send(**to, example_call("7.0", 1, evening))); // no gift among them
  EXPECT_EQ(nlohmann::json::parse(fake_.last_body())["templateCode"], "PAID");
  call gift = mixed_call("7.1", 2);
  gift.recipients.erase(gift.recipients.begin());
  ASSERT_TRUE(send(**to, gift));
  EXPECT_EQ(nlohmann::json::parse(fake_.last_body()), nlohmann::json::parse(R"({
    "senderKey": "sender", "templateCode": "GIFT", "senderGroupingKey": "7.1",
    "recipientList": [
      {"recipientNo": "01010000002", "recipientGroupingKey": "alimtalk-2.10000",
       "resendParameter": {"isResend": true, "resendType": "SMS", "resendContent": "선물 G-2",
                           "resendSendNo": "0212345678"},
       "templateParameter": {"번호": "G-2"}}]})"));
  EXPECT_EQ((*to)->show(gift)->body, fake_.last_body());
  EXPECT_EQ(fake_.calls(), 2u);
}

TEST_F(nhn_provider_test, a_call_by_two_templates_is_two_requests_and_one_result) {
  nhn_options with = options();
  with.others = {gifts()};
  const auto to = make_nhn_provider(std::move(with));
  const call what = mixed_call("7.0", 5);
  const call_result result = send(**to, what);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 5u);
  EXPECT_EQ(fake_.calls(), 2u);
  for (std::size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(result->at(i)) << i;
    EXPECT_EQ(result->at(i)->provider_message_id,
              (i % 2 == 0 ? "fake-1/" : "fake-2/") + std::to_string(i / 2 + 1));
    EXPECT_EQ(fake_.times_accepted("alimtalk-" + std::to_string(i + 1) + ".10000"), 1u);
  }
  for (const fake_message& each : fake_.received())
    EXPECT_EQ(each.sender_grouping_key, "7.0");
  // A search by the call's key finds the messages of both.
  const find_result found = find(**to, what);
  ASSERT_TRUE(found);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_EQ(found->at(i).provider_message_id, result->at(i)->provider_message_id);
}

TEST_F(nhn_provider_test, a_call_by_two_templates_is_taken_once_whatever_they_are_by_then) {
  nhn_options with = options();
  with.others = {gifts()};
  const auto to = make_nhn_provider(std::move(with));
  call what = mixed_call("7.0", 4);
  fake_.set_behaviour({.drop_answers = true});
  expect_failure(send(**to, what), failure_class::unknown);
  EXPECT_EQ(fake_.accepted(), 2u) << "of one template; the other waits for its answer";
  fake_.set_behaviour({});
  what.recipients[0].event.metadata = R"({"kind":"gift"})"; // changed meanwhile
  what.recipients[1].event.metadata = "";
  expect_failure(send(**to, what), failure_class::seen);
  const find_result found = find(**to, what);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<found_message>{{"fake-1/1"}, {}, {"fake-1/2"}, {}}));
  EXPECT_EQ(fake_.accepted(), 2u);
}

TEST_F(nhn_provider_test, a_second_template_is_not_sent_late) {
  nhn_options with = options();
  with.others = {gifts()};
  // Between the two requests the machine slept.
  with.now = [calls = 0]() mutable { return evening + (calls++ == 0 ? 0ms : 20min); };
  const auto to = make_nhn_provider(std::move(with));
  const call_result result = send(**to, mixed_call("7.0", 2));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  EXPECT_EQ(result->at(1).error().kind, failure_class::outage);
  EXPECT_TRUE(result->at(1).error().never_written);
  EXPECT_EQ(fake_.calls(), 1u);
}

TEST_F(nhn_provider_test, a_refused_template_is_an_outage_only_where_it_is_the_main_one) {
  nhn_options with = options();
  with.others = {gifts()};
  const auto to = make_nhn_provider(std::move(with));
  fake_.set_behaviour({.result_code = -3004});
  expect_failure(send(**to, example_call("7.0", 1, evening)), failure_class::outage);
  call gift = mixed_call("7.1", 2);
  gift.recipients.erase(gift.recipients.begin());
  expect_failure(send(**to, gift), failure_class::transient);
  fake_.set_behaviour({.number_codes = {{"01010000002", -3004}}});
  const call_result mixed = send(**to, mixed_call("7.2", 3));
  ASSERT_TRUE(mixed);
  EXPECT_TRUE(mixed->at(0));
  EXPECT_EQ(mixed->at(1).error().kind, failure_class::transient);
  EXPECT_TRUE(mixed->at(2));
}

TEST_F(nhn_provider_test, an_sms_is_cut_to_90_bytes_in_euc_kr) {
  nhn_options with = options();
  with.fallback = {.is_long = false,
                   .from = "0212345678",
                   .title = {},
                   .text = std::string(80, 'x') + "#{status}#{status}"};
  const auto to = make_nhn_provider(std::move(with));
  ASSERT_TRUE(send(**to, example_call("7.0", 1, evening)));
  EXPECT_EQ(nlohmann::json::parse(
                fake_.last_body())["recipientList"][0]["resendParameter"]["resendContent"],
            std::string(80, 'x') + "결제 완료");
}

TEST_F(nhn_provider_test, a_request_is_shown_as_it_is_sent_but_for_its_secret) {
  const auto to = nhn();
  const call what = example_call("7.0", 1, evening);
  const auto shown = to->show(what);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->method, "POST");
  EXPECT_EQ(shown->url, fake_.base_url() + "/alimtalk/v2.3/appkeys/app%2Fkey/messages");
  EXPECT_EQ(shown->headers,
            (decltype(shown->headers){{"Content-Type", "application/json;charset=UTF-8"},
                                      {"X-Secret-Key", "***"},
                                      {"X-NC-API-IDEMPOTENCY-KEY", "7.0"}}));
  EXPECT_EQ(fake_.calls(), 0u);
  ASSERT_TRUE(send(*to, what));
  EXPECT_EQ(shown->body, fake_.last_body());
}

TEST_F(nhn_provider_test, a_fallback_goes_with_each_message_filled_in) {
  nhn_options with = options();
  with.fallback = {.is_long = true,
                   .from = "0212345678",
                   .title = "결제",
                   .text = "주문 #{orderId}: #{amount} #{status} #{no} #{"};
  const auto to = make_nhn_provider(std::move(with));
  ASSERT_TRUE(send(**to, example_call("7.0", 2, evening)));
  const auto recipients = nlohmann::json::parse(fake_.last_body())["recipientList"];
  EXPECT_EQ(recipients[1]["resendParameter"], nlohmann::json::parse(R"({
    "isResend": true, "resendType": "LMS", "resendTitle": "결제", "resendSendNo": "0212345678",
    "resendContent": "주문 2: 10,000원 결제 완료 #{no} #{"})"));
}

TEST_F(nhn_provider_test, a_fallback_without_words_says_what_the_template_says) {
  nhn_options with = options();
  with.fallback = {.is_long = false, .from = "0212345678", .title = {}, .text = {}};
  const auto to = make_nhn_provider(std::move(with));
  ASSERT_TRUE(send(**to, example_call("7.0", 1, evening)));
  EXPECT_EQ(nlohmann::json::parse(fake_.last_body())["recipientList"][0]["resendParameter"],
            nlohmann::json::parse(
                R"({"isResend": true, "resendType": "SMS", "resendSendNo": "0212345678"})"));
}

TEST_F(nhn_provider_test, one_bad_number_fails_alone) {
  fake_.set_behaviour({.poison_numbers = {"01010000002"}});
  call what = example_call("k", 4, evening);
  what.recipients[3].event.phone = "0212345678"; // no mobile phone
  const call_result result = send(*nhn(), what);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->at(0));
  EXPECT_EQ(result->at(1).error().kind, failure_class::permanent);
  EXPECT_TRUE(result->at(2));
  EXPECT_EQ(result->at(3).error().kind, failure_class::permanent);
  EXPECT_EQ(fake_.accepted(), 2u);
}

TEST_F(nhn_provider_test, a_number_that_poisons_its_call_says_that_a_part_might_pass) {
  const call_result result =
      send_while({.poison_numbers = {"01010000002"}, .poison_refuses_call = true});
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().refused_content);
  const call_result alone = send(*nhn(), example_call("k2", 1, evening, 2));
  expect_failure(alone, failure_class::permanent);
  EXPECT_TRUE(send(*nhn(), example_call("k3", 1, evening, 1)));
}

TEST_F(nhn_provider_test, each_status_and_code_has_its_class) {
  expect_failure(send_while({.status = 500}), failure_class::outage);
  expect_failure(send_while({.status = 503}), failure_class::outage);
  expect_failure(send_while({.status = 504}), failure_class::unknown);
  expect_failure(send_while({.status = 302}), failure_class::outage);
  expect_failure(send_while({.fail_rate = 1}), failure_class::outage);
  const call_result throttled = send_while({.throttle = 3s});
  expect_failure(throttled, failure_class::throttled);
  EXPECT_EQ(throttled.error().retry_after, 3s);
  expect_failure(send_while({.result_code = -1001}), failure_class::outage);
  EXPECT_EQ(fake_.accepted(), 0u);
}

TEST_F(nhn_provider_test, an_api_that_is_gone_was_never_written_to) {
  const auto to = nhn();
  fake_.stop();
  const call_result result = send(*to, example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().never_written);
}

TEST_F(nhn_provider_test, a_hanging_api_leaves_the_call_unknown) {
  expect_failure(send_while({.hang = true}, short_time), failure_class::unknown);
}

TEST_F(nhn_provider_test, garbage_leaves_the_call_unknown) {
  expect_failure(send_while({.garbage = true}), failure_class::unknown);
}

TEST_F(nhn_provider_test, a_lost_answer_is_unknown_then_seen_then_found) {
  const auto to = nhn();
  const call what = example_call("k", 1000, evening);
  fake_.set_behaviour({.drop_answers = true});
  expect_failure(send(*to, what), failure_class::unknown);
  fake_.set_behaviour({});
  expect_failure(send(*to, what), failure_class::seen);
  const find_result found = find(*to, what);
  ASSERT_TRUE(found) << found.error().reason;
  ASSERT_EQ(found->size(), 1000u);
  std::set<std::string> ids;
  for (const found_message& each : *found)
    ids.insert(each.provider_message_id);
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_FALSE(ids.contains(""));
  EXPECT_EQ(found->at(999).provider_message_id, "fake-1/1000");
  EXPECT_EQ(fake_.searches(), 4u); // pages
  EXPECT_EQ(fake_.accepted(), 1000u);
}

TEST_F(nhn_provider_test, a_search_finds_what_was_accepted_and_nothing_else) {
  const auto to = nhn();
  call what = example_call("k", 3, evening);
  what.recipients[1].event.phone = "0212345678";
  ASSERT_TRUE(send(*to, what));
  now_ = evening + 24h * 20;
  const find_result found = find(*to, what);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<found_message>{{"fake-1/1"}, {}, {"fake-1/3"}}));
  what.recipients[2].event.phone = "01087654321"; // another customer's message under the same key
  EXPECT_EQ(find(*to, what)->at(2), found_message{});
  what.key = "another key";
  EXPECT_EQ(*find(*to, what), std::vector<found_message>(3));
}

TEST_F(nhn_provider_test, a_search_finds_another_amount_or_number_not_and_what_is_lost_by_its_id) {
  const auto to = nhn();
  call what = example_call("k", 1, evening);
  ASSERT_TRUE(send(*to, what));
  const std::string id = find(*to, what)->front().provider_message_id;
  EXPECT_FALSE(id.empty());
  call other = what;
  other.recipients[0].event.total = {12001};
  EXPECT_EQ(find(*to, other)->front(), found_message{});
  other = what;
  other.recipients[0].event.phone = "01099999999";
  EXPECT_EQ(find(*to, other)->front(), found_message{});
  other.recipients[0].event = payment_event{};
  EXPECT_EQ(find(*to, other)->front().provider_message_id, id) << "its order is gone";
  other.recipients[0].delivery_id = "alimtalk-11";
  EXPECT_EQ(find(*to, other)->front(), found_message{});
  other.recipients[0].delivery_id = "alimtalk-0";
  EXPECT_EQ(find(*to, other)->front(), found_message{});
}

TEST_F(nhn_provider_test, a_search_that_fails_is_an_outage) {
  const auto to = nhn(short_time);
  fake_.set_behaviour({.hang = true});
  EXPECT_EQ(find(*to, example_call("k", 1, evening)).error().kind, failure_class::outage);
  fake_.set_behaviour({.status = 500});
  EXPECT_EQ(find(*to, example_call("k", 1, evening)).error().kind, failure_class::outage);
  fake_.set_behaviour({.throttle = 2s});
  EXPECT_EQ(find(*to, example_call("k", 1, evening)).error().retry_after, 2s);
}

TEST_F(nhn_provider_test, calls_of_a_wrong_size_are_not_sent) {
  const auto to = nhn();
  for (const int size : {0, 1001}) {
    const call_result result = send(*to, example_call("k", size, evening));
    expect_failure(result, failure_class::outage);
    EXPECT_TRUE(result.error().never_written);
    EXPECT_FALSE(find(*to, example_call("k", size, evening)));
  }
  EXPECT_EQ(fake_.connections(), 0u);
}

TEST_F(nhn_provider_test, stop_leaves_open_calls_unknown_and_later_ones_unsent) {
  fake_.set_behaviour({.hang = true});
  const auto to = nhn();
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

TEST_F(nhn_provider_test, options_that_cannot_work_are_refused_by_name) {
  const auto error_with = [this](auto change) {
    nhn_options bad = options();
    change(bad);
    const auto made = make_nhn_provider(std::move(bad));
    return made ? std::string() : made.error();
  };
  EXPECT_EQ(error_with([](nhn_options& o) { o.app_key.clear(); }), "app_key is empty");
  EXPECT_EQ(error_with([](nhn_options& o) { o.secret_key = "a\nb"; }),
            "secret_key has control characters");
  EXPECT_EQ(error_with([](nhn_options& o) { o.template_code = std::string(21, 'x'); }),
            "template_code is longer than 20 characters");
  EXPECT_EQ(error_with([](nhn_options& o) {
              o.others = {gifts()};
              o.others[0].code = std::string(21, 'x');
            }),
            "template_code is longer than 20 characters");
  EXPECT_EQ(error_with([](nhn_options& o) { o.recipients_max = 1001; }),
            "max_recipients must be 1 to 1000");
  EXPECT_EQ(error_with([](nhn_options& o) { o.fallback.emplace(); }), "fallback_from is empty");
  EXPECT_EQ(error_with([](nhn_options& o) { o.base_url = "nowhere"; }),
            "base_url: a URL must begin with http:// or https://");
}

} // namespace
} // namespace paymentd::providers
