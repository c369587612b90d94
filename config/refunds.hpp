// The settings of messages about refunds: those of [alimtalk] whose names begin with refund, and
// the table [alimtalk.refund_parameters]. Used in config/ only; settings.hpp has what others see.
#pragma once

#include "config/registry.hpp"

namespace paymentd::config {

inline constexpr std::string_view refund_parameters_section = "alimtalk.refund_parameters";
inline constexpr std::string_view refund_parameters_prefix = "alimtalk.refund_parameters.";

/// "refund_template_code" for "template_code".
std::string refund_key_of(std::string_view key);

/// Contradictions between them, with the keys and names that they have in [alimtalk].
std::vector<conflict> refund_conflicts(const alimtalk_settings& of);

/// Their part of the example file.
extern const std::string_view refund_parameters_example;

} // namespace paymentd::config
