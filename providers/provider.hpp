// The port between delivery and a message API. An adapter turns a call of messages into whatever
// its API wants and the API's answer into the few classes of failure that delivery acts upon.
// Adapters: log, nhn, solapi, sens, aligo, webhook, nats. They know nothing of actors; the
// notification actor nothing of HTTP.
#pragma once

#include "domain/event.hpp"
#include "domain/webhook.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::providers {

/// One message of a call.
struct recipient {
  std::string delivery_id; // "<subscriber>-<instance>-<entry id>"
  payment_event event;     // of `search`: with an empty phone, nothing but the entry's id is known
};

/// A call: sent whole, and repeated only whole under the same key.
struct call {
  std::string key;                   // idempotency key and sender grouping key
  std::vector<recipient> recipients; // at least one, at most recipients_max()
  std::string instance = {};         // of the database: 8 of [0-9a-f]
};

enum class failure_class : std::uint8_t {
  permanent, // this will never succeed: a bad number
  transient, // try this message again later
  throttled, // try again after `retry_after`
  outage, // the API as a whole does not work: down, 5xx, or credentials, sender or template refused
  unknown, // it may have been accepted: a time-out after writing, a lost connection, garbage
  seen,    // the key was seen before, which does not tell what was accepted: `search` does
};

struct failure {
  failure_class kind = failure_class::unknown;
  std::string reason; // one line for the log and the delivery's lastError; no secrets
  std::chrono::milliseconds retry_after{0}; // of a throttled one; 0 where the API does not say
  /// Of an outage: whether the request cannot have been accepted because not one byte of it was
  /// written. Then the same key may be used again; otherwise a refused call needs a new key. Of one
  /// recipient of a call that was taken: it was not accepted, for no fault of its own.
  bool never_written = false;
  /// Of an outage: whether it may have come after the call was accepted, as a server's error or a
  /// gateway's may. Then the call is in doubt, and keeps its key.
  bool may_follow_acceptance = false;
  /// Of a refused call: whether the API refused this call as it stands, so that a smaller part of
  /// it might pass (a poisoned recipient), rather than being out of order itself.
  bool refused_content = false;
  /// Of a webhook: whether its receiver said that it is gone, and wants no event any more.
  bool gone = false;
};

struct accepted {
  std::string provider_message_id;
  std::optional<message_channel> channel = {}; // where it is known already
};

/// The result of a call: a failure of the call as a whole, or one result for each recipient, in
/// the call's order.
using recipient_result = std::expected<accepted, failure>;
using call_result = std::expected<std::vector<recipient_result>, failure>;

/// The finding of a search by key for one recipient: the provider's message id where the provider
/// has accepted it, otherwise nothing; and why it was not sent after all, where that is known by
/// now.
struct found_message {
  std::string provider_message_id = {};
  std::string failed = {}; // one line
  std::optional<message_channel> channel = {};
  friend bool operator==(const found_message&, const found_message&) = default;
};
/// One for each recipient of the call, in its order.
using search_result = std::expected<std::vector<found_message>, failure>;

/// The final result of a message that was accepted.
struct final_result {
  std::string delivery_id; // as in the call; empty: see provider_message_id
  bool reached = false;    // the customer's phone
  instant at;              // when it did
  std::string reason;      // one line, where it did not
  /// The provider's id of the call that it came in: the message's own id begins with it. It
  /// tells a message that was sent again from the one before. Empty: not told.
  std::string provider_call_id = {};
  std::optional<message_channel> channel = {}; // of one that reached it
  /// Of an API that gives back no id of ours: the message's own id as it was `accepted` with. It
  /// begins with `found_by_id` (domain/delivery.hpp).
  std::string provider_message_id = {};
};

/// One page of the final results that became known in a span of time.
struct results_query {
  instant from;
  instant to;
  std::string cursor; // empty: the first page
};
struct results_page {
  std::vector<final_result> results; // at most 1,000
  std::string next;                  // the cursor of the next page; empty: this is the last
};
using results_answer = std::expected<results_page, failure>;

/// A request as it would be made, for people to look at: its secrets are ***.
struct shown_request {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

class provider {
 public:
  virtual ~provider() = default;

  /// Its name in the settings: "nhn". At most 64 characters; any thread.
  virtual std::string_view name() const = 0;

  /// Sends a call. `done` is called exactly once, on the provider's own thread, within the
  /// provider's time-out, or within two of them where its messages go by several templates (or at
  /// once, in `send` itself), and must not block. Any thread.
  virtual void send(call what, std::function<void(call_result)> done) = 0;

  /// The request that `send` would make of a call, without making it; nothing where it makes none.
  /// But for its `traceparent`, of which each request has its own. Any thread.
  virtual std::optional<shown_request> show(const call&) const { return std::nullopt; }

  /// Asks which of a call's recipients were accepted under its key. As `send`. Only where
  /// `can_search()`.
  virtual void search(call what, std::function<void(search_result)> done) = 0;
  virtual bool can_search() const = 0;

  /// The final results of accepted messages: those whose final result became known from `from` to
  /// `to`, and maybe some from just before and after. A message may come more than once. As `send`.
  /// Only where `can_tell_results()`.
  virtual void results(results_query what, std::function<void(results_answer)> done) {
    static_cast<void>(what);
    done(std::unexpected(failure{.kind = failure_class::outage,
                                 .reason = "this provider does not tell results",
                                 .never_written = true}));
  }
  virtual bool can_tell_results() const { return false; }

  /// How far the provider's clock was ahead of this machine's when it last answered: results are
  /// dated by the provider's. Nothing where that is not known. Any thread.
  virtual std::optional<std::chrono::milliseconds> ahead() const { return std::nullopt; }

  /// How long the provider refuses a repeated key (`seen`); 0 where it does not know keys. After
  /// that, a call in doubt is searched for, and what is not there is sent under a new key.
  virtual std::chrono::milliseconds key_window() const = 0;

  /// Whether a call that is sent again, since its outcome is unknown, may reach its recipients a
  /// second time without anybody noticing: then it is repeated at long intervals, and only a few
  /// times.
  virtual bool repeats_are_copies() const { return false; }

  /// Whether its messages go to phones: those of users without one are FAILED and never sent.
  virtual bool needs_phone() const { return false; }

  /// The most recipients that one call may have.
  virtual std::size_t recipients_max() const = 0;

  /// Ends connections and answers what is open with `unknown`. Afterwards all calls are answered
  /// at once with an outage.
  virtual void stop() = 0;
};

/// The receiver of a webhook, which can be told of more than the ledger's events.
class endpoint : public provider {
 public:
  /// Signs by these secrets from now on, by each of them. Each is one that it was made with, or of
  /// the same form. Any thread.
  virtual void sign_with(const std::vector<std::string>& secrets) = 0;

  /// Sends a notice, once. As `send`.
  virtual void tell(webhook_notice what, std::function<void(recipient_result)> done) = 0;

  /// Whether its receiver said of an event that it is gone. Any thread.
  virtual bool gone() const { return false; }
};

} // namespace paymentd::providers
