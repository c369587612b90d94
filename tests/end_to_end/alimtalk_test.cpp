// Goal: a shop's own template is filled in from its orders and users, character for character, and
// can be tried out before a customer sees it. Method: the real program with a settings' file, and
// the message API in this process.
#include "tests/end_to_end/server_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view parameters = R"(
[alimtalk.parameters]
"고객명" = "{user.metadata.name|고객}"
"주문번호" = "{order.reference}"
"상품명" = "{order.metadata.title|상품}"
"결제금액" = "{order.finalAmount:won}"
"비고" = "{user.reference|-} {{{order.discountAmount:number}원 할인}}"
)";

class alimtalk : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(config()) << parameters; }

  std::filesystem::path config() const { return place_.path() / "shop.toml"; }

  /// A command of `paymentd alimtalk`, sending to `api_`.
  ended run(const std::vector<std::string>& words, const std::vector<std::string>& sets = {}) {
    std::vector<std::string> all{"alimtalk"};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(),
               {"--config", config().string(), "--set", "database.url=" + place_.database_url()});
    auto given = sent_to(api_);
    given.insert(given.end(), sets.begin(), sets.end());
    for (const std::string& each : given)
      all.insert(all.end(), {"--set", each});
    return place_.run(all);
  }

  static std::int64_t make(http::testing::test_client& client, const std::string& path,
                           const json& body) {
    const auto answer = client.post(path, body.dump());
    EXPECT_TRUE(answer && answer->status == 201) << (answer ? answer->body : "no answer");
    return json::parse(answer->body)["id"];
  }

  workplace place_;
  providers::fake_alimtalk api_;
};

const json user_of_example{{"phone", "01012345678"},
                           {"balance", 100'000},
                           {"reference", "member-2"},
                           {"metadata", {{"name", "홍\"길동\""}}}};

json order_of_example(std::int64_t user) {
  return {{"userId", user},
          {"totalAmount", 12'000},
          {"discountAmount", 2'000},
          {"reference", "A-1001"},
          {"metadata", {{"title", "커피 원두 1kg"}}}};
}

TEST_F(alimtalk, a_shops_template_is_filled_in_and_a_preview_says_the_same) {
  const server_process server(place_, sent_to(api_), config());
  auto client = server.client();
  const auto user = make(client, "/v1/users", user_of_example);
  const auto order = make(client, "/v1/orders", order_of_example(user));
  const json paying{{"orderId", order}, {"userId", user}};

  const ended before = run({"preview", std::to_string(order)});
  EXPECT_EQ(before.exit_code, 0) << before.output;
  EXPECT_THAT(before.output, HasSubstr("is PENDING: no message goes out until it is paid"));
  EXPECT_EQ(api_.calls(), 0u);

  ASSERT_EQ(client.post("/v1/payments", paying.dump())->status, 201);
  ASSERT_TRUE(api_.wait_for_accepted(1, 30s));
  const json sent = json::parse(api_.last_body())["recipientList"][0]["templateParameter"];
  EXPECT_EQ(sent, json::parse(R"({"고객명": "홍\"길동\"", "주문번호": "A-1001",
    "상품명": "커피 원두 1kg", "결제금액": "10,000원", "비고": "member-2 {2,000원 할인}"})"));

  const ended after = run({"preview", std::to_string(order)}, {"alimtalk.secret_key=hush"});
  EXPECT_EQ(after.exit_code, 0) << after.output;
  EXPECT_THAT(after.output, HasSubstr("#{주문번호} = \"A-1001\"\n"));
  EXPECT_THAT(after.output, HasSubstr("POST " + api_.base_url() + "/alimtalk/v2.3/appkeys/app/"));
  EXPECT_THAT(after.output, HasSubstr("X-Secret-Key: ***\n"));
  EXPECT_THAT(after.output, Not(HasSubstr("hush")));
  EXPECT_THAT(after.output, HasSubstr("\"templateParameter\":"));
  const json shown = json::parse(after.output.substr(after.output.rfind("\n{") + 1));
  EXPECT_EQ(shown["recipientList"][0]["templateParameter"], sent);
  EXPECT_EQ(api_.calls(), 1u);
}

TEST_F(alimtalk, defaults_stand_for_what_a_user_and_an_order_have_not) {
  const server_process server(place_, sent_to(api_), config());
  auto client = server.client();
  const auto user = make(client, "/v1/users", {{"phone", "01012345678"}, {"balance", 100}});
  const auto order = make(client, "/v1/orders", {{"userId", user}, {"totalAmount", 100}});
  const json paying{{"orderId", order}, {"userId", user}};
  ASSERT_EQ(client.post("/v1/payments", paying.dump())->status, 201);
  ASSERT_TRUE(api_.wait_for_accepted(1, 30s));
  EXPECT_EQ(json::parse(api_.last_body())["recipientList"][0]["templateParameter"],
            json::parse(R"({"고객명": "고객", "주문번호": "", "상품명": "상품",
              "결제금액": "100원", "비고": "- {0원 할인}"})"));
  const ended preview = run({"preview", std::to_string(order)});
  EXPECT_THAT(preview.output, HasSubstr("#{주문번호} is empty"));
}

TEST_F(alimtalk, gifts_have_a_template_of_their_own_and_each_message_goes_once) {
  std::ofstream(config(), std::ios::app) << R"(
[[alimtalk.template]]
when = "metadata.kind = gift"
template_code = "GIFT_PAID"
[alimtalk.template.parameters]
"받는분" = "{order.metadata.receiver|고객}"
)";
  const server_process server(place_, sent_to(api_), config());
  auto client = server.client();
  const auto user = make(client, "/v1/users", user_of_example);
  std::vector<std::int64_t> orders;
  json payments = json::array();
  for (int i = 0; i < 20; ++i) {
    json order{{"userId", user}, {"totalAmount", 100}};
    if (i % 2 == 1)
      order["metadata"] = {{"kind", "gift"}, {"receiver", "김철수"}};
    orders.push_back(make(client, "/v1/orders", order));
    payments.push_back({{"orderId", orders.back()}, {"userId", user}});
  }
  ASSERT_EQ(client.post("/v1/payments/bulk", json{{"payments", payments}}.dump())->status, 200);
  ASSERT_TRUE(api_.wait_for_accepted(20, 30s));
  EXPECT_EQ(api_.distinct(), 20u);

  const ended gift = run({"preview", std::to_string(orders[1])});
  EXPECT_EQ(gift.exit_code, 0) << gift.output;
  EXPECT_THAT(gift.output, HasSubstr("template GIFT_PAID, because metadata.kind = gift\n"));
  EXPECT_THAT(gift.output, HasSubstr("#{받는분} = \"김철수\"\n"));
  EXPECT_THAT(gift.output, HasSubstr("\"templateCode\":\"GIFT_PAID\""));
  const ended other = run({"preview", std::to_string(orders[0])});
  EXPECT_THAT(other.output, HasSubstr("the template of [alimtalk]"));
  EXPECT_THAT(other.output, Not(HasSubstr("GIFT_PAID")));
}

TEST_F(alimtalk, a_test_can_be_sent_by_another_template) {
  std::ofstream(config(), std::ios::app) << R"(
[[alimtalk.template]]
when = "metadata.kind = gift"
template_code = "GIFT_PAID"
[alimtalk.template.parameters]
"종류" = "{order.metadata.kind}/{order.metadata.receiver}"
)";
  const ended result = run({"test", "01012345678", "--template", "GIFT_PAID"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const json sent = json::parse(api_.last_body());
  EXPECT_EQ(sent["templateCode"], "GIFT_PAID");
  EXPECT_EQ(sent["recipientList"][0]["templateParameter"], json::parse(R"({"종류": "gift/예시"})"));
  const ended none = run({"test", "01012345678", "--template", "GIFT"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.output, HasSubstr("--template GIFT: no [[alimtalk.template]] has that code"));
}

TEST_F(alimtalk, a_preview_of_what_is_not_there_fails_and_makes_nothing) {
  const ended no_database = run({"preview", "1"});
  EXPECT_EQ(no_database.exit_code, 1) << no_database.output;
  EXPECT_FALSE(std::filesystem::exists(place_.path() / "paymentd.db"));
  ASSERT_EQ(place_.run({"migrate", "--set", "database.url=" + place_.database_url()}).exit_code, 0);
  const ended no_order = run({"preview", "77"});
  EXPECT_EQ(no_order.exit_code, 1);
  EXPECT_THAT(no_order.output, HasSubstr("there is no order 77"));
  EXPECT_EQ(run({"preview", "0"}).exit_code, 2);
  EXPECT_EQ(run({"preview"}).exit_code, 2);
  EXPECT_EQ(run({"preveiw", "1"}).exit_code, 2);
}

TEST_F(alimtalk, a_test_sends_one_message_with_sample_values) {
  const ended result = run({"test", "010-1234-5678"});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("accepted by nhn: "));
  ASSERT_EQ(api_.accepted(), 1u);
  EXPECT_EQ(api_.received()[0].phone, "01012345678");
  EXPECT_TRUE(api_.received()[0].recipient_grouping_key.starts_with("test-"));
  EXPECT_EQ(json::parse(api_.last_body())["recipientList"][0]["templateParameter"],
            json::parse(R"({"고객명": "예시", "주문번호": "SAMPLE-1", "상품명": "예시",
              "결제금액": "10,000원", "비고": "SAMPLE-USER-1 {2,000원 할인}"})"));
  EXPECT_FALSE(std::filesystem::exists(place_.path() / "paymentd.db"));
  const ended once_more = run({"test", "01012345678"}); // under a key of its own
  EXPECT_EQ(once_more.exit_code, 0) << once_more.output;
}

TEST_F(alimtalk, a_test_that_is_not_accepted_says_why_and_exits_1) {
  api_.set_behaviour({.result_code = -1001});
  const ended refused = run({"test", "01012345678"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("the call failed: "));
  EXPECT_THAT(refused.output, HasSubstr("-1001"));
  api_.set_behaviour({.hang = true});
  const ended hung = run({"test", "01012345678"}, {"alimtalk.timeout=200ms"});
  EXPECT_EQ(hung.exit_code, 1);
  EXPECT_THAT(hung.output, HasSubstr("the message may have been accepted"));
}

TEST_F(alimtalk, a_test_needs_a_phone_and_a_provider) {
  EXPECT_EQ(run({"test", "02-123-4567"}).exit_code, 2);
  const ended none = run({"test", "01012345678"}, {"alimtalk.provider=none"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.output, HasSubstr("alimtalk.provider is none"));
  EXPECT_EQ(api_.calls(), 0u);
}

TEST_F(alimtalk, a_fault_in_the_parameters_stops_the_start) {
  std::ofstream(config()) << "[alimtalk.parameters]\n\"주문번호\" = \"{order.refrence}\"\n";
  const ended result = place_.run({"serve", "--config", config().string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr(":2: alimtalk.parameters.주문번호: unknown field "
                                       "order.refrence"));
}

} // namespace
} // namespace paymentd::end_to_end
