// Texts of the settings that have variables of the approved template in them, `#{name}`: those of
// the fallback. A name that is no parameter stands as it is written. Pure functions; any thread.
#pragma once

#include "templates/message_plan.hpp"

namespace paymentd::templates {

/// `text` with each variable replaced by its value, in the plan's order.
std::string filled_in(std::string_view text, const message_plan& plan,
                      const std::vector<std::string>& values);

/// `text` without the variables of the plan: all that every message has of it.
std::string fixed_part(std::string_view text, const message_plan& plan);

/// The names in `text` that are no parameters of the plan. Views into `text`.
std::vector<std::string_view> unknown_variables(std::string_view text, const message_plan& plan);

} // namespace paymentd::templates
