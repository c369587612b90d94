// Goal: a template's variables get what the settings say, within what the message APIs take.
// Method: a plan as a shop has it, the standard one, and values at and beyond each bound.
#include "templates/message_plan.hpp"

#include "templates/length.hpp"
#include "tests/templates/example_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace paymentd::templates {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

message_plan plan_of(const std::vector<std::pair<std::string, std::string>>& parameters) {
  message_plan made;
  for (const auto& [name, text] : parameters) {
    const auto set = made.set(name, text);
    EXPECT_TRUE(set) << name << ": " << set.error();
  }
  return made;
}

std::vector<std::string> values(const message_plan& plan,
                                const payment_event& event = example_event(),
                                std::size_t excess_max = 0) {
  std::vector<std::string> made{"left from before"};
  plan.render(event, excess_max, made);
  return made;
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i)
    all += text;
  return all;
}

payment_event titled(const std::string& title, const std::string& note = "") {
  payment_event event = example_event();
  event.metadata = R"({"title":")" + title + R"(","note":")" + note + R"("})";
  return event;
}

TEST(message_plan, a_shops_own_variables_are_filled_in) {
  const auto plan = plan_of({{"고객명", "{user.metadata.name|고객}"},
                             {"주문번호", "{order.reference}"},
                             {"상품명", "{order.metadata.title|상품}"},
                             {"결제금액", "{order.finalAmount:won}"},
                             {"시각", "{event.time:yyyy-MM-dd HH:mm}"}});
  EXPECT_THAT(values(plan),
              ElementsAre("홍길동", "A-1001", "커피 원두 1kg", "10,000원", "2026-11-22 23:05"));
}

TEST(message_plan, the_standard_one_has_order_amount_after_discount_time_and_status) {
  const auto plan = message_plan::standard();
  std::vector<std::string> names;
  for (const parameter& each : plan.parameters())
    names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("orderId", "amount", "time", "status"));
  EXPECT_THAT(values(plan), ElementsAre("1", "10,000원", "2026-11-22 23:05", "결제 완료"));
  payment_event refund = example_event();
  refund.kind = entry_kind::refund;
  refund.refund = {4'000};
  EXPECT_THAT(values(plan, refund), ElementsAre("1", "4,000원", "2026-11-22 23:05", "환불 완료"));
  EXPECT_FALSE(plan.reads_user());
}

TEST(message_plan, a_later_text_takes_the_place_of_an_earlier_one) {
  auto plan = plan_of({{"a", "1"}, {"b", "2"}});
  ASSERT_TRUE(plan.set("a", "3"));
  EXPECT_FALSE(plan.set("b", "{"));
  EXPECT_THAT(values(plan), ElementsAre("3", "2"));
}

TEST(message_plan, tells_whether_it_reads_the_user) {
  EXPECT_TRUE(plan_of({{"a", "1"}, {"b", "x{user.metadata.name}"}}).reads_user());
  EXPECT_TRUE(plan_of({{"a", "{user.reference}"}}).reads_user());
  EXPECT_FALSE(plan_of({{"a", "{user.id}{user.phone}{order.metadata.name}"}}).reads_user());
  const auto plan =
      plan_of({{"a", "{user.metadata.x}{order.metadata.y}"}, {"b", "{user.metadata.x}"}});
  EXPECT_THAT(plan.metadata_names(field::user_metadata), ElementsAre("x"));
  EXPECT_THAT(plan.metadata_names(field::order_metadata), ElementsAre("y"));
}

TEST(message_plan, refuses_names_that_no_template_has_and_more_than_40) {
  message_plan plan;
  for (const auto* name : {"", "#{주문번호}", "a}", "a@b", "a\nb"})
    EXPECT_FALSE(plan.set(name, "x")) << name;
  EXPECT_FALSE(plan.set(repeated("가", 51), "x"));
  EXPECT_TRUE(plan.set(repeated("가", 50), "x"));
  for (int i = 1; i < 40; ++i)
    EXPECT_TRUE(plan.set("v" + std::to_string(i), "x"));
  const auto one_more = plan.set("v40", "x");
  ASSERT_FALSE(one_more);
  EXPECT_THAT(one_more.error(), HasSubstr("40 at the most"));
  EXPECT_TRUE(plan.set("v39", "y")); // one that is there
}

TEST(message_plan, a_value_is_cut_to_what_a_new_profile_may_exceed) {
  const auto plan = plan_of({{"상품명", "{order.metadata.title}"}});
  // Three characters of the name and 14 more.
  EXPECT_THAT(values(plan, titled(repeated("가", 17)), 14), ElementsAre(repeated("가", 17)));
  EXPECT_THAT(values(plan, titled(repeated("가", 18)), 14), ElementsAre(repeated("가", 16) + "…"));
  EXPECT_THAT(values(plan, titled(repeated("가", 18))), ElementsAre(repeated("가", 18)));
}

TEST(message_plan, all_values_together_have_1300_characters_the_longest_is_cut_first) {
  const auto plan = plan_of({{"id", "{order.id}"},
                             {"title", "{order.metadata.title}{order.metadata.title}"},
                             {"note", "{order.metadata.note}"}});
  const auto fits = values(plan, titled(repeated("가", 500), repeated("나", 299)));
  EXPECT_EQ(characters(fits[1]) + characters(fits[2]), 1299u);
  EXPECT_EQ(fits[1], repeated("가", 1000));
  const auto cut = values(plan, titled(repeated("가", 500), repeated("나", 300)));
  EXPECT_EQ(cut[0], "1");
  EXPECT_EQ(cut[1], repeated("가", 998) + "…");
  EXPECT_EQ(cut[2], repeated("나", 300));
}

TEST(message_plan, whatever_the_values_are_they_fit_the_message) {
  message_plan plan;
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(
        plan.set("v" + std::to_string(i), i % 3 == 0 ? "{order.metadata.title}{order.metadata.note}"
                                                     : "{order.metadata.note}"));
  std::mt19937 random(17);
  constexpr std::string_view parts[] = {"a", "가", "🎁"};
  for (int round = 0; round < 300; ++round) {
    const auto text = [&] {
      return repeated(parts[random() % std::size(parts)], static_cast<int>(random() % 200));
    };
    const auto made = values(plan, titled(text(), text()), random() % 2 == 0 ? 0 : 14);
    const auto all = std::accumulate(
        made.begin(), made.end(), std::size_t{0},
        [](std::size_t sum, const std::string& each) { return sum + characters(each); });
    EXPECT_LE(all, message_characters_max);
    EXPECT_EQ(made.size(), 40u);
  }
}

} // namespace
} // namespace paymentd::templates
