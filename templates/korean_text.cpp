#include "templates/korean_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace paymentd::templates {
namespace {

constexpr std::array<std::string_view, 7> weekdays{"일", "월", "화", "수", "목", "금", "토"};

void append_number(std::string& out, int number, bool two_digits) {
  if (number >= 0 && number < 100) { // all but years
    if (two_digits || number >= 10)
      out.push_back(static_cast<char>('0' + number / 10));
    out.push_back(static_cast<char>('0' + number % 10));
    return;
  }
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

} // namespace

void append_grouped(std::string& out, won amount) {
  std::array<char, 24> digits{};
  const char* const end =
      std::to_chars(digits.data(), digits.data() + digits.size(), amount.value).ptr;
  const char* const first = digits.data() + (digits.front() == '-' ? 1 : 0);
  for (const char* at = digits.data(); at != end; ++at) {
    if (at > first && (end - at) % 3 == 0)
      out.push_back(',');
    out.push_back(*at);
  }
}

struct time_pattern::letters {
  std::string_view written;
  part what;
  bool two_digits;
  static constexpr std::size_t count = 14;
  static const std::array<letters, count> all;
};

constexpr std::array<time_pattern::letters, time_pattern::letters::count>
    time_pattern::letters::all{{{"yyyy", part::year, false},
                                {"yy", part::short_year, true},
                                {"MM", part::month, true},
                                {"M", part::month, false},
                                {"dd", part::day, true},
                                {"d", part::day, false},
                                {"HH", part::hour, true},
                                {"H", part::hour, false},
                                {"hh", part::short_hour, true},
                                {"h", part::short_hour, false},
                                {"mm", part::minute, true},
                                {"ss", part::second, true},
                                {"a", part::half, false},
                                {"E", part::weekday, false}}};

std::expected<time_pattern, std::string> time_pattern::parse(std::string_view text) {
  time_pattern made;
  while (!text.empty()) {
    const char first = text.front();
    const auto same = [&](char c) { return is_letter(first) ? c == first : !is_letter(c); };
    const auto end = std::ranges::find_if_not(text, same);
    const std::string_view run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(run.size());
    if (!is_letter(first)) {
      made.elements_.push_back({.text = std::string(run)});
      continue;
    }
    const auto known = std::ranges::find(letters::all, run, &letters::written);
    if (known == letters::all.end())
      return std::unexpected(
          "has " + std::string(run.substr(0, 20)) +
          "; a time takes yyyy, yy, MM, M, dd, d, HH, H, hh, h, mm, ss, a and E");
    made.elements_.push_back({.what = known->what, .two_digits = known->two_digits});
  }
  return made;
}

void time_pattern::append_to(std::string& out, instant at) const {
  const auto local = at + korea_offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(local - day)};
  const int hour = static_cast<int>(time.hours().count());
  const int year = static_cast<int>(date.year());
  for (const element& each : elements_) {
    const auto number = [&](int value) { append_number(out, value, each.two_digits); };
    switch (each.what) {
    case part::text:
      out.append(each.text);
      break;
    case part::year:
      number(year);
      break;
    case part::short_year:
      number((year % 100 + 100) % 100);
      break;
    case part::month:
      number(static_cast<int>(static_cast<unsigned>(date.month())));
      break;
    case part::day:
      number(static_cast<int>(static_cast<unsigned>(date.day())));
      break;
    case part::hour:
      number(hour);
      break;
    case part::short_hour:
      number((hour + 11) % 12 + 1);
      break;
    case part::minute:
      number(static_cast<int>(time.minutes().count()));
      break;
    case part::second:
      number(static_cast<int>(time.seconds().count()));
      break;
    case part::half:
      out.append(hour < 12 ? "오전" : "오후");
      break;
    case part::weekday:
      out.append(weekdays[std::chrono::weekday{day}.c_encoding()]);
      break;
    }
  }
}

} // namespace paymentd::templates
