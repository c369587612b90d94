// Goal: a template as a shop has it is filled in from an order's reference and metadata, character
// for character, whichever provider sends it. Method: the real program with each provider's API in
// this process; where an API fills in the template itself, the test does as it would.
#include "tests/end_to_end/server_process.hpp"

#include "tools/fake_alimtalk/query.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace paymentd::end_to_end {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::string_view approved = "[주문완료] #{고객명}님, 주문번호 #{주문번호}\n"
                                      "■ 상품명: #{상품명}\n"
                                      "■ 결제금액: #{결제금액}\n"
                                      "감사합니다.";
constexpr std::string_view expected = "[주문완료] 홍길동님, 주문번호 A-1001\n"
                                      "■ 상품명: \"커피\" 원두 1kg & 필터\n"
                                      "■ 결제금액: 10,000원\n"
                                      "감사합니다.";

/// With each `#{name}` replaced by the value of that name, which stands in `values` between
/// `before` and `after`.
std::string filled_in(const json& values, const std::string& before, const std::string& after) {
  std::string text{approved};
  for (const std::string name : {"고객명", "주문번호", "상품명", "결제금액"}) {
    const std::string variable = "#{" + name + "}";
    const std::string value = values.at(before + name + after);
    text.replace(text.find(variable), variable.size(), value);
  }
  return text;
}

struct sender {
  const char* name;
  std::vector<std::string> credentials;
  std::string (*text_of)(const std::string& body); // that the customer reads
};

void PrintTo(const sender& of, std::ostream* out) {
  *out << of.name;
}

class shop_template : public testing::TestWithParam<sender> {};

TEST_P(shop_template, is_filled_in_character_for_character) {
  const workplace place;
  std::ofstream(place.path() / "shop.toml") << "[alimtalk]\ntemplate_text = \"\"\"\n"
                                            << approved << "\"\"\"\n"
                                            << R"([alimtalk.parameters]
"고객명" = "{user.metadata.name|고객}"
"주문번호" = "{order.reference}"
"상품명" = "{order.metadata.title|상품}"
"결제금액" = "{order.finalAmount:won}"
)";
  providers::fake_alimtalk api;
  std::vector<std::string> sets = GetParam().credentials;
  sets.push_back(std::string("alimtalk.provider=") + GetParam().name);
  sets.push_back("alimtalk.base_url=" + api.base_url());
  const server_process server(place, sets, place.path() / "shop.toml");
  auto client = server.client();
  const auto made = [&](const std::string& path, const json& body) {
    const auto answer = client.post(path, body.dump());
    EXPECT_TRUE(answer && answer->status == 201) << (answer ? answer->body : "no answer");
    return json::parse(answer->body);
  };
  const auto user = made(
      "/v1/users",
      {{"phone", "010-1234-5678"}, {"balance", 100'000}, {"metadata", {{"name", "홍길동"}}}})["id"];
  const auto order =
      made("/v1/orders", {{"userId", user},
                          {"totalAmount", 12'000},
                          {"discountAmount", 2'000},
                          {"reference", "A-1001"},
                          {"metadata", {{"title", "\"커피\" 원두 1kg & 필터"}}}})["id"];
  made("/v1/payments", {{"orderId", order}, {"userId", user}});
  ASSERT_TRUE(api.wait_for_accepted(1, 30s));
  EXPECT_EQ(GetParam().text_of(api.last_body()), expected);
}

INSTANTIATE_TEST_SUITE_P(
    senders, shop_template,
    testing::Values(
        sender{"nhn",
               {"alimtalk.app_key=app", "alimtalk.secret_key=secret", "alimtalk.sender_key=sender",
                "alimtalk.template_code=PAID"},
               [](const std::string& body) {
                 return filled_in(json::parse(body)["recipientList"][0]["templateParameter"], "",
                                  "");
               }},
        sender{"solapi",
               {"alimtalk.api_key=key", "alimtalk.api_secret=secret", "alimtalk.pf_id=PF1",
                "alimtalk.template_id=KA01TP"},
               [](const std::string& body) {
                 return filled_in(json::parse(body)["messages"][0]["kakaoOptions"]["variables"],
                                  "#{", "}");
               }},
        sender{"sens",
               {"alimtalk.sens_access_key=access", "alimtalk.sens_secret_key=secret",
                "alimtalk.sens_service_id=ncp:kkobizmsg:kr:1:shop", "alimtalk.sens_channel=@shop",
                "alimtalk.sens_template_code=PAID"},
               [](const std::string& body) {
                 return json::parse(body)["messages"][0]["content"].get<std::string>();
               }},
        sender{"aligo",
               {"alimtalk.aligo_api_key=secret", "alimtalk.aligo_user_id=shop",
                "alimtalk.aligo_sender_key=sender", "alimtalk.aligo_sender=0298765432",
                "alimtalk.aligo_template_code=PAID"},
               [](const std::string& body) {
                 return providers::value_of(providers::parse_query("?" + body), "message_1");
               }}),
    [](const auto& of) { return of.param.name; });

} // namespace
} // namespace paymentd::end_to_end
