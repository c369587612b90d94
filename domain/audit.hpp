// The result of an audit, as `paymentd audit` notes it in the database and operators see it. Values
// only; any thread.
#pragma once

#include "domain/types.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd {

/// So many of an audit's breaches are kept with their texts, and so many bytes of each text.
inline constexpr std::size_t first_breaches_max = 5;
inline constexpr std::size_t breach_bytes_max = 300;

/// One audit that came to its end.
struct audit_result {
  instant began_at;
  std::chrono::milliseconds took{};
  std::int64_t entries = 0; // of the ledger, looked at
  std::int64_t orders = 0;  // likewise
  std::int64_t breaches = 0;
  std::vector<std::string> first_breaches = {}; // a line each, at most first_breaches_max
  std::string version = {};                     // of the program that looked
  friend bool operator==(const audit_result&, const audit_result&) = default;
};

/// The question for the audits whose results the database has.
struct get_audits {};
/// The newest one, and the newest one that found nothing; both are nothing where there was none.
struct noted_audits {
  std::optional<audit_result> last = std::nullopt;
  std::optional<audit_result> last_clean = std::nullopt;
  friend bool operator==(const noted_audits&, const noted_audits&) = default;
};

/// A breach's text as it is kept: one line of at most breach_bytes_max bytes, which ends at the
/// border of a character (UTF-8) where it is cut. Control characters become spaces.
inline std::string kept_breach(std::string_view line) {
  constexpr std::string_view cut_off = "...";
  std::string kept(line.substr(0, breach_bytes_max));
  if (kept.size() < line.size()) {
    std::size_t size = breach_bytes_max - cut_off.size();
    const auto goes_on = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
    while (size > 0 && goes_on(kept[size]))
      --size;
    kept.resize(size);
    kept += cut_off;
  }
  std::ranges::replace_if(
      kept, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return kept;
}

/// Counts a breach, and keeps its text where it is among the first.
inline void add_breach(audit_result& to, std::string_view line) {
  ++to.breaches;
  if (to.first_breaches.size() < first_breaches_max)
    to.first_breaches.push_back(kept_breach(line));
}

} // namespace paymentd
