// The table [alimtalk.parameters]: names that the shop's template has, so it stands beside the
// registry of single settings, and comes from the file and --set. Used in config/ only.
#pragma once

#include "config/settings.hpp"

namespace paymentd::config {

inline constexpr std::string_view parameters_section = "alimtalk.parameters";
inline constexpr std::string_view parameters_prefix = "alimtalk.parameters.";

/// Takes one parameter, or gives the fault as a line, to be read behind its key.
std::expected<void, std::string> take_parameter(std::string_view name, std::string_view text,
                                                settings& into);

/// The table as TOML; empty where there are no parameters.
std::string parameters_toml(const templates::message_plan& of);

/// Its part of the example file.
extern const std::string_view parameters_example;

} // namespace paymentd::config
