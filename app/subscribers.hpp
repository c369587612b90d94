// The subscribers that are told of payments, by the settings: each with its provider, ready to be
// supervised. Used by serve.cpp and alimtalk.cpp, on the main thread, before the actors start.
#pragma once

#include "actors/payment_system.hpp"
#include "config/settings.hpp"
#include "providers/kind.hpp"

#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace paymentd {

/// The AlimTalk, unless its provider is none, once for each of its providers, and NATS where it has
/// a server. An error is one line that names the setting, for a setting that a provider, or an old
/// webhook of the file, cannot work with. Their providers are the caller's to stop.
std::expected<std::vector<actors::notification_supervisor_options>, std::string>
make_subscribers(const config::settings& settings);

/// Makes what a webhook of the database runs by. Any thread.
actors::webhook_maker webhook_maker_of(const config::settings& settings);

/// The webhooks that the settings' file still has, as the database will have them.
std::vector<webhook> old_webhooks_of(const config::settings& settings);

/// A new secret of 32 random bytes: "whsec_" and base64. Any thread.
std::string make_webhook_secret();

/// The options that the settings give to every message API: among them how messages are made.
providers::api_options api_options_of(const config::settings& settings);

/// Whether any message says something of its user's reference or metadata.
bool messages_read_users(const config::settings& settings);

/// The first provider that the settings name; null where they name none. An error is one line that
/// names the setting. It is the caller's to stop.
std::expected<std::shared_ptr<providers::provider>, std::string>
make_alimtalk_provider(const config::settings& settings);

/// Uniform in [0, 1), for any thread: restarts and retries must not come in step with others'.
double random_fraction();

} // namespace paymentd
