#include "config/registry.hpp"
#include "config/setting_kinds.hpp"

#include <array>
#include <cctype>

namespace paymentd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array provider_names{"log", "nhn", "solapi", "none"};
constexpr std::array fallback_names{"off", "sms", "lms"};
constexpr std::array migration_names{"auto", "off"};
constexpr std::array level_names{"trace", "debug", "info", "warn", "error"};
constexpr std::array format_names{"text", "json"};

#define PAYMENTD_FIELD(path) [](auto& s) -> auto& { return s.path; }

void add_http(std::vector<setting>& all) {
  all.push_back(listening("http.listen", PAYMENTD_FIELD(http.listen),
                          "Where the REST API listens. Only a loopback address: others need API "
                          "keys, which are not supported yet."));
  all.push_back(whole("http.threads", PAYMENTD_FIELD(http.threads), 0, 256,
                      "Threads that serve connections. 0: chosen from the number of processors."));
  all.push_back(whole("http.max_body_bytes", PAYMENTD_FIELD(http.max_body_bytes), 1024,
                      16 * 1024 * 1024, "The longest request body; a longer one is answered 413."));
  all.push_back(whole("http.max_connections", PAYMENTD_FIELD(http.max_connections), 1, 1'000'000,
                      "Connections open at once; further ones are answered 503 and closed."));
  all.push_back(duration("http.request_timeout", PAYMENTD_FIELD(http.request_timeout), 10ms, 10min,
                         "How long a request may take before it is answered 503 or 504."));
  all.push_back(
      duration("http.idle_timeout", PAYMENTD_FIELD(http.idle_timeout), 10ms, 24h,
               "How long a connection may stay open between two requests. Longer than clients and "
               "proxies keep theirs, so that it is they who close."));
  all.push_back(duration("http.header_timeout", PAYMENTD_FIELD(http.header_timeout), 10ms, 10min,
                         "How long a client may take to send a request, from its first byte; a "
                         "slower one is answered 408."));
  all.push_back(host_names("http.allowed_hosts", PAYMENTD_FIELD(http.allowed_hosts), 32,
                           "Names that the Host field of a request may have beside this machine's "
                           "own (localhost, 127.0.0.1): what a proxy or a container passes on. "
                           "Other hosts are answered 421, so that no page can reach this server by "
                           "a name of its own. Pages served under these names may make calls."));
  all.push_back(
      listening("admin.listen", PAYMENTD_FIELD(admin.listen),
                "Where /healthz, /readyz and /metrics are served. It asks for no key: keep it on "
                "a network of your own. Not the same as http.listen."));
}

void add_database(std::vector<setting>& all) {
  all.push_back(database_url("database.url", PAYMENTD_FIELD(database.url),
                             "The database: one file, or a PostgreSQL server."));
  all.push_back(whole("database.lanes", PAYMENTD_FIELD(database.lanes), 0, 64,
                      "Transactions that settle at once, each on a connection of its own. 0: "
                      "chosen; the embedded database always has 1."));
  all.push_back(
      whole("database.max_batch", PAYMENTD_FIELD(database.max_batch), 1, 10'000,
            "Commands settled in one transaction at the most, and never more than max_pending."));
  all.push_back(whole("database.max_pending", PAYMENTD_FIELD(database.max_pending), 1, 10'000'000,
                      "Commands that wait for the database at the most; further ones are answered "
                      "503."));
  all.push_back(choice("database.migrations", PAYMENTD_FIELD(database.migrations), migration_names,
                       "Whether serve creates and upgrades the schema by itself (auto), or only "
                       "paymentd migrate does (off)."));
}

void add_alimtalk(std::vector<setting>& all) {
  all.push_back(choice("alimtalk.provider", PAYMENTD_FIELD(alimtalk.provider), provider_names,
                       "Who sends the messages: log writes them to the log, nhn is NHN Cloud's "
                       "KakaoTalk Bizmessage, solapi is Solapi (CoolSMS), none sends nothing."));
  all.push_back(base_url("alimtalk.base_url", PAYMENTD_FIELD(alimtalk.base_url),
                         "Where the message API is. Empty: the provider's own address."));
  all.push_back(words("alimtalk.ca_file", PAYMENTD_FIELD(alimtalk.ca_file), 1000,
                      "A PEM file of certificates to trust besides the system's, for a base_url "
                      "behind a private CA. Empty: none."));
  all.push_back(token("alimtalk.app_key", PAYMENTD_FIELD(alimtalk.app_key), 100,
                      "nhn: the application's key."));
  all.push_back(hidden("alimtalk.secret_key", PAYMENTD_FIELD(alimtalk.secret_key), 500,
                       "nhn: the secret that goes with app_key."));
  all.push_back(token("alimtalk.sender_key", PAYMENTD_FIELD(alimtalk.sender_key), 100,
                      "nhn: the key of the KakaoTalk channel that sends."));
  all.push_back(token("alimtalk.template_code", PAYMENTD_FIELD(alimtalk.template_code), 20,
                      "nhn: the code of the approved template."));
  all.push_back(
      token("alimtalk.api_key", PAYMENTD_FIELD(alimtalk.api_key), 100, "solapi: the API key."));
  all.push_back(hidden("alimtalk.api_secret", PAYMENTD_FIELD(alimtalk.api_secret), 500,
                       "solapi: the secret that goes with api_key; it signs every call."));
  all.push_back(token("alimtalk.pf_id", PAYMENTD_FIELD(alimtalk.pf_id), 100,
                      "solapi: the id of the KakaoTalk channel that sends."));
  all.push_back(token("alimtalk.template_id", PAYMENTD_FIELD(alimtalk.template_id), 100,
                      "solapi: the id of the approved template."));
  all.push_back(choice("alimtalk.fallback", PAYMENTD_FIELD(alimtalk.fallback), fallback_names,
                       "What the provider sends to a customer whom the AlimTalk does not reach: an "
                       "SMS, a longer LMS, or nothing (off). Solapi itself chooses between the two "
                       "by the length."));
  all.push_back(phone_number("alimtalk.fallback_from", PAYMENTD_FIELD(alimtalk.fallback_from),
                             "The registered number that the fallback comes from."));
  all.push_back(words("alimtalk.fallback_title", PAYMENTD_FIELD(alimtalk.fallback_title), 120,
                      "nhn: the title of an LMS."));
  all.push_back(words("alimtalk.fallback_text", PAYMENTD_FIELD(alimtalk.fallback_text), 2000,
                      "What the fallback says; #{orderId}, #{amount}, #{time} and #{status} are "
                      "filled in. Empty: what the template says."));
  all.push_back(duration("alimtalk.timeout", PAYMENTD_FIELD(alimtalk.timeout), 10ms, 5min,
                         "How long one call of the message API may take."));
  all.push_back(whole("alimtalk.max_recipients", PAYMENTD_FIELD(alimtalk.max_recipients), 1, 1000,
                      "Messages sent in one call at the most."));
  all.push_back(whole("alimtalk.max_in_flight", PAYMENTD_FIELD(alimtalk.max_in_flight), 1, 256,
                      "Calls open at once at the most."));
  all.push_back(whole("alimtalk.max_per_second", PAYMENTD_FIELD(alimtalk.max_per_second), 0,
                      1'000'000, "Messages sent in a second at the most. 0: no limit."));
}

void add_notification(std::vector<setting>& all) {
  all.push_back(duration("notification.backoff_min", PAYMENTD_FIELD(notification.backoff.min), 1ms,
                         1h,
                         "The wait after the first failure of the message API; at most "
                         "backoff_max."));
  all.push_back(duration("notification.backoff_max", PAYMENTD_FIELD(notification.backoff.max), 1ms,
                         24h,
                         "The longest wait, however many failures there were; at least "
                         "backoff_min."));
  all.push_back(real("notification.backoff_factor", PAYMENTD_FIELD(notification.backoff.factor),
                     1.0, 100.0, "How much longer each further failure makes the wait."));
  all.push_back(real("notification.backoff_jitter", PAYMENTD_FIELD(notification.backoff.jitter),
                     0.0, 1.0,
                     "The part of each wait that is left to chance, so that many processes do not "
                     "come back at once."));
  all.push_back(duration("notification.retry_after_max",
                         PAYMENTD_FIELD(notification.retry_after_max), 1s, 24h,
                         "The longest that a provider or a webhook can have everything wait "
                         "(Retry-After); then one call is tried."));
  all.push_back(duration("notification.max_age", PAYMENTD_FIELD(notification.max_age), 1s, 8760h,
                         "How long a message is tried before it is FAILED."));
  all.push_back(duration("notification.retention", PAYMENTD_FIELD(notification.retention), 1h,
                         87600h,
                         "How long a message that was DELIVERED can be looked up; then its row is "
                         "deleted. What is FAILED or PENDING is kept."));
  all.push_back(duration("notification.lease", PAYMENTD_FIELD(notification.lease), 1s, 10min,
                         "How long the messages of a process that died stay its own, before "
                         "another process sends them."));
  all.push_back(duration("notification.results_poll", PAYMENTD_FIELD(notification.results_poll),
                         100ms, 1h,
                         "How often the provider is asked what became of the messages that it "
                         "accepted. What it tells is stored two to three times as long after it "
                         "became known."));
}

void add_rest(std::vector<setting>& all) {
  all.push_back(duration("shutdown.drain_delay", PAYMENTD_FIELD(shutdown.drain_delay), 0ms, 10min,
                         "How long a stop is announced, with /readyz 503 and everything else "
                         "served, before connections are refused: longer than a proxy takes to "
                         "notice. Part of timeout, and shorter."));
  all.push_back(duration("shutdown.timeout", PAYMENTD_FIELD(shutdown.timeout), 100ms, 10min,
                         "How long a stop waits for what is still being done."));
  all.push_back(choice("log.level", PAYMENTD_FIELD(log.level), level_names,
                       "The least that is written to the log."));
  all.push_back(choice("log.format", PAYMENTD_FIELD(log.format), format_names,
                       "How the log is written: lines for people, or one JSON object a line."));
}

#undef PAYMENTD_FIELD

} // namespace

std::string_view to_string(alimtalk_provider of) noexcept {
  return provider_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(alimtalk_fallback of) noexcept {
  return fallback_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(migration_mode of) noexcept {
  return migration_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(log_level of) noexcept {
  return level_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(log_format of) noexcept {
  return format_names[static_cast<std::size_t>(of)];
}

const std::vector<setting>& registry() {
  static const std::vector<setting> all = [] {
    std::vector<setting> made;
    add_http(made);
    add_database(made);
    add_alimtalk(made);
    add_notification(made);
    add_rest(made);
    return made;
  }();
  return all;
}

std::string variable_of(std::string_view key) {
  std::string name = "PAYMENTD_";
  for (const char c : key)
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string setting::variable() const {
  return variable_of(key);
}

} // namespace paymentd::config
