#include "templates/variables.hpp"

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

} // namespace paymentd::templates
