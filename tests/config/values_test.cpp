// Goal: each kind of value is read exactly as documented, and what is shown can be read again.
// Method: tables of texts with what they mean, and of texts that mean nothing.
#include "config/values.hpp"
#include "domain/utf8.hpp"

#include <gtest/gtest.h>

namespace paymentd::config {
namespace {

using namespace std::chrono_literals;

TEST(values, a_duration_is_a_whole_number_of_one_unit) {
  EXPECT_EQ(parse_duration("200ms"), 200ms);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("1m"), 1min);
  EXPECT_EQ(parse_duration("24h"), 24h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const auto* text : {"", "5", "s", "ms", "-5s", "+5s", "1.5s", "5 s", " 5s", "5s ", "5S",
                           "1d", "1m30s", "99999999999999999999s", "9223372036854775807h"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(values, a_shown_duration_reads_back_the_same) {
  EXPECT_EQ(to_string(std::chrono::milliseconds{0}), "0s");
  EXPECT_EQ(to_string(1500ms), "1500ms");
  EXPECT_EQ(to_string(60s), "1m");
  EXPECT_EQ(to_string(90s), "90s");
  EXPECT_EQ(to_string(std::chrono::milliseconds{48h}), "48h");
  for (const auto each : {0ms, 1ms, 999ms, 1000ms, 61'000ms, 3'600'000ms, 86'400'001ms})
    EXPECT_EQ(parse_duration(to_string(each)), each);
}

TEST(values, an_address_is_an_ip_address_and_a_port) {
  EXPECT_EQ(parse_address("127.0.0.1:8080"), (address{"127.0.0.1", 8080}));
  EXPECT_EQ(parse_address("[::1]:0"), (address{"::1", 0}));
  EXPECT_EQ(parse_address("0.0.0.0:65535"), (address{"0.0.0.0", 65535}));
  EXPECT_EQ(parse_address("localhost:80"), (address{"127.0.0.1", 80}));
  for (const auto* text :
       {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1: 80", "127.0.0.1:80x", "127.0.0.256:80", "example.org:80", "::1:80", "[::1]",
        "[]:80", "[127.0.0.1]:80", "[::1:80", "http://127.0.0.1:80"})
    EXPECT_EQ(parse_address(text), std::nullopt) << text;
  for (const auto* text : {"127.0.0.1:8080", "[::1]:8080", "[fe80::1]:1"})
    EXPECT_EQ(to_string(parse_address(text).value()), text);
}

TEST(values, only_loopback_addresses_are_loopback) {
  for (const auto* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"})
    EXPECT_TRUE(is_loopback(parse_address(text).value())) << text;
  for (const auto* text : {"0.0.0.0:1", "128.0.0.1:1", "10.0.0.1:1", "[::]:1", "[::2]:1",
                           "[::ffff:10.0.0.1]:1", "[fe80::1]:1"})
    EXPECT_FALSE(is_loopback(parse_address(text).value())) << text;
}

TEST(values, numbers_are_taken_whole_or_not_at_all) {
  EXPECT_EQ(parse_whole("-12"), -12);
  for (const auto* text : {"", " 1", "1 ", "1.0", "0x10", "1e3", "9223372036854775808"})
    EXPECT_EQ(parse_whole(text), std::nullopt) << text;
  EXPECT_EQ(parse_real("2.5"), 2.5);
  EXPECT_EQ(parse_real("3"), 3.0);
  for (const auto* text : {"", "inf", "nan", "1e999", "1,5", "2.0x"})
    EXPECT_EQ(parse_real(text), std::nullopt) << text;
  EXPECT_EQ(to_string(2.0), "2.0");
  EXPECT_EQ(to_string(0.2), "0.2");
}

TEST(values, lines_of_requests_are_a_word_or_a_part_and_read_back_the_same) {
  EXPECT_EQ(parse_request_lines("off"), (request_lines{}));
  EXPECT_EQ(parse_request_lines("errors"), (request_lines{.errors = true}));
  EXPECT_EQ(parse_request_lines("all"), (request_lines{.errors = true, .part = 1.0}));
  EXPECT_EQ(parse_request_lines("0.01"), (request_lines{.errors = true, .part = 0.01}));
  EXPECT_EQ(parse_request_lines("1"), parse_request_lines("all"));
  EXPECT_EQ(parse_request_lines("0"), parse_request_lines("errors"));
  for (const auto* text : {"", "some", "1.1", "-0.1", "nan", "All", "1%"})
    EXPECT_EQ(parse_request_lines(text), std::nullopt) << text;
  EXPECT_EQ(toml_of({}), "\"off\"");
  EXPECT_EQ(toml_of({.errors = true}), "\"errors\"");
  EXPECT_EQ(toml_of({.errors = true, .part = 1.0}), "\"all\"");
  EXPECT_EQ(toml_of({.errors = true, .part = 0.25}), "0.25");
}

TEST(values, a_url_is_shown_without_any_password) {
  const auto shown = [](const char* text) { return secret_url{text}.shown(); };
  EXPECT_EQ(shown("sqlite:shop@home.db"), "sqlite:shop@home.db");
  EXPECT_EQ(shown("postgresql://h/db"), "postgresql://h/db");
  EXPECT_EQ(shown("postgresql://me@h:5432/db"), "postgresql://me@h:5432/db");
  EXPECT_EQ(shown("postgresql://me:pw@h,i:5432/db?sslmode=require"),
            "postgresql://me:***@h,i:5432/db?sslmode=require");
  EXPECT_EQ(shown("postgresql://h/db?user=me&password=pw&sslpassword=pw&connect_timeout=3"),
            "postgresql://h/db?user=me&password=***&sslpassword=***&connect_timeout=3");
  EXPECT_EQ(shown("postgresql://h/db?p%61ssword=pw"), "postgresql://h/db?p%61ssword=***");
}

TEST(values, a_password_with_characters_that_should_be_escaped_is_hidden_too) {
  for (const auto* text : {"postgresql://me:a@geheim@h/db", "postgresql://me:a/geheim@h/db",
                           "postgresql://me:a?geheim@h/db", "postgresql://me:a:geheim@h/db",
                           "postgresql://me:a#geheim@h/db", "postgresql://:geheim@h/db",
                           "postgresql://me:a@geheim@h,i/db", "postgresql://?password=geheim@h/db",
                           "postgresql://h/db?password=geheim@me"})
    EXPECT_EQ(secret_url{text}.shown().find("geheim"), std::string::npos) << text;
}

TEST(values, a_secret_shows_only_whether_it_is_there) {
  EXPECT_EQ(secret{"geheim"}.shown(), "***");
  EXPECT_EQ(secret{"geheim"}.reveal(), "geheim");
  EXPECT_EQ(secret{}.shown(), "");
}

TEST(values, a_quoted_text_stays_one_line) {
  EXPECT_EQ(toml_text("a\"b\\c\nd\x7f"), "\"a\\\"b\\\\c\\u000Ad\\u007F\"");
  EXPECT_EQ(toml_text("결제"), "\"결제\"");
}

TEST(values, utf8_is_well_formed_or_not) {
  for (const char* good : {"", "a", "결제", "\xF0\x9F\x98\x80", "\xED\x9F\xBF"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xEA\xB2",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

} // namespace
} // namespace paymentd::config
