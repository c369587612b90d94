// Goal: the Aligo adapter sends the forms that Aligo expects and tells every failure and every
// result apart, end to end. Method: it runs against fake-alimtalk over real sockets, which fails in
// each way that it knows, on a clock that the test moves.
#include "providers/aligo/aligo_provider.hpp"

#include "providers/aligo/aligo_results.hpp"
#include "tests/providers/example_call.hpp"
#include "tests/providers/whole_text_options.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"
#include "tools/fake_alimtalk/query.hpp"

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

template <class Result, class Begin>
Result wait(Begin begin) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto result = promise->get_future();
  begin([promise](Result given) { promise->set_value(std::move(given)); });
  if (result.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
  return result.get();
}

class aligo_provider_test : public testing::Test {
 protected:
  aligo_options options() {
    aligo_options made;
    made.base_url = fake_.base_url();
    made.api_key = "secret";
    made.user_id = "shop";
    made.sender_key = "sender";
    made.sender = "0298765432";
    made.template_code = "PAID";
    made.message = whole_text_options();
    made.timeout = long_time;
    return made;
  }
  static std::unique_ptr<provider> aligo(aligo_options with) {
    auto made = make_aligo_provider(std::move(with));
    EXPECT_TRUE(made) << made.error();
    return std::move(made).value();
  }
  std::unique_ptr<provider> aligo(std::chrono::milliseconds timeout = long_time) {
    aligo_options with = options();
    with.timeout = timeout;
    return aligo(std::move(with));
  }

  static call_result send(provider& to, call what) {
    return wait<call_result>([&](auto done) { to.send(std::move(what), std::move(done)); });
  }
  call_result send_while(fake_behaviour behaviour, std::chrono::milliseconds timeout = long_time) {
    fake_.set_behaviour(std::move(behaviour));
    return send(*aligo(timeout), example_call("k", 2, evening));
  }
  static results_answer ask(provider& of, results_query what) {
    return wait<results_answer>([&](auto done) { of.results(std::move(what), std::move(done)); });
  }
  /// Those of all pages, by the messages' ids.
  static std::map<std::string, final_result> all_results(provider& of, instant from, instant to,
                                                         int* pages = nullptr) {
    std::map<std::string, final_result> all;
    results_query what{.from = from, .to = to, .cursor = {}};
    do {
      const results_answer page = ask(of, what);
      if (!page)
        throw std::runtime_error(page.error().reason);
      EXPECT_LE(page->results.size(), 1000u);
      for (const final_result& each : page->results)
        EXPECT_TRUE(all.emplace(each.provider_message_id, each).second);
      if (pages != nullptr)
        ++*pages;
      what.cursor = page->next;
    } while (!what.cursor.empty());
    return all;
  }
  /// A field of the newest send's form.
  std::string field(const std::string& name) {
    return value_of(parse_query("?" + fake_.last_body()), name);
  }

  static void expect_failure(const call_result& result, failure_class kind) {
    ASSERT_FALSE(result);
    EXPECT_EQ(static_cast<int>(result.error().kind), static_cast<int>(kind))
        << result.error().reason;
  }

  std::atomic<instant> now_ = evening;
  fake_alimtalk fake_{{.now = [this] { return now_.load(); }}};
};

TEST_F(aligo_provider_test, a_call_of_five_hundred_is_accepted_message_by_message) {
  const auto to = aligo();
  EXPECT_EQ(to->recipients_max(), 500u) << "whatever the settings say";
  const call_result result = send(*to, example_call("7.1", 500, evening));
  ASSERT_TRUE(result) << result.error().reason;
  ASSERT_EQ(result->size(), 500u);
  const std::vector<fake_message> received = fake_.received();
  ASSERT_EQ(received.size(), 500u);
  for (std::size_t i = 0; i < received.size(); ++i) {
    EXPECT_EQ(received[i].recipient_grouping_key, "alimtalk-" + std::to_string(i + 1));
    ASSERT_TRUE(result->at(i));
    EXPECT_TRUE(result->at(i)->provider_message_id.starts_with("#1/"));
  }
}

TEST_F(aligo_provider_test, the_form_has_the_fields_that_aligo_names) {
  call what = example_call("7.1", 2, evening);
  what.recipients[1].event.user_metadata = R"({"name":"홍길동 & 아들"})";
  ASSERT_TRUE(send(*aligo(), what));
  EXPECT_EQ(field("apikey"), "secret");
  EXPECT_EQ(field("userid"), "shop");
  EXPECT_EQ(field("senderkey"), "sender");
  EXPECT_EQ(field("tpl_code"), "PAID");
  EXPECT_EQ(field("sender"), "0298765432");
  EXPECT_EQ(field("failover"), "N");
  EXPECT_EQ(field("receiver_2"), "01010000002");
  EXPECT_EQ(field("subject_2"), "alimtalk-2");
  EXPECT_EQ(field("message_1"), "[주문완료] 고객님,\n주문번호 1");
  EXPECT_EQ(field("message_2"), "[주문완료] 홍길동 & 아들님,\n주문번호 2");
  EXPECT_EQ(json::parse(field("button_2")), json::parse(R"({"button": [
      {"name": "주문 보기", "linkType": "WL", "linkTypeName": "웹링크",
       "linkMo": "https://m.shop.example/2", "linkPc": "https://shop.example/2"},
      {"name": "채널 추가", "linkType": "AC", "linkTypeName": "채널 추가"}]})"));
  EXPECT_EQ(field("fmessage_2"), "");
  EXPECT_EQ(field("receiver_3"), "");
}

TEST_F(aligo_provider_test, a_fallback_goes_with_each_message_filled_in) {
  aligo_options with = options();
  with.fallback = {
      .is_long = true, .from = "0212345678", .title = "주문", .text = "결제 #{주문번호}"};
  ASSERT_TRUE(send(*aligo(std::move(with)), example_call("7.1", 2, evening)));
  EXPECT_EQ(field("failover"), "Y");
  EXPECT_EQ(field("sender"), "0212345678") << "one number of a call stands for both";
  EXPECT_EQ(field("fsubject_2"), "주문");
  EXPECT_EQ(field("fmessage_2"), "결제 2");
}

TEST_F(aligo_provider_test, messages_of_several_templates_are_a_request_each) {
  aligo_options with = options();
  with.others = {gift_template()};
  call what = example_call("7.1", 3, evening);
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  const call_result result = send(*aligo(std::move(with)), what);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(fake_.calls(), 2u);
  EXPECT_TRUE(result->at(0)->provider_message_id.starts_with("#1/"));
  EXPECT_TRUE(result->at(1)->provider_message_id.starts_with("#2/"));
  EXPECT_EQ(field("tpl_code"), "GIFT");
  EXPECT_EQ(field("message_1"), "선물 2");
  EXPECT_EQ(field("button_1"), "") << "it has none";
}

TEST_F(aligo_provider_test, a_refund_goes_by_its_own_text_beside_payments) {
  aligo_options with = options();
  with.others = {gift_template(), refund_template()};
  call what = example_call("7.1", 2, evening);
  what.recipients[1].event.kind = entry_kind::refund;
  what.recipients[1].event.refund = {3'000};
  const call_result result = send(*aligo(std::move(with)), what);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(fake_.calls(), 2u);
  EXPECT_EQ(field("tpl_code"), "BACK");
  EXPECT_EQ(field("message_1"), "환불 3,000원");
}

TEST_F(aligo_provider_test, a_request_is_shown_as_it_is_sent_but_for_its_key) {
  const auto to = aligo();
  const call what = example_call("7.1", 1, evening);
  const auto shown = to->show(what);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->url, fake_.base_url() + "/akv10/alimtalk/send/");
  ASSERT_TRUE(send(*to, what));
  EXPECT_TRUE(shown->body.starts_with("apikey=***&userid=shop&"));
  std::string sent = fake_.last_body();
  const std::string key = "apikey=secret";
  ASSERT_TRUE(sent.starts_with(key));
  EXPECT_EQ(shown->body.substr(shown->body.find('&')), sent.substr(key.size()));
}

TEST_F(aligo_provider_test, credentials_that_are_refused_are_an_outage) {
  aligo_options with = options();
  with.api_key = "another";
  const call_result result = send(*aligo(std::move(with)), example_call("k", 1, evening));
  expect_failure(result, failure_class::outage);
  EXPECT_FALSE(result.error().refused_content);
}

TEST_F(aligo_provider_test, a_bad_number_fails_alone_where_it_is_alone) {
  fake_.set_behaviour({.poison_numbers = {"01010000002"}});
  const auto to = aligo();
  const call_result alone = send(*to, example_call("k", 1, evening, 2));
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->at(0).error().kind, failure_class::permanent);
  const call_result beside = send(*to, example_call("k", 3, evening));
  ASSERT_TRUE(beside) << "which one it is, Aligo does not say";
  EXPECT_EQ(fake_.accepted(), 2u);
}

TEST_F(aligo_provider_test, a_number_that_poisons_its_call_says_that_a_part_might_pass) {
  const call_result result =
      send_while({.poison_numbers = {"01010000002"}, .poison_refuses_call = true});
  expect_failure(result, failure_class::outage);
  EXPECT_TRUE(result.error().refused_content);
  EXPECT_TRUE(send(*aligo(), example_call("k", 1, evening, 1)));
}

TEST_F(aligo_provider_test, each_status_and_code_has_its_class) {
  expect_failure(send_while({.status = 500}), failure_class::outage);
  expect_failure(send_while({.status = 504}), failure_class::unknown);
  const call_result throttled = send_while({.throttle = 3s});
  expect_failure(throttled, failure_class::throttled);
  EXPECT_EQ(throttled.error().retry_after, 3s);
  const call_result refused = send_while({.result_code = -99});
  expect_failure(refused, failure_class::outage);
  EXPECT_TRUE(refused.error().refused_content);
  EXPECT_EQ(fake_.accepted(), 0u);
}

TEST_F(aligo_provider_test, what_tells_nothing_leaves_the_call_unknown) {
  expect_failure(send_while({.hang = true}, short_time), failure_class::unknown);
  expect_failure(send_while({.garbage = true}), failure_class::unknown);
  expect_failure(send_while({.drop_answers = true}), failure_class::unknown);
}

TEST_F(aligo_provider_test, its_repeats_are_copies_and_it_knows_no_keys_and_no_search) {
  const auto to = aligo();
  EXPECT_TRUE(to->repeats_are_copies());
  EXPECT_TRUE(to->needs_phone());
  EXPECT_EQ(to->key_window(), 0ms);
  EXPECT_FALSE(to->can_search());
}

TEST_F(aligo_provider_test, every_result_is_told_call_by_call_as_many_pages_as_it_takes) {
  const auto to = aligo();
  fake_.set_behaviour({.unreachable_numbers = {"01010000002"}});
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) { // of 300 messages each
    const call_result sent = send(*to, example_call("k", 300, evening, 1 + i * 300));
    ASSERT_TRUE(sent);
    for (const recipient_result& each : *sent)
      ids.push_back(each->provider_message_id);
  }
  int pages = 0;
  const auto told = all_results(*to, evening - 1min, evening + 1min, &pages);
  EXPECT_GT(pages, 1);
  ASSERT_EQ(told.size(), 1500u);
  for (const std::string& each : ids)
    ASSERT_TRUE(told.contains(each)) << each;
  EXPECT_EQ(told.at(ids[0]).channel, message_channel::alimtalk);
  EXPECT_EQ(told.at(ids[0]).at, evening);
  EXPECT_FALSE(told.at(ids[1]).reached);
  EXPECT_EQ(told.at(ids[1]).reason, "Aligo: A 카카오톡 미사용자");
  EXPECT_TRUE(all_results(*to, evening - 10min, evening - 5min).empty());
}

TEST_F(aligo_provider_test, many_small_calls_are_found_over_the_pages_of_the_list) {
  const auto to = aligo();
  for (int i = 0; i < 510; ++i) { // a page of the list has 500
    now_ = evening + i * 10ms;
    ASSERT_TRUE(send(*to, example_call("k", 1, evening, 1 + i)));
  }
  EXPECT_EQ(all_results(*to, evening - 1min, evening + 1min).size(), 510u);
}

TEST_F(aligo_provider_test, a_long_list_does_not_take_longer_than_its_time) {
  net::http_response newer; // than all that is looked for
  newer.status = 200;
  newer.body = R"({"code":0,"totalPage":3,"list":[)"
               R"({"mid":"1","type":"AT","regdate":"2026-11-22 23:30:00"}]})";
  int lists = 0;
  const auto post = [&](const std::string& path, const std::string&, const auto& then) {
    EXPECT_EQ(path, "/akv10/history/list/");
    ++lists;
    then(newer);
  };
  results_query what{.from = evening - 1min, .to = evening + 1min, .cursor = {}};
  int pages = 0;
  do {
    results_answer page;
    read_aligo_results(post, {"key", "shop"}, 0ms, what,
                       [&](results_answer given) { page = std::move(given); });
    ASSERT_TRUE(page);
    what.cursor = page->next;
    EXPECT_EQ(lists, ++pages);
  } while (!what.cursor.empty() && pages < 100);
  EXPECT_EQ(pages, 9); // three looks of three pages each
}

TEST_F(aligo_provider_test, a_call_is_looked_at_again_ten_minutes_and_an_hour_later) {
  const auto to = aligo();
  ASSERT_TRUE(send(*to, example_call("k", 1, evening)));
  for (const auto later : {0min, 10min, 60min})
    EXPECT_EQ(all_results(*to, evening + later - 1min, evening + later + 1min).size(), 1u)
        << later.count();
  for (const auto later : {5min, 30min, 120min})
    EXPECT_TRUE(all_results(*to, evening + later - 1min, evening + later + 1min).empty())
        << later.count();
}

TEST_F(aligo_provider_test, a_span_over_midnight_in_korea_has_both_days) {
  const auto to = aligo();
  const instant midnight = evening + 1h; // 15:00 UTC
  now_ = midnight - 10s;
  ASSERT_TRUE(send(*to, example_call("k", 1, evening, 1)));
  now_ = midnight + 10s;
  ASSERT_TRUE(send(*to, example_call("k", 1, evening, 2)));
  EXPECT_EQ(all_results(*to, midnight - 1min, midnight + 1min).size(), 2u);
}

TEST_F(aligo_provider_test, a_fallback_that_went_out_is_told_as_an_sms) {
  aligo_options with = options();
  with.fallback = {.is_long = false, .from = "0212345678", .title = {}, .text = "결제"};
  const auto to = aligo(std::move(with));
  fake_.set_behaviour({.unreachable_numbers = {"01010000001"}});
  const call_result sent = send(*to, example_call("k", 1, evening));
  ASSERT_TRUE(sent);
  const auto told = all_results(*to, evening - 1min, evening + 1min);
  ASSERT_TRUE(told.contains(sent->at(0)->provider_message_id));
  EXPECT_TRUE(told.begin()->second.reached);
  EXPECT_EQ(told.begin()->second.channel, message_channel::sms);
}

TEST_F(aligo_provider_test, an_api_that_is_gone_or_stopped_is_an_outage) {
  const auto to = aligo();
  fake_.stop();
  const call_result gone = send(*to, example_call("k", 1, evening));
  expect_failure(gone, failure_class::outage);
  EXPECT_TRUE(gone.error().never_written);
  EXPECT_FALSE(ask(*to, {.from = evening, .to = evening, .cursor = {}}));
  to->stop();
  EXPECT_FALSE(ask(*to, {.from = evening, .to = evening, .cursor = {}}));
}

TEST_F(aligo_provider_test, options_that_cannot_work_are_refused_by_name) {
  const auto error_with = [this](auto change) {
    aligo_options bad = options();
    change(bad);
    const auto made = make_aligo_provider(std::move(bad));
    return made ? std::string() : made.error();
  };
  EXPECT_EQ(error_with([](aligo_options& o) { o.api_key.clear(); }), "aligo_api_key is empty");
  EXPECT_EQ(error_with([](aligo_options& o) { o.sender = "02-1234"; }),
            "aligo_sender must be digits");
  EXPECT_EQ(error_with([](aligo_options& o) { o.message.text.clear(); }), "template_text is empty");
  EXPECT_EQ(error_with([](aligo_options& o) { o.recipients_max = 0; }),
            "max_recipients must be 1 to 500");
  EXPECT_EQ(error_with([](aligo_options& o) { o.base_url = "nowhere"; }),
            "base_url: a URL must begin with http:// or https://");
}

} // namespace
} // namespace paymentd::providers
