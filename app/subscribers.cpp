#include "app/subscribers.hpp"

#include "providers/webhook/webhook_provider.hpp"

#include <algorithm>
#include <mutex>
#include <random>

namespace paymentd {
namespace {

/// Null where the provider is none.
const providers::provider_kind* kind_of(const config::alimtalk_settings& settings) {
  const auto& kinds = providers::provider_kinds();
  const auto kind = std::ranges::find(kinds, settings.provider, &providers::provider_kind::name);
  return kind == kinds.end() ? nullptr : &*kind;
}

/// Empty where it is not given.
std::string credential_of(const config::alimtalk_settings& settings, std::string_view key) {
  const auto given = settings.credentials.find(key);
  return given == settings.credentials.end() ? std::string() : given->second.reveal();
}

providers::message_options message_options_of(const config::alimtalk_settings& settings) {
  const bool standard = settings.parameters.parameters().empty();
  return {.plan = standard ? templates::message_plan::standard() : settings.parameters,
          .excess_max = static_cast<std::size_t>(settings.max_excess)};
}

std::optional<providers::fallback_message> fallback_of(const config::alimtalk_settings& settings) {
  if (settings.fallback == config::alimtalk_fallback::off)
    return std::nullopt;
  return providers::fallback_message{.is_long = settings.fallback == config::alimtalk_fallback::lms,
                                     .from = settings.fallback_from,
                                     .title = settings.fallback_title,
                                     .text = settings.fallback_text};
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
  options.delivery.policy.accepted_within = timeout + std::chrono::seconds{25};
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

providers::api_options api_options_of(const config::settings& all) {
  const config::alimtalk_settings& settings = all.alimtalk;
  providers::api_options options;
  options.base_url = settings.base_url;
  options.timeout = settings.timeout;
  options.ca_file = settings.ca_file;
  options.connections_max = static_cast<std::size_t>(settings.max_in_flight);
  options.recipients_max = static_cast<std::size_t>(settings.max_recipients);
  options.message = message_options_of(settings);
  options.fallback = fallback_of(settings);
  const auto kind = kind_of(settings);
  for (const config::alimtalk_template& each : all.alimtalk_templates)
    options.others.push_back(
        {.when = each.when,
         .code = kind == nullptr ? "" : credential_of(each.alimtalk, kind->template_key),
         .message = message_options_of(each.alimtalk),
         .fallback = fallback_of(each.alimtalk)});
  return options;
}

bool messages_read_users(const config::settings& settings) {
  const providers::api_options options = api_options_of(settings);
  return options.message.plan.reads_user() ||
         std::ranges::any_of(options.others, [](const providers::conditional_template& each) {
           return each.message.plan.reads_user();
         });
}

std::expected<std::shared_ptr<providers::provider>, std::string>
make_alimtalk_provider(const config::settings& settings) {
  const auto kind = kind_of(settings.alimtalk);
  if (kind == nullptr)
    return nullptr;
  providers::credential_values values;
  for (const auto& needed : kind->credentials)
    if (settings.alimtalk.credentials.contains(needed.key))
      values.emplace(needed.key, credential_of(settings.alimtalk, needed.key));
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
  const auto provider = make_alimtalk_provider(settings);
  if (!provider)
    return std::unexpected(provider.error());
  if (*provider) {
    // A call by several templates is several requests: the last one begins within a time-out.
    const int timeouts = settings.alimtalk_templates.empty() ? 1 : 2;
    auto alimtalk = subscriber_options_of(settings.notification, *provider,
                                          timeouts * settings.alimtalk.timeout);
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
