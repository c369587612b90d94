#include "templates/message_plan.hpp"

#include "domain/check.hpp"
#include "templates/length.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace paymentd::templates {
namespace {

/// Why a name cannot be a template's variable; empty where it can. (NHN refuses @ by code -3347.)
std::string wrong_name(std::string_view name) {
  const auto is_bad = [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' ||
           std::string_view("#{}@").find(c) != std::string_view::npos;
  };
  if (name.empty() || characters(name) > message_plan::name_characters_max)
    return "the variable's name must have 1 to " +
           std::to_string(message_plan::name_characters_max) + " characters";
  if (std::ranges::any_of(name, is_bad))
    return "the variable's name must stand without #{ and }, and has no @ and no control "
           "characters";
  return {};
}

/// Shortens the longest of the values, and then the next, until all fit together.
void cut_to_message(std::vector<std::string>& values) {
  std::size_t bytes = 0;
  for (const std::string& each : values)
    bytes += each.size();
  if (bytes <= message_characters_max) // no text has more characters than bytes
    return;
  std::array<std::size_t, parameters_max> lengths{};
  const auto end = std::ranges::transform(values, lengths.begin(), characters).out;
  std::size_t all = std::accumulate(lengths.begin(), end, std::size_t{0});
  while (all > message_characters_max) {
    std::size_t& longest = *std::max_element(lengths.begin(), end);
    const std::size_t excess = std::min(longest, all - message_characters_max);
    longest -= excess;
    all -= excess;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    cut_to_characters(values[i], lengths[i]);
}

} // namespace

message_plan message_plan::standard() {
  message_plan made;
  for (const auto& [name, text] :
       {std::pair{"orderId", "{order.id}"}, std::pair{"amount", "{event.amount:won}"},
        std::pair{"time", "{event.time}"}, std::pair{"status", "{event.status}"}})
    check(made.set(name, text).has_value(), "the standard parameters are well-formed");
  return made;
}

std::expected<void, std::string> message_plan::set(std::string_view name, std::string_view text) {
  if (std::string wrong = wrong_name(name); !wrong.empty())
    return std::unexpected(std::move(wrong));
  auto value = text_template::parse(text);
  if (!value)
    return std::unexpected(std::move(value).error());
  const auto same = std::ranges::find(parameters_, name, &parameter::name);
  if (same == parameters_.end() && parameters_.size() == parameters_max)
    return std::unexpected("there may be " + std::to_string(parameters_max) + " at the most");
  parameter made{std::string(name), std::string(text), *std::move(value)};
  if (same == parameters_.end())
    parameters_.push_back(std::move(made));
  else
    *same = std::move(made);
  return {};
}

bool message_plan::has(std::string_view name) const {
  return std::ranges::find(parameters_, name, &parameter::name) != parameters_.end();
}

bool message_plan::reads_user() const {
  return std::ranges::any_of(parameters_, [](const parameter& each) {
    return std::ranges::any_of(each.value.pieces(), [](const text_template::piece& one) {
      return one.what == field::user_reference || one.what == field::user_metadata;
    });
  });
}

std::vector<std::string> message_plan::metadata_names(field what) const {
  std::vector<std::string> names;
  for (const parameter& each : parameters_)
    for (const text_template::piece& one : each.value.pieces())
      if (one.what == what && std::ranges::find(names, one.text) == names.end())
        names.push_back(one.text);
  return names;
}

void message_plan::render(const event_fields& of, std::size_t excess_max,
                          std::vector<std::string>& values) const {
  values.resize(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    values[i].clear();
    parameters_[i].value.append_to(values[i], of);
    if (excess_max > 0)
      cut_to_characters(values[i], characters(parameters_[i].name) + excess_max);
  }
  cut_to_message(values);
}

} // namespace paymentd::templates
