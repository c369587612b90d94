// Texts of the settings that have variables of the approved template in them, `#{name}`: those of
// the fallback, and the whole text of the template with its buttons. A name that is no parameter
// stands as it is written. Pure functions; any thread.
#pragma once

#include "templates/message_plan.hpp"

namespace paymentd::templates {

/// `text` with each variable replaced by its value, in the plan's order.
std::string filled_in(std::string_view text, const message_plan& plan,
                      const std::vector<std::string>& values);

/// The same, no longer than `characters_max`: the longest of the values is cut first, and then the
/// next. Words of `text` itself are never cut, so that it still matches the approved template.
std::string filled_in_within(std::string_view text, const message_plan& plan,
                             const std::vector<std::string>& values, std::size_t characters_max);

/// `text` without the variables of the plan: all that every message has of it.
std::string fixed_part(std::string_view text, const message_plan& plan);

/// The names in `text` that are no parameters of the plan. Views into `text`.
std::vector<std::string_view> unknown_variables(std::string_view text, const message_plan& plan);

/// Whether `text` has that variable.
bool has_variable(std::string_view text, std::string_view name);

} // namespace paymentd::templates
