#include "templates/metadata_view.hpp"

#include <charconv>

namespace paymentd::templates {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

/// Reads a flat JSON object from left to right.
class scanner {
 public:
  explicit scanner(std::string_view json) : rest_(json) {}

  bool take(char wanted) {
    const std::size_t begin = rest_.find_first_not_of(" \t\r\n");
    if (begin == rest_.npos || rest_[begin] != wanted)
      return false;
    rest_.remove_prefix(begin + 1);
    return true;
  }

  /// The text between two quotes, escapes as they are.
  std::optional<std::string_view> take_text() {
    if (!take('"'))
      return std::nullopt;
    for (std::size_t at = rest_.find_first_of("\"\\"); at != rest_.npos;
         at = rest_.find_first_of("\"\\", at + 2)) {
      if (rest_[at] == '\\')
        continue; // whatever it escapes is passed by
      const std::string_view text = rest_.substr(0, at);
      rest_.remove_prefix(at + 1);
      return text;
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

/// Four hex digits at the front of `text`, which are taken; nothing where there are none.
std::optional<char32_t> take_unit(std::string_view& text) {
  std::uint16_t unit = 0;
  if (text.size() < 4 ||
      std::from_chars(text.data(), text.data() + 4, unit, 16).ptr != text.data() + 4)
    return std::nullopt;
  text.remove_prefix(4);
  return unit;
}

void append_point(std::string& out, char32_t point) {
  const auto add = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80)
    return add(point);
  if (point < 0x800) {
    add(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      add(0xE0 | point >> 12);
    } else {
      add(0xF0 | point >> 18);
      add(0x80 | (point >> 12 & 0x3F));
    }
    add(0x80 | (point >> 6 & 0x3F));
  }
  add(0x80 | (point & 0x3F));
}

/// The character behind "\u", which may be two units.
void append_unit_escape(std::string& out, std::string_view& text) {
  const auto first = take_unit(text);
  const bool is_high = first && *first >= 0xD800 && *first <= 0xDBFF;
  if (!first || (*first >= 0xDC00 && *first <= 0xDFFF)) {
    out.append(replacement);
    return;
  }
  if (!is_high)
    return append_point(out, *first);
  std::string_view behind = text;
  if (behind.starts_with("\\u")) {
    behind.remove_prefix(2);
    if (const auto second = take_unit(behind); second && *second >= 0xDC00 && *second <= 0xDFFF) {
      text = behind;
      return append_point(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
    }
  }
  out.append(replacement);
}

} // namespace

metadata_view::metadata_view(std::string_view json) noexcept {
  scanner from(json);
  if (json.empty() || !from.take('{'))
    return;
  do {
    const auto name = from.take_text();
    if (!name || !from.take(':'))
      return;
    const auto value = from.take_text();
    if (!value)
      return;
    members_[count_++] = {*name, *value};
  } while (count_ < members_.size() && from.take(','));
}

std::optional<std::string_view> metadata_view::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (members_[i].name == name)
      return members_[i].value;
  return std::nullopt;
}

void append_unescaped(std::string& out, std::string_view json) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
  while (!json.empty()) {
    const std::size_t escape = json.find('\\');
    out.append(json.substr(0, escape));
    if (escape == json.npos)
      return;
    json.remove_prefix(escape + 1);
    if (json.starts_with('u')) {
      json.remove_prefix(1);
      append_unit_escape(out, json);
      continue;
    }
    const std::size_t known = json.empty() ? letters.npos : letters.find(json.front());
    if (known == letters.npos) {
      out.append(replacement);
      continue;
    }
    out.push_back(meant[known]);
    json.remove_prefix(1);
  }
}

} // namespace paymentd::templates
