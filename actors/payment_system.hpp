// All actors of a process, wired: workers, lanes, registries, and one supervised notification actor
// a subscriber. Made, started and stopped on one thread (app/serve.cpp's, or a test's).
#pragma once

#include "actors/counters.hpp"
#include "actors/delivery/notification_supervisor.hpp"
#include "actors/delivery/webhook_keeper.hpp"
#include "actors/entrance.hpp"
#include "actors/payment/order_registry.hpp"
#include "actors/payment/settlement_lane.hpp"
#include "actors/store_worker.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace paymentd::actors {

struct payment_system_options {
  db::database* database = nullptr; // outlives the system
  bool migrates = true;             // creates and upgrades the schema before it is used
  int lanes = 1;                    // at most the database's lanes_max()
  int read_lanes = 1;
  int registries = 1;
  std::size_t batch_max = 512;
  std::size_t pending_max = 20000; // commands that wait, over all lanes
  std::chrono::milliseconds idempotency_retention{std::chrono::hours{24}};
  std::chrono::milliseconds lease{0}; // of streams; 0: no other process can take them
  /// The subscribers that are told of payments; `delivery.store` is set here. None: nobody is told
  /// of anything.
  std::vector<notification_supervisor_options> subscribers;
  /// The webhooks that the database holds come and go while the system runs. `old_webhooks` are
  /// those of the settings' file: each is taken over into the database, once.
  webhook_maker make_webhook;
  std::function<std::string()> make_webhook_secret;
  std::chrono::milliseconds webhook_pause_after = std::chrono::hours{120};
  std::vector<webhook> old_webhooks;
  std::function<double()> random; // uniform in [0, 1); any thread
  wall_clock now = system_wall_clock;
};

class payment_system {
 public:
  /// Starts nothing yet.
  payment_system(caf::actor_system& system, payment_system_options options);
  ~payment_system(); // stops, without grace

  payment_system(const payment_system&) = delete;
  payment_system& operator=(const payment_system&) = delete;

  /// Starts every actor. `died` is called, on some thread, when one without which no payment can be
  /// made has died of an error: the process should then end, and a restart heals.
  void start(std::function<void(const std::string& who)> died);

  /// Lets the calls to providers that are under way end and stores what became of them, for `grace`
  /// at the most, and ends every actor. Commands that still wait are not answered; claims that are
  /// still open stay so, and the next start takes them up.
  void stop(std::chrono::milliseconds grace = {});

  const entrance& way_in() const { return way_in_; }

  std::shared_ptr<const lane_counters> lanes() const { return lane_counters_; }
  /// All that is known now, by lanes that were not started yet as well. Any thread.
  health_report health(steady_instant now) const;
  /// All that is counted, with the health at `now`. Any thread.
  payment_metrics metrics(steady_instant now) const;

 private:
  using delivery_worker = worker_of<db::delivery_store>;
  using settlement_worker = worker_of<db::settlement_store>;
  template <class Port>
  worker_of<Port> start_worker(std::string name);
  void start_delivery(const delivery_worker& store);
  void start_results(const notification_supervisor_options& of, const delivery_worker& store);
  caf::actor start_keeper(const delivery_worker& store);
  void start_webhooks(const delivery_worker& store, const caf::actor& keeper);
  caf::actor start_read_lane(const std::string& name, const worker_of<db::read_store>& worker,
                             std::size_t batch_max, std::shared_ptr<lane_health> health);
  void start_audit_watch(const worker_of<db::read_store>& worker);
  void start_retries(const delivery_worker& store);
  void start_backlog_watch(const delivery_worker& store);
  void start_key_pruner(const delivery_worker& store);
  void start_lanes(const std::vector<settlement_worker>& workers, const caf::actor& keeper);

  caf::actor_system& system_;
  payment_system_options options_;
  std::atomic<bool> kinds_set_ = false; // of the subscribers, by a worker
  std::shared_ptr<lane_counters> lane_counters_ = std::make_shared<lane_counters>();
  std::shared_ptr<store_counters> store_counters_ = std::make_shared<store_counters>();
  std::shared_ptr<std::atomic<std::uint64_t>> database_changes_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  std::shared_ptr<registry_counters> registry_counters_ = std::make_shared<registry_counters>();
  std::shared_ptr<audit_gauges> audits_ = std::make_shared<audit_gauges>();
  std::vector<std::shared_ptr<lane_health>> lane_health_; // one a lane
  std::vector<std::shared_ptr<lane_health>> read_lane_health_;
  entrance way_in_;
  std::vector<caf::actor> supervisors_;
  caf::actor webhook_keeper_;
  std::shared_ptr<webhook_board> webhooks_ = std::make_shared<webhook_board>();
  std::vector<caf::actor> started_; // in the order of their start
  std::function<void(const std::string&)> died_;
};

} // namespace paymentd::actors
