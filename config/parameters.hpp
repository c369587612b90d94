// The table [alimtalk.parameters], and that of an [[alimtalk.template]]: names that the shop's
// template has, so they stand beside the registry of single settings. The first one comes from the
// file and --set. Used in config/ only.
#pragma once

#include "config/settings.hpp"

namespace paymentd::config {

inline constexpr std::string_view parameters_section = "alimtalk.parameters";
inline constexpr std::string_view parameters_prefix = "alimtalk.parameters.";
/// The key of such a table in an [[alimtalk.template]].
inline constexpr std::string_view parameters_key = "parameters";

/// Takes one parameter, or gives the fault as a line, to be read behind its key.
std::expected<void, std::string> take_parameter(std::string_view name, std::string_view text,
                                                templates::message_plan& into);

/// The table as TOML, headed by `section`; empty where there are no parameters.
std::string parameters_toml(std::string_view section, const templates::message_plan& of);

/// Its part of the example file.
extern const std::string_view parameters_example;

} // namespace paymentd::config
