// Goal: ids, money and phone numbers keep their bounds.
// Method: each bound from both sides.
#include "domain/model.hpp"

#include <gtest/gtest.h>

namespace paymentd {
namespace {

TEST(types, an_entry_id_tells_its_stream_and_number) {
  const entry_id id = make_entry_id({4095}, (std::int64_t{1} << 41) - 1);
  EXPECT_EQ(stream_of(id), stream_id{4095});
  EXPECT_EQ(number_of(id), (std::int64_t{1} << 41) - 1);
  EXPECT_EQ(id.value, safe_integer_max);
}

TEST(types, a_sum_outside_the_bounds_of_won_is_nothing) {
  EXPECT_EQ(checked_add(won{1}, won{2}), won{3});
  EXPECT_EQ(checked_add(won_max, won{0}), won_max);
  EXPECT_EQ(checked_add(won_max, won{1}), std::nullopt);
  EXPECT_EQ(checked_add(won_max, won_max), std::nullopt);
  EXPECT_EQ(checked_add(won{1}, won{-1}), won{0});
  EXPECT_EQ(checked_add(won{1}, won{-2}), std::nullopt);
}

TEST(types, a_phone_number_is_korean_mobile_digits) {
  EXPECT_TRUE(valid_phone("01012345678"));
  EXPECT_TRUE(valid_phone("0111234567"));
  EXPECT_FALSE(valid_phone(""));
  EXPECT_FALSE(valid_phone("010123456789"));
  EXPECT_FALSE(valid_phone("010-1234-5678"));
  EXPECT_FALSE(valid_phone("0212345678"));
  EXPECT_FALSE(valid_phone("0101234567a"));
  EXPECT_FALSE(valid_phone("+821012345678"));
}

TEST(types, a_masked_phone_shows_its_prefix_and_its_last_four_digits) {
  EXPECT_EQ(masked_phone("01012345678"), "010****5678");
  EXPECT_EQ(masked_phone("0161234567"), "016***4567");
  EXPECT_EQ(masked_phone("0101234"), "*******");
  EXPECT_EQ(masked_phone(""), "");
}

} // namespace
} // namespace paymentd
