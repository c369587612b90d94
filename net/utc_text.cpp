#include "net/utc_text.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <ctime>

namespace paymentd::net {
namespace {

/// So many digits of `number`, which has no more.
template <int digits>
void write_digits(char* at, unsigned number) {
  for (int digit = digits; digit-- > 0; number /= 10)
    at[digit] = static_cast<char>('0' + number % 10);
}

} // namespace

char* write_utc(char* to, utc_time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  auto rest = static_cast<unsigned>((at - day).count()); // milliseconds
  std::memcpy(to, "0000-00-00T00:00:00.000Z", utc_text_size);
  write_digits<3>(to + 20, rest % 1000);
  rest /= 1000;
  write_digits<2>(to + 17, rest % 60);
  rest /= 60;
  write_digits<2>(to + 14, rest % 60);
  write_digits<2>(to + 11, rest / 60);
  write_digits<2>(to + 8, static_cast<unsigned>(date.day()));
  write_digits<2>(to + 5, static_cast<unsigned>(date.month()));
  write_digits<4>(to, static_cast<unsigned>(static_cast<int>(date.year())));
  return to + utc_text_size;
}

void append_utc(std::string& out, utc_time at) {
  char text[utc_text_size];
  out.append(text, write_utc(text, at));
}

std::string utc_text(utc_time at) {
  std::string text;
  append_utc(text, at);
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

namespace {

/// Reads a text from left to right; once something does not fit, nothing fits any more.
class time_reader {
 public:
  explicit time_reader(std::string_view text) : rest_(text) {}

  /// So many digits, as a number that is at most `max`.
  int digits(std::size_t count, int max) {
    int value = 0;
    for (std::size_t at = 0; at < count; ++at)
      value = value * 10 + digit();
    fits_ = fits_ && value <= max;
    return value;
  }
  void take(char expected) {
    if (!take_any(std::string_view(&expected, 1)))
      fits_ = false;
  }
  /// The next character where it is one of these; else 0, and it is left there.
  char take_any(std::string_view of) {
    if (!fits_ || rest_.empty() || of.find(rest_.front()) == of.npos)
      return 0;
    const char taken = rest_.front();
    rest_.remove_prefix(1);
    return taken;
  }
  std::chrono::milliseconds fraction() {
    if (take_any(".") == 0)
      return {};
    int value = digit() * 100;
    for (int worth = 10; const char next = take_any("0123456789"); worth /= 10)
      value += (next - '0') * worth;
    return std::chrono::milliseconds{value};
  }
  bool at_end() const { return fits_ && rest_.empty(); }

 private:
  int digit() {
    const char taken = take_any("0123456789");
    fits_ = fits_ && taken != 0;
    return taken != 0 ? taken - '0' : 0;
  }

  std::string_view rest_;
  bool fits_ = true;
};

} // namespace

std::optional<utc_time> parse_rfc3339(std::string_view text) {
  constexpr int no_bound = 9999;
  time_reader read(text);
  const std::chrono::year year{read.digits(4, no_bound)};
  read.take('-');
  const std::chrono::month month{static_cast<unsigned>(read.digits(2, 12))};
  read.take('-');
  const std::chrono::year_month_day date{
      year, month, std::chrono::day{static_cast<unsigned>(read.digits(2, 31))}};
  if (!date.ok())
    return std::nullopt;
  utc_time at{std::chrono::sys_days{date}};
  if (read.at_end())
    return at;
  if (read.take_any("Tt ") == 0)
    return std::nullopt;
  at += std::chrono::hours{read.digits(2, 23)};
  read.take(':');
  at += std::chrono::minutes{read.digits(2, 59)};
  read.take(':');
  at += std::chrono::seconds{read.digits(2, 59)};
  at += read.fraction();
  if (read.take_any("Zz") == 0) {
    const char sign = read.take_any("+-");
    std::chrono::minutes offset = std::chrono::hours{read.digits(2, 23)};
    read.take(':');
    offset += std::chrono::minutes{read.digits(2, 59)};
    if (sign == 0)
      return std::nullopt;
    at -= sign == '+' ? offset : -offset;
  }
  return read.at_end() ? std::optional(at) : std::nullopt;
}

std::string http_date(std::chrono::sys_seconds at) {
  static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed",
                                                        "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  std::string text = "Day, 00 Mon 0000 00:00:00 GMT";
  text.replace(0, 3, days[std::chrono::weekday{day}.c_encoding()]);
  write_digits<2>(text.data() + 5, static_cast<unsigned>(date.day()));
  text.replace(8, 3, months[static_cast<unsigned>(date.month()) - 1]);
  write_digits<4>(text.data() + 12, static_cast<unsigned>(static_cast<int>(date.year())));
  write_digits<2>(text.data() + 17, static_cast<unsigned>(time.hours().count()));
  write_digits<2>(text.data() + 20, static_cast<unsigned>(time.minutes().count()));
  write_digits<2>(text.data() + 23, static_cast<unsigned>(time.seconds().count()));
  return text;
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  std::tm parts{};
  const std::string whole(text);
  const char* rest = ::strptime(whole.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0')
    return std::nullopt;
  return std::chrono::sys_seconds{std::chrono::seconds{::timegm(&parts)}};
}

} // namespace paymentd::net
