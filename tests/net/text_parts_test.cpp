// Goal: parts of a text are appended as they are, whatever their kind and size. Method: by example,
// at the ends of each kind.
#include "net/text_parts.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace paymentd::net {
namespace {

std::string joined(const auto&... parts) {
  std::string text = "before ";
  append_parts(text, parts...);
  return text;
}

TEST(text_parts, stand_one_behind_the_other) {
  const std::string owned = "text";
  EXPECT_EQ(joined("a ", std::string_view{owned}, " is ", 42, " long"), "before a text is 42 long");
}

TEST(text_parts, may_be_empty) {
  EXPECT_EQ(joined("", std::string_view{}, ""), "before ");
}

TEST(text_parts, numbers_have_room_at_both_ends_of_their_range) {
  using limits = std::numeric_limits<std::int64_t>;
  EXPECT_EQ(joined(limits::min(), " ", limits::max()),
            "before -9223372036854775808 9223372036854775807");
  EXPECT_EQ(joined(std::int8_t{-128}), "before -128");
  EXPECT_EQ(joined(std::numeric_limits<std::uint64_t>::max()), "before 18446744073709551615");
}

TEST(text_parts, instants_are_in_utc_with_milliseconds) {
  EXPECT_EQ(joined("\"", utc_time{std::chrono::milliseconds{1763787843021}}, "\""),
            "before \"2025-11-22T05:04:03.021Z\"");
}

TEST(text_parts, grow_a_string_that_is_full) {
  std::string text(100, 'x');
  text.shrink_to_fit();
  append_parts(text, std::string_view{std::string(1000, 'y')}, 7);
  EXPECT_EQ(text, std::string(100, 'x') + std::string(1000, 'y') + "7");
}

} // namespace
} // namespace paymentd::net
