#include "http/keys/api_key.hpp"

#include "http/json_text.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace paymentd::http {

namespace {

constexpr std::string_view key_mark = "pmd_";
constexpr std::size_t random_letters = 40;
constexpr std::size_t key_name_max = 40;

std::uint8_t random_byte() {
  std::uint8_t byte = 0;
  while (::getrandom(&byte, 1, 0) != 1)
    if (errno != EINTR)
      throw std::runtime_error("the system gives no random bytes");
  return byte;
}

} // namespace

std::string_view name_of(scope which) noexcept {
  static constexpr std::string_view names[] = {"none",   "read",   "pay",
                                               "charge", "refund", "operate"};
  static_assert(std::size(names) == static_cast<std::size_t>(scope::operate) + 1);
  return names[static_cast<std::size_t>(which)];
}

std::expected<scope_set, std::string> parse_scopes(std::string_view text) {
  scope_set made;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, end);
    const auto found = std::ranges::find(all_scopes, word, name_of);
    if (found == all_scopes.end())
      return std::unexpected("the scopes are read, pay, charge, refund and operate, with commas "
                             "between them; there is no scope " +
                             quoted_echo(word));
    made.add(*found);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (made.empty())
    return std::unexpected("a key needs at least one scope: read, pay, charge, refund or operate");
  return made;
}

std::string to_string(scope_set scopes) {
  std::string text;
  for (const scope each : all_scopes) {
    if (!scopes.holds(each))
      continue;
    if (!text.empty())
      text += ',';
    text += name_of(each);
  }
  return text;
}

bool valid_key_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= key_name_max && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string make_key_text() {
  static constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // A byte above the last whole multiple would make some letters more frequent.
  constexpr std::size_t fair_bytes = 256 / letters.size() * letters.size();
  std::string text{key_mark};
  while (text.size() < key_mark.size() + random_letters)
    if (const std::size_t byte = random_byte(); byte < fair_bytes)
      text += letters[byte % letters.size()];
  return text;
}

} // namespace paymentd::http
