// Every setting of paymentd as plain values, and how they are loaded and shown. The command line
// loads them once at the start, before there is a second thread, and hands each part its own
// options. Defaults stand here; keys, bounds and sentences in registry.cpp; whatever `load` gives
// is in bounds.
#pragma once

#include "config/values.hpp"
#include "domain/backoff.hpp"
#include "domain/model.hpp"
#include "templates/message_plan.hpp"
#include "templates/metadata_condition.hpp"

#include <chrono>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace paymentd::config {

using std::chrono::milliseconds;

enum class alimtalk_fallback : std::uint8_t { off, sms, lms };
enum class refund_messages : std::uint8_t { automatic, on, off };
enum class migration_mode : std::uint8_t { automatic, off };
/// Where the URL of a webhook may lead.
enum class webhook_networks : std::uint8_t { public_only, all };
enum class log_level : std::uint8_t { trace, debug, info, warn, error };
enum class log_format : std::uint8_t { text, json };

/// The names that settings know them by: "sms", "info", "json".
std::string_view to_string(alimtalk_fallback) noexcept;
std::string_view to_string(refund_messages) noexcept;
std::string_view to_string(migration_mode) noexcept;
std::string_view to_string(webhook_networks) noexcept;
std::string_view to_string(log_level) noexcept;
std::string_view to_string(log_format) noexcept;

struct http_settings {
  address listen{"127.0.0.1", 8080}; // a loopback address where there are no keys
  std::string api_keys_file;         // empty: no keys are asked for
  std::string tls_certificate;       // empty: no TLS, and then the next one is empty, too
  std::string tls_private_key;
  int threads = 0; // 0: to be chosen from the number of processors
  int max_body_bytes = 65536;
  int max_connections = 10000;
  int max_event_streams = 1000; // 0: nobody follows the events
  int max_event_bytes_per_second = 16 * 1024 * 1024;
  milliseconds request_timeout{5'000};
  milliseconds idle_timeout{120'000};
  milliseconds header_timeout{10'000};
  milliseconds idempotency_retention = std::chrono::hours{24};
  std::vector<std::string> allowed_hosts; // in lower case
};

struct admin_settings {
  address listen{"127.0.0.1", 8081};
};

struct database_settings {
  secret_url url{"sqlite:paymentd.db"}; // "sqlite:PATH" or "postgresql://…"
  int lanes = 0;                        // 0: to be chosen
  int max_batch = 512;                  // above max_pending it is as max_pending
  int max_pending = 20000;
  migration_mode migrations = migration_mode::automatic;
};

/// The credentials of each provider are not empty. With a fallback, fallback_from is not.
struct alimtalk_settings {
  std::string provider = "log"; // one of providers/kind.hpp, or "none"
  /// Those that new messages go to while the ones before them fail, in their order; none of them
  /// log or none, and none twice.
  std::vector<std::string> next_providers;
  std::string base_url;                    // empty: the provider's own; no slash at its end
  std::vector<std::string> next_base_urls; // of the next providers, or none at all
  milliseconds failover_after = std::chrono::minutes{5};
  std::string ca_file;                                    // empty: none
  std::map<std::string, secret, std::less<>> credentials; // by key, of all providers: "app_key"
  templates::message_plan parameters; // [alimtalk.parameters]; empty: the standard ones
  std::string template_text;          // not empty where the provider wants the whole text
  std::string template_buttons;       // as templates::parse_buttons takes them
  int max_excess = 0;                 // 0: no limit
  alimtalk_fallback fallback = alimtalk_fallback::off;
  std::string fallback_from;
  std::string fallback_title;
  std::string fallback_text;
  // Of messages about refunds; their template is among the credentials: "refund_template_code". All
  // of several providers have one, or none has.
  refund_messages refunds = refund_messages::automatic; // by whether there is a template for them
  templates::message_plan refund_parameters; // [alimtalk.refund_parameters]; empty: as parameters
  std::string refund_template_text; // not empty where there is one and the provider wants the text
  std::string refund_template_buttons;
  std::string refund_fallback_title;
  std::string refund_fallback_text;
  milliseconds timeout{5'000};
  int max_recipients = 1000;
  int max_in_flight = 8;
  int max_per_second = 0; // 0: no limit
};

/// "nhn, solapi": all providers, for a line about them.
std::string named_providers(const alimtalk_settings& of);

/// Whether the customers of refunds that happen from now on get a message.
bool tells_refunds(const alimtalk_settings& of);
/// Whether messages about refunds can be sent: the provider knows no templates, or has one for
/// them.
bool has_refund_template(const alimtalk_settings& of);
/// As [alimtalk] is for messages about refunds: their template with its text and buttons, their
/// parameters and their fallback stand in the places of those about payments.
alimtalk_settings refund_settings(const alimtalk_settings& of);

/// One `[[alimtalk.template]]`: how the messages of the orders that meet its condition are made.
struct alimtalk_template {
  std::string where;                      // "paymentd.toml:12", for a line about it
  entry_kind about = entry_kind::payment; // or refund
  templates::metadata_condition when;
  alimtalk_settings alimtalk; // as [alimtalk] has them, or refund_settings of it, but for what the
                              // template says itself
};

/// Of all webhooks, which the database holds.
struct webhooks_settings {
  webhook_networks networks = webhook_networks::public_only;
  milliseconds pause_after = std::chrono::hours{120};
  milliseconds timeout{15'000};
  std::string ca_file; // empty: none
};

/// One `[[webhook]]`: a webhook that is taken over into the database at the first start.
struct webhook_settings {
  std::string where; // "paymentd.toml:12", for a line about it
  std::string name;  // unique, 1 to 40 of [a-z0-9_-]
  std::string url;
  secret signing_secret; // "whsec_…"
  secret old_secret;     // signs too, where it is not empty
  bool payments = true;  // at least one of both
  bool refunds = false;
  bool allow_private_network = false;
  std::string ca_file;                                       // empty: none
  std::string content_type = "application/cloudevents+json"; // or "application/json"
  milliseconds timeout{15'000};
  int max_in_flight = 32;
};

/// Kinds of events; at least one.
struct told_events {
  bool payments = true;
  bool refunds = false;
  friend bool operator==(const told_events&, const told_events&) = default;
};

/// The JetStream stream that is told of payments or refunds. Of credentials_file, token and user
/// at most one is given, and a password where there is a user.
struct nats_settings {
  std::vector<std::string> urls; // all "nats://…" or all "tls://…"; none: there is no subscriber
  std::string name;              // the subscriber is "nats-<name>"; empty: "nats"
  std::string stream = "PAYMENTD";
  std::string subject = "paymentd.events";
  told_events events;
  std::string credentials_file; // empty: none
  secret token;
  std::string user;
  secret password;
  std::string ca_file; // empty: none
  milliseconds timeout{5'000};
  int max_in_flight = 128;
};

struct notification_settings {
  backoff_options backoff; // min is at most max
  milliseconds max_age = std::chrono::hours{24};
  milliseconds retry_after_max = std::chrono::hours{1};
  milliseconds retention = std::chrono::hours{720};
  milliseconds lease{15'000};
  milliseconds results_poll{60'000};
};

struct shutdown_settings {
  milliseconds drain_delay{0}; // shorter than timeout
  milliseconds timeout{10'000};
};

struct log_settings {
  log_level level = log_level::info;
  log_format format = log_format::text;
  request_lines requests{.errors = true, .part = 0.01};
};

struct settings {
  http_settings http;
  admin_settings admin;
  database_settings database;
  alimtalk_settings alimtalk;
  std::vector<alimtalk_template>
      alimtalk_templates;                     // of the file alone; the first that fits is taken
  std::vector<webhook_settings> old_webhooks; // of the file alone
  webhooks_settings webhooks;
  nats_settings nats;
  notification_settings notification;
  shutdown_settings shutdown;
  log_settings log;
};

/// The settings of each provider of the AlimTalk as if it were the only one, in their order.
std::vector<settings> by_provider(const settings& of);

/// Name and value, or key and text.
using named_texts = std::vector<std::pair<std::string, std::string>>;

/// Where settings come from; a later one wins over an earlier one.
struct sources {
  std::optional<std::filesystem::path>
      file;                // without it the one that PAYMENTD_CONFIG names, if any
  named_texts environment; // only names that begin with PAYMENTD_ are looked at
  named_texts sets;        // --set: section.key and value, the last one wins
};

/// The settings, or all that is wrong: one line each, which names the key, where it was given and
/// what it takes, and never shows a secret.
std::expected<settings, std::vector<std::string>> load(const sources& from);

/// The settings' file that these sources name, if any.
std::optional<std::filesystem::path> settings_file(const sources& from);

/// A file that holds a secret, and the setting that names it: the settings' file itself (as
/// "--config") where a secret stands in it, and those of keys that end in _file.
struct secret_file {
  std::string setting;
  std::filesystem::path file;
};
/// All of these. Files that cannot be read are as if they were not there: `load` says so.
std::vector<secret_file> secret_files(const sources& from);

/// This process's environment, for `sources`.
named_texts process_environment();

/// Takes "section.key=value" apart; without a `=`, one line that says what is wrong.
std::expected<std::pair<std::string, std::string>, std::string> split_set(std::string_view text);

/// The commented example file: every setting with its sentence, bounds and default.
std::string example();

/// The man page paymentd.toml(5) of that release, from the same sentences.
std::string settings_page(const std::string& release);

/// docs/configuration.md, from the same sentences.
std::string settings_document();

/// "http.listen" and so on: all keys of single settings, in the order in which they are shown.
std::vector<std::string> setting_keys();

/// The settings in force as TOML, with secrets hidden.
std::string effective(const settings& of);

} // namespace paymentd::config
