// Goal: what a line of the log is about comes back as it was given, and text from outside makes no
// fields of its own. Method: lines with every kind of value, and what a hostile provider might say.
#include "domain/log_fields.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

TEST(log_fields, come_back_as_they_were_given) {
  const std::string line = with_fields(
      "order 7 failed", {{"order", std::int64_t{7}}, {"subscriber", "alimtalk"}, {"ms", 8.2141}});
  const log_line parts = split_fields(line);
  EXPECT_EQ(parts.message, "order 7 failed");
  ASSERT_EQ(parts.fields.size(), 3u);
  EXPECT_EQ(parts.fields[0].name, "order");
  EXPECT_EQ(std::get<std::int64_t>(parts.fields[0].value), 7);
  EXPECT_EQ(parts.fields[1].name, "subscriber");
  EXPECT_EQ(std::get<std::string_view>(parts.fields[1].value), "alimtalk");
  EXPECT_EQ(std::get<double>(parts.fields[2].value), 8.214) << "three decimals";
}

TEST(log_fields, a_line_without_any_is_its_message) {
  EXPECT_EQ(split_fields("plain").message, "plain");
  EXPECT_TRUE(split_fields("plain").fields.empty());
  EXPECT_EQ(split_fields("").message, "");
}

TEST(log_fields, text_from_outside_makes_no_fields) {
  const std::string hostile = "bad\x1f"
                              "1\x1forder\x1fn9\x1f";
  EXPECT_TRUE(split_fields(hostile).fields.empty());
  const std::string line = with_fields("m", {{"request", hostile}});
  const log_line parts = split_fields(line);
  ASSERT_EQ(parts.fields.size(), 1u);
  EXPECT_EQ(std::get<std::string_view>(parts.fields[0].value), "bad 1 order n9 ");
}

} // namespace
} // namespace paymentd
