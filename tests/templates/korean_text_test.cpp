// Goal: amounts and times read as in Korea, to the character. Method: texts written by hand, with
// the edges of days, years, noon and midnight; and every pattern that is none.
#include "templates/korean_text.hpp"

#include "tests/templates/example_event.hpp"

#include <gtest/gtest.h>

namespace paymentd::templates {
namespace {

using namespace std::chrono_literals;

std::string written(std::string_view pattern, instant at = evening_in_korea) {
  const auto parsed = time_pattern::parse(pattern);
  EXPECT_TRUE(parsed) << parsed.error();
  std::string out;
  parsed->append_to(out, at);
  return out;
}

TEST(korean_text, every_part_of_a_time_has_its_letters) {
  EXPECT_EQ(written("yyyy-MM-dd HH:mm:ss"), "2026-11-22 23:05:59");
  EXPECT_EQ(written("yy.M.d H시"), "26.11.22 23시");
  EXPECT_EQ(written("M월 d일(E) a h:mm"), "11월 22일(일) 오후 11:05");
  EXPECT_EQ(written("hh"), "11");
  EXPECT_EQ(written("yyyyMMdd"), "20261122");
  EXPECT_EQ(written(""), "");
}

TEST(korean_text, days_begin_at_midnight_in_korea) {
  const instant new_year = std::chrono::sys_days{std::chrono::year{2026} / 12 / 31} + 15h;
  EXPECT_EQ(written("yyyy-MM-dd E HH:mm:ss", new_year - 1ms), "2026-12-31 목 23:59:59");
  EXPECT_EQ(written("yyyy-M-d E H:mm a h", new_year), "2027-1-1 금 0:00 오전 12");
  EXPECT_EQ(written("a h:mm", new_year + 12h), "오후 12:00");
  EXPECT_EQ(written("yyyy-MM-dd HH", instant{-10h}), "1969-12-31 23");
  EXPECT_EQ(written("MM-dd", std::chrono::sys_days{std::chrono::year{2028} / 2 / 28} + 15h),
            "02-29");
}

TEST(korean_text, letters_that_stand_for_nothing_are_named) {
  for (const auto& [pattern, letters] : {std::pair{"yyyy-mM", "has m;"},
                                         {"DD", "has DD;"},
                                         {"yyy", "has yyy;"},
                                         {"HH:m", "has m;"},
                                         {"Z", "has Z;"}}) {
    const auto parsed = time_pattern::parse(pattern);
    ASSERT_FALSE(parsed) << pattern;
    EXPECT_TRUE(parsed.error().starts_with(letters)) << parsed.error();
  }
}

TEST(korean_text, an_amount_has_a_separator_every_three_digits) {
  for (const auto& [amount, text] : {std::pair<std::int64_t, const char*>{0, "0"},
                                     {999, "999"},
                                     {1000, "1,000"},
                                     {123'456, "123,456"},
                                     {won_max.value, "9,007,199,254,740,991"},
                                     {-100, "-100"},
                                     {-123'456, "-123,456"}}) {
    std::string out = ">";
    append_grouped(out, {amount});
    EXPECT_EQ(out, std::string(">") + text);
  }
}

} // namespace
} // namespace paymentd::templates
