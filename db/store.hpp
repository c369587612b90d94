// The port between the actors and a database. `database` is one database as this process sees it;
// `store` is one connection to it, owned by one worker thread, and reconnects by itself.
// Implementations: db/sqlite (embedded) and db/postgres. Both call `decide`, so the rules of
// payment stand in neither. One conformance suite (tests/db) holds them to what is written here.
#pragma once

#include "db/error.hpp"
#include "domain/command.hpp"
#include "domain/event.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace paymentd::db {

// ---- streams ------------------------------------------------------------------------------------

/// The right to write one stream of the ledger, or to deliver what is in it to one subscriber. Each
/// owner's tenure has an epoch of its own; whoever acts under an ended epoch is told `fenced`.
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

/// A batch renews its stream's lease unless one before it did so within this part of the lease.
inline constexpr int lease_renewals = 6;

// ---- reading ------------------------------------------------------------------------------------

enum class delivery_status : std::uint8_t { pending = 0, delivered = 1, failed = 2 };

/// What became of one event on its way to one subscriber. One that was not tried yet, or is being
/// tried, is PENDING too.
struct delivery {
  std::string subscriber; // its name
  entry_id entry;
  order_id order;
  delivery_status status = delivery_status::pending;
  int attempts = 0;
  std::string last_error;          // empty: none
  std::string provider_message_id; // empty: none
  std::optional<instant> next_attempt;
  instant created_at; // when it was paid or refunded
  instant updated_at;
  std::optional<instant> delivered_at = std::nullopt;    // at the customer's, where that is known
  std::optional<message_channel> channel = std::nullopt; // likewise
  friend bool operator==(const delivery&, const delivery&) = default;
};

/// How far the pages of a list have come in one subscriber's part of one stream: what is numbered
/// below `below` is still to be shown.
struct list_position {
  subscriber_id subscriber;
  stream_id stream;
  std::int64_t below = 0;
  friend bool operator==(const list_position&, const list_position&) = default;
};

struct get_user {
  user_id id;
};
struct get_order {
  order_id id;
};
struct get_delivery {
  std::string subscriber;
  entry_id entry;
};
/// One page, newest first. Within a stream the order is that of its numbers; streams are merged by
/// the times of their entries. The work is bounded: where few of many are asked for, a page may
/// hold fewer than `limit`, or none, and more follow all the same.
struct list_deliveries {
  std::optional<delivery_status> status = std::nullopt;
  std::optional<order_id> order = std::nullopt;
  int limit = 20;
  std::optional<std::vector<list_position>> after = std::nullopt; // the `next` of the page before
};
using query = std::variant<get_user, get_order, get_delivery, list_deliveries>;

struct not_found {
  friend bool operator==(not_found, not_found) = default;
};
/// Of `store::retry`: only a FAILED delivery can be retried.
struct not_failed {
  delivery_status status = delivery_status::pending;
  friend bool operator==(const not_failed&, const not_failed&) = default;
};
struct delivery_page {
  std::vector<delivery> items;
  std::optional<std::vector<list_position>> next; // nothing: this is the last page
  friend bool operator==(const delivery_page&, const delivery_page&) = default;
};
using answer = std::variant<not_found, user, order, delivery, delivery_page, not_failed>;

// ---- delivery -----------------------------------------------------------------------------------

/// Whoever is told of payments: the AlimTalk, a webhook. It has one cursor a stream.
struct subscriber {
  subscriber_id id;
  std::string name;           // "alimtalk"; unique, at most 64 characters of [a-z0-9_-]
  bool wants_payments = true; // which kinds of entries it takes; fixed when it is registered
  bool wants_refunds = false;
  std::string instance = {};              // the database's own name, made with it: 8 of [0-9a-f]
  std::optional<instant> held_until = {}; // its provider asked for quiet until then
};

/// A channel's number in the database; 0 where it is not known.
constexpr int channel_number(std::optional<message_channel> channel) {
  return channel ? static_cast<int>(*channel) : 0;
}

/// One event on its way to one subscriber.
struct message {
  payment_event event;
  int attempts = 0; // tries of this message that ended transiently so far
  int copies = 0;   // of them, those that may have reached the customer, unknown to anybody
  /// Not empty: its ledger entry, order or user is gone (deleted by hand), which one in words. Of
  /// the event only the entry's id is sure to be there then. Such a message can only be FAILED.
  std::string lost = {};
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
};

/// What became of one message of a claim that ends.
struct delivery_result {
  entry_id entry;
  delivery_status status = delivery_status::delivered;
  int attempts = 1;                            // including this try
  std::string provider_message_id;             // of a delivered one
  std::string last_error;                      // of a failed one, or of one to be tried again
  instant next_attempt;                        // of a pending one
  int copies = 0;                              // including this try, as in `message`
  std::optional<message_channel> channel = {}; // of a delivered one, where that is known
};

struct ended_claim {
  claim_id id;
  std::vector<delivery_result> results; // exactly one for each message of the claim
  /// What became of its messages may have been read already, from then on, before they were known
  /// to be DELIVERED: it is read again. By the provider's clock.
  std::optional<instant> read_again_from = {};
};

/// One transaction of the delivery of one stream to one subscriber.
struct delivery_step {
  subscriber_id subscriber;
  stream_lease stream;
  std::vector<ended_claim> ended;         // deleted, their results stored
  std::vector<claim_id> regenerate;       // given the next generation and with it a new key
  std::vector<claim_id> split;            // replaced by two claims of its first and second half
  int open_max = 0;                       // how many new claims to open at the most
  int messages_max = 1000;                // how many messages in each of them, at the most
  std::optional<instant> held_until = {}; // stored, for whoever delivers next
  std::string provider = {};              // noted with the claims that it opens
};

struct delivery_answer {
  std::vector<claim> claims; // the regenerated ones, both halves of the split ones, the opened ones
  bool more = false;         // there is more to claim at once, and open_max or messages_max was met
  std::optional<instant> next_due; // when the earliest waiting retry of this stream is due
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
/// What finally became of a message.
struct final_delivery {
  entry_id entry;
  std::optional<instant> delivered_at;         // nothing: it did not arrive
  std::string last_error;                      // of one that did not
  std::string provider_call_id;                // where its provider_message_id has to begin with it
  std::optional<message_channel> channel = {}; // of one that arrived
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

// ---- the store ----------------------------------------------------------------------------------

/// One connection. Used by one thread at a time. Every call has a time bound (the options'
/// time-outs) and returns `unavailable` rather than waiting for a database to come back.
class store {
 public:
  virtual ~store() = default;

  /// Whether the database answers on this connection; reconnects where needed.
  virtual result<void> ping() = 0;

  /// Makes a stream this store's own to write to: one that nobody owns, or a new one. Begins a new
  /// epoch, whose numbers begin where the clock says (domain/id_floor.hpp) or, where it is behind,
  /// far above all that were given. What is left in an earlier stream of this
  /// store is delivered on.
  virtual result<stream_lease> take_stream(instant now) = 0;

  /// Settles the batch in one transaction on the taken stream, and renews its lease where the last
  /// renewal is more than a sixth of the lease ago (lease_renewals); an empty batch does no more.
  /// Gives one outcome a command, in order, and only after the commit is durable.
  /// `in_doubt`: call `resolve` before anything else. Precondition: take_stream succeeded.
  virtual result<std::vector<outcome>> settle(std::span<const command> batch, instant now) = 0;

  /// Decides a commit in doubt: first begins a new epoch of the stream, which shuts the old
  /// transaction out for good, then looks whether it had passed. Gives its outcomes where it had,
  /// nullopt where nothing happened (the batch may be settled again). Repeat it on `unavailable`.
  virtual result<std::optional<std::vector<outcome>>> resolve(instant now) = 0;

  /// The stream taken, with its present epoch: `resolve` changes it, and so may a `settle` that had
  /// to connect anew. A store that ends cleanly lets its stream go.
  virtual stream_lease lease() const = 0;

  /// Gives one answer a query, in order, from committed state.
  virtual result<std::vector<answer>> read(std::span<const query> queries) = 0;

  /// Registers a subscriber by its name, or finds the registered one (its kinds stay as they were).
  /// A new one starts from here: entries that exist already are not for it.
  virtual result<subscriber> subscribe(std::string_view name, bool wants_payments,
                                       bool wants_refunds, instant now) = 0;

  /// Leases deliveries to the subscribers named, as far as they are registered: of the streams
  /// `written` by this process, and of all others in which something is left for a subscriber and
  /// which no living process delivers to it. Renews what this process has, lets go of what is
  /// drained and not written here, and gives all that it has now; more than `leases_max` only for
  /// streams written here.
  virtual result<std::vector<delivery_lease>>
  lease_deliveries(std::span<const std::string> subscribers, std::span<const stream_id> written,
                   int leases_max, instant now) = 0;

  /// The open claims of a subscriber in a stream, oldest first: after a restart all of them may
  /// have been sent.
  virtual result<std::vector<claim>> open_claims(subscriber_id subscriber, stream_lease stream,
                                                 instant now) = 0;

  /// Does all of `step` in one transaction, or nothing. Retries that are due are claimed before
  /// what lies ahead of the cursor; a claim holds the one or the other.
  virtual result<delivery_answer> deliver(const delivery_step& step, instant now) = 0;

  /// Makes FAILED deliveries PENDING and due, whoever holds their streams. Gives one answer each,
  /// in order, as it is after the commit: the delivery, not_found or not_failed. Two at once do it
  /// once. `in_doubt`: it may have happened; done again it does no harm.
  virtual result<std::vector<answer>> retry(std::span<const get_delivery> which, instant now) = 0;

  /// Deletes what has been DELIVERED for long, and notes in the cursor up to where entries need no
  /// row. What is FAILED or PENDING stays. Passes entries whose times are in the future.
  virtual result<prune_answer> prune(const prune_step& step, instant now) = 0;

  /// Takes the turn to read results, where one is due and no other process has it. The first one
  /// begins at `to` of the first asking; none reaches further back than 3 days, nor, for at most 10
  /// minutes, beyond the beginning of the oldest open claim: its rows are still to come.
  virtual result<std::optional<results_turn>> begin_results(const results_due& asked,
                                                            instant now) = 0;

  /// Stores a page in one transaction. Only what is DELIVERED and not known to have arrived is
  /// changed, so a result may come again. `fenced` where the turn is another's by now.
  virtual result<results_answer> store_results(const results_step& step, instant now) = 0;
};

// ---- the database -------------------------------------------------------------------------------

struct seed_plan {
  std::int64_t users = 0;
  std::int64_t orders = 0;
  std::int64_t spread = 0; // order i belongs to user 1 + (i mod spread); 0: the number of users
  won balance;             // of each user, with its CHARGE entry where above 0
  won amount;              // each order's total; discount 0
};

class database {
 public:
  virtual ~database() = default;

  /// Creates or upgrades the schema, each numbered migration once. Gives how many were applied.
  virtual result<int> migrate(instant now) = 0;

  /// Says (as `broken`) when the schema is missing, older or newer than this program's.
  virtual result<void> check_schema() = 0;

  enum class role : std::uint8_t {
    lane,     // settles; in the embedded store also delivers, since it has one writer
    delivery, // subscribes, leases deliveries and delivers
    reader,   // reads only
  };
  /// A store for one worker. Any thread; connects at once.
  virtual result<std::unique_ptr<store>> connect(role) = 0;

  /// How many lanes may settle at once (1 in the embedded store) and whether delivery must go
  /// through the lane's store.
  virtual int lanes_max() const = 0;
  virtual bool delivers_on_lane() const = 0;

  /// Fills an empty database in bulk; `broken` where it is not empty.
  virtual result<void> seed(const seed_plan& plan, instant now) = 0;

  /// Makes the FAILED deliveries of a subscriber (empty: of all) PENDING and due, in batches that
  /// lock briefly; calls `progress` with how many so far. What fails again meanwhile is left alone.
  /// `broken` where no subscriber has that name.
  virtual result<std::int64_t>
  retry_all_failed(std::string_view subscriber, instant now,
                   const std::function<void(std::int64_t)>& progress) = 0;

  /// Checks the invariants of docs/design.md on the live database, each judged within one snapshot,
  /// and calls `breach` with one line for each breach. Gives how many there were.
  virtual result<std::int64_t> audit(const std::function<void(std::string_view)>& breach) = 0;
};

struct database_options {
  std::string url;   // "sqlite:PATH" or "postgresql://…"
  std::string owner; // names this process among those on the database; unique for each start
  std::chrono::milliseconds lease{15000}; // how long a stream stays this process's without renewal
  /// Embedded: how large the write-ahead log may grow while another program's reading keeps it from
  /// starting anew. Then nothing more is written (`unavailable`) until that reader is gone.
  std::int64_t log_bytes_max = std::int64_t{1} << 30;
  /// Embedded: called, from any thread, with one line when the database can never be written again:
  /// its file was removed or replaced. Waiting and trying again are of no use then.
  std::function<void(const std::string&)> lost = {};
};

/// Whether `url` could name a database at all, as far as that shows without opening it. `broken`
/// with one line without secrets where it cannot: then waiting is of no use.
result<void> check_url(const std::string& url);

/// Opens what `url` names, by its scheme. `broken` with one clear line where it cannot be opened
/// (not a file, no rights, held by another process); a PostgreSQL server that is not there yet is
/// no error here.
result<std::unique_ptr<database>> open_database(const database_options& options);

} // namespace paymentd::db
