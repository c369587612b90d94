// The rows in which the results of audits are noted, one for the last and one for the last that
// found nothing: written and read alike in both stores. Pure; any thread.
#pragma once

#include "domain/audit.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::db {

inline constexpr std::string_view last_audit = "last";
inline constexpr std::string_view last_clean_audit = "last_clean";

/// The names of the rows that a result takes the place of.
inline std::vector<std::string_view> names_of(const audit_result& what) {
  if (what.breaches == 0)
    return {last_audit, last_clean_audit};
  return {last_audit};
}

/// The texts of breaches, a line each. None of them has an end of a line (kept_breach).
inline std::string to_lines(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& each : texts)
    lines.append(lines.empty() ? "" : "\n").append(each);
  return lines;
}

inline std::vector<std::string> from_lines(std::string_view lines) {
  std::vector<std::string> texts;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    texts.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return texts;
}

/// Takes a row in: name, began_at, took_ms, entries, orders, breaches, first_breaches, version.
template <class Row>
void read_audit(const Row& row, noted_audits& into) {
  auto& at = row.text(0) == last_clean_audit ? into.last_clean : into.last;
  at = audit_result{.began_at = row.time(1),
                    .took = std::chrono::milliseconds{row.integer(2)},
                    .entries = row.integer(3),
                    .orders = row.integer(4),
                    .breaches = row.integer(5),
                    .first_breaches = from_lines(row.text(6)),
                    .version = std::string(row.text(7))};
}

} // namespace paymentd::db
