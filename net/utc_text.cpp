#include "net/utc_text.hpp"

#include <chrono>

namespace paymentd::net {
namespace {

void write_digits(char* at, unsigned number, int digits) {
  for (char* digit = at + digits; digit != at; number /= 10)
    *--digit = static_cast<char>('0' + number % 10);
}

} // namespace

std::string utc_text(utc_time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  char text[] = "0000-00-00T00:00:00.000Z";
  write_digits(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  write_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  write_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  write_digits(text + 11, static_cast<unsigned>(time.hours().count()), 2);
  write_digits(text + 14, static_cast<unsigned>(time.minutes().count()), 2);
  write_digits(text + 17, static_cast<unsigned>(time.seconds().count()), 2);
  write_digits(text + 20, static_cast<unsigned>(time.subseconds().count()), 3);
  return text;
}

std::optional<utc_time> parse_utc(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  std::string whole(text);
  if (whole.size() == form.size() - 4 && whole.ends_with('Z'))
    whole.insert(whole.size() - 1, ".000");
  if (whole.size() != form.size())
    return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == '0' ? whole[i] < '0' || whole[i] > '9' : whole[i] != form[i])
      return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i)
      value = value * 10 + (whole[i] - '0');
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59)
    return std::nullopt;
  return utc_time{std::chrono::sys_days{date} + std::chrono::hours{number(11, 2)} +
                  std::chrono::minutes{number(14, 2)} + std::chrono::seconds{number(17, 2)} +
                  std::chrono::milliseconds{number(20, 3)}};
}

} // namespace paymentd::net
