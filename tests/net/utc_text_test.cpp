// Goal: times that people and other systems write are read as RFC 3339 has them, and nothing else
// is. Method: a table of texts.
#include "net/utc_text.hpp"

#include <gtest/gtest.h>

namespace paymentd::net {
namespace {

TEST(rfc3339, a_time_is_read_with_its_offset_and_a_date_as_its_midnight_in_utc) {
  for (const auto& [text, utc] : std::initializer_list<std::pair<const char*, const char*>>{
           {"2026-11-22", "2026-11-22T00:00:00.000Z"},
           {"2024-02-29", "2024-02-29T00:00:00.000Z"},
           {"2026-11-22T14:04:03Z", "2026-11-22T14:04:03.000Z"},
           {"2026-11-22t14:04:03z", "2026-11-22T14:04:03.000Z"},
           {"2026-11-22 14:04:03Z", "2026-11-22T14:04:03.000Z"},
           {"2026-11-22T14:04:03.5Z", "2026-11-22T14:04:03.500Z"},
           {"2026-11-22T14:04:03.123999999Z", "2026-11-22T14:04:03.123Z"},
           {"2026-11-22T00:00:00+09:00", "2026-11-21T15:00:00.000Z"},
           {"2026-11-22T00:00:00-03:30", "2026-11-22T03:30:00.000Z"}})
    EXPECT_EQ(utc_text(parse_rfc3339(text).value()), utc) << text;
}

TEST(rfc3339, anything_else_is_no_time) {
  for (const char* text : {"",
                           "2026",
                           "2026-11",
                           "2026-13-01",
                           "2026-02-29",
                           "2026-11-31",
                           "2026-1-1",
                           "22.11.2026",
                           "2026-11-22T",
                           "2026-11-22T14:04",
                           "2026-11-22T14:04Z",
                           "2026-11-22T14:04:03",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T14:60:00Z",
                           "2026-11-22T14:04:60Z",
                           "2026-11-22T14:04:03.Z",
                           "2026-11-22T14:04:03+0900",
                           "2026-11-22T14:04:03+9:00",
                           "2026-11-22T14:04:03+24:00",
                           "2026-11-22T14:04:03Z ",
                           " 2026-11-22",
                           "2026-11-22+09:00"})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

TEST(http_date, is_written_as_http_has_it_and_read_back) {
  using namespace std::chrono_literals;
  const auto at = std::chrono::sys_days{std::chrono::year{1994} / 11 / 6} + 8h + 49min + 37s;
  EXPECT_EQ(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date(http_date(at)), at);
}

} // namespace
} // namespace paymentd::net
