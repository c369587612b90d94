// The ports between the actors and a database, one for each role: settlement, upkeep, reads and
// delivery; and the database itself, for the commands.
// `database` is one database as this process sees it; `store_connection` is one connection to it,
// owned by one worker thread, and reconnects by itself.
// Implementations: db/sqlite (embedded) and db/postgres. Both call `decide` and `plan_delivery`, so
// the rules stand in neither. One conformance suite (tests/db) holds them to what is written here.
#pragma once

#include "db/error.hpp"
#include "db/transfer.hpp"
#include "domain/command.hpp"
#include "domain/delivery.hpp"
#include "domain/query.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace paymentd::db {

/// A batch renews its stream's lease unless one before it did so within this part of the lease.
inline constexpr int lease_renewals = 6;

// ---- the ports ----------------------------------------------------------------------------------

/// One connection. Used by one thread at a time. Every call of every port has a time bound (the
/// options' time-outs) and returns `unavailable` rather than waiting for a database to come back.
class store_connection {
 public:
  virtual ~store_connection() = default;

  /// Whether the database answers on this connection; reconnects where needed.
  virtual result<void> ping() = 0;
};

/// Decides and commits commands, on a stream of its own.
class settlement_store {
 public:
  /// Makes a stream this store's own to write to: one that nobody owns, or a new one. Begins a new
  /// epoch, whose numbers begin where the clock says (domain/id_floor.hpp) or, where it is behind,
  /// far above all that were given. The rest of an earlier stream of this
  /// store is delivered on.
  virtual result<stream_lease> take_stream(instant now) = 0;

  /// Settles the batch in one transaction on the taken stream, and renews its lease where the last
  /// renewal is more than a sixth of the lease ago (lease_renewals); an empty batch does no more.
  /// Successes under an idempotency key are kept in the same transaction; where another process
  /// commits the same key first, its success is given again.
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

 protected:
  ~settlement_store() = default;
};

/// Work that a database needs now and then.
class upkeep_store {
 public:
  /// Forgets the oldest idempotency keys, those from before `before`, and what is kept for them:
  /// at most forgotten_at_once, in a transaction of its own. Gives how many.
  virtual result<std::int64_t> forget_keys(instant before) = 0;
  static constexpr std::int64_t forgotten_at_once = 2000;

  /// Measures a subscriber's messages in all streams, whoever delivers them: those ahead of its
  /// cursors, in open claims, and waiting for another try. Looks at `looked_at_max` ledger entries
  /// or deliveries of each of the three at the most, and so counts no more. A name that is not
  /// registered has none. Locks nothing, changes nothing.
  virtual result<delivery_backlog> measure_backlog(std::string_view subscriber,
                                                   std::int64_t looked_at_max) = 0;

 protected:
  ~upkeep_store() = default;
};

class read_store {
 public:
  /// Gives one answer a query, in order, from committed state.
  virtual result<std::vector<answer>> read(std::span<const query> queries) = 0;

 protected:
  ~read_store() = default;
};

/// How far the retries of all FAILED deliveries have come: by subscriber, then by entry.
struct failed_progress {
  subscriber_id subscriber = {};
  entry_id behind = {};
  std::int64_t count = 0;                       // retried so far
  std::string name = {};                        // of the subscriber of `due`
  std::vector<stream_id> due = {};              // by the last call, each once
  std::optional<answer> outcome = std::nullopt; // no call is left
};
/// So many are looked at in one transaction.
inline constexpr int failed_at_once_max = 1'000;

/// Claims messages from the ledger and stores what became of them.
class delivery_store {
 public:
  /// Registers a subscriber by its name, or finds the registered one (its kinds stay as they are).
  /// A new one starts from here: entries that exist already are not for it.
  virtual result<subscriber> subscribe(std::string_view name, bool wants_payments,
                                       bool wants_refunds, instant now) = 0;

  /// The registered subscriber of that name; `unavailable` where there is none, or none any more.
  virtual result<subscriber> find_registered(std::string_view name) = 0;

  /// Gives a registered subscriber other kinds of events, for what is committed from then on: an
  /// entry that is there already, in whatever state its message is, is wanted as it was. It waits
  /// for the steps that are under way, and holds others up until its commit. Where the kinds are
  /// those already, nothing is written. `unavailable`: it may have happened, and can be repeated.
  /// `broken` where no subscriber has that name, or its kinds have changed kinds_changes_max times.
  virtual result<subscriber> set_kinds(std::string_view name, bool wants_payments,
                                       bool wants_refunds) = 0;

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
  /// what lies ahead of the cursor; a claim holds the one or the other. `in_doubt`: it may have
  /// happened; `open_claims` tells.
  virtual result<delivery_answer> deliver(const delivery_step& step, instant now) = 0;

  /// Makes FAILED deliveries PENDING and due, whoever holds their streams. Gives one answer each,
  /// in order, as it is after the commit: the delivery, not_found or not_failed. Two at once do it
  /// once. A delivery that is retried under an idempotency key is kept for it in the same
  /// transaction: later, in the same batch and from other processes the key is answered
  /// replayed_retry, or key_reused with another body. `in_doubt`: it may have happened; done again
  /// it does no harm, and under its key it gives that answer.
  virtual result<std::vector<answer>> retry(std::span<const delivery_retry> which, instant now) = 0;

  /// The same for all FAILED deliveries that fit, by several calls: each looks at
  /// failed_at_once_max of one subscriber in one transaction, and gives where the next one goes on.
  /// The call that finds no more gives the outcome: retried_count, which is kept for the
  /// idempotency key, or key_reused; so does one that finds the key kept by another request.
  /// `in_doubt`: as above.
  virtual result<failed_progress> retry_failed(const failed_retry& which,
                                               const failed_progress& so_far, instant now) = 0;

  /// Deletes what has been DELIVERED for long, and notes in the cursor up to where entries need no
  /// row. FAILED and PENDING ones stay. Passes entries whose times are in the future.
  virtual result<prune_answer> prune(const prune_step& step, instant now) = 0;

  /// Takes the turn to read results, where one is due and no other process has it. The first one
  /// begins at `to` of the first asking; none reaches further back than 3 days, nor, for at most 10
  /// minutes, beyond the beginning of the oldest open claim: its rows are still to come.
  virtual result<std::optional<results_turn>> begin_results(const results_due& asked,
                                                            instant now) = 0;

  /// Stores a page in one transaction. Only what is DELIVERED and not known to have arrived is
  /// changed, so a result may come again. `fenced` where the turn is another's by now.
  virtual result<results_answer> store_results(const results_step& step, instant now) = 0;

 protected:
  ~delivery_store() = default;
};

/// All webhooks, as a keeper has to know them.
struct known_webhooks {
  std::vector<webhook> all;  // by name
  std::string instance = {}; // of the database, as in `subscriber`
  bool work_left = false;    // for tend_webhooks
};
struct webhook_upkeep {
  bool more = false;                    // of what deleted webhooks left
  std::vector<stream_id> replayed = {}; // in these, messages of replays are due now
};

/// Webhooks, and the work that deleted and replayed ones leave behind.
class webhook_store {
 public:
  /// From committed state. Changes nothing.
  virtual result<known_webhooks> webhooks() = 0;

  /// Does what is asked by the rule (domain/decide_webhook.hpp) in one transaction; one at a time,
  /// over all processes. A new webhook's subscriber is registered in the same one, and is told of
  /// what is committed from then on. A deleted one's cursors and claims go with it. Under an
  /// idempotency key the answer is kept in the same transaction; it is given again, as `replayed`,
  /// or key_reused with another body. `in_doubt`: it may have happened.
  virtual result<answer> change_webhook(const webhook_request& what, instant now) = 0;

  /// Keeps a webhook that the settings' file had, with the subscriber that it has from there. Done
  /// once for each name; gives whether it was done now.
  virtual result<bool> take_over_webhook(const webhook& what, instant now) = 0;

  /// A bounded step: deletes some deliveries of deleted webhooks (cleared_at_once), and makes some
  /// of each replay due. Locks the cursors of streams that are replayed, for a moment.
  virtual result<webhook_upkeep> tend_webhooks(instant now) = 0;
  static constexpr std::int64_t cleared_at_once = 2000;

 protected:
  ~webhook_store() = default;
};

/// A connection that writes.
class store : public store_connection,
              public settlement_store,
              public upkeep_store,
              public read_store,
              public delivery_store,
              public webhook_store {};

/// A connection of which nothing but its reads is offered.
class reader final : public store_connection, public read_store {
 public:
  explicit reader(std::unique_ptr<store> on) : on_(std::move(on)) {}
  result<void> ping() override { return on_->ping(); }
  result<std::vector<answer>> read(std::span<const query> queries) override {
    return on_->read(queries);
  }

 private:
  std::unique_ptr<store> on_;
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

  /// A connection for one worker. Any thread; connects at once.
  virtual result<std::unique_ptr<store>> connect() = 0;
  virtual result<std::unique_ptr<reader>> connect_reader() = 0;

  /// How many lanes may settle at once (1 in the embedded store) and whether delivery must go
  /// through the lane's store.
  virtual int lanes_max() const = 0;
  virtual bool delivers_on_lane() const = 0;

  /// Fills an empty database in bulk; `broken` where it is not empty.
  virtual result<void> seed(const seed_plan& plan, instant now) = 0;

  /// Imports a file in one transaction: all of it, or nothing where a row has a fault that only the
  /// database shows. The ledger adds up as before, and no subscriber is told of it. The users of
  /// orders are locked while their ledger entries are written. `unavailable` where it may or may
  /// not have happened, too: the same file may be imported again, which does it once.
  virtual result<import_result> import_users(const import_file& file, const user_source& rows,
                                             instant now) = 0;
  virtual result<import_result> import_orders(const import_file& file, const order_source& rows,
                                              instant now) = 0;

  /// Gives the ledger entries of a range by their time, as they are committed when it begins: what
  /// is committed later is not among them. Beside processes that serve.
  virtual result<void> export_entries(const entry_range& range, const entry_sink& to) = 0;

  /// Makes the FAILED deliveries of a subscriber (empty: of all) PENDING and due, in batches that
  /// lock briefly; calls `progress` with how many so far. A delivery that fails again meanwhile is
  /// left alone. `broken` where no subscriber has that name.
  virtual result<std::int64_t>
  retry_all_failed(std::string_view subscriber, instant now,
                   const std::function<void(std::int64_t)>& progress) = 0;

  /// Checks the invariants of docs/design.md on the live database, each judged within one snapshot,
  /// and calls `breach` with one line for each breach. Writes nothing. Gives the result, without
  /// its time and version.
  virtual result<audit_result> audit(const std::function<void(std::string_view)>& breach) = 0;

  /// Notes the result of an audit for those who ask `get_audits`, in the place of the one before;
  /// the newest one that found nothing stays beside it. In a transaction of its own, which is over
  /// in some milliseconds and waits for others at most 5 s; beside processes that serve. `broken`
  /// or `unavailable`, and nothing is noted, where that may not be written; the embedded store also
  /// writes no file that paymentd has not served or changed, such as a backup or another copy.
  virtual result<void> note_audit(const audit_result& what) = 0;
};

struct database_options {
  std::string url;   // "sqlite:PATH" or "postgresql://…"
  std::string owner; // names this process among those on the database; unique for each start
  std::chrono::milliseconds lease{15000}; // how long a stream stays this process's without renewal
  /// Embedded: how large the write-ahead log may grow while another program's reading keeps it from
  /// starting anew. Then nothing more is written (`unavailable`) until that reader is gone.
  std::int64_t log_bytes_max = std::int64_t{1} << 30;
  /// Whether the events of messages carry the user's reference and metadata, which only some
  /// settings ask for. Pages of events never do.
  bool reads_user = false;
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
