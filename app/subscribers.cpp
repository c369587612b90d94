#include "app/subscribers.hpp"

#include "providers/kind.hpp"
#include "providers/webhook/webhook_provider.hpp"

#include <algorithm>
#include <mutex>
#include <random>

namespace paymentd {
namespace {

/// The options that settings give to every provider.
providers::api_options api_options_of(const config::alimtalk_settings& settings) {
  providers::api_options options;
  options.base_url = settings.base_url;
  options.timeout = settings.timeout;
  options.ca_file = settings.ca_file;
  options.connections_max = static_cast<std::size_t>(settings.max_in_flight);
  options.recipients_max = static_cast<std::size_t>(settings.max_recipients);
  options.message.plan = message_plan_of(settings);
  options.message.excess_max = static_cast<std::size_t>(settings.max_excess);
  if (settings.fallback != config::alimtalk_fallback::off)
    options.fallback = {.is_long = settings.fallback == config::alimtalk_fallback::lms,
                        .from = settings.fallback_from,
                        .title = settings.fallback_title,
                        .text = settings.fallback_text};
  return options;
}

/// Options that are the same for every subscriber.
actors::notification_supervisor_options
subscriber_options_of(const config::notification_settings& settings,
                      std::shared_ptr<providers::provider> provider,
                      std::chrono::milliseconds timeout) {
  actors::notification_supervisor_options options;
  options.delivery.provider = std::move(provider);
  options.delivery.linger = std::chrono::milliseconds{20}; // docs/performance.md
  options.delivery.policy.max_age = settings.max_age;
  options.delivery.policy.retry_after_max = settings.retry_after_max;
  options.delivery.retention = settings.retention;
  // A call is over after its time-out; the rest is for clocks of other processes that differ.
  options.delivery.policy.settles_within = timeout + std::chrono::seconds{25};
  options.results_poll = settings.results_poll;
  options.results_lease = timeout + std::chrono::seconds{60};
  options.delivery.random = random_fraction;
  options.restart = settings.backoff;
  return options;
}

std::expected<actors::notification_supervisor_options, std::string>
make_webhook(const config::webhook_settings& settings, const config::notification_settings& all) {
  webhook::webhook_options options;
  options.base_url = settings.url;
  options.secrets = {settings.signing_secret.reveal()};
  if (!settings.old_secret.empty())
    options.secrets.push_back(settings.old_secret.reveal());
  options.timeout = settings.timeout;
  options.connections_max = static_cast<std::size_t>(settings.max_in_flight);
  options.content_type = settings.content_type;
  options.ca_file = settings.ca_file;
  options.allow_private_network = settings.allow_private_network;
  auto provider = webhook::make_webhook_provider(std::move(options));
  if (!provider)
    return std::unexpected(settings.where + ": webhook." + provider.error() + " (webhook " +
                           settings.name + ")");
  auto subscriber = subscriber_options_of(all, *std::move(provider), settings.timeout);
  subscriber.delivery.subscriber = "webhook-" + settings.name;
  subscriber.delivery.wants_payments = settings.payments;
  subscriber.delivery.wants_refunds = settings.refunds;
  // An event is a claim of its own, so that one that hangs costs its slot alone.
  subscriber.delivery.in_flight_max = settings.max_in_flight;
  subscriber.delivery.messages_max = 1;
  // A repeat is harmless, but what had no answer before may hang again: new events go before.
  subscriber.delivery.probe_patience = std::chrono::milliseconds{0};
  subscriber.delivery.probe_spacing = std::chrono::milliseconds{100};
  return subscriber;
}

} // namespace

templates::message_plan message_plan_of(const config::alimtalk_settings& settings) {
  return settings.parameters.parameters().empty() ? templates::message_plan::standard()
                                                  : settings.parameters;
}

std::expected<std::shared_ptr<providers::provider>, std::string>
make_alimtalk_provider(const config::alimtalk_settings& settings) {
  const auto& kinds = providers::provider_kinds();
  const auto kind = std::ranges::find(kinds, settings.provider, &providers::provider_kind::name);
  if (kind == kinds.end())
    return nullptr;
  providers::credential_values values;
  for (const auto& needed : kind->credentials)
    if (const auto given = settings.credentials.find(needed.key);
        given != settings.credentials.end())
      values.emplace(needed.key, given->second.reveal());
  auto made = kind->make(api_options_of(settings), values);
  if (!made)
    return std::unexpected("alimtalk." + std::move(made).error());
  return *std::move(made);
}

double random_fraction() {
  static std::mutex guard;
  static std::mt19937_64 engine{std::random_device{}()};
  const std::lock_guard lock(guard);
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

std::expected<std::vector<actors::notification_supervisor_options>, std::string>
make_subscribers(const config::settings& settings) {
  std::vector<actors::notification_supervisor_options> all;
  const auto provider = make_alimtalk_provider(settings.alimtalk);
  if (!provider)
    return std::unexpected(provider.error());
  if (*provider) {
    auto alimtalk =
        subscriber_options_of(settings.notification, *provider, settings.alimtalk.timeout);
    alimtalk.delivery.subscriber = "alimtalk";
    alimtalk.delivery.in_flight_max = settings.alimtalk.max_in_flight;
    alimtalk.delivery.messages_max = settings.alimtalk.max_recipients;
    alimtalk.delivery.messages_per_second_max = settings.alimtalk.max_per_second;
    all.push_back(std::move(alimtalk));
  }
  for (const config::webhook_settings& each : settings.webhooks) {
    auto webhook = make_webhook(each, settings.notification);
    if (!webhook)
      return std::unexpected(std::move(webhook).error());
    all.push_back(*std::move(webhook));
  }
  return all;
}

} // namespace paymentd
