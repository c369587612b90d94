// Every setting of paymentd as plain values, and how they are loaded and shown. The command line
// loads them once at the start, before there is a second thread, and hands each part its own
// options. Defaults stand here; keys, bounds and sentences in registry.cpp; whatever `load` gives
// is in bounds.
#pragma once

#include "config/values.hpp"
#include "domain/backoff.hpp"
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
enum class migration_mode : std::uint8_t { automatic, off };
enum class log_level : std::uint8_t { trace, debug, info, warn, error };
enum class log_format : std::uint8_t { text, json };

/// The names that settings know them by: "sms", "info", "json".
std::string_view to_string(alimtalk_fallback) noexcept;
std::string_view to_string(migration_mode) noexcept;
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
  int max_event_bytes_per_second = 32 * 1024 * 1024;
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

/// The credentials of the provider are not empty. With a fallback, fallback_from is not.
struct alimtalk_settings {
  std::string provider = "log"; // one of providers/kind.hpp, or "none"
  std::string base_url;         // empty: the provider's own; no slash at its end
  std::string ca_file;          // empty: none
  std::map<std::string, secret, std::less<>> credentials; // by key, of all providers: "app_key"
  templates::message_plan parameters; // [alimtalk.parameters]; empty: the standard ones
  int max_excess = 0;                 // 0: no limit
  alimtalk_fallback fallback = alimtalk_fallback::off;
  std::string fallback_from;
  std::string fallback_title;
  std::string fallback_text;
  milliseconds timeout{5'000};
  int max_recipients = 1000;
  int max_in_flight = 8;
  int max_per_second = 0; // 0: no limit
};

/// One `[[alimtalk.template]]`: how the messages of the orders that meet its condition are made.
struct alimtalk_template {
  std::string where; // "paymentd.toml:12", for a line about it
  templates::metadata_condition when;
  alimtalk_settings alimtalk; // as [alimtalk] has them, but for what the template says itself
};

/// One `[[webhook]]`: who is told of payments or refunds over HTTP.
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
};

struct settings {
  http_settings http;
  admin_settings admin;
  database_settings database;
  alimtalk_settings alimtalk;
  std::vector<alimtalk_template>
      alimtalk_templates;                 // of the file alone; the first that fits is taken
  std::vector<webhook_settings> webhooks; // of the file alone
  notification_settings notification;
  shutdown_settings shutdown;
  log_settings log;
};

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

/// This process's environment, for `sources`.
named_texts process_environment();

/// Takes "section.key=value" apart; without a `=`, one line that says what is wrong.
std::expected<std::pair<std::string, std::string>, std::string> split_set(std::string_view text);

/// The commented example file: every setting with its sentence, bounds and default.
std::string example();

/// The settings in force as TOML, with secrets hidden.
std::string effective(const settings& of);

} // namespace paymentd::config
