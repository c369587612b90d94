// The tables [[webhook]] of the settings' file, where releases before had webhooks: each is taken
// over into the database once. They come from the file alone. Used in config/ only.
#pragma once

#include "config/settings.hpp"
#include "config/toml_file.hpp"

namespace paymentd::config {

inline constexpr std::string_view webhook_section = "webhook";

/// The webhooks that `tables` describe. Each fault becomes a line in `errors`, which begins with
/// the file and the line and shows no secret.
std::vector<webhook_settings> read_webhooks(const std::vector<file_table>& tables,
                                            const std::string& file,
                                            std::vector<std::string>& errors);

/// One webhook as TOML, its secrets and its URL's query hidden.
std::string webhook_toml(const webhook_settings& of);

} // namespace paymentd::config
