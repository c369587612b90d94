#include "alimtalk/utc_text.hpp"

#include <chrono>

namespace paymentd::alimtalk {
namespace {

void write_digits(char* at, unsigned number, int digits) {
  for (char* digit = at + digits; digit != at; number /= 10)
    *--digit = static_cast<char>('0' + number % 10);
}

} // namespace

std::string utc_text(instant at) {
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

} // namespace paymentd::alimtalk
