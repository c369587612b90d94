// Goal: the settings alone have providers send that want the whole text of each message, each
// message arrives once and after an outage, and what became of it is seen. Method: the real program
// with SENS's API and with Aligo's in this process; they check signatures and keys, fail for a
// while, and do not reach one number.
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

constexpr std::int64_t users = 10;
constexpr std::string_view shop = R"(
[alimtalk]
template_text = """
[주문완료] 주문번호 #{주문번호}
결제금액 #{결제금액}"""
template_buttons = "WL | 주문 보기 | https://shop.example/orders/#{주문번호}"

[alimtalk.parameters]
"주문번호" = "{order.id}"
"결제금액" = "{order.finalAmount:won}"
)";

class whole_text : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(place_.path() / "shop.toml") << shop;
    ASSERT_EQ(place_
                  .run({"seed", "--set", "database.url=" + place_.database_url(), "--users",
                        std::to_string(users), "--orders", "200", "--balance", "1000000",
                        "--amount", "10"})
                  .exit_code,
              0);
    api_.set_behaviour({.unreachable_numbers = {"01000000003"}}); // of user 3 of the seed
  }

  server_process serve(std::vector<std::string> sets) const {
    sets.insert(sets.end(), {"alimtalk.base_url=" + api_.base_url(), "notification.backoff_max=1s",
                             "notification.results_poll=500ms"});
    return server_process(place_, sets, place_.path() / "shop.toml");
  }

  /// Pays some orders, then others while the API fails, and waits until all have their results.
  void pay_with_an_outage(const server_process& server, int failed) {
    auto client = server.client();
    EXPECT_EQ(pay_orders(client, 1, 100, users).size(), 100u);
    ASSERT_TRUE(api_.wait_for_accepted(100, 30s));
    api_.set_behaviour({.status = 500, .unreachable_numbers = {"01000000003"}});
    EXPECT_EQ(pay_orders(client, 101, 200, users).size(), 100u);
    api_.set_behaviour({.unreachable_numbers = {"01000000003"}});
    EXPECT_TRUE(eventually(
        [&] {
          return place_.number("select count(*) from deliveries where delivered_at is not null") ==
                     200 - failed &&
                 place_.number("select count(*) from deliveries where status = 2") == failed;
        },
        60s))
        << place_.number("select count(*) from deliveries where delivered_at is not null") << " "
        << place_.number("select count(*) from deliveries where status = 2");
    EXPECT_EQ(api_.accepted(), 200u);
    EXPECT_EQ(api_.distinct(), 200u);
  }

  workplace place_;
  providers::fake_alimtalk api_;
};

TEST_F(whole_text, sens_sends_each_payments_message_once_and_tells_its_result) {
  const server_process server =
      serve({"alimtalk.provider=sens", "alimtalk.sens_access_key=access",
             "alimtalk.sens_secret_key=secret", "alimtalk.sens_service_id=ncp:kkobizmsg:kr:1:shop",
             "alimtalk.sens_channel=@상점", "alimtalk.sens_template_code=PAID"});
  pay_with_an_outage(server, 20); // every tenth is user 3's
  const json message = json::parse(api_.last_body())["messages"][0];
  EXPECT_TRUE(message["content"].get<std::string>().starts_with("[주문완료] 주문번호 "));
  EXPECT_TRUE(message["content"].get<std::string>().ends_with("\n결제금액 10원"));
  auto client = server.client();
  const auto answer = client.get("/v1/notifications?orderId=2");
  ASSERT_TRUE(answer);
  const json failed = json::parse(answer->body)["items"][0];
  EXPECT_EQ(failed["status"], "FAILED");
  EXPECT_EQ(failed["lastError"], "SENS: 3019 no KakaoTalk");
  EXPECT_EQ(place_.audit().exit_code, 0);
}

TEST_F(whole_text, a_refund_goes_by_a_text_of_its_own) {
  const server_process server =
      serve({"alimtalk.provider=sens", "alimtalk.sens_access_key=access",
             "alimtalk.sens_secret_key=secret", "alimtalk.sens_service_id=ncp:kkobizmsg:kr:1:shop",
             "alimtalk.sens_channel=@상점", "alimtalk.sens_template_code=PAID",
             "alimtalk.refund_sens_template_code=BACK",
             "alimtalk.refund_template_text=[환불] 주문번호 #{주문번호}\n환불금액 #{환불금액}",
             "alimtalk.refund_parameters.주문번호={order.id}",
             "alimtalk.refund_parameters.환불금액={refund.amount:won}"});
  auto client = server.client();
  ASSERT_EQ(pay_orders(client, 1, 1, users).size(), 1u);
  ASSERT_TRUE(api_.wait_for_accepted(1, 30s));
  const auto answer = client.post("/v1/orders/1/refund", R"({"amount":4})");
  ASSERT_TRUE(answer && answer->status == 200);
  ASSERT_TRUE(api_.wait_for_accepted(2, 30s));
  const json sent = json::parse(api_.last_body());
  EXPECT_EQ(sent["templateCode"], "BACK");
  EXPECT_EQ(sent["messages"][0]["content"], "[환불] 주문번호 1\n환불금액 4원");
  EXPECT_FALSE(sent["messages"][0].contains("buttons")) << "they are of the template for payments";
}

TEST_F(whole_text, a_preview_shows_the_text_the_buttons_and_the_call_without_its_key) {
  const ended preview = place_.run(
      {"alimtalk", "preview", "1", "--config", (place_.path() / "shop.toml").string(), "--set",
       "database.url=" + place_.database_url(), "--set", "alimtalk.provider=aligo", "--set",
       "alimtalk.aligo_api_key=hush", "--set", "alimtalk.aligo_user_id=shop", "--set",
       "alimtalk.aligo_sender_key=sender", "--set", "alimtalk.aligo_sender=0298765432", "--set",
       "alimtalk.aligo_template_code=PAID"});
  EXPECT_EQ(preview.exit_code, 0) << preview.output;
  EXPECT_THAT(preview.output, HasSubstr("\n[주문완료] 주문번호 1\n결제금액 10원\n"
                                        "[주문 보기] https://shop.example/orders/1"));
  EXPECT_THAT(preview.output, HasSubstr("POST https://kakaoapi.aligo.in/akv10/alimtalk/send/\n"));
  EXPECT_THAT(preview.output, HasSubstr("apikey=***&userid=shop&"));
  EXPECT_THAT(preview.output, Not(HasSubstr("hush")));
}

TEST_F(whole_text, aligo_sends_each_payments_message_once_and_tells_its_result) {
  const server_process server =
      serve({"alimtalk.provider=aligo", "alimtalk.aligo_api_key=secret",
             "alimtalk.aligo_user_id=shop", "alimtalk.aligo_sender_key=sender",
             "alimtalk.aligo_sender=0298765432", "alimtalk.aligo_template_code=PAID",
             "alimtalk.fallback=sms", "alimtalk.fallback_from=0212345678"});
  pay_with_an_outage(server, 0);
  auto client = server.client();
  const auto channel_of = [&](int order) {
    const auto answer = client.get("/v1/notifications?orderId=" + std::to_string(order));
    return answer ? json::parse(answer->body)["items"][0]["channel"] : json();
  };
  EXPECT_EQ(channel_of(1), "ALIMTALK");
  EXPECT_EQ(channel_of(2), "SMS");
  EXPECT_EQ(place_.audit().exit_code, 0);
}

} // namespace
} // namespace paymentd::end_to_end
