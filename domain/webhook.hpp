// Webhooks as the database keeps them, what clients ask of them, and what keepers note of them.
// Values only; any thread.
#pragma once

#include "domain/model.hpp"
#include "domain/types.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace paymentd {

inline constexpr std::size_t webhooks_max = 100;
inline constexpr std::size_t webhook_name_max = 40; // characters
inline constexpr std::size_t webhook_url_max = 2000;
inline constexpr int webhook_in_flight_max = 256;
inline constexpr int webhook_per_second_max = 100'000;
/// A secret that was replaced signs on for so long; of more than so many, the oldest is dropped.
inline constexpr std::chrono::hours old_secret_signs_for{24};
inline constexpr std::size_t old_secrets_max = 4;

/// The Content-Type of its POSTs. The body is the same.
inline constexpr std::string_view cloudevents_type = "application/cloudevents+json";
inline constexpr std::string_view json_type = "application/json";

struct old_secret {
  std::string text;
  instant until; // it signs before then
  friend bool operator==(const old_secret&, const old_secret&) = default;
};

/// A receiver of events over HTTP, by its name. Its subscriber is "webhook-<name>".
struct webhook {
  std::string name;     // valid_webhook_name
  std::string url;      // valid_webhook_url
  bool payments = true; // which events it is told of, at least one of both
  bool refunds = true;
  bool enabled = true;
  int max_in_flight = 32; // POSTs open at once, 1 to webhook_in_flight_max
  int max_per_second = 0; // POSTs a second, to webhook_per_second_max; 0: as fast as it goes
  std::string secret;     // "whsec_…"; in the clear, since it signs
  std::vector<old_secret> old_secrets = {};                 // the newest first
  std::string content_type = std::string(cloudevents_type); // or json_type
  // As a table [[webhook]] of the settings' file had them. No call changes them, but that a URL of
  // another origin ends the first.
  bool allow_private_network = false;
  std::string ca_file = {};             // empty: that of the settings
  std::chrono::milliseconds timeout{0}; // 0: that of the settings
  /// It has taken nothing since then, although it was tried.
  std::optional<instant> failing_since = std::nullopt;
  std::optional<instant> paused_at = std::nullopt; // by itself, since it failed for too long
  instant created_at = {};
  instant updated_at = {};
  bool replaying = false; // a replay goes on; told by the store, and not written
  friend bool operator==(const webhook&, const webhook&) = default;
};

/// 1 to webhook_name_max of a-z, 0-9, - and _.
bool valid_webhook_name(std::string_view text) noexcept;
/// "http[s]://host[:port][/path][?query]" of visible ASCII characters, without a user and a #.
bool valid_webhook_url(std::string_view text) noexcept;
/// The name of its subscriber.
std::string webhook_subscriber(std::string_view webhook_name);
/// The secrets that sign at `now`, the newest first.
std::vector<std::string> secrets_at(const webhook& of, instant now);

/// The secrets that were replaced as one text, for a column, and back: "<ms since 1970>:<secret>",
/// with spaces between. A part that is no such thing is passed over.
std::string to_text(const std::vector<old_secret>& secrets);
std::vector<old_secret> old_secrets_from(std::string_view text);

// ---- requests of clients ------------------------------------------------------------------------

struct list_webhooks {};
struct get_webhook {
  std::string name;
};
/// Its times are set by the rule; its secret by the keeper. Done once under a key, as the three
/// others that have one.
struct create_webhook {
  webhook what;
  std::optional<idempotency_key> key = std::nullopt;
  std::string fault = {}; // why it cannot work; set by the keeper
};
/// Changes what is given.
struct update_webhook {
  std::string name;
  std::optional<std::string> url = std::nullopt;
  std::optional<bool> payments = std::nullopt; // both or none
  std::optional<bool> refunds = std::nullopt;
  std::optional<bool> enabled = std::nullopt;
  std::optional<int> max_in_flight = std::nullopt;
  std::optional<int> max_per_second = std::nullopt;
  std::optional<std::string> content_type = std::nullopt;
  std::optional<idempotency_key> key = std::nullopt;
  std::string fault = {}; // why it cannot work with that URL; set by the keeper
};
struct delete_webhook {
  std::string name;
};
struct rotate_webhook_secret {
  std::string name;
  std::string secret = {}; // the new one; set by the keeper
  std::optional<idempotency_key> key = std::nullopt;
};
/// Its events from a time on are delivered once more.
struct replay_webhook {
  std::string name;
  instant from;
  std::optional<idempotency_key> key = std::nullopt;
};
/// An event that stands in no ledger is sent to it.
struct test_webhook {
  std::string name;
};
/// From a keeper: the webhook took something, or was tried and took nothing.
struct judge_webhook {
  std::string name;
  bool works = false;
  std::chrono::milliseconds pause_after{0}; // so long it may fail
  /// The URL that has answered 410 Gone: paused at once, where that still is its URL. Else empty.
  std::string gone = {};
};
using webhook_request =
    std::variant<list_webhooks, get_webhook, create_webhook, update_webhook, delete_webhook,
                 rotate_webhook_secret, replay_webhook, test_webhook, judge_webhook>;

/// The idempotency key that it came under.
inline std::optional<idempotency_key> key_of(const webhook_request& what) {
  return std::visit(
      [](const auto& each) -> std::optional<idempotency_key> {
        if constexpr (requires { each.key; })
          return each.key;
        else
          return std::nullopt;
      },
      what);
}
/// Of one that keeps no key nothing is changed.
inline void set_key(webhook_request& what, const idempotency_key& key) {
  std::visit(
      [&](auto& each) {
        if constexpr (requires { each.key; })
          each.key = key;
      },
      what);
}

// ---- answers ------------------------------------------------------------------------------------

struct webhook_list {
  std::vector<webhook> items; // by name
  friend bool operator==(const webhook_list&, const webhook_list&) = default;
};
struct webhook_shown {
  std::shared_ptr<const webhook> what; // on the heap, so that other answers are no larger
  bool with_secret = false;            // it is new
  bool replayed = false; // as it was answered before, under the same key; nothing happened now
  friend bool operator==(const webhook_shown&, const webhook_shown&) = default;
};
/// It is deleted; or its replay has begun; or there was nothing to note.
struct webhook_done {
  bool replayed = false; // as above
  friend bool operator==(webhook_done, webhook_done) = default;
};
/// The two that an idempotency key is kept with.
using webhook_success = std::variant<webhook_done, webhook_shown>;
enum class webhook_refusal : std::uint8_t {
  exists,                   // another one has the name
  too_many,                 // there are webhooks_max
  events_changed_too_often, // no more changes of them are kept; `detail` says so
  cannot_work,              // its URL is none that can be called; `detail` says why
};
struct webhook_refused {
  webhook_refusal why = webhook_refusal::exists;
  std::string detail = {}; // one line
  friend bool operator==(const webhook_refused&, const webhook_refused&) = default;
};
struct webhook_tested {
  bool taken = false;
  std::string detail = {}; // why not
  std::chrono::milliseconds took{0};
  friend bool operator==(const webhook_tested&, const webhook_tested&) = default;
};

// ---- notices ------------------------------------------------------------------------------------

/// An event about a webhook itself. It stands in no ledger.
struct webhook_notice {
  enum class kind : std::uint8_t { test, paused };
  kind of = kind::test;
  std::string id;      // webhook-id
  std::string webhook; // whom it is about
  instant at;
  std::optional<instant> failing_since = std::nullopt; // of one that was paused
  std::string instance = {};                           // of the database
};

} // namespace paymentd
