// Goal: a condition holds for the orders that have its value, and for no others, and one that
// cannot be is refused with a line that tells the fault. Method: tables of conditions, orders, and
// faults; random texts.
#include "templates/metadata_condition.hpp"

#include "tests/templates/example_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace paymentd::templates {
namespace {

using testing::HasSubstr;

metadata_condition parsed(std::string_view text) {
  auto made = metadata_condition::parse(text);
  if (!made)
    throw std::runtime_error(made.error());
  return *std::move(made);
}

bool holds(std::string_view condition, std::string_view metadata) {
  payment_event event = example_event();
  event.metadata = metadata;
  return parsed(condition).holds(event);
}

TEST(metadata_condition, holds_where_a_member_has_exactly_that_value) {
  EXPECT_TRUE(holds("metadata.kind = gift", R"({"title":"커피","kind":"gift"})"));
  EXPECT_FALSE(holds("metadata.kind = gift", R"({"kind":"gifts"})"));
  EXPECT_FALSE(holds("metadata.kind = gift", R"({"kind":"Gift"})"));
  EXPECT_FALSE(holds("metadata.kind = gift", R"({"kind":""})"));
  EXPECT_FALSE(holds("metadata.kind = gift", R"({"kind2":"gift","gift":"kind"})"));
  EXPECT_FALSE(holds("metadata.kind = gift", ""));
  EXPECT_TRUE(holds("metadata.a.b-c_d = 선물 포장", R"({"a.b-c_d":"선물 포장"})"));
}

TEST(metadata_condition, the_users_metadata_do_not_count) {
  payment_event event = example_event();
  event.metadata = "";
  event.user_metadata = R"({"kind":"gift"})";
  EXPECT_FALSE(parsed("metadata.kind = gift").holds(event));
}

TEST(metadata_condition, a_value_that_json_escapes_is_compared_as_it_is_meant) {
  EXPECT_TRUE(holds("metadata.size = 12\" x 5\\6", R"({"size":"12\" x 5\\6"})"));
  EXPECT_TRUE(holds("metadata.kind = 홍", R"({"kind":"\ud64d"})"));
  EXPECT_FALSE(holds("metadata.size = 12", R"({"size":"12\""})"));
}

TEST(metadata_condition, spaces_around_name_and_value_do_not_count_and_one_equals_sign_does) {
  for (const auto* text : {"metadata.kind=gift", "  metadata.kind  =  gift  "}) {
    EXPECT_EQ(parsed(text).name(), "kind") << text;
    EXPECT_EQ(parsed(text).value(), "gift") << text;
    EXPECT_EQ(parsed(text).text(), "metadata.kind = gift") << text;
  }
  EXPECT_EQ(parsed("metadata.rule = a=b").value(), "a=b");
  EXPECT_EQ(parsed("metadata.kind=gift"), parsed("metadata.kind = gift"));
}

TEST(metadata_condition, a_fault_is_told) {
  for (const auto* text :
       {"", "gift", "metadata.kind", "kind = gift", "metadata. = gift", "metadata.a b = gift",
        "metadata.kind != gift", "order.metadata.kind = gift", "user.metadata.kind = gift",
        "metadata.종류 = gift"}) {
    const auto made = metadata_condition::parse(text);
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error(),
              "must be a condition on the order's metadata, such as metadata.kind = gift");
  }
  EXPECT_THAT(metadata_condition::parse("metadata.kind == gift").error(), HasSubstr("one ="));
  for (const auto* text : {R"(metadata.kind = "gift")", "metadata.kind = 'gift'"})
    EXPECT_THAT(metadata_condition::parse(text).error(), HasSubstr("without quotes"));
  for (const std::string& value : {std::string(), std::string("  "), std::string("a\nb"),
                                   std::string(metadata_value_max + 1, 'x')})
    EXPECT_THAT(metadata_condition::parse("metadata.kind = " + value).error(),
                HasSubstr("1 to 500 characters"));
  EXPECT_TRUE(metadata_condition::parse("metadata.kind = " + std::string(500, 'x')));
}

TEST(metadata_condition, whatever_is_taken_is_taken_again_by_its_text) {
  constexpr std::string_view parts[] = {"metadata.", "kind", " ", "=", "\"", "gift", "'", "선물"};
  std::mt19937 random(19);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = "metadata.kind =";
    for (auto left = random() % 8; left > 0; --left)
      text += parts[random() % std::size(parts)];
    if (const auto made = metadata_condition::parse(text)) {
      EXPECT_EQ(parsed(made->text()), *made) << text;
    }
  }
}

} // namespace
} // namespace paymentd::templates
