// Goal: texts are measured and cut as message APIs and phones count, and a cut never leaves half a
// character. Method: Korean, ASCII, emoji and bytes that are no UTF-8, by hand and at random.
#include "templates/length.hpp"

#include <gtest/gtest.h>

#include <random>

namespace paymentd::templates {
namespace {

std::string cut(std::string text, std::size_t most) {
  cut_to_characters(text, most);
  return text;
}

std::string cut_sms(std::string text, std::size_t most) {
  cut_to_euc_kr(text, most);
  return text;
}

TEST(length, a_character_counts_once_whatever_its_bytes_and_an_emoji_twice) {
  EXPECT_EQ(characters(""), 0u);
  EXPECT_EQ(characters("abc"), 3u);
  EXPECT_EQ(characters("홍길동"), 3u);
  EXPECT_EQ(characters("é☕"), 2u);
  EXPECT_EQ(characters("🎁"), 2u);
  EXPECT_EQ(characters("\x80\x80\xEA"), 3u); // no UTF-8
}

TEST(length, a_long_text_is_cut_and_says_so) {
  EXPECT_EQ(cut("홍길동", 3), "홍길동");
  EXPECT_EQ(cut("홍길동님", 3), "홍길…");
  EXPECT_EQ(cut("abcdef", 3), "ab…");
  EXPECT_EQ(cut("홍길동", 1), "…");
  EXPECT_EQ(cut("홍길동", 0), "");
  EXPECT_EQ(cut("", 0), "");
  EXPECT_EQ(cut("가🎁나", 3), "가…"); // an emoji is two, and is not cut into
  EXPECT_EQ(cut("가🎁나", 4), "가🎁나");
}

TEST(length, an_sms_counts_two_bytes_for_what_is_no_ascii) {
  EXPECT_EQ(euc_kr_bytes("abc 원"), 6u);
  EXPECT_EQ(euc_kr_bytes("🎁"), 2u);
  EXPECT_EQ(cut_sms("가나다", 6), "가나다");
  EXPECT_EQ(cut_sms("가나다", 5), "가나");
  EXPECT_EQ(cut_sms("a가나", 4), "a가");
  EXPECT_EQ(cut_sms("가", 0), "");
}

TEST(length, whatever_is_cut_fits_and_begins_as_before) {
  constexpr std::string_view parts[] = {"a", "é", "가", "🎁", "\xFF", "\xEA\xB0", "\x80"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto left = random() % 30; left > 0; --left)
      text += parts[random() % std::size(parts)];
    const std::size_t most = random() % 20;
    const std::string by_characters = cut(text, most);
    EXPECT_LE(characters(by_characters), most);
    if (characters(text) <= most) {
      EXPECT_EQ(by_characters, text);
    }
    const std::string by_bytes = cut_sms(text, most);
    EXPECT_LE(euc_kr_bytes(by_bytes), most);
    EXPECT_TRUE(text.starts_with(by_bytes));
    EXPECT_LE(characters(text), text.size());
  }
}

} // namespace
} // namespace paymentd::templates
