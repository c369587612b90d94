#include "domain/model.hpp"
#include "domain/command.hpp"

#include <algorithm>
#include <array>

namespace paymentd {

std::string_view to_string(order_status status) noexcept {
  static constexpr std::string_view names[] = {"PENDING", "PAID", "CANCELLED", "REFUNDED"};
  const auto at = static_cast<std::size_t>(status); // a hand may have written any into a database
  return at < std::size(names) ? names[at] : "UNKNOWN";
}

std::string_view to_string(entry_kind kind) noexcept {
  static constexpr std::string_view names[] = {"CHARGE", "PAYMENT", "REFUND", "WITHDRAWAL"};
  const auto at = static_cast<std::size_t>(kind);
  return at < std::size(names) ? names[at] : "UNKNOWN";
}

std::string_view to_string(refusal why) noexcept {
  switch (why) {
  case refusal::order_not_found:
    return "order_not_found";
  case refusal::user_not_found:
    return "user_not_found";
  case refusal::order_not_payable:
    return "order_not_payable";
  case refusal::order_not_cancellable:
    return "order_not_cancellable";
  case refusal::order_not_refundable:
    return "order_not_refundable";
  case refusal::insufficient_balance:
    return "insufficient_balance";
  case refusal::row_locked:
    return "row_locked";
  case refusal::balance_limit:
    return "balance_limit";
  case refusal::key_reused:
    return "key_reused";
  case refusal::reference_in_use:
    return "reference_in_use";
  }
  return "unknown";
}

std::string masked_phone(std::string_view phone) {
  constexpr std::size_t shown_before = 3;
  constexpr std::size_t shown_after = 4;
  std::string masked(phone);
  const bool hide_all = phone.size() <= shown_before + shown_after;
  const std::size_t begin = hide_all ? 0 : shown_before;
  const std::size_t end = hide_all ? phone.size() : phone.size() - shown_after;
  for (std::size_t i = begin; i < end; ++i)
    masked[i] = '*';
  return masked;
}

std::optional<std::string> read_phone(std::string_view text) {
  constexpr std::size_t bytes_max = 40;
  constexpr std::string_view country = "+82";
  if (text.size() > bytes_max)
    return std::nullopt;
  std::string digits;
  if (text.starts_with(country)) {
    digits = "0";
    text.remove_prefix(country.size());
  }
  for (const char c : text)
    if (c != '-' && c != ' ')
      digits += c;
  return valid_phone(digits) ? std::optional(std::move(digits)) : std::nullopt;
}

bool valid_reference(std::string_view text) noexcept {
  const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
  return !text.empty() && text.size() <= reference_max && std::ranges::all_of(text, visible);
}

bool valid_metadata_name(std::string_view name) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= metadata_name_max && std::ranges::all_of(name, fits);
}

bool valid_phone(std::string_view phone) noexcept {
  static constexpr std::array<std::string_view, 6> prefixes = {"010", "011", "016",
                                                               "017", "018", "019"};
  if (phone.size() < 10 || phone.size() > 11)
    return false;
  if (!std::ranges::all_of(phone, [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  return std::ranges::find(prefixes, phone.substr(0, 3)) != prefixes.end();
}

} // namespace paymentd
