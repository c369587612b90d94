// Goal: receivers by the specification take our signatures and understand our events. Method: the
// values that the specification's own libraries test with, and whole texts.
#include "providers/webhook/signature.hpp"

#include "cloudevents/event_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::webhooks {
namespace {

using namespace std::chrono_literals;

// Of the reference libraries of Standard Webhooks; also
// printf '%s' 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' |
//   openssl dgst -sha256 -mac HMAC -macopt hexkey:31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0
//   -binary | base64
constexpr const char* known_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* known_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr const char* known_body = R"({"test": 2432232314})";
constexpr std::chrono::sys_seconds known_time{1614265330s};
constexpr const char* known_signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

TEST(signature, is_the_one_of_the_reference_libraries) {
  EXPECT_EQ(signature({*key_of(known_secret)}, known_id, known_time, known_body), known_signature);
}

TEST(signature, there_is_one_for_each_key) {
  const std::string other = *key_of("whsec_" + std::string(32, 'A'));
  const std::string both =
      signature({other, *key_of(known_secret)}, known_id, known_time, known_body);
  EXPECT_EQ(both, signature({other}, known_id, known_time, known_body) + " " + known_signature);
}

TEST(signature, covers_id_time_and_body) {
  const std::vector<std::string> keys{*key_of(known_secret)};
  EXPECT_NE(signature(keys, "other", known_time, known_body), known_signature);
  EXPECT_NE(signature(keys, known_id, known_time + 1s, known_body), known_signature);
  EXPECT_NE(signature(keys, known_id, known_time, "{}"), known_signature);
}

TEST(secret, is_24_to_64_bytes_in_base64_behind_its_prefix) {
  EXPECT_EQ(key_of("whsec_" + std::string(32, 'A'))->size(), 24u);
  EXPECT_TRUE(key_of("whsec_" + std::string(84, 'A') + "AA=="));
  for (const std::string& bad :
       {std::string(), std::string("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), std::string("whsec_"),
        "whsec_" + std::string(28, 'A'), "whsec_" + std::string(88, 'A'),
        "whsec_" + std::string(31, 'A'), "whsec_" + std::string(31, 'A') + "!"}) {
    const auto key = key_of(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_THAT(key.error(), testing::Not(testing::HasSubstr("AAAA")));
  }
}

payment_event example() {
  payment_event event;
  event.entry = {2199024304130};
  event.kind = entry_kind::payment;
  event.order = {1001};
  event.user = {7};
  event.phone = "01012345678";
  event.coupon = coupon_id{3};
  event.total = {12000};
  event.discount = {2000};
  event.ordered_at = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h + 3min + 21ms;
  event.at = event.ordered_at + 2s;
  event.reference = "A-17";
  event.metadata = R"({"title": "a book"})";
  return event;
}

TEST(event, is_a_cloud_event_with_the_order_as_it_was_then) {
  EXPECT_EQ(nlohmann::json::parse(cloudevents::event_json(example(), "0f1e2d3c")),
            nlohmann::json::parse(R"({
    "specversion": "1.0", "id": "2199024304130", "source": "urn:paymentd:0f1e2d3c",
    "type": "paymentd.payment.succeeded.v1", "subject": "orders/1001",
    "time": "2026-11-22T14:03:02.021Z", "datacontenttype": "application/json",
    "data": {"id": 1001, "reference": "A-17", "userId": 7, "couponId": 3, "totalAmount": 12000, "discountAmount": 2000,
             "finalAmount": 10000, "refundedAmount": 0, "status": "PAID",
             "metadata": {"title": "a book"}, "createdAt": "2026-11-22T14:03:00.021Z",
             "updatedAt": "2026-11-22T14:03:02.021Z"}})"));
}

TEST(event, of_a_refund_says_so) {
  payment_event event = example();
  event.kind = entry_kind::refund;
  event.coupon.reset();
  event.refund = {4000};
  event.refunded = {10000};
  event.reason = "one \"piece\" came back";
  auto json = nlohmann::json::parse(cloudevents::event_json(event, "0f1e2d3c"));
  EXPECT_EQ(json["type"], "paymentd.payment.refunded.v1");
  EXPECT_EQ(json["data"]["status"], "REFUNDED");
  EXPECT_EQ(json["data"]["couponId"], nullptr);
  EXPECT_EQ(json["data"]["refundedAmount"], 10000);
  EXPECT_EQ(json["data"]["refund"], nlohmann::json({{"entryId", 2199024304130},
                                                    {"amount", 4000},
                                                    {"reason", "one \"piece\" came back"}}));
  event.refunded = {4000};
  event.reason = {};
  json = nlohmann::json::parse(cloudevents::event_json(event, "0f1e2d3c"));
  EXPECT_EQ(json["data"]["status"], "PAID"); // a part is left
  EXPECT_EQ(json["data"]["refund"]["reason"], nullptr);
}

TEST(event, says_nothing_of_the_customers_phone) {
  EXPECT_THAT(cloudevents::event_json(example(), "0f1e2d3c"),
              testing::Not(testing::HasSubstr("01012345678")));
}

} // namespace
} // namespace paymentd::webhooks
