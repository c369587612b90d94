// Goal: a text with fields says what its grammar promises, and one that breaks it is refused with
// a line that tells the fault. Method: tables of texts and of faults; random texts.
#include "templates/text_template.hpp"

#include "tests/templates/example_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace paymentd::templates {
namespace {

using testing::HasSubstr;

std::string rendered(std::string_view text, const payment_event& event = example_event()) {
  const auto parsed = text_template::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error();
  std::string out;
  if (parsed)
    parsed->append_to(out, event);
  return out;
}

TEST(text_template, every_field_has_its_value) {
  for (const auto& [text, value] : {
           std::pair{"{order.id}", "1"},
           {"{order.reference}", "A-1001"},
           {"{order.userId}", "2"},
           {"{order.couponId}", "7"},
           {"{order.totalAmount}", "12000"},
           {"{order.discountAmount:number}", "2,000"},
           {"{order.finalAmount:won}", "10,000원"},
           {"{order.createdAt}", "2026-11-22 23:04"},
           {"{order.metadata.title}", "커피 원두 1kg"},
           {"{order.metadata.a.b-c_d}", "\"인용\"\n둘째 줄"},
           {"{user.id}", "2"},
           {"{user.reference}", "member-2"},
           {"{user.phone}", "01012345678"},
           {"{user.metadata.name}", "홍길동"},
           {"{event.id}", "17"},
           {"{event.amount:won}", "10,000원"},
           {"{event.status}", "결제 완료"},
           {"{event.time}", "2026-11-22 23:05"},
           {"{event.time:yyyy년 M월 d일 HH:mm}", "2026년 11월 22일 23:05"},
       })
    EXPECT_EQ(rendered(text), value) << text;
}

TEST(text_template, text_stands_around_fields_and_braces_are_doubled) {
  EXPECT_EQ(rendered(""), "");
  EXPECT_EQ(rendered("결제 완료"), "결제 완료");
  EXPECT_EQ(rendered("[{order.id}/{order.reference}]"), "[1/A-1001]");
  EXPECT_EQ(rendered("{{}}"), "{}");
  EXPECT_EQ(rendered("{{{order.id}}}"), "{1}");
  EXPECT_EQ(rendered("둘\n째"), "둘\n째");
}

TEST(text_template, a_default_stands_for_what_is_missing_or_empty) {
  EXPECT_EQ(rendered("{order.metadata.title|상품}"), "커피 원두 1kg");
  EXPECT_EQ(rendered("{order.metadata.none|상품}"), "상품");
  EXPECT_EQ(rendered("{order.metadata.gift|상품}"), "상품"); // there, but empty
  EXPECT_EQ(rendered("{order.metadata.none}"), "");
  EXPECT_EQ(rendered("{order.metadata.none|}"), "");
  EXPECT_EQ(rendered("{order.metadata.none|a|b:c}"), "a|b:c");
  payment_event bare = example_event();
  bare.reference = bare.metadata = bare.user_reference = bare.user_metadata = {};
  bare.coupon = std::nullopt;
  EXPECT_EQ(rendered("{order.reference|-}{order.couponId|없음}{user.reference|+}", bare), "-없음+");
  EXPECT_EQ(rendered("{user.metadata.name|고객}님, {order.totalAmount:won|0}", bare),
            "고객님, 12,000원");
}

TEST(text_template, a_fault_is_told) {
  for (const auto& [text, fault] : {
           std::pair{"{order.referense}", "unknown field order.referense; there are order.id, "},
           {"{}", "unknown field ; there are"},
           {"{ order.id}", "unknown field  order.id"},
           {"{order.metadata}", "unknown field order.metadata;"},
           {"{order.metadata.}", "must end with a name of metadata"},
           {"{user.metadata.a b}", "must end with a name of metadata"},
           {"{refund.amount:won}", "refund.amount belongs to messages about refunds"},
           {"{order.finalAmount:krw}",
            "unknown format krw of order.finalAmount; an amount takes won or number"},
           {"{order.finalAmount:}", "unknown format  of order.finalAmount"},
           {"{order.id:won}", "order.id takes no format, but has :won"},
           {"{order.metadata.title:20}", "takes no format"},
           {"{event.time:yyyy-mm-DD}", "the format yyyy-mm-DD of event.time has DD;"},
           {"{event.time:}", "the format of event.time is empty"},
           {"{order.id", "has a { without its }"},
           {"x{", "has a { without its }"},
           {"{order.id{user.id}}", "has a { without its }"},
           {"{order.reference|a{b}", "has a { without its }"},
           {"a}b", "has a } without its {"},
           {"{order.id}}", "has a } without its {"},
           {"bell \a", "has control characters"},
       }) {
    const auto parsed = text_template::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error(), HasSubstr(fault)) << text;
  }
}

TEST(text_template, has_bounds) {
  EXPECT_TRUE(text_template::parse(std::string(text_template::bytes_max, 'x')));
  EXPECT_FALSE(text_template::parse(std::string(text_template::bytes_max + 1, 'x')));
  std::string fields;
  for (std::size_t i = 0; i < text_template::fields_max; ++i)
    fields += "{order.id}";
  EXPECT_TRUE(text_template::parse(fields));
  EXPECT_FALSE(text_template::parse(fields + "{order.id}"));
}

TEST(text_template, any_text_with_its_braces_doubled_comes_back) {
  constexpr std::string_view parts[] = {"a", "홍", "🎁", "{", "}", "|", ":", "#", "\n"};
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text, written;
    for (auto left = random() % 30; left > 0; --left) {
      const std::string_view part = parts[random() % std::size(parts)];
      text += part;
      written += part;
      if (part == "{" || part == "}")
        written += part;
    }
    EXPECT_EQ(rendered(written), text);
  }
}

TEST(text_template, any_text_is_taken_or_refused_in_one_line) {
  constexpr std::string_view parts[] = {"{",  "}",           "|",          ":",    "order.",
                                        "id", "metadata.",   "event.time", "yyyy", "won",
                                        "홍", "finalAmount", "\n"};
  std::mt19937 random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto left = random() % 10; left > 0; --left)
      text += parts[random() % std::size(parts)];
    const auto parsed = text_template::parse(text);
    if (parsed) {
      rendered(text);
    } else {
      EXPECT_FALSE(parsed.error().empty());
      EXPECT_EQ(parsed.error().find('\n'), std::string::npos) << parsed.error();
    }
  }
}

} // namespace
} // namespace paymentd::templates
