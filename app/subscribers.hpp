// The subscribers that are told of payments, by the settings: each with its provider, ready to be
// supervised. Used by serve.cpp, on the main thread, before the actors start.
#pragma once

#include "actors/payment_system.hpp"
#include "config/settings.hpp"

#include <expected>
#include <string>
#include <vector>

namespace paymentd {

/// The AlimTalk, unless its provider is none, and every webhook. An error is one line that names
/// the setting, for a setting that a provider cannot work with. Their providers are the caller's to
/// stop.
std::expected<std::vector<actors::notification_supervisor_options>, std::string>
make_subscribers(const config::settings& settings);

/// Uniform in [0, 1), for any thread: restarts and retries must not come in step with others'.
double random_fraction();

} // namespace paymentd
