#include "config/parameters.hpp"
#include "config/refunds.hpp"
#include "config/registry.hpp"

#include "providers/kind.hpp"
#include "templates/buttons.hpp"
#include "templates/length.hpp"
#include "templates/variables.hpp"

#include <algorithm>
#include <iterator>

namespace paymentd::config {

namespace {

templates::message_plan plan_of(const alimtalk_settings& of) {
  return of.parameters.parameters().empty() ? templates::message_plan::standard() : of.parameters;
}

/// Adds the variables of a setting's text that are no parameters.
void add_unknown(std::string_view key, std::string_view text, const templates::message_plan& plan,
                 std::string_view parameters, std::vector<conflict>& found) {
  for (const std::string_view name : templates::unknown_variables(text, plan)) {
    std::string shown{name.substr(0, name.find('\n'))};
    templates::cut_to_characters(shown, templates::message_plan::name_characters_max);
    found.push_back({{std::string{key}, std::string{parameters_section}},
                     "has #{" + shown + "}, which is not in [" + std::string{parameters} + "]"});
  }
}

/// Adds the parameters that no part of the message has: a mistyped name, most likely.
void add_unused(const alimtalk_settings& of, const std::vector<templates::button>& buttons,
                std::vector<conflict>& found) {
  for (const templates::parameter& each : of.parameters.parameters()) {
    const auto has_it = [&](std::string_view text) {
      return templates::has_variable(text, each.name);
    };
    if (!has_it(of.template_text) && !has_it(of.fallback_text) && !has_it(of.fallback_title) &&
        std::ranges::none_of(buttons, [&](const templates::button& one) {
          return has_it(one.link) || has_it(one.other_link);
        }))
      found.push_back({{std::string{parameters_section}},
                       "#{" + each.name +
                           "} stands neither in the template's text nor in a link of its buttons "
                           "nor in the fallback"});
  }
}

} // namespace

bool names_provider(const alimtalk_settings& of, std::string_view name) {
  return of.provider == name ||
         std::ranges::find(of.next_providers, name) != of.next_providers.end();
}

bool wants_whole_text(const alimtalk_settings& of) {
  return std::ranges::any_of(providers::provider_kinds(), [&](const auto& kind) {
    return kind.whole_text && names_provider(of, kind.name);
  });
}

std::vector<conflict> text_conflicts(const alimtalk_settings& of, std::string_view parameters,
                                     bool own_parameters) {
  std::vector<conflict> found;
  const auto buttons = templates::parse_buttons(of.template_buttons);
  if (!buttons)
    found.push_back({{"alimtalk.template_buttons"}, buttons.error()});
  if (!wants_whole_text(of))
    return found;
  if (of.template_text.empty())
    found.push_back({{"alimtalk.template_text", "alimtalk.provider"},
                     "must be given, because alimtalk.provider is " + named_providers(of)});
  if (!found.empty())
    return found;
  const auto plan = plan_of(of);
  add_unknown("alimtalk.template_text", of.template_text, plan, parameters, found);
  for (const templates::button& each : *buttons) {
    add_unknown("alimtalk.template_buttons", each.link, plan, parameters, found);
    add_unknown("alimtalk.template_buttons", each.other_link, plan, parameters, found);
  }
  if (own_parameters)
    add_unused(of, *buttons, found);
  const std::size_t most = templates::whole_text_characters_max;
  const std::size_t words = templates::characters(templates::fixed_part(of.template_text, plan));
  if (words > most)
    found.push_back({{"alimtalk.template_text"},
                     "must have at most " + std::to_string(most) + " characters, not " +
                         std::to_string(words) + " beside its variables"});
  return found;
}

std::vector<conflict> fallback_conflicts(const alimtalk_settings& of, std::string_view fallback,
                                         std::string_view parameters) {
  std::vector<conflict> found;
  if (of.fallback == alimtalk_fallback::off)
    return found;
  const std::string because =
      ", because " + std::string{fallback} + " is " + std::string{to_string(of.fallback)};
  if (of.fallback_from.empty())
    found.push_back({{"alimtalk.fallback_from", "alimtalk.fallback"}, "must be given" + because});
  const auto plan = plan_of(of);
  // Without the table, other names go out as they are written.
  if (!of.parameters.parameters().empty())
    for (const auto& [key, text] : {std::pair{"alimtalk.fallback_title", &of.fallback_title},
                                    std::pair{"alimtalk.fallback_text", &of.fallback_text}})
      add_unknown(key, *text, plan, parameters, found);
  const std::size_t bytes_max =
      of.fallback == alimtalk_fallback::lms ? providers::lms_bytes_max : providers::sms_bytes_max;
  const std::size_t bytes = templates::euc_kr_bytes(templates::fixed_part(of.fallback_text, plan));
  if (bytes > bytes_max)
    found.push_back(
        {{"alimtalk.fallback_text", "alimtalk.fallback", std::string{parameters_section}},
         "must have at most " + std::to_string(bytes_max) + " bytes in EUC-KR" + because +
             ", not " + std::to_string(bytes) + " beside its variables"});
  return found;
}

namespace {

std::vector<conflict> nats_conflicts(const nats_settings& of) {
  std::vector<conflict> found;
  std::string first; // the way to log in that was given first
  for (const auto& [key, given] :
       {std::pair{"nats.credentials_file", !of.credentials_file.empty()},
        std::pair{"nats.token", !of.token.empty()}, std::pair{"nats.user", !of.user.empty()}}) {
    if (given && !first.empty())
      found.push_back({{key, first}, "must not be given beside " + first});
    else if (given)
      first = key;
  }
  if (of.user.empty() != of.password.empty()) {
    const bool user = of.user.empty();
    found.push_back(
        {{user ? "nats.user" : "nats.password", "nats.user", "nats.password"},
         std::string{"must be given, because "} + (user ? "nats.password is" : "nats.user is")});
  }
  if (!of.ca_file.empty() && !of.urls.empty() && !of.urls.front().starts_with("tls://"))
    found.push_back(
        {{"nats.urls", "nats.ca_file"}, "must begin with tls://, because nats.ca_file is given"});
  return found;
}

std::vector<conflict> provider_conflicts(const alimtalk_settings& of) {
  std::vector<conflict> found;
  for (const auto& kind : providers::provider_kinds())
    for (const auto& needed : kind.credentials)
      if (const auto given = of.credentials.find(needed.key);
          names_provider(of, kind.name) && (given == of.credentials.end() || given->second.empty()))
        found.push_back({{"alimtalk." + std::string{needed.key}, "alimtalk.provider"},
                         "must be given, because alimtalk.provider is " + named_providers(of)});
  const bool one_address = of.base_url.empty() && of.next_base_urls.empty(); // of each its own
  if (!one_address && of.next_base_urls.size() != of.next_providers.size())
    found.push_back({{"alimtalk.base_url", "alimtalk.provider"},
                     "must be a list of " + std::to_string(1 + of.next_providers.size()) +
                         ", because alimtalk.provider is " + named_providers(of)});
  return found;
}

} // namespace

std::string named_providers(const alimtalk_settings& of) {
  std::string all = of.provider;
  for (const std::string& each : of.next_providers)
    all.append(", ").append(each);
  return all;
}

std::vector<settings> by_provider(const settings& of) {
  std::vector<settings> all;
  for (std::size_t i = 0; i <= of.alimtalk.next_providers.size(); ++i) {
    settings& one = all.emplace_back(of);
    const auto choose = [&](alimtalk_settings& alimtalk) {
      if (i > 0) {
        alimtalk.provider = of.alimtalk.next_providers[i - 1];
        alimtalk.base_url =
            of.alimtalk.next_base_urls.empty() ? "" : of.alimtalk.next_base_urls[i - 1];
      }
      alimtalk.next_providers.clear();
      alimtalk.next_base_urls.clear();
    };
    choose(one.alimtalk);
    for (alimtalk_template& each : one.alimtalk_templates)
      choose(each.alimtalk);
  }
  return all;
}

std::vector<conflict> conflicts(const settings& of) {
  std::vector<conflict> found;
  const auto& backoff = of.notification.backoff;
  if (!is_loopback(of.http.listen) && of.http.api_keys_file.empty())
    found.push_back({{"http.listen", "http.api_keys_file"},
                     "must be a loopback address (127.0.0.1 or [::1]), not " +
                         toml_text(to_string(of.http.listen)) +
                         ": other addresses need API keys, in http.api_keys_file"});
  if (of.http.tls_certificate.empty() != of.http.tls_private_key.empty())
    found.push_back(
        {{of.http.tls_certificate.empty() ? "http.tls_certificate" : "http.tls_private_key",
          "http.tls_certificate", "http.tls_private_key"},
         "must be given: TLS needs a certificate and its private key"});
  if (of.http.listen == of.admin.listen && of.admin.listen.port != 0)
    found.push_back({{"admin.listen", "http.listen"}, "must not be the same as http.listen"});
  if (backoff.min > backoff.max)
    found.push_back({{"notification.backoff_min", "notification.backoff_max"},
                     "must be at most notification.backoff_max, " + to_string(backoff.max) +
                         ", not " + to_string(backoff.min)});
  if (of.shutdown.drain_delay >= of.shutdown.timeout)
    found.push_back({{"shutdown.drain_delay", "shutdown.timeout"},
                     "must be shorter than shutdown.timeout, " + to_string(of.shutdown.timeout) +
                         ", not " + to_string(of.shutdown.drain_delay)});
  // A message that was DELIVERED is asked about for up to three polls; its row must still be there.
  if (of.notification.retention < 3 * of.notification.results_poll)
    found.push_back({{"notification.retention", "notification.results_poll"},
                     "must be at least three times notification.results_poll, " +
                         to_string(of.notification.results_poll) + ", not " +
                         to_string(of.notification.retention)});
  std::ranges::move(provider_conflicts(of.alimtalk), std::back_inserter(found));
  std::ranges::move(nats_conflicts(of.nats), std::back_inserter(found));
  std::ranges::move(fallback_conflicts(of.alimtalk, "alimtalk.fallback", parameters_section),
                    std::back_inserter(found));
  std::ranges::move(text_conflicts(of.alimtalk, parameters_section, true),
                    std::back_inserter(found));
  std::ranges::move(refund_conflicts(of.alimtalk), std::back_inserter(found));
  return found;
}

} // namespace paymentd::config
