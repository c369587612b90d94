// The PostgreSQL store: one session and what the port db/store.hpp asks of it. Owned by one worker
// thread. Each part of it stands in a file of its own, which is named above the part's calls.
#pragma once

#include "db/event_kinds.hpp"
#include "db/plan_replay.hpp"
#include "db/postgres/session.hpp"
#include "db/recent_events.hpp"
#include "db/store.hpp"
#include "domain/decide.hpp"
#include "domain/decide_webhook.hpp"
#include "domain/plan_delivery.hpp"
#include "domain/recent_keys.hpp"

#include <map>
#include <set>
#include <unordered_map>

namespace paymentd::db::postgres {

struct store_options {
  conninfo to;
  session_limits limits;
  std::string owner;
  std::chrono::milliseconds lease;
  bool reads_user = false; // as db::database_options has it
  std::shared_ptr<recent_events> newest =
      std::make_shared<recent_events>(); // shared by the stores of a database
};

/// A subscriber's cursor in a stream, locked.
struct locked_cursor {
  subscriber_id subscriber;
  stream_lease stream;
  std::int64_t position = 0;
  row_address address;            // where its row lies
  std::int64_t kinds_changes = 0; // how often they did by then
  wanted_kinds wanted;
};

/// All that a batch names, and the addresses of its rows, in step.
/// Where an order of a batch was read, and which version of it.
struct read_order_row {
  order_id id;
  row_address address;
  row_version version;
};

struct locked_user_row {
  user_id id;
  row_address address;
};

/// By rising id.
struct locked_batch {
  snapshot state;
  std::vector<read_order_row> orders;
  std::vector<locked_user_row> users;
};

class postgres_store final : public store {
 public:
  explicit postgres_store(store_options options);
  ~postgres_store() override;

  result<void> ping() override;
  result<stream_lease> take_stream(instant now) override;
  result<std::vector<outcome>> settle(std::span<const command> batch, instant now) override;
  result<std::optional<std::vector<outcome>>> resolve(instant now) override;
  stream_lease lease() const override { return lease_; }
  result<std::vector<answer>> read(std::span<const query> queries) override;
  result<std::int64_t> forget_keys(instant before) override;
  result<delivery_backlog> measure_backlog(std::string_view subscriber,
                                           std::int64_t looked_at_max) override;
  result<subscriber> subscribe(std::string_view name, bool wants_payments, bool wants_refunds,
                               instant now) override;
  result<subscriber> find_registered(std::string_view name) override;
  result<subscriber> set_kinds(std::string_view name, bool wants_payments,
                               bool wants_refunds) override;
  result<std::vector<delivery_lease>> lease_deliveries(std::span<const std::string> subscribers,
                                                       std::span<const stream_id> written,
                                                       int leases_max, instant now) override;
  result<std::vector<claim>> open_claims(subscriber_id subscriber, stream_lease stream,
                                         instant now) override;
  result<delivery_answer> deliver(const delivery_step& step, instant now) override;
  result<std::vector<answer>> retry(std::span<const delivery_retry> which, instant now) override;
  result<failed_progress> retry_failed(const failed_retry& which, const failed_progress& so_far,
                                       instant now) override;
  result<prune_answer> prune(const prune_step& step, instant now) override;
  result<std::optional<results_turn>> begin_results(const results_due& asked, instant now) override;
  result<results_answer> store_results(const results_step& step, instant now) override;
  result<known_webhooks> webhooks() override;
  result<answer> change_webhook(const webhook_request& what, instant now) override;
  result<bool> take_over_webhook(const webhook& what, instant now) override;
  result<webhook_upkeep> tend_webhooks(instant now) override;

 private:
  result<void> ping_once();
  result<std::vector<answer>> retry_once(std::span<const delivery_retry> which, instant now);
  result<failed_progress> retry_failed_once(const failed_retry& which,
                                            const failed_progress& so_far, instant now);
  result<std::vector<answer>> read_once(std::span<const query> queries);
  result<std::vector<answer>> read_things(std::span<const query> queries);
  result<std::vector<answer>> read_with_deliveries(std::span<const query> queries);

  // ---- upkeep.cpp
  result<answer> read_audits();

  // ---- lists.cpp
  result<answer> page(const list_users& asked);
  result<answer> page(const list_orders& asked);
  result<answer> page(const list_entries& asked);
  template <class Thing, class Asked>
  result<answer> run_page(const Asked& asked, Thing (*read_row)(const row_view&),
                          std::optional<user_id> user = std::nullopt,
                          std::optional<order_id> order = std::nullopt);

  // ---- settle.cpp
  // A batch whose commit may or may not have happened.
  struct doubt {
    stream_lease stream;
    entry_id entry;        // its first ledger entry, or 0 where it has none
    std::int64_t last = 0; // its last number
    std::vector<outcome> outcomes;
  };
  // Settles what names no row that is known to be locked elsewhere.
  result<std::vector<outcome>> settle_free(std::span<const command> batch, instant now);
  entry_id add_proof(const decision& decided, std::int64_t first, std::int64_t last);
  result<std::vector<outcome>> commit_batch(entry_id proof, std::int64_t last,
                                            std::vector<outcome> outcomes);

  // ---- batch_read.cpp and batch_write.cpp
  result<locked_batch> lock_and_read(std::span<const command> batch, instant now);
  void add_created(const decision& decided, instant now);
  void add_payments(const decision& decided, const locked_batch& at, instant now);
  void add_changes(const decision& decided, const locked_batch& at, instant now);
  void add_changed_orders(const std::vector<order>& orders, const locked_batch& at, instant now);
  void add_entries(const std::vector<ledger_entry>& entries, instant now);

  // ---- locked_rows.cpp: rows that transactions of others hold. Commands on them are refused, so
  // that the rest of a batch need not wait.
  struct locked_rows {
    std::set<order_id> orders;
    std::set<user_id> users;
    std::set<order_id> of_users; // named without their owners, who are locked
    bool empty() const { return orders.empty() && users.empty(); }
  };
  // Looks which rows of a batch are locked elsewhere, now that one was; false where none is.
  bool find_locked(std::span<const command> batch);
  // Forgets what is free again. Asks the server a few times a second at the most.
  void review_locked();
  result<locked_rows> ask_locked(const std::vector<order_id>& orders,
                                 const std::vector<user_id>& users,
                                 const std::vector<order_id>& owned);
  bool names_locked(const command& what) const;

  // ---- streams.cpp
  // Numbers of the stream are reserved in blocks of this many. A block is a quarter of a second of
  // the clock's floor, so that a restart, which leaves the rest of it unused, hardly runs ahead.
  static constexpr std::int64_t number_block = 1 << 15;
  // Numbers that are reserved and not given yet.
  struct stream_numbers {
    std::int64_t next = 0;
    std::int64_t end = 0;
  };
  // Ids of users or of orders, likewise.
  struct id_block {
    const char* kind;
    std::int64_t next = 0;
    std::int64_t end = 0;
  };
  result<void> begin_epoch_after_reconnect(instant now);
  // Ends the epoch of a lease and begins the next one, in the running call.
  void add_raise_epoch(stream_lease ended, instant now);
  // From this connection on, the stream is held under this lease, whose numbers end there.
  void holds(stream_lease now, std::int64_t numbers_end);
  result<void> reserve_numbers(std::int64_t count);
  result<void> reserve(id_block& block, std::int64_t count, instant now);
  // Whether the batch that begins renews the lease.
  bool renews_lease();
  // The fence of the batch in a statement of its own.
  void add_fence();
  // The stream's epoch behind other parameters.
  parameters of_epoch(parameters before) const;
  void add_let_go(stream_lease what);

  // ---- claims.cpp and delivery.cpp
  result<subscriber> change_kinds(std::string_view name, bool wants_payments, bool wants_refunds);
  void add_begin_step(subscriber_id subscriber, stream_lease stream, row_address cursor);
  result<locked_cursor> read_locked(subscriber_id subscriber, stream_lease stream,
                                    const rows& cursor, std::optional<wanted_kinds> wanted);
  result<locked_cursor> begin_step(subscriber_id subscriber, stream_lease stream);
  result<std::vector<claim>> load_claims(const locked_cursor& at, std::span<const claim_id> ids,
                                         bool all);
  void add_waiting(const delivery_step& step, instant now, std::int64_t position,
                   const wanted_kinds::stretch& within, const recent_events::stretch& remembered);
  result<delivery_view> look(const delivery_step& step, instant now,
                             std::optional<locked_cursor>& at);
  result<delivery_answer> write(const locked_cursor& at, const delivery_step& step,
                                delivery_plan plan, instant now);
  void keep(claim_record what, const std::vector<message>& messages);
  std::string instance();

  // ---- webhooks.cpp
  struct webhooks_to_change {
    std::vector<webhook> all;
    std::vector<kept_webhook> kept; // for the request's key; one at the most
  };
  result<webhooks_to_change> begin_webhook_change(const std::optional<idempotency_key>& key);
  result<webhooks_to_change> begin_webhook_change_once(const std::optional<idempotency_key>& key);
  result<void> register_webhook(const webhook& what, instant now);
  void add_put(const webhook& what);
  void add_end_subscriber(std::string_view name);
  result<bool> clear_ended();
  result<bool> advance(replay of, instant now);

  store_options options_;
  session session_;
  stream_lease lease_;
  stream_numbers numbers_;
  steady_instant renewed_;                 // when the lease was renewed last
  std::optional<steady_instant> renewing_; // by the batch that is under way
  std::int64_t marked_from_ = 0;           // marks of batches below it are deleted
  bool marked_ = false;                    // whether there are some from there on
  std::int64_t lease_session_ = 0;         // the connection under which the epoch was begun
  std::optional<doubt> doubt_;
  locked_rows locked_;
  steady_instant locked_asked_; // when they were last looked at
  id_block user_ids_{.kind = "users"};
  id_block order_ids_{.kind = "orders"};
  recent_keys recent_;
  std::int64_t leased_session_ = 0; // the connection under which deliveries were leased
  std::string instance_;            // of the database; empty until it was read
  // Where a step was taken before: the cursor as that left it.
  std::map<std::pair<subscriber_id, stream_id>, locked_cursor> known_cursors_;
  // The parts of open claims, so that their ends need not read it again.
  std::unordered_map<claim_id, claim_record> known_claims_;
};

/// How many numbers of its stream a batch uses up.
inline std::int64_t numbers_for(std::span<const command> batch) {
  return std::max<std::int64_t>(std::ssize(batch), 1);
}
/// The orders of commands that name no user: refunds, cancels and changes. Their owners are locked.
std::vector<order_id> owned_in(std::span<const command> batch);

/// The messages of rows of events_of_range or, for retries, of events_of_list.
std::vector<message> messages_in(const rows& from, bool retries);

/// The parameters with the kinds behind them.
parameters kinds_after(parameters before, event_kinds kinds);

/// How many numbers of a stream a look at so many entries takes. A command takes a number whether
/// it writes an entry or not, as the creation of an order does not; so there are more.
constexpr std::int64_t numbers_looked_at(std::int64_t entries) {
  return 8 * entries + 4096;
}

/// Of events_of_range, but for the last: the entries of a claim, which lies in one stretch.
inline parameters range_of(entry_id first, entry_id last, const wanted_kinds& wanted) {
  return kinds_after(parameters{}.add(first, last), wanted.at(number_of(first)).kinds);
}

} // namespace paymentd::db::postgres
