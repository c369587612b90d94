#include "config/parameters.hpp"
#include "config/registry.hpp"

#include "providers/kind.hpp"
#include "templates/length.hpp"
#include "templates/variables.hpp"

#include <algorithm>
#include <iterator>

namespace paymentd::config {

std::vector<conflict> fallback_conflicts(const alimtalk_settings& of, std::string_view fallback,
                                         std::string_view parameters) {
  std::vector<conflict> found;
  if (of.fallback == alimtalk_fallback::off)
    return found;
  const std::string because =
      ", because " + std::string{fallback} + " is " + std::string{to_string(of.fallback)};
  if (of.fallback_from.empty())
    found.push_back({{"alimtalk.fallback_from", "alimtalk.fallback"}, "must be given" + because});
  const bool standard = of.parameters.parameters().empty();
  const auto plan = standard ? templates::message_plan::standard() : of.parameters;
  // Without the table, other names go out as they are written.
  if (!standard)
    for (const auto& [key, text] : {std::pair{"alimtalk.fallback_title", &of.fallback_title},
                                    std::pair{"alimtalk.fallback_text", &of.fallback_text}})
      for (const std::string_view name : templates::unknown_variables(*text, plan)) {
        std::string shown{name.substr(0, name.find('\n'))};
        templates::cut_to_characters(shown, templates::message_plan::name_characters_max);
        found.push_back(
            {{key, std::string{parameters_section}},
             "has #{" + shown + "}, which is not in [" + std::string{parameters} + "]"});
      }
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
  for (const auto& kind : providers::provider_kinds())
    for (const auto& needed : kind.credentials)
      if (const auto given = of.alimtalk.credentials.find(needed.key);
          kind.name == of.alimtalk.provider &&
          (given == of.alimtalk.credentials.end() || given->second.empty()))
        found.push_back({{"alimtalk." + std::string{needed.key}, "alimtalk.provider"},
                         "must be given, because alimtalk.provider is " + of.alimtalk.provider});
  std::ranges::move(fallback_conflicts(of.alimtalk, "alimtalk.fallback", parameters_section),
                    std::back_inserter(found));
  return found;
}

} // namespace paymentd::config
