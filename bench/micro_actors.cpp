// Measures a payment's way through the actors: entrance, registry, order actor, lane, store worker
// and back, on a store that answers out of memory at once. A fixed number is always under way, as
// with so many connections. items_per_second are payments, with CAF's sharing policy and one worker
// as paymentd has them.
#include "actors/payment_system.hpp"

#include <benchmark/benchmark.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

namespace {

using namespace paymentd;

/// Pays whatever it is asked for.
class memory_store final : public db::store {
 public:
  db::result<void> ping() override { return {}; }
  db::result<stream_lease> take_stream(instant) override { return lease(); }
  db::result<std::vector<outcome>> settle(std::span<const command> batch, instant now) override {
    std::vector<outcome> outcomes;
    outcomes.reserve(batch.size());
    for (const command& one : batch) {
      const auto& what = std::get<pay>(one.what);
      outcomes.emplace_back(order{.id = what.order,
                                  .owner = what.user,
                                  .coupon = std::nullopt,
                                  .total = {100},
                                  .discount = {0},
                                  .status = order_status::paid,
                                  .payment_entry = make_entry_id({1}, ++entries_),
                                  .refund_entry = std::nullopt,
                                  .created_at = now,
                                  .updated_at = now});
    }
    return outcomes;
  }
  db::result<std::optional<std::vector<outcome>>> resolve(instant) override { return std::nullopt; }
  stream_lease lease() const override { return {{1}, 1}; }
  db::result<std::int64_t> forget_keys(instant) override { return 0; }
  db::result<delivery_backlog> measure_backlog(std::string_view, std::int64_t) override {
    return delivery_backlog{};
  }
  db::result<std::vector<answer>> read(std::span<const query> queries) override {
    return std::vector<answer>(queries.size());
  }
  db::result<subscriber> subscribe(std::string_view, bool, bool, instant) override {
    return none();
  }
  db::result<subscriber> set_kinds(std::string_view, bool, bool) override { return none(); }
  db::result<std::vector<delivery_lease>> lease_deliveries(std::span<const std::string>,
                                                           std::span<const stream_id>, int,
                                                           instant) override {
    return none();
  }
  db::result<std::vector<claim>> open_claims(subscriber_id, stream_lease, instant) override {
    return none();
  }
  db::result<delivery_answer> deliver(const delivery_step&, instant) override { return none(); }
  db::result<std::vector<answer>> retry(std::span<const delivery_retry>, instant) override {
    return none();
  }
  db::result<db::failed_progress> retry_failed(const failed_retry&, const db::failed_progress&,
                                               instant) override {
    return none();
  }
  db::result<prune_answer> prune(const prune_step&, instant) override { return none(); }
  db::result<std::optional<results_turn>> begin_results(const results_due&, instant) override {
    return none();
  }
  db::result<results_answer> store_results(const results_step&, instant) override { return none(); }
  db::result<subscriber> find_registered(std::string_view) override { return none(); }
  db::result<db::known_webhooks> webhooks() override { return none(); }
  db::result<answer> change_webhook(const webhook_request&, instant) override { return none(); }
  db::result<bool> take_over_webhook(const webhook&, instant) override { return none(); }
  db::result<db::webhook_upkeep> tend_webhooks(instant) override { return none(); }

 private:
  static std::unexpected<db::error> none() {
    return std::unexpected(db::error{db::error_kind::broken, "nobody is told of anything here"});
  }
  std::int64_t entries_ = 0;
};

class memory_database final : public db::database {
 public:
  db::result<int> migrate(instant) override { return 0; }
  db::result<void> check_schema() override { return {}; }
  db::result<std::unique_ptr<db::store>> connect() override {
    return std::make_unique<memory_store>();
  }
  db::result<std::unique_ptr<db::reader>> connect_reader() override {
    return std::make_unique<db::reader>(std::make_unique<memory_store>());
  }
  int lanes_max() const override { return 64; }
  bool delivers_on_lane() const override { return false; }
  db::result<void> seed(const db::seed_plan&, instant) override { return {}; }
  db::result<db::import_result> import_users(const db::import_file&, const db::user_source&,
                                             instant) override {
    return db::import_result{};
  }
  db::result<db::import_result> import_orders(const db::import_file&, const db::order_source&,
                                              instant) override {
    return db::import_result{};
  }
  db::result<void> export_entries(const db::entry_range&, const db::entry_sink&) override {
    return {};
  }
  db::result<std::int64_t> retry_all_failed(std::string_view, instant,
                                            const std::function<void(std::int64_t)>&) override {
    return 0;
  }
  db::result<audit_result> audit(const std::function<void(std::string_view)>&) override {
    return audit_result{};
  }
  db::result<void> note_audit(const audit_result&) override { return {}; }
};

void payments_through_the_actors(benchmark::State& state) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{1});
  caf::actor_system system(config);
  memory_database database;
  actors::payment_system_options options;
  options.database = &database;
  options.lanes = 2;
  options.random = [] { return 0.5; };
  actors::payment_system payments(system, std::move(options));
  payments.start([](const std::string&) { std::abort(); });
  {
    caf::scoped_actor client(system);
    const caf::actor self = caf::actor_cast<caf::actor>(client.ptr());
    std::int64_t next = 0;
    const auto send = [&] {
      const pay what{{++next}, {1 + next % 100'000}};
      caf::anon_send(
          payments.way_in().taking(what),
          actors::submit{{static_cast<std::uint64_t>(next), self, steady_instant::max()}, what});
    };
    const auto receive = [&] {
      client->receive([](const actors::settled& done) {
        if (!done.reply)
          std::abort();
      });
    };
    for (std::int64_t i = 0; i < state.range(0); ++i)
      send();
    for ([[maybe_unused]] auto _ : state) {
      receive();
      send();
    }
    for (std::int64_t i = 0; i < state.range(0); ++i)
      receive();
    state.SetItemsProcessed(state.iterations());
    state.counters["batch"] = static_cast<double>(payments.lanes()->commands) /
                              static_cast<double>(payments.lanes()->batches);
  }
  payments.stop();
}

} // namespace

BENCHMARK(payments_through_the_actors)
    ->Arg(1)
    ->Arg(64)
    ->Arg(256)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_MAIN();
