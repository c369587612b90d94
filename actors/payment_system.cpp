#include "actors/payment_system.hpp"

#include "actors/delivery/backlog_watch.hpp"
#include "actors/delivery/results_poller.hpp"
#include "actors/delivery/retry_lane.hpp"
#include "actors/delivery/stream_keeper.hpp"
#include "actors/payment/audit_watch.hpp"
#include "actors/payment/key_pruner.hpp"
#include "actors/payment/read_lane.hpp"
#include "domain/check.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <concepts>
#include <exception>
#include <ranges>

namespace paymentd::actors {

namespace {

/// Between two looks for streams of dead processes, at the most.
constexpr std::chrono::milliseconds keeper_interval_max{2000};

constexpr std::size_t read_batch_max = 256;
/// Pages read in one go: each takes some milliseconds.
constexpr std::size_t page_batch_max = 16;

} // namespace

payment_system::payment_system(caf::actor_system& system, payment_system_options options)
    : system_(system), options_(std::move(options)) {
  for (int i = 0; i < options_.lanes; ++i)
    lane_health_.push_back(std::make_shared<lane_health>(condition::starting));
  for (int i = 0; i < options_.read_lanes; ++i)
    read_lane_health_.push_back(std::make_shared<lane_health>(condition::ok));
}

payment_system::~payment_system() {
  stop();
}

void payment_system::start(std::function<void(const std::string& who)> died) {
  died_ = std::move(died);
  std::vector<settlement_worker> workers;
  for (int i = 1; i <= options_.lanes; ++i)
    workers.push_back(start_worker<db::settlement_store>(fmt::format("lane {}", i)));
  check(!workers.empty(), "there is a lane");
  const delivery_worker store = options_.database->delivers_on_lane()
                                    ? delivery_worker{workers.front().actor}
                                    : start_worker<db::delivery_store>("delivery");
  start_delivery(store);
  const caf::actor keeper = start_keeper(store);
  start_retries(store);
  start_key_pruner(store);
  start_backlog_watch(store);
  start_lanes(workers, keeper);
  for (std::size_t i = 0; i < read_lane_health_.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    way_in_.read_lanes.push_back(start_read_lane(number,
                                                 start_worker<db::read_store>("reader " + number),
                                                 read_batch_max, read_lane_health_[i]));
  }
  const auto page_reader = start_worker<db::read_store>("reader of pages");
  way_in_.page_lanes.push_back(start_read_lane("of pages", page_reader, page_batch_max,
                                               std::make_shared<lane_health>(condition::ok)));
  start_audit_watch(page_reader);
  const auto context = std::make_shared<const order_actor_context>(
      order_actor_context{.lanes = way_in_.lanes,
                          .read_lanes = way_in_.read_lanes,
                          .database_changes = database_changes_});
  for (int i = 0; i < options_.registries; ++i) {
    order_registry_options options;
    options.context = context;
    options.resident_max = options_.pending_max + options.idle_max;
    options.counters = registry_counters_;
    way_in_.registries.push_back(
        started_.emplace_back(system_.spawn(order_registry, std::move(options))));
  }
  start_webhooks(store, keeper);
  for (const caf::actor& each : started_)
    each->attach_functor([this, who = fmt::format("actor {}", each.id())](const caf::error& why) {
      if (why && why != caf::exit_reason::user_shutdown)
        died_(fmt::format("{}: {}", who, system_.render(why)));
    });
}

void payment_system::stop(std::chrono::milliseconds grace) {
  caf::scoped_actor waiter(system_);
  // All are asked before any is waited for, so that none begins something new meanwhile.
  std::vector<decltype(waiter->request(caf::actor{}, grace, finish_deliveries{}))> finishing;
  if (grace > std::chrono::milliseconds{0}) {
    if (webhook_keeper_)
      finishing.push_back(waiter->request(webhook_keeper_, grace, finish_deliveries{}));
    for (const caf::actor& each : supervisors_)
      finishing.push_back(waiter->request(each, grace, finish_deliveries{}));
  }
  for (auto& each : finishing)
    each.receive([](const deliveries_finished&) {},
                 [](const caf::error&) {}); // too late, or down: what is open stays open
  // Backwards: whoever asks ends before those that it would ask.
  for (const caf::actor& each : started_ | std::views::reverse)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  if (!started_.empty())
    waiter->wait_for(started_);
  way_in_ = {};
  webhook_keeper_ = nullptr;
  supervisors_.clear();
  started_.clear();
}

health_report payment_system::health(steady_instant now) const {
  const auto worst = [now](const auto& lanes) {
    condition all = condition::ok;
    for (const auto& each : lanes)
      all = std::max(all, each->at(now));
    return all;
  };
  return {.settlement = worst(lane_health_), .reads = worst(read_lane_health_)};
}

payment_metrics payment_system::metrics(steady_instant now) const {
  payment_metrics all{.lanes = lane_counters_,
                      .store = store_counters_,
                      .registries = registry_counters_,
                      .subscribers = {},
                      .health = health(now)};
  for (const notification_supervisor_options& each : options_.subscribers)
    all.subscribers.push_back(
        {each.delivery.subscriber,
         each.delivery.chain ? std::string(each.delivery.provider->name()) : std::string(),
         each.delivery.counters, each.gauges});
  for (const auto& [name, numbers] : webhooks_->all())
    all.subscribers.push_back({name, "", numbers.delivery, numbers.supervision});
  all.webhooks_paused = webhooks_->paused.load();
  all.webhooks_disabled = webhooks_->disabled.load();
  all.audit_began_at_ms = audits_->began_at_ms.load();
  all.audit_breaches = audits_->breaches.load();
  return all;
}

namespace {

/// Takes the webhooks of the settings' file over into the database, where that was not done before.
db::result<void> take_over_all(db::webhook_store& store, const payment_system_options& options) {
  for (const webhook& each : options.old_webhooks) {
    const auto taken = store.take_over_webhook(each, options.now());
    if (!taken)
      return std::unexpected(taken.error());
    if (*taken)
      spdlog::info(
          "webhook {} of the settings' file was taken over: it stands in the database from "
          "now on, and the file's table can be removed",
          each.name);
  }
  return {};
}

std::string kinds_text(bool payments, bool refunds) {
  return payments && refunds ? "payments and refunds" : payments ? "payments" : "refunds";
}

/// Registers a subscriber: it is told of all that it wants from then on.
db::result<void> subscribe(db::delivery_store& store, const notification_options& options,
                           instant now, bool sets_kinds) {
  const bool payments = options.wants_payments;
  const bool refunds = options.wants_refunds;
  const auto found = store.subscribe(options.subscriber, payments, refunds, now);
  if (!found)
    return std::unexpected(found.error());
  if (!sets_kinds || (found->wants_payments == payments && found->wants_refunds == refunds))
    return {};
  if (const auto set = store.set_kinds(options.subscriber, payments, refunds); !set) {
    if (set.error().kind != db::error_kind::broken)
      return std::unexpected(set.error());
    // Payments do not wait for what only an operator can mend.
    spdlog::error("{} is told of {} as before: {}", options.subscriber,
                  kinds_text(found->wants_payments, found->wants_refunds), set.error().text);
    return {};
  }
  spdlog::info("{} is told of {} from now on; of what happened before, of {}", options.subscriber,
               kinds_text(payments, refunds),
               kinds_text(found->wants_payments, found->wants_refunds));
  return {};
}

/// The kinds of the settings are put in force once a start. After that, those of a process that
/// started later stay.
db::result<void> subscribe_all(db::delivery_store& store, const payment_system_options& options,
                               std::atomic<bool>& kinds_set) {
  const bool sets_kinds = !kinds_set;
  for (const notification_supervisor_options& each : options.subscribers)
    if (const auto done = subscribe(store, each.delivery, options.now(), sets_kinds); !done)
      return std::unexpected(done.error());
  kinds_set = true;
  return {};
}

/// Conditions before a worker may begin. The database may not have been there when the process
/// started; and a lane must not settle a payment before those who want to know of it are
/// registered.
template <class Port>
db::result<std::shared_ptr<db::store_connection>> connect(const payment_system_options& options,
                                                          std::atomic<bool>& kinds_set) {
  db::database& database = *options.database;
  if (options.migrates) {
    if (const auto migrated = database.migrate(options.now()); !migrated)
      return std::unexpected(migrated.error());
  } else if (const auto current = database.check_schema(); !current) {
    return std::unexpected(current.error());
  }
  if constexpr (std::same_as<Port, db::read_store>) {
    return database.connect_reader();
  } else {
    auto store = database.connect();
    if (store && std::same_as<Port, db::settlement_store>) {
      if (const auto done = subscribe_all(**store, options, kinds_set); !done)
        return std::unexpected(done.error());
      if (const auto done = take_over_all(**store, options); !done)
        return std::unexpected(done.error());
    }
    return store;
  }
}

} // namespace

template <class Port>
worker_of<Port> payment_system::start_worker(std::string name) {
  store_worker_options options;
  options.name = std::move(name);
  // This object ends its workers before it ends.
  options.connect = [this] { return connect<Port>(options_, kinds_set_); };
  options.now = options_.now;
  options.counters = store_counters_;
  return {started_.emplace_back(system_.spawn<caf::detached>(store_worker, std::move(options)))};
}

/// Under a supervisor of its own: whatever becomes of it, payments and messages go on.
void payment_system::start_results(const notification_supervisor_options& of,
                                   const delivery_worker& store) {
  results_poller_options options;
  options.subscriber = of.delivery.subscriber;
  options.store = store;
  for (const notification_supervisor_options& each : options_.subscribers)
    if (each.delivery.subscriber == options.subscriber &&
        each.delivery.provider->can_tell_results())
      options.others.push_back(each.delivery.provider);
  if (options.others.empty())
    return;
  options.provider = options.others.front();
  options.others.erase(options.others.begin());
  options.poll = of.results_poll;
  options.lease = of.results_lease;
  options.now = of.delivery.now;
  options.counters = of.delivery.counters;
  backoff_supervisor_options supervision;
  supervision.name = "results of " + options.subscriber;
  supervision.backoff = of.restart;
  supervision.random = of.delivery.random;
  supervision.make_child = [options = std::move(options)](caf::event_based_actor* supervisor) {
    return caf::actor_cast<caf::actor>(supervisor->spawn(results_poller, options));
  };
  started_.push_back(system_.spawn(backoff_supervisor, std::move(supervision)));
}

void payment_system::start_delivery(const delivery_worker& store) {
  for (notification_supervisor_options each : options_.subscribers) {
    if (each.delivery.place == 0) // one for all of its providers
      start_results(each, store);
    each.delivery.store = store;
    supervisors_.push_back(
        started_.emplace_back(system_.spawn(notification_supervisor, std::move(each))));
  }
}

caf::actor payment_system::start_keeper(const delivery_worker& store) {
  stream_keeper_options options;
  options.store = store;
  for (std::size_t i = 0; i < supervisors_.size(); ++i)
    options.supervisors.emplace(options_.subscribers[i].delivery.subscriber, supervisors_[i]);
  options.lease = options_.lease;
  options.interval = keeper_interval_max;
  if (options_.lease.count() > 0)
    options.interval = std::min(options.interval, options_.lease / 4);
  return started_.emplace_back(system_.spawn(stream_keeper, std::move(options)));
}

/// Last, since it tells all others of those that begin.
void payment_system::start_webhooks(const delivery_worker& store, const caf::actor& keeper) {
  if (!options_.make_webhook)
    return;
  webhook_keeper_options options;
  options.store = {store.actor};
  options.deliveries = store;
  options.pace = std::make_shared<step_pace>(lane_counters_, step_pace_options{});
  options.make = options_.make_webhook;
  options.make_secret = options_.make_webhook_secret;
  options.stop = [this](const std::shared_ptr<providers::endpoint>& what) {
    try {
      system_.spawn<caf::detached>([what] { what->stop(); });
    } catch (const std::exception&) { // there is no thread for it
      what->stop();
    }
  };
  options.pause_after = options_.webhook_pause_after;
  options.told = way_in_.lanes;
  options.told.push_back(keeper);
  options.told.push_back(way_in_.retry_lane);
  options.now = options_.now;
  options.board = webhooks_;
  webhook_keeper_ = way_in_.webhooks =
      started_.emplace_back(system_.spawn<caf::detached>(webhook_keeper, std::move(options)));
}

caf::actor payment_system::start_read_lane(const std::string& name,
                                           const worker_of<db::read_store>& worker,
                                           std::size_t batch_max,
                                           std::shared_ptr<lane_health> health) {
  read_lane_options options;
  options.name = "read lane " + name;
  options.worker = worker;
  options.batch_max = batch_max;
  options.pending_max = options_.pending_max;
  options.health = std::move(health);
  options.random = options_.random;
  return started_.emplace_back(system_.spawn(read_lane, std::move(options)));
}

void payment_system::start_audit_watch(const worker_of<db::read_store>& worker) {
  audit_watch_options options;
  options.worker = worker;
  options.gauges = audits_;
  started_.push_back(system_.spawn(audit_watch, std::move(options)));
}

void payment_system::start_retries(const delivery_worker& store) {
  retry_lane_options options;
  options.worker = store;
  for (std::size_t i = 0; i < supervisors_.size(); ++i)
    options.supervisors.emplace(options_.subscribers[i].delivery.subscriber, supervisors_[i]);
  way_in_.retry_lane = started_.emplace_back(system_.spawn(retry_lane, std::move(options)));
}

void payment_system::start_backlog_watch(const delivery_worker& store) {
  backlog_watch_options options;
  options.worker = {store.actor};
  for (const notification_supervisor_options& each : options_.subscribers)
    options.subscribers.emplace(each.delivery.subscriber, each.delivery.counters);
  options.webhooks = webhooks_;
  if (!options.subscribers.empty() || options_.make_webhook)
    started_.push_back(system_.spawn(backlog_watch, std::move(options)));
}

void payment_system::start_key_pruner(const delivery_worker& store) {
  key_pruner_options options;
  options.worker = {store.actor};
  options.retention = options_.idempotency_retention;
  started_.push_back(system_.spawn(key_pruner, std::move(options)));
}

void payment_system::start_lanes(const std::vector<settlement_worker>& workers,
                                 const caf::actor& keeper) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    settlement_lane_options options;
    options.name = fmt::format("lane {}", i + 1);
    options.worker = workers[i];
    options.supervisors = supervisors_;
    options.keeper = keeper;
    options.batch_max = options_.batch_max;
    options.pending_max = std::max(options_.batch_max, options_.pending_max / workers.size());
    options.lease = options_.lease;
    options.random = options_.random;
    options.counters = lane_counters_;
    options.database_changes = database_changes_;
    options.health = lane_health_[i];
    way_in_.lanes.push_back(
        started_.emplace_back(system_.spawn(settlement_lane, std::move(options))));
  }
}

} // namespace paymentd::actors
