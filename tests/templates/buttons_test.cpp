// Goal: the settings' text of buttons is read as it is meant, and every mistake in it is told with
// its line. Method: texts of each type of button, and one for each mistake.
#include "templates/buttons.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace paymentd::templates {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using enum button::kind;

TEST(buttons, are_one_a_line_with_the_links_of_their_type) {
  const auto read = parse_buttons("WL | 주문 보기 | https://m.shop.example/#{주문번호} | "
                                  "https://shop.example/#{주문번호}\n"
                                  "\n"
                                  "AL|앱으로 보기|shop://ios|shop://android\n"
                                  "  WL | 홈 | https://shop.example\n"
                                  "DS | 배송 조회\n"
                                  "AC | 채널 추가\n");
  ASSERT_TRUE(read) << read.error();
  EXPECT_THAT(*read, ElementsAre(button{web_link, "주문 보기", "https://m.shop.example/#{주문번호}",
                                        "https://shop.example/#{주문번호}"},
                                 button{app_link, "앱으로 보기", "shop://ios", "shop://android"},
                                 button{web_link, "홈", "https://shop.example", ""},
                                 button{delivery_tracking, "배송 조회"},
                                 button{add_channel, "채널 추가"}));
  EXPECT_THAT(parse_buttons("").value(), IsEmpty());
  EXPECT_THAT(parse_buttons("\n \n").value(), IsEmpty());
}

TEST(buttons, have_the_codes_that_message_apis_know) {
  for (const char* code : {"DS", "BK", "MD", "AC"}) {
    const auto read = parse_buttons(std::string(code) + " | x");
    ASSERT_TRUE(read) << code;
    EXPECT_EQ(code_of(read->front().type), code);
  }
}

TEST(buttons, that_are_wrong_are_told_with_their_line) {
  const auto error_of = [](std::string text) {
    const auto read = parse_buttons(text);
    return read ? std::string("none") : read.error();
  };
  EXPECT_EQ(error_of("AC | 채널 추가\nXX | a"),
            "line 2: must begin with WL, AL, DS, BK, MD or AC, and a |");
  EXPECT_THAT(error_of("주문 보기"), HasSubstr("must begin with"));
  EXPECT_EQ(error_of("WL"), "line 1: the name must have 1 to 20 characters");
  EXPECT_EQ(error_of("WL | 123456789012345678901 | https://a"),
            "line 1: the name must have 1 to 20 characters");
  EXPECT_EQ(error_of("WL | a"), "line 1: a WL must have a link");
  EXPECT_EQ(error_of("AL | a | shop://ios"),
            "line 1: an AL must have two links, for iOS and for Android");
  EXPECT_EQ(error_of("AC | a | https://a"), "line 1: AC takes no link");
  EXPECT_EQ(error_of("WL | a | https://a | https://b | https://c"),
            "line 1: has more than two links; a | within a link is written %7C");
  EXPECT_EQ(error_of("AC | a\nAC | b\nAC | c\nAC | d\nAC | e\nAC | f"),
            "there may be 5 at the most");
}

} // namespace
} // namespace paymentd::templates
