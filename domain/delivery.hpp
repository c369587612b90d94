// The parts of delivery: subscribers, their messages, the claims that stand in the database
// while something may be under way, and one step of all that. Values only; any thread.
#pragma once

#include "domain/event.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace paymentd {

/// The right to write one stream of the ledger, or to deliver what is in it to one subscriber. Each
/// owner's tenure has an epoch of its own; a call under an ended epoch is answered `fenced`.
struct stream_lease {
  stream_id stream;
  std::int64_t epoch = 0;
  friend bool operator==(const stream_lease&, const stream_lease&) = default;
};

/// The right to deliver what is in a stream to one subscriber, known by its name.
struct delivery_lease {
  std::string subscriber;
  stream_lease stream;
  friend bool operator==(const delivery_lease&, const delivery_lease&) = default;
};

enum class delivery_status : std::uint8_t { pending = 0, delivered = 1, failed = 2 };

/// The way in which a try did not succeed. The numbers stand in the database. But for the last one
/// they are classes of failure (providers/provider.hpp).
enum class try_outcome : std::uint8_t {
  permanent = 1,
  transient = 2,
  throttled = 3,
  outage = 4,
  unknown = 5,
  undelivered = 6, // accepted, but the provider told later that it did not reach the phone
};

/// A try of a message that did not succeed: a call that it was in, or a search for it.
struct delivery_try {
  instant at;                        // when it began; of an undelivered one, when that was told
  std::chrono::milliseconds took{0}; // 0 where that is not known
  try_outcome outcome = try_outcome::unknown;
  std::string detail; // one line, in the provider's words; bounded as `last_error`
  friend bool operator==(const delivery_try&, const delivery_try&) = default;
};

/// So many tries of a message are kept: the last ones.
inline constexpr std::size_t tries_max = 10;

/// A receiver of events: the AlimTalk, a webhook. It has one cursor a stream.
struct subscriber {
  subscriber_id id;
  std::string name;           // "alimtalk"; unique, at most 64 characters of [a-z0-9_-]
  bool wants_payments = true; // which kinds of entries it takes of those that are committed now
  bool wants_refunds = false;
  std::string instance = {};               // the database's own name, made with it: 8 of [0-9a-f]
  std::optional<instant> quiet_until = {}; // its provider asked for quiet until then
};

/// A channel's number in the database; 0 where it is not known.
constexpr int channel_number(std::optional<message_channel> channel) {
  return channel ? static_cast<int>(*channel) : 0;
}

/// One event on its way to one subscriber.
struct message {
  payment_event event;
  int attempts = 0; // tries so far, but for those that an outage or a wish for quiet ended
  int copies = 0;   // of them, those that may have reached the customer, unknown to anybody
  /// Not empty: its ledger entry, order or user is gone (deleted by hand), or it needs a phone and
  /// there is none; which one in words. Of
  /// the event only the entry's id is sure to be there then. Such a message can only be FAILED.
  rare_text lost = {};
};

/// A set of messages that is sent, and repeated, only whole. It stands in the database before
/// anything is sent, so whatever dies, its successor finds it and knows that it may have been sent.
struct claim {
  claim_id id;
  int generation = 1;
  std::string key; // the provider's idempotency and sender grouping key (db/claim_key.hpp); at most
                   // 64 characters of [a-z0-9.-]; never used again, not even after a restore
  instant since;   // when this generation was committed
  std::vector<message> messages; // by rising entry id; empty where its entries are gone
  std::string provider = {};     // that it was opened for; empty: by a release that noted none
  /// Of one that stood open before: those of its tries that were noted, oldest first.
  std::vector<delivery_try> tries = {};
};

/// The result of one message of a claim that ends.
struct delivery_result {
  entry_id entry;
  delivery_status status = delivery_status::delivered;
  int attempts = 1;                            // including this try
  std::string provider_message_id;             // of a delivered one
  std::string last_error;                      // of a failed one, or of one to be tried again
  instant next_attempt;                        // of a pending one
  int copies = 0;                              // including this try, as in `message`
  std::optional<message_channel> channel = {}; // of a delivered one, where that is known
  /// A try that did not succeed for this message alone; `last_error` is its detail.
  struct own_try {
    instant at;
    std::chrono::milliseconds took{0};
    try_outcome outcome = try_outcome::unknown;
    friend bool operator==(const own_try&, const own_try&) = default;
  };
  std::optional<own_try> tried = {};
};

struct ended_claim {
  claim_id id;
  std::vector<delivery_result> results; // exactly one for each message of the claim
  /// The results of its messages may have been read already, from then on, before they were known
  /// to be DELIVERED: it is read again. By the provider's clock.
  std::optional<instant> read_again_from = {};
  std::vector<delivery_try> tries = {}; // of the claim as a whole, oldest first; at most tries_max
};

/// The tries of a claim that stays open, to be stored with it in the place of those before.
struct noted_claim {
  claim_id id;
  std::vector<delivery_try> tries; // oldest first; at most tries_max
};

/// One transaction of the delivery of one stream to one subscriber.
struct delivery_step {
  subscriber_id subscriber;
  stream_lease stream;
  std::vector<ended_claim> ended;          // deleted, their results stored
  std::vector<claim_id> regenerate;        // given the next generation and with it a new key
  std::vector<claim_id> split;             // replaced by two claims of its first and second half
  int open_max = 0;                        // how many new claims to open at the most
  int messages_max = 1000;                 // how many messages in each of them, at the most
  std::optional<instant> quiet_until = {}; // stored, for the next one that delivers
  std::string provider = {};               // noted with the claims that it opens
  /// Providers beside this one that deliver to the subscriber, too: their messages in doubt are
  /// left to them.
  std::vector<std::string> others = {};
  bool takes_new = true; // false: of what waits it claims only what is in doubt at `provider`
  std::vector<noted_claim> noted = {}; // of those that it does not end
};

struct delivery_answer {
  std::vector<claim> claims; // the regenerated ones, both halves of the split ones, the opened ones
  bool more = false;         // there may be more to claim at once
  std::optional<instant> next_due; // when the earliest waiting retry of this stream is due
};

/// The messages of a subscriber that are neither DELIVERED nor FAILED yet.
struct delivery_backlog {
  std::int64_t messages = 0;
  std::optional<instant> oldest = {}; // when the event of the oldest one happened
};

/// One small transaction that deletes deliveries which have been DELIVERED for long.
struct prune_step {
  subscriber_id subscriber;
  stream_lease stream;
  std::int64_t after = 0;  // the number behind which it looks; 0: from the stream's beginning
  instant before;          // only what was DELIVERED before this
  int looked_at_max = 500; // deliveries
};
struct prune_answer {
  std::int64_t seen_to = 0; // where to go on
  int deleted = 0;
  bool at_end = false; // nothing behind `seen_to` is old enough
};

/// Asks for the turn to read from a provider what finally became of a subscriber's messages.
struct results_due {
  std::string subscriber;             // its name
  instant to;                         // up to when, at the most
  std::chrono::milliseconds span_min; // less than this is not worth a turn
  std::chrono::milliseconds span_max;
  std::chrono::milliseconds lease; // how long the turn is this process's without a page of results
  /// `to`, and the spans of turns, are by the provider's clock, which is that far ahead of ours.
  std::chrono::milliseconds ahead{0};
};
/// A turn: what became known in this span is to be read, page by page.
struct results_turn {
  subscriber_id subscriber;
  std::int64_t number = 0; // no turn of this subscriber has it again
  instant from;
  instant to;
  std::string instance = {}; // of the database, as in `subscriber`
  friend bool operator==(const results_turn&, const results_turn&) = default;
};
/// A provider's message id that begins so is unique in the provider's account, and no other message
/// of the database has it: the store finds the message by it. It is of a provider that tells
/// results without an id of ours.
inline constexpr char found_by_id = '#';

/// The final result of a message.
struct final_delivery {
  entry_id entry;                              // 0: of the message with provider_message_id
  std::optional<instant> delivered_at;         // nothing: it did not arrive
  std::string last_error;                      // of one that did not
  std::string provider_call_id;                // where its provider_message_id has to begin with it
  std::optional<message_channel> channel = {}; // of one that arrived
  std::string provider_message_id = {};        // where there is no entry; begins with found_by_id
};
/// One page of a turn.
struct results_step {
  results_turn turn;
  std::vector<final_delivery> results; // at most 1,000, any order
  enum class then : std::uint8_t {
    goes_on,  // more pages come
    done,     // this was the last one: the next turn begins where this one ended
    given_up, // the next turn begins where this one did
  };
  then what = then::goes_on;
  std::chrono::milliseconds lease; // of a turn that goes on
};
struct results_answer {
  int arrived = 0; // noted with their time
  int failed = 0;  // were DELIVERED and are FAILED now
};

} // namespace paymentd
