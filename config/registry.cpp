#include "config/registry.hpp"
#include "config/setting_kinds.hpp"

#include <array>
#include <cctype>

namespace paymentd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array fallback_names{"off", "sms", "lms"};
constexpr std::array migration_names{"auto", "off"};
constexpr std::array level_names{"trace", "debug", "info", "warn", "error"};
constexpr std::array format_names{"text", "json"};

// A setting's field by its path, which is its key too; and one whose path is another.
#define PAYMENTD_AT(path) at(#path, [](auto& s) -> auto& { return s.path; })
#define PAYMENTD_KEY_AT(key, path) at(key, [](auto& s) -> auto& { return s.path; })

std::vector<setting> http_list() {
  return {
      listening(PAYMENTD_AT(http.listen), "Where the REST API listens. Other addresses than "
                                          "loopback need http.api_keys_file."),
      words(PAYMENTD_AT(http.api_keys_file), 1000,
            "The file of the API keys, which paymentd keys makes and changes. A changed file is in "
            "force within a second. Empty: every request is served without a key."),
      words(
          PAYMENTD_AT(http.tls_certificate), 1000,
          "A PEM file of the certificate that clients are shown, with those that signed it behind "
          "it. A changed file is in force within a second. Empty: no TLS."),
      words(PAYMENTD_AT(http.tls_private_key), 1000,
            "The PEM file of its private key, without a passphrase."),
      whole(PAYMENTD_AT(http.threads), 0, 256,
            "Threads that serve connections. 0: chosen from the number of processors."),
      whole(PAYMENTD_AT(http.max_body_bytes), 1024, 16 * 1024 * 1024,
            "The longest request body; a longer one is answered 413."),
      whole(PAYMENTD_AT(http.max_connections), 1, 1'000'000,
            "Connections open at once; further ones are answered 503 and closed."),
      whole(PAYMENTD_AT(http.max_event_streams), 0, 100'000,
            "Clients that follow GET /v1/events at once, among the connections; further ones are "
            "answered 503."),
      whole(
          PAYMENTD_AT(http.max_event_bytes_per_second), 65'536, 2'000'000'000,
          "Bytes a second that all who follow the events are sent together, so that payments keep "
          "the processor. Where more would be due, events come later."),
      duration(PAYMENTD_AT(http.request_timeout), 10ms, 10min,
               "How long a request may take before it is answered 503 or 504."),
      duration(PAYMENTD_AT(http.idle_timeout), 10ms, 24h,
               "How long a connection may stay open between two requests. Longer than clients and "
               "proxies keep theirs, so that it is they who close."),
      duration(PAYMENTD_AT(http.header_timeout), 10ms, 10min,
               "How long a client may take to send a request, from its first byte; a slower one is "
               "answered 408."),
      duration(PAYMENTD_AT(http.idempotency_retention), 1min, 8760h,
               "How long a success is kept for its Idempotency-Key, at least."),
      host_names(PAYMENTD_AT(http.allowed_hosts), 32,
                 "Names that the Host field of a request may have beside this machine's own "
                 "(localhost, 127.0.0.1): what a proxy or a container passes on. Other hosts are "
                 "answered 421, so that no page can reach this server by a name of its own. Pages "
                 "served under these names may make calls."),
      listening(PAYMENTD_AT(admin.listen),
                "Where /healthz, /readyz and /metrics are served. It asks for no key: keep it on a "
                "network of your own. Not the same as http.listen."),
  };
}

std::vector<setting> database_list() {
  return {
      database_url(PAYMENTD_AT(database.url), "The database: one file, or a PostgreSQL server."),
      whole(PAYMENTD_AT(database.lanes), 0, 64,
            "Transactions that settle at once, each on a connection of its own. 0: chosen; the "
            "embedded database always has 1."),
      whole(PAYMENTD_AT(database.max_batch), 1, 10'000,
            "Commands settled in one transaction at the most, and never more than max_pending."),
      whole(PAYMENTD_AT(database.max_pending), 1, 10'000'000,
            "Commands that wait for the database at the most; further ones are answered 503."),
      choice(PAYMENTD_AT(database.migrations), migration_names,
             "Whether serve creates and upgrades the schema by itself (auto), or only paymentd "
             "migrate does (off)."),
  };
}

std::vector<setting> provider_list() {
  std::vector<std::string> names;
  for (const auto& kind : providers::provider_kinds())
    names.emplace_back(kind.name);
  names.emplace_back("none");
  std::vector<setting> all{
      one_of(PAYMENTD_AT(alimtalk.provider), names,
             "The sender of messages: log writes them to the log, nhn is NHN Cloud's KakaoTalk "
             "Bizmessage, solapi is Solapi (CoolSMS), none sends nothing."),
      base_url(PAYMENTD_AT(alimtalk.base_url),
               "Where the message API is. Empty: the provider's own address."),
      words(PAYMENTD_AT(alimtalk.ca_file), 1000,
            "A PEM file of certificates to trust besides the system's, for a base_url behind a "
            "private CA. Empty: none."),
  };
  for (const auto& kind : providers::provider_kinds())
    for (const auto& needed : kind.credentials)
      all.push_back(credential("alimtalk." + std::string{needed.key}, needed));
  return all;
}

std::vector<setting> alimtalk_list() {
  return {
      whole(PAYMENTD_AT(alimtalk.max_excess), 0, 1300,
            "Characters that a variable's value may have more than its name; a longer one is cut. "
            "14 while the profile is new to NHN Cloud, which refuses more. 0: no limit."),
      choice(PAYMENTD_AT(alimtalk.fallback), fallback_names,
             "The message that a customer gets whom the AlimTalk does not reach: an SMS, a "
             "longer LMS, or nothing (off). Solapi itself chooses between the two by the length."),
      phone_number(PAYMENTD_AT(alimtalk.fallback_from),
                   "The registered number that the fallback comes from."),
      words(PAYMENTD_AT(alimtalk.fallback_title), 120, "nhn: the title of an LMS."),
      words(PAYMENTD_AT(alimtalk.fallback_text), 3000,
            "The fallback's text, in which the template's variables are filled in: #{orderId}, "
            "#{amount}, #{time} and #{status}, or those of [alimtalk.parameters]. An SMS has 90 "
            "bytes in EUC-KR, an LMS 2,000; a text that its values make longer is cut. Empty: the "
            "text of the template."),
      duration(PAYMENTD_AT(alimtalk.timeout), 10ms, 5min,
               "How long one call of the message API may take."),
      whole(PAYMENTD_AT(alimtalk.max_recipients), 1, 1000,
            "Messages sent in one call at the most."),
      whole(PAYMENTD_AT(alimtalk.max_in_flight), 1, 256, "Calls open at once at the most."),
      whole(PAYMENTD_AT(alimtalk.max_per_second), 0, 1'000'000,
            "Messages sent in a second at the most. 0: no limit."),
  };
}

std::vector<setting> notification_list() {
  return {
      duration(PAYMENTD_KEY_AT("notification.backoff_min", notification.backoff.min), 1ms, 1h,
               "The wait after the first failure of the message API; at most backoff_max."),
      duration(PAYMENTD_KEY_AT("notification.backoff_max", notification.backoff.max), 1ms, 24h,
               "The longest wait, however many failures there were; at least backoff_min."),
      real(PAYMENTD_KEY_AT("notification.backoff_factor", notification.backoff.factor), 1.0, 100.0,
           "How much longer each further failure makes the wait."),
      real(PAYMENTD_KEY_AT("notification.backoff_jitter", notification.backoff.jitter), 0.0, 1.0,
           "The part of each wait that is left to chance, so that many processes do not come back "
           "at once."),
      duration(PAYMENTD_AT(notification.retry_after_max), 1s, 24h,
               "The longest that a provider or a webhook can have everything wait (Retry-After); "
               "then one call is tried."),
      duration(PAYMENTD_AT(notification.max_age), 1s, 8760h,
               "How long a message is tried before it is FAILED."),
      duration(PAYMENTD_AT(notification.retention), 1h, 87600h,
               "How long a message that was DELIVERED can be looked up; then its row is deleted. "
               "Those that are FAILED or PENDING are kept."),
      duration(PAYMENTD_AT(notification.lease), 1s, 10min,
               "How long the messages of a process that died stay its own, before another process "
               "sends them."),
      duration(PAYMENTD_AT(notification.results_poll), 100ms, 1h,
               "How often the provider is asked what became of the messages that it accepted. Its "
               "answer is stored two to three times as long after it became known."),
  };
}

std::vector<setting> rest_list() {
  return {
      duration(PAYMENTD_AT(shutdown.drain_delay), 0ms, 10min,
               "How long a stop is announced, with /readyz 503 and everything else served, before "
               "connections are refused: longer than a proxy takes to notice. Part of timeout, and "
               "shorter."),
      duration(PAYMENTD_AT(shutdown.timeout), 100ms, 10min,
               "How long a stop waits for what is still being done."),
      choice(PAYMENTD_AT(log.level), level_names, "The least that is written to the log."),
      choice(PAYMENTD_AT(log.format), format_names,
             "How the log is written: lines for people, or one JSON object a line."),
  };
}

#undef PAYMENTD_AT
#undef PAYMENTD_KEY_AT

} // namespace

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
    for (const auto& part : {http_list(), database_list(), provider_list(), alimtalk_list(),
                             notification_list(), rest_list()})
      made.insert(made.end(), part.begin(), part.end());
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
