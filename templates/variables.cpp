#include "templates/variables.hpp"

#include "templates/length.hpp"

#include <algorithm>

namespace paymentd::templates {
namespace {

constexpr std::string_view opening = "#{";

/// Takes `text` apart: `on_text` gets what stands between variables, `on_variable` a variable's
/// name and whether it took it; one that was not taken is text.
template <class OnText, class OnVariable>
void walk(std::string_view text, OnText on_text, OnVariable on_variable) {
  while (!text.empty()) {
    const std::size_t open = text.find(opening);
    on_text(text.substr(0, open));
    if (open == text.npos)
      return;
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const bool taken =
        close != text.npos && on_variable(text.substr(opening.size(), close - opening.size()));
    if (!taken)
      on_text(opening);
    text.remove_prefix(taken ? close + 1 : opening.size());
  }
}

} // namespace

std::string filled_in(std::string_view text, const message_plan& plan,
                      const std::vector<std::string>& values) {
  std::string filled;
  walk(
      text, [&](std::string_view part) { filled.append(part); },
      [&](std::string_view name) {
        const auto& all = plan.parameters();
        const auto known = std::ranges::find(all, name, &parameter::name);
        if (known == all.end())
          return false;
        filled.append(values[static_cast<std::size_t>(known - all.begin())]);
        return true;
      });
  return filled;
}

std::string filled_in_within(std::string_view text, const message_plan& plan,
                             const std::vector<std::string>& values, std::size_t characters_max) {
  std::string filled = filled_in(text, plan, values);
  // No text has more characters than bytes.
  if (filled.size() <= characters_max || characters(filled) <= characters_max)
    return filled;
  const auto& all = plan.parameters();
  std::vector<std::size_t> lengths(values.size(), 0); // of those that stand in the text
  std::vector<std::size_t> times(values.size(), 0);
  walk(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        const auto known = std::ranges::find(all, name, &parameter::name);
        if (known == all.end())
          return false;
        const auto which = static_cast<std::size_t>(known - all.begin());
        lengths[which] = characters(values[which]);
        ++times[which];
        return true;
      });
  for (std::size_t excess = characters(filled) - characters_max; excess > 0;) {
    const auto longest = std::ranges::max_element(lengths);
    if (longest == lengths.end() || *longest == 0)
      break;              // the words alone are too long
    std::size_t next = 0; // down to which it is cut alone
    for (auto each = lengths.begin(); each != lengths.end(); ++each)
      if (each != longest)
        next = std::max(next, *each);
    const std::size_t often = times[static_cast<std::size_t>(longest - lengths.begin())];
    const std::size_t less =
        std::min(std::max<std::size_t>(*longest - next, 1), (excess + often - 1) / often);
    *longest -= less;
    excess -= std::min(excess, less * often);
  }
  std::vector<std::string> cut = values;
  for (std::size_t i = 0; i < cut.size(); ++i)
    if (times[i] > 0)
      cut_to_characters(cut[i], lengths[i]);
  return filled_in(text, plan, cut);
}

std::string fixed_part(std::string_view text, const message_plan& plan) {
  std::string fixed;
  walk(
      text, [&](std::string_view part) { fixed.append(part); },
      [&](std::string_view name) { return plan.has(name); });
  return fixed;
}

std::vector<std::string_view> unknown_variables(std::string_view text, const message_plan& plan) {
  std::vector<std::string_view> unknown;
  walk(
      text, [](std::string_view) {},
      [&](std::string_view name) {
        const bool known = plan.has(name);
        if (!known)
          unknown.push_back(name);
        return known;
      });
  return unknown;
}

bool has_variable(std::string_view text, std::string_view name) {
  bool found = false;
  walk(
      text, [](std::string_view) {},
      [&](std::string_view each) {
        found |= each == name;
        return each == name;
      });
  return found;
}

} // namespace paymentd::templates
