#include "config/registry.hpp"
#include "config/refunds.hpp"
#include "config/setting_kinds.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace paymentd::config {

namespace {

using namespace std::chrono_literals;

constexpr std::array fallback_names{"off", "sms", "lms"};
constexpr std::array refunds_names{"auto", "on", "off"};
constexpr std::array migration_names{"auto", "off"};
constexpr std::array network_names{"public", "all"};
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
      host_names(
          PAYMENTD_AT(http.allowed_hosts), 32,
          "Names that the Host field of a request may have beside this machine's own "
          "(localhost, 127.0.0.1): what a proxy passes on. A server on a loopback address "
          "answers other hosts 421, so that no page can reach it by a name of its own. Pages "
          "served under these names may make calls."),
      listening(PAYMENTD_AT(admin.listen),
                "Where /healthz, /readyz, /metrics and the console are served. All but the console "
                "ask for no key: keep it on a network of your own. Not the same as http.listen."),
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

setting refund_template(const providers::provider_kind& kind, const providers::credential& of) {
  setting made = credential(refund_key_of(of.key), of);
  made.sentence = std::string{kind.name} + ": as " + std::string{of.key} +
                  ", of the template for messages about refunds. Empty: there is none.";
  return made;
}

std::vector<setting> provider_list() {
  std::vector<std::string> names;
  std::string sentence = "The sender of messages: ";
  for (const auto& kind : providers::provider_kinds()) {
    names.emplace_back(kind.name);
    sentence.append(kind.sentence).append(", ");
  }
  names.emplace_back("none");
  sentence += "none sends nothing.";
  sentence += " Of a list, new messages go to the first one; while it fails for long, to the next.";
  std::vector<setting> all{
      provider_names(names, std::move(sentence)),
      duration(PAYMENTD_AT(alimtalk.failover_after), 1s, 24h,
               "How long a provider of the list fails before new messages go to the next one. A "
               "message that may have been sent by one is never sent by another. The one that "
               "failed gets a "
               "message that often, and all new ones again once it has taken one."),
      base_urls("Where the message API is; for a list of providers, a list of as many. Empty: the "
                "provider's own address."),
      words(PAYMENTD_AT(alimtalk.ca_file), 1000,
            "A PEM file of certificates to trust besides the system's, for a base_url behind a "
            "private CA. Empty: none."),
  };
  for (const auto& kind : providers::provider_kinds())
    for (const auto& needed : kind.credentials) {
      all.push_back(credential(std::string{needed.key}, needed));
      if (needed.key == kind.template_key)
        all.push_back(refund_template(kind, needed));
    }
  return all;
}

/// "sens and aligo", for those whose API wants the whole text.
std::string whole_text_providers() {
  std::string names;
  for (const auto& kind : providers::provider_kinds())
    if (kind.whole_text)
      names.append(names.empty() ? "" : " and ").append(kind.name);
  return names;
}

std::vector<setting> alimtalk_list() {
  constexpr std::size_t template_bytes_max = 4000; // 1,000 characters of at most four
  return {
      words(
          PAYMENTD_AT(alimtalk.template_text), template_bytes_max,
          whole_text_providers() +
              ": the whole text of the approved template, to the character, with its variables as "
              "#{name}. They send the text that is made of it, of 1,000 characters at the most; "
              "other providers know the text by the template."),
      words(
          PAYMENTD_AT(alimtalk.template_buttons), template_bytes_max,
          whole_text_providers() +
              ": the buttons of the approved template, one a line: TYPE | NAME, and behind it the "
              "links of a WL (for phones | for PCs, which may be missing) or of an AL (iOS | "
              "Android). Other types are DS, BK, MD and AC. Links may have variables."),
      whole(PAYMENTD_AT(alimtalk.max_excess), 0, 1300,
            "Characters that a variable's value may have more than its name; a longer one is cut. "
            "14 while the profile is new to NHN Cloud, which refuses more. 0: no limit."),
      choice(PAYMENTD_AT(alimtalk.fallback), fallback_names,
             "The message that a customer gets whom the AlimTalk does not reach: an SMS, a "
             "longer LMS, or nothing (off). Solapi itself chooses between the two by the length."),
      phone_number(PAYMENTD_AT(alimtalk.fallback_from),
                   "The registered number that the fallback comes from."),
      words(PAYMENTD_AT(alimtalk.fallback_title), 120, "The title of an LMS. Solapi takes none."),
      words(PAYMENTD_AT(alimtalk.fallback_text), 3000,
            "The fallback's text, in which the template's variables are filled in: #{orderId}, "
            "#{amount}, #{time} and #{status}, or those of [alimtalk.parameters]. An SMS has 90 "
            "bytes in EUC-KR, an LMS 2,000; a text that its values make longer is cut. Empty: the "
            "text of the template."),
      choice(PAYMENTD_AT(alimtalk.refunds), refunds_names,
             "Whether customers are told of refunds, too: yes (on), no (off), or where the "
             "provider has a template for them (auto). A change holds for refunds from the start "
             "on that brings it."),
      words(PAYMENTD_AT(alimtalk.refund_template_text), template_bytes_max,
            "As template_text, of the template for messages about refunds; its variables are those "
            "of [alimtalk.refund_parameters]."),
      words(PAYMENTD_AT(alimtalk.refund_template_buttons), template_bytes_max,
            "As template_buttons, of the template for messages about refunds."),
      words(PAYMENTD_AT(alimtalk.refund_fallback_title), 120,
            "As fallback_title, of messages about refunds."),
      words(PAYMENTD_AT(alimtalk.refund_fallback_text), 3000,
            "As fallback_text, of messages about refunds, which fall back as others do; its "
            "variables are those of [alimtalk.refund_parameters]."),
      duration(PAYMENTD_AT(alimtalk.timeout), 10ms, 5min,
               "How long one call of the message API may take."),
      whole(PAYMENTD_AT(alimtalk.max_recipients), 1, 1000,
            "Messages sent in one call at the most, and never more than the provider takes."),
      whole(PAYMENTD_AT(alimtalk.max_in_flight), 1, 256, "Calls open at once at the most."),
      whole(PAYMENTD_AT(alimtalk.max_per_second), 0, 1'000'000,
            "Messages sent in a second at the most. 0: no limit."),
  };
}

std::vector<setting> nats_list() {
  return {
      nats_urls(PAYMENTD_AT(nats.urls), 8,
                "The servers of a NATS cluster with JetStream, which each event is published to "
                "(docs/nats.md); tls:// where the connection has to be encrypted. Empty: none."),
      subscriber_name(PAYMENTD_AT(nats.name),
                      "The subscriber is called nats-NAME, or nats without a name. It is told of "
                      "everything from its first start on; another name begins anew."),
      stream_name(PAYMENTD_AT(nats.stream),
                  "The JetStream stream that has to take the events, which somebody has made. "
                  "Another one that takes them is an error."),
      nats_subject(PAYMENTD_AT(nats.subject), "The subject that they are published to."),
      kinds_of_events(
          PAYMENTD_AT(nats.events),
          "The kinds of events that are published. A change holds for what happens from "
          "the start on that brings it."),
      words(PAYMENTD_AT(nats.credentials_file), 1000,
            "A .creds file, with a user's JWT and the seed of its key; read anew for each "
            "connection. Empty: none. At most one of this, token and user is given."),
      nats_secret(PAYMENTD_AT(nats.token), 500, "A token to connect with. Empty: none."),
      nats_login(PAYMENTD_AT(nats.user), 200, "A user to connect as. Empty: none."),
      nats_secret(PAYMENTD_AT(nats.password), 500, "The password of this user."),
      words(PAYMENTD_AT(nats.ca_file), 1000,
            "A PEM file of certificates to trust besides the system's, for servers behind a "
            "private CA. Empty: none."),
      duration(
          PAYMENTD_AT(nats.timeout), 10ms, 5min,
          "How long JetStream may take to say that it has stored an event, the time to connect "
          "included."),
      whole(PAYMENTD_AT(nats.max_in_flight), 1, 256,
            "Events that wait for this at once at the most."),
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
      choice(PAYMENTD_AT(webhooks.networks), network_names,
             "Where the URLs of webhooks may lead, which clients give by POST /v1/webhooks: to the "
             "public internet alone, or to this machine and private networks as well (all)."),
      duration(PAYMENTD_AT(webhooks.timeout), 10ms, 5min, "How long a POST to a webhook may take."),
      words(PAYMENTD_AT(webhooks.ca_file), 1000,
            "A PEM file of certificates to trust besides the system's, for webhooks behind a "
            "private CA. Empty: none."),
      duration(PAYMENTD_AT(webhooks.pause_after), 1min, 8760h,
               "How long a webhook may take nothing, although it is tried, before it is paused."),
      duration(PAYMENTD_AT(shutdown.drain_delay), 0ms, 10min,
               "How long a stop is announced, with /readyz 503 and everything else served, before "
               "connections are refused: longer than a proxy takes to notice. Part of timeout, and "
               "shorter."),
      duration(PAYMENTD_AT(shutdown.timeout), 100ms, 10min,
               "How long a stop waits for what is still being done."),
      choice(PAYMENTD_AT(log.level), level_names, "The least that is written to the log."),
      choice(PAYMENTD_AT(log.format), format_names,
             "How the log is written: lines for people, or one JSON object a line."),
      requests(PAYMENTD_AT(log.requests),
               "Which requests have a line, at the level info: errors, those that were answered "
               "4xx or 5xx, 50 a second of each thread at the most; a number, these and that part "
               "of the others, by chance; all; or none (off). 5xx, and what was refused for its "
               "API key, always has a line, at warn."),
  };
}

#undef PAYMENTD_AT
#undef PAYMENTD_KEY_AT

} // namespace

std::string_view to_string(alimtalk_fallback of) noexcept {
  return fallback_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(refund_messages of) noexcept {
  return refunds_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(migration_mode of) noexcept {
  return migration_names[static_cast<std::size_t>(of)];
}

std::string_view to_string(webhook_networks of) noexcept {
  return network_names[static_cast<std::size_t>(of)];
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
                             nats_list(), notification_list(), rest_list()})
      made.insert(made.end(), part.begin(), part.end());
    return made;
  }();
  return all;
}

std::vector<std::string> sections() {
  std::vector<std::string> names;
  for (const auto& each : registry())
    if (names.empty() || names.back() != each.section())
      names.push_back(each.section());
  return names;
}

const setting* find(std::string_view key) {
  const auto& all = registry();
  const auto found = std::ranges::find(all, key, &setting::key);
  return found == all.end() ? nullptr : &*found;
}

const setting* find_by_file(std::string_view key) {
  if (!key.ends_with(file_suffix))
    return nullptr;
  const auto* found = find(key.substr(0, key.size() - file_suffix.size()));
  return found != nullptr && found->is_secret ? found : nullptr;
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
