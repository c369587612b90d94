// Goal: what the customer reads is right to the character. Method: the pure functions of the
// message against texts written by hand, with the edges of money, time and phone numbers.
#include "net/json_text.hpp"
#include "providers/message.hpp"

#include "templates/length.hpp"
#include "tests/providers/example_call.hpp"
#include "tests/providers/whole_text_options.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;

constexpr instant evening_in_korea =
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 14h + 5min + 59s;

payment_event example() {
  return {.entry = {17},
          .kind = entry_kind::payment,
          .order = {1},
          .user = {2},
          .phone = "01012345678",
          .coupon = std::nullopt,
          .total = {12000},
          .discount = {2000},
          .ordered_at = evening_in_korea - 1min,
          .at = evening_in_korea};
}

TEST(message, an_amount_has_a_separator_every_three_digits) {
  EXPECT_EQ(amount_text({0}), "0원");
  EXPECT_EQ(amount_text({999}), "999원");
  EXPECT_EQ(amount_text({1000}), "1,000원");
  EXPECT_EQ(amount_text({12000}), "12,000원");
  EXPECT_EQ(amount_text({123456}), "123,456원");
  EXPECT_EQ(amount_text(won_max), "9,007,199,254,740,991원");
  EXPECT_EQ(amount_text({-100}), "-100원");
  EXPECT_EQ(amount_text({-123456}), "-123,456원");
}

TEST(message, times_are_koreas_and_cut_to_the_minute) {
  EXPECT_EQ(korea_time_text(evening_in_korea), "2026-11-22 23:05");
  const instant new_year = std::chrono::sys_days{std::chrono::year{2026} / 12 / 31} + 15h;
  EXPECT_EQ(korea_time_text(new_year - 1ms), "2026-12-31 23:59");
  EXPECT_EQ(korea_time_text(new_year), "2027-01-01 00:00");
  EXPECT_EQ(korea_time_text(instant{-10h}), "1969-12-31 23:00");
  EXPECT_EQ(korea_time_text(std::chrono::sys_days{std::chrono::year{2028} / 2 / 28} + 15h),
            "2028-02-29 00:00");
}

TEST(message, the_template_gets_order_amount_after_discount_time_and_status) {
  const message_options standard;
  filled_message message(standard);
  message.fill(example());
  ASSERT_EQ(message.size(), 4u);
  EXPECT_EQ(message.name(0), "orderId");
  EXPECT_EQ(message.value(0), "1");
  EXPECT_EQ(message.name(1), "amount");
  EXPECT_EQ(message.value(1), "10,000원");
  EXPECT_EQ(message.name(2), "time");
  EXPECT_EQ(message.value(2), "2026-11-22 23:05");
  EXPECT_EQ(message.name(3), "status");
  EXPECT_EQ(message.value(3), "결제 완료");
  payment_event refund = example();
  refund.kind = entry_kind::refund;
  refund.refund = {4000};
  message.fill(refund);
  EXPECT_EQ(message.value(1), "4,000원");
  EXPECT_EQ(message.value(3), "환불 완료");
}

TEST(message, a_fallback_is_cut_to_what_a_phone_takes) {
  const message_options standard;
  filled_message message(standard);
  message.fill(example());
  fallback_message fallback{
      .is_long = false, .from = "0212345678", .title = {}, .text = "주문 #{orderId} "};
  EXPECT_EQ(fallback_text(fallback, message, sms_bytes_max), "주문 1 ");
  for (int i = 0; i < 50; ++i)
    fallback.text += "#{amount}"; // of 8 bytes
  const std::string cut = fallback_text(fallback, message, sms_bytes_max);
  EXPECT_EQ(templates::euc_kr_bytes(cut), 90u); // 7, ten times 8, and 3
  EXPECT_TRUE(cut.ends_with("10,000원10,")) << cut;
}

TEST(message, the_log_line_tells_who_what_how_much_when_and_which_delivery) {
  payment_event event = example();
  EXPECT_EQ(
      log_line("alimtalk-17", event, true),
      "AlimTalk to 010****5678: order 1 paid, 10,000원 at 2026-11-22 23:05 (Korea) [alimtalk-17]");
  event.kind = entry_kind::refund;
  event.refund = {4000};
  EXPECT_EQ(log_line("alimtalk-18", event, false), "AlimTalk to 01012345678: order 1 refunded, "
                                                   "4,000원 at 2026-11-22 23:05 (Korea) "
                                                   "[alimtalk-18]");
}

TEST(json_text, every_byte_below_128_comes_back_from_a_json_reader) {
  std::string text = "원";
  for (char c = 0; c < 127; ++c)
    text.push_back(c);
  std::string json;
  net::append_json_string(json, text);
  EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), text);
}

TEST(message, the_first_template_whose_condition_holds_is_taken) {
  const auto with = [](std::string_view when) {
    return conditional_template{.when = *templates::metadata_condition::parse(when),
                                .code = "CODE",
                                .message = {},
                                .fallback = {}};
  };
  const std::vector<conditional_template> others{
      with("metadata.kind = gift"), with("metadata.lang = en"), with("metadata.kind = loan")};
  const auto of = [&](std::string_view metadata) {
    payment_event event = example();
    event.metadata = metadata;
    return template_of(others, event);
  };
  EXPECT_EQ(of(""), 0u);
  EXPECT_EQ(of(R"({"kind":"other"})"), 0u);
  EXPECT_EQ(of(R"({"kind":"gift"})"), 1u);
  EXPECT_EQ(of(R"({"lang":"en"})"), 2u);
  EXPECT_EQ(of(R"({"lang":"en","kind":"gift"})"), 1u);
  EXPECT_EQ(of(R"({"lang":"en","kind":"loan"})"), 2u);
  EXPECT_EQ(template_of({}, example()), 0u);
}

TEST(message, a_refund_goes_by_a_template_for_refunds_or_by_none) {
  const conditional_template any{
      .when = {}, .code = "BACK", .message = {}, .fallback = {}, .about = entry_kind::refund};
  conditional_template gifts = any;
  gifts.when = *templates::metadata_condition::parse("metadata.kind = gift");
  conditional_template paid_gifts = gifts;
  paid_gifts.about = entry_kind::payment;
  payment_event refund = example();
  refund.kind = entry_kind::refund;
  payment_event gift = refund;
  gift.metadata = R"({"kind":"gift"})";

  EXPECT_EQ(template_of({paid_gifts, gifts, any}, refund), 3u);
  EXPECT_EQ(template_of({paid_gifts, gifts, any}, gift), 2u);
  EXPECT_EQ(template_of({paid_gifts, gifts, any}, example()), 0u);
  EXPECT_FALSE(has_template({}, refund));
  EXPECT_FALSE(has_template({paid_gifts}, gift));
  EXPECT_FALSE(has_template({paid_gifts, gifts}, refund));
  EXPECT_TRUE(has_template({paid_gifts, gifts}, gift));
  EXPECT_TRUE(has_template({}, example()));
}

TEST(message, values_are_a_json_object_named_as_the_provider_wants) {
  message_options options;
  options.plan = {};
  filled_message none(options);
  none.fill(example());
  std::string json;
  none.append_json(json, "", "");
  EXPECT_EQ(json, "{}");

  ASSERT_TRUE(options.plan.set("주문 \"번호\"", "{order.id}"));
  ASSERT_TRUE(options.plan.set("상태", "\"{event.status}\""));
  filled_message message(options);
  for (int i = 0; i < 2; ++i) { // the names stay from one event to the next
    message.fill(example());
    json.clear();
    message.append_json(json, "#{", "}");
    EXPECT_EQ(json, R"({"#{주문 \"번호\"}":"1","#{상태}":"\"결제 완료\""})");
  }
}

TEST(filled_message, has_the_whole_text_within_its_bound_and_the_buttons) {
  const message_options by = whole_text_options();
  filled_message filled(by);
  call what = example_call("k", 1, {});
  what.recipients[0].event.user_metadata = R"({"name":"홍길동"})";
  filled.fill(what.recipients[0].event);
  EXPECT_EQ(filled.whole_text(), "[주문완료] 홍길동님,\n주문번호 1");
  ASSERT_EQ(filled.buttons().size(), 2u);
  EXPECT_EQ(filled.in(filled.buttons()[0].other_link), "https://shop.example/1");
  message_options long_one = by;
  long_one.text += std::string(970, 'x');
  filled_message cut(long_one);
  what.recipients[0].event.user_metadata = R"({"name":")" + std::string(100, 'n') + R"("})";
  cut.fill(what.recipients[0].event);
  const std::string text = cut.whole_text();
  EXPECT_EQ(templates::characters(text), templates::whole_text_characters_max);
  EXPECT_TRUE(text.ends_with(std::string(970, 'x')));
}

} // namespace
} // namespace paymentd::providers
