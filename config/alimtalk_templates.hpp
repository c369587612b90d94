// The tables [[alimtalk.template]] of the settings' file: other templates for the messages of some
// orders. There may be several, so they stand beside the registry of single settings and come from
// the file alone. Used in config/ only.
#pragma once

#include "config/settings.hpp"
#include "config/toml_file.hpp"

namespace paymentd::config {

inline constexpr std::string_view template_section = "alimtalk.template";

/// The templates that `tables` describe. A key that a table does not have is as in `others`, the
/// settings of all other sources. Each fault becomes a line in `errors`, which begins with the file
/// and the line.
std::vector<alimtalk_template> read_templates(const std::vector<file_table>& tables,
                                              const std::string& file, const settings& others,
                                              std::vector<std::string>& errors);

/// One template as TOML.
std::string template_toml(const alimtalk_template& of);

/// Their part of the example file.
extern const std::string_view template_example;

} // namespace paymentd::config
