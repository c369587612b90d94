// One connection to the embedded database, as the port has it: opens it anew where needed, makes
// each call one transaction, and turns what SQLite throws into errors. One thread at a time.
#pragma once

#include "db/recent_events.hpp"
#include "db/sqlite/delivery.hpp"
#include "db/sqlite/delivery_read.hpp"
#include "db/sqlite/event_read.hpp"
#include "db/sqlite/file_lock.hpp"
#include "db/sqlite/lists.hpp"
#include "db/sqlite/results.hpp"
#include "db/sqlite/settlement.hpp"
#include "db/sqlite/streams.hpp"
#include "db/sqlite/webhooks.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

struct store_options {
  std::string path;
  std::string owner;
  std::chrono::milliseconds lease{};
  access mode = access::read_only;
  std::int64_t log_bytes_max = 0; // of one that writes
  std::function<void(const std::string&)> lost = {};
  bool reads_user = false; // as db::database_options has it
};

class sqlite_store final : public store {
 public:
  /// `lock` is held as long as a store that writes exists.
  sqlite_store(store_options options, std::shared_ptr<file_lock> lock);

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
  // State that lives as long as one connection does.
  struct reading_session {
    connection on;
    transactions with;
    reading reads;
    listing lists;
    delivery_reading deliveries;
    event_reading events;
    explicit reading_session(const store_options& options);
  };
  struct writing_session {
    streams numbers;
    settlement settles;
    deliveries delivers;
    results learns;
    sqlite::webhooks hooks;
    writing_session(connection& on, reading& reads, const recent_keys& recent,
                    const recent_events& newest, bool reads_user);
  };

  struct batch_in_doubt {
    batch_numbers numbers;
    std::vector<outcome> outcomes;
  };

  result<void> open();
  // Runs `work`, gives its result, and turns what it throws into an error. `unknown_commit` is what
  // a commit in doubt means to the caller.
  template <class Work>
  auto guarded(error_kind unknown_commit, Work work) -> decltype(work());
  // The same within a write transaction that is committed where `work` gave a value.
  template <class Work>
  auto writing(error_kind unknown_commit, Work work) -> decltype(work());
  result<void> keep_log_short();

  store_options options_;
  bool log_told_ = false; // that the log grows
  recent_keys recent_;    // these two go on from one connection to the next
  recent_events newest_;
  std::shared_ptr<file_lock> lock_;
  std::unique_ptr<reading_session> session_;
  std::unique_ptr<writing_session> writer_; // goes before the connection that it stands on
  stream_lease lease_;
  std::vector<stream_lease> adopted_; // earlier streams in which something was left
  std::optional<batch_in_doubt> in_doubt_;
};

} // namespace paymentd::db::sqlite
