// Goal: JSON is written exactly and read strictly. Method: the appenders and the reader alone.
#include "http/json_input.hpp"
#include "http/json_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>

namespace paymentd::http {
namespace {

using namespace std::chrono_literals;

std::string time_text(instant at) {
  std::string out;
  append_time(out, at);
  return out;
}

TEST(http_json, times_are_utc_with_milliseconds) {
  EXPECT_EQ(time_text(instant{}), "\"1970-01-01T00:00:00.000Z\"");
  EXPECT_EQ(time_text(instant{1763787843021ms}), "\"2025-11-22T05:04:03.021Z\"");
  EXPECT_EQ(time_text(std::chrono::sys_days{std::chrono::year{2024} / 2 / 29} + 23h + 59min + 59s +
                      999ms),
            "\"2024-02-29T23:59:59.999Z\"");
}

TEST(http_json, text_is_escaped_so_that_it_reads_back) {
  std::string every;
  for (int byte = 0; byte < 128; ++byte)
    every += static_cast<char>(byte);
  every += "\xed\x95\x9c\xea\xb5\xad";
  std::string out;
  append_quoted(out, every);
  EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), every);
}

TEST(http_json, the_smallest_and_largest_values_are_read) {
  static constexpr std::array rules{field_rule{.name = "a"}, field_rule{.name = "b"},
                                    field_rule{.name = "c", .required = false}};
  std::array<field_value, 3> values;
  ASSERT_TRUE(read_object(R"( { "b" : 9007199254740991 , "a" : -0 } )", rules, values));
  EXPECT_EQ(values[0].integer, 0);
  EXPECT_EQ(values[1].integer, safe_integer_max);
  EXPECT_TRUE(values[1].given);
  EXPECT_FALSE(values[2].given);
}

TEST(http_json, names_are_matched_after_their_escapes) {
  static constexpr std::array rules{field_rule{.name = "a"}};
  std::array<field_value, 1> values;
  EXPECT_TRUE(read_object(R"({"\u0061":1})", rules, values));
  EXPECT_FALSE(read_object(R"({"a":1,"\u0061":1})", rules, values));
}

TEST(json_text, what_is_not_utf_8_is_replaced) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
  };
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(quoted("주문 €😀"), "\"주문 €😀\"");
  for (const std::string bad :
       {"\xFF", "\x80", "\xC0", "\xC3", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE0\x80\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    const std::string out = quoted("a" + bad + "b");
    EXPECT_TRUE(nlohmann::json::accept(out)) << out;
    EXPECT_TRUE(out.starts_with("\"a" + mark) && out.ends_with("b\"")) << out;
  }
}

TEST(json_text, what_is_repeated_to_a_client_is_cut_between_characters) {
  EXPECT_EQ(echoed("short"), "short");
  EXPECT_EQ(echoed(std::string(65, 'a')), std::string(64, 'a') + "...");
  EXPECT_EQ(echoed(std::string(63, 'a') + "가나"), std::string(63, 'a') + "...");
}

} // namespace
} // namespace paymentd::http
