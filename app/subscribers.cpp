#include "app/subscribers.hpp"

#include "net/digest.hpp"
#include "providers/nats/nats_provider.hpp"
#include "providers/refund_gate.hpp"
#include "providers/webhook/webhook_provider.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

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

/// With the template's text and buttons where the provider wants them.
providers::message_options message_options_of(const config::alimtalk_settings& settings,
                                              const providers::provider_kind* kind) {
  const bool standard = settings.parameters.parameters().empty();
  const bool whole = kind != nullptr && kind->whole_text;
  return {.plan = standard ? templates::message_plan::standard() : settings.parameters,
          .excess_max = static_cast<std::size_t>(settings.max_excess),
          .text = whole ? settings.template_text : std::string(),
          .buttons = whole ? templates::parse_buttons(settings.template_buttons)
                                 .value_or(std::vector<templates::button>{}) // it is good
                           : std::vector<templates::button>{}};
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

std::expected<actors::webhook_part, std::string>
make_webhook(const webhook& what, const config::notification_settings& all,
             const config::webhooks_settings& settings) {
  webhooks::webhook_options options;
  options.base_url = what.url;
  options.secrets = secrets_at(what, actors::system_wall_clock());
  options.timeout = what.timeout.count() > 0 ? what.timeout : settings.timeout;
  options.connections_max = static_cast<std::size_t>(what.max_in_flight);
  options.content_type = what.content_type;
  options.ca_file = what.ca_file.empty() ? settings.ca_file : what.ca_file;
  options.allow_private_network =
      what.allow_private_network || settings.networks == config::webhook_networks::all;
  const auto timeout = options.timeout;
  auto made = webhooks::make_webhook_provider(std::move(options));
  if (!made)
    return std::unexpected(std::move(made).error());
  actors::webhook_part part;
  part.endpoint = *std::move(made);
  part.supervised = subscriber_options_of(all, part.endpoint, timeout);
  auto& delivery = part.supervised.delivery;
  // An event is a claim of its own, so that one that hangs costs its slot alone.
  delivery.in_flight_max = what.max_in_flight;
  delivery.messages_max = 1;
  delivery.messages_per_second_max = what.max_per_second;
  // A repeat is harmless, but what had no answer before may hang again: new events go before.
  delivery.probe_patience = std::chrono::milliseconds{0};
  delivery.probe_spacing = std::chrono::milliseconds{100};
  return part;
}

actors::notification_supervisor_options
alimtalk_options_of(const config::settings& settings,
                    std::shared_ptr<providers::provider> provider) {
  // A call by several templates is several requests: the last one begins within a time-out.
  const int timeouts = api_options_of(settings).others.empty() ? 1 : 2;
  auto alimtalk = subscriber_options_of(settings.notification, std::move(provider),
                                        timeouts * settings.alimtalk.timeout);
  alimtalk.delivery.subscriber = "alimtalk";
  alimtalk.delivery.in_flight_max = settings.alimtalk.max_in_flight;
  alimtalk.delivery.messages_max = settings.alimtalk.max_recipients;
  alimtalk.delivery.messages_per_second_max = settings.alimtalk.max_per_second;
  return alimtalk;
}

/// Null where there is one provider, or none.
std::shared_ptr<actors::provider_chain> chain_of(const config::settings& settings) {
  if (settings.alimtalk.next_providers.empty())
    return nullptr;
  std::vector<std::string> names{settings.alimtalk.provider};
  names.insert(names.end(), settings.alimtalk.next_providers.begin(),
               settings.alimtalk.next_providers.end());
  actors::chain_times times{.failover_after = settings.alimtalk.failover_after};
  // During an outage it is tried that often.
  times.gap_max =
      std::max({times.gap_max, 2 * times.failover_after, 2 * settings.notification.backoff.max});
  return std::make_shared<actors::provider_chain>("alimtalk", std::move(names), times);
}

webhook old_webhook_of(const config::webhook_settings& settings) {
  webhook made{.name = settings.name,
               .url = settings.url,
               .payments = settings.payments,
               .refunds = settings.refunds,
               .max_in_flight = settings.max_in_flight,
               .secret = settings.signing_secret.reveal(),
               .content_type = settings.content_type,
               .allow_private_network = settings.allow_private_network,
               .ca_file = settings.ca_file,
               .timeout = settings.timeout};
  // The file had it sign for as long as it stood there; in the database it ends by itself.
  if (!settings.old_secret.empty())
    made.old_secrets.push_back({.text = settings.old_secret.reveal(),
                                .until = actors::system_wall_clock() + old_secret_signs_for});
  return made;
}

std::expected<actors::notification_supervisor_options, std::string>
make_nats(const config::nats_settings& settings, const config::notification_settings& all) {
  // Calls of a notification actor that died may still be open.
  const std::size_t open_max = 2 * static_cast<std::size_t>(settings.max_in_flight);
  auto provider = nats::make_nats_provider({.urls = settings.urls,
                                            .stream = settings.stream,
                                            .subject = settings.subject,
                                            .credentials_file = settings.credentials_file,
                                            .token = settings.token.reveal(),
                                            .user = settings.user,
                                            .password = settings.password.reveal(),
                                            .ca_file = settings.ca_file,
                                            .timeout = settings.timeout,
                                            .in_flight_max = open_max});
  if (!provider)
    return std::unexpected("nats." + std::move(provider).error());
  auto subscriber = subscriber_options_of(all, *std::move(provider), 2 * settings.timeout);
  subscriber.delivery.subscriber = settings.name.empty() ? "nats" : "nats-" + settings.name;
  subscriber.delivery.wants_payments = settings.events.payments;
  subscriber.delivery.wants_refunds = settings.events.refunds;
  subscriber.delivery.in_flight_max = settings.max_in_flight;
  subscriber.delivery.messages_max = 1; // an answer is of one event
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
  const auto kind = kind_of(settings);
  options.message = message_options_of(settings, kind);
  options.fallback = fallback_of(settings);
  const auto add = [&](entry_kind about, std::optional<templates::metadata_condition> when,
                       const config::alimtalk_settings& by) {
    options.others.push_back({.when = std::move(when),
                              .code = kind == nullptr ? "" : credential_of(by, kind->template_key),
                              .message = message_options_of(by, kind),
                              .fallback = fallback_of(by),
                              .about = about});
  };
  for (const config::alimtalk_template& each : all.alimtalk_templates)
    add(each.about, each.when, each.alimtalk);
  if (config::has_refund_template(settings))
    add(entry_kind::refund, std::nullopt, config::refund_settings(settings));
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
  const providers::api_options options = api_options_of(settings);
  auto made = kind->make(options, values);
  if (!made)
    return std::unexpected("alimtalk." + std::move(made).error());
  if (config::has_refund_template(settings.alimtalk))
    return *std::move(made);
  return providers::make_refund_gate(*std::move(made), options.others,
                                     "no template for refunds is set (alimtalk.refund_" +
                                         std::string(kind->template_key) + ")");
}

actors::webhook_maker webhook_maker_of(const config::settings& settings) {
  return [all = settings.notification, of = settings.webhooks](const webhook& what) {
    return make_webhook(what, all, of);
  };
}

std::vector<webhook> old_webhooks_of(const config::settings& settings) {
  std::vector<webhook> all;
  for (const config::webhook_settings& each : settings.old_webhooks)
    all.push_back(old_webhook_of(each));
  return all;
}

std::string make_webhook_secret() {
  std::array<std::uint8_t, 32> bytes{};
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto more = ::getrandom(bytes.data() + got, bytes.size() - got, 0);
    if (more > 0)
      got += static_cast<std::size_t>(more);
    else if (errno != EINTR)
      throw std::runtime_error("the system gives no random bytes");
  }
  return "whsec_" + net::base64_text(bytes);
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
  const auto chain = chain_of(settings);
  for (const config::settings& each : config::by_provider(settings)) {
    const auto provider = make_alimtalk_provider(each);
    if (!provider)
      return std::unexpected(provider.error());
    if (!*provider)
      continue;
    auto alimtalk = alimtalk_options_of(each, *provider);
    alimtalk.delivery.wants_refunds = config::tells_refunds(settings.alimtalk);
    alimtalk.delivery.chain = chain;
    alimtalk.delivery.place = all.size();
    if (alimtalk.delivery.place > 0)
      alimtalk.delivery.retention = {}; // the first one prunes
    all.push_back(std::move(alimtalk));
  }
  for (const config::webhook_settings& each : settings.old_webhooks) {
    const auto made = make_webhook(old_webhook_of(each), settings.notification, settings.webhooks);
    if (!made)
      return std::unexpected(each.where + ": webhook." + made.error() + " (webhook " + each.name +
                             ")");
    made->endpoint->stop();
  }
  if (!settings.nats.urls.empty()) {
    auto nats = make_nats(settings.nats, settings.notification);
    if (!nats)
      return std::unexpected(std::move(nats).error());
    all.push_back(*std::move(nats));
  }
  return all;
}

} // namespace paymentd
