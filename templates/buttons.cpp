#include "templates/buttons.hpp"

#include "templates/length.hpp"

#include <algorithm>
#include <array>

namespace paymentd::templates {
namespace {

constexpr std::array<std::string_view, 6> codes{"WL", "AL", "DS", "BK", "MD", "AC"};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == text.npos ? std::string_view{}
                            : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// Takes the text up to the next `separator` off the front, without the spaces at its ends.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::expected<button, std::string> parse_button(std::string_view line) {
  const auto code = std::ranges::find(codes, take_part(line, '|'));
  if (code == codes.end())
    return std::unexpected("must begin with WL, AL, DS, BK, MD or AC, and a |");
  button made{.type = static_cast<button::kind>(code - codes.begin()), .name = {}};
  made.name = take_part(line, '|');
  made.link = take_part(line, '|');
  made.other_link = take_part(line, '|');
  if (made.name.empty() || characters(made.name) > button_name_characters_max)
    return std::unexpected("the name must have 1 to " + std::to_string(button_name_characters_max) +
                           " characters");
  if (!line.empty())
    return std::unexpected("has more than two links; a | within a link is written %7C");
  if (made.type == button::kind::web_link && made.link.empty())
    return std::unexpected("a WL must have a link");
  if (made.type == button::kind::app_link && (made.link.empty() || made.other_link.empty()))
    return std::unexpected("an AL must have two links, for iOS and for Android");
  if (made.type > button::kind::app_link && !made.link.empty())
    return std::unexpected(std::string(*code) + " takes no link");
  return made;
}

} // namespace

std::string_view code_of(button::kind type) noexcept {
  return codes[static_cast<std::size_t>(type)];
}

std::expected<std::vector<button>, std::string> parse_buttons(std::string_view text) {
  std::vector<button> all;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_part(text, '\n');
    if (line.empty())
      continue;
    if (all.size() == buttons_max)
      return std::unexpected("there may be " + std::to_string(buttons_max) + " at the most");
    auto next = parse_button(line);
    if (!next)
      return std::unexpected("line " + std::to_string(number) + ": " + next.error());
    all.push_back(*std::move(next));
  }
  return all;
}

} // namespace paymentd::templates
