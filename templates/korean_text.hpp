// Amounts and times as a Korean customer reads them. Pure; any thread.
#pragma once

#include "domain/types.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::templates {

/// Korea is UTC+9 all the year: there was no summer time since 1988.
inline constexpr std::chrono::hours korea_offset{9};

/// Appends whole won with separators every three digits: "12,000".
void append_grouped(std::string& out, won amount);

/// A way to write a time, such as `yyyy-MM-dd HH:mm`. Letters stand for parts of the time in Korea:
/// `yyyy` `yy` the year, `MM` `M` the month, `dd` `d` the day, `HH` `H` the hour of 24, `hh` `h` of
/// 12, `mm` the minute, `ss` the second, `a` 오전 or 오후, `E` the day of the week (월). All that
/// is no ASCII letter stands for itself.
class time_pattern {
 public:
  time_pattern() = default;
  /// An error names the letters that are none of these.
  static std::expected<time_pattern, std::string> parse(std::string_view text);
  void append_to(std::string& out, instant at) const;

 private:
  enum class part : std::uint8_t {
    text,
    year,
    short_year,
    month,
    day,
    hour,
    short_hour,
    minute,
    second,
    half,
    weekday
  };
  struct element {
    part what = part::text;
    bool two_digits = false;
    std::string text = {};
  };
  struct letters;
  std::vector<element> elements_;
};

} // namespace paymentd::templates
