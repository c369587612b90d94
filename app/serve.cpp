#include "app/serve.hpp"

#include "actors/payment_system.hpp"
#include "app/certificate.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/file_watch.hpp"
#include "app/keys.hpp"
#include "app/log.hpp"
#include "app/process.hpp"
#include "app/process_figures.hpp"
#include "app/service_manager.hpp"
#include "app/subscribers.hpp"
#include "app/version.hpp"
#include "db/embedded_file.hpp"
#include "http/http_counters.hpp"
#include "http/metrics_page.hpp"
#include "http/server.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>

namespace paymentd {
namespace {

/// Connections that may be open to the message API, to webhooks and to NATS at once. Webhooks come
/// and go; most installations have no more calls to them than these, and of more, some wait for a
/// file.
std::uint64_t calls_at_once(const config::settings& settings) {
  constexpr std::uint64_t to_webhooks = 512;
  const std::uint64_t providers = 1 + settings.alimtalk.next_providers.size();
  const auto calls =
      providers * static_cast<std::uint64_t>(settings.alimtalk.max_in_flight) + to_webhooks;
  constexpr std::uint64_t of_nats = 5; // one, and tries to connect that were left behind
  return settings.nats.urls.empty() ? calls : calls + of_nats;
}

http::server_options server_options_of(const config::settings& settings, std::uint64_t file_limit) {
  http::server_options options;
  options.listen = to_string(settings.http.listen);
  options.admin_listen = to_string(settings.admin.listen);
  // One I/O thread serves more than a database on the same machine can settle.
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  options.threads = settings.http.threads > 0 ? settings.http.threads : std::max(1, processors / 4);
  options.max_body_bytes = static_cast<std::uint64_t>(settings.http.max_body_bytes);
  options.max_connections =
      connections_that_fit(settings.http.max_connections, file_limit, calls_at_once(settings));
  options.request_timeout = settings.http.request_timeout;
  // Payments keep half of the connections, however few there can be.
  options.max_event_streams = std::min<decltype(options.max_event_streams)>(
      settings.http.max_event_streams, options.max_connections / 2);
  options.max_event_bytes_per_second = settings.http.max_event_bytes_per_second;
  options.idle_timeout = settings.http.idle_timeout;
  options.header_timeout = settings.http.header_timeout;
  options.allowed_hosts = settings.http.allowed_hosts;
  options.request_lines = {settings.log.requests.errors, settings.log.requests.part};
  options.drain_delay = settings.shutdown.drain_delay;
  options.in_flight_max = static_cast<std::size_t>(settings.database.max_pending);
  return options;
}

/// More lanes do not settle more where the database has no processor for them: batches get smaller
/// and the slowest answers slower (docs/performance.md). So one for each two processors.
int lanes_chosen() {
  constexpr int most = 4;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()) / 2, 1, most);
}

actors::payment_system_options
system_options_of(const config::settings& settings, db::database& database,
                  std::vector<actors::notification_supervisor_options> subscribers) {
  actors::payment_system_options options;
  options.database = &database;
  options.migrates = settings.database.migrations == config::migration_mode::automatic;
  const int lanes = settings.database.lanes > 0 ? settings.database.lanes : lanes_chosen();
  options.lanes = std::min(lanes, database.lanes_max());
  options.batch_max = static_cast<std::size_t>(
      std::min(settings.database.max_batch, settings.database.max_pending));
  options.pending_max = static_cast<std::size_t>(settings.database.max_pending);
  options.idempotency_retention = settings.http.idempotency_retention;
  if (database.lanes_max() > 1)
    options.lease = settings.notification.lease;
  options.random = random_fraction;
  options.subscribers = std::move(subscribers);
  options.make_webhook = webhook_maker_of(settings);
  options.make_webhook_secret = make_webhook_secret;
  options.webhook_pause_after = settings.webhooks.pause_after;
  options.old_webhooks = old_webhooks_of(settings);
  return options;
}

/// Sees to the schema, as the settings want it.
db::result<void> prepare(db::database& database, const config::database_settings& settings) {
  if (settings.migrations == config::migration_mode::off)
    return database.check_schema();
  if (const auto migrated = database.migrate(actors::system_wall_clock()); !migrated)
    return std::unexpected(migrated.error());
  return {};
}

void say_started(const config::settings& settings, const http::server& server,
                 std::uint64_t file_limit, int connections_max) {
  if (connections_max < settings.http.max_connections)
    spdlog::warn(
        "the limit of open files (ulimit -n, LimitNOFILE=) is {}, which leaves room for {} "
        "connections instead of the {} of http.max_connections: raise one or lower the "
        "other",
        file_limit, connections_max, settings.http.max_connections);
  if (!settings.old_webhooks.empty())
    spdlog::warn("the settings' file has {} tables [[webhook]]: each is taken over into the "
                 "database once and not looked at any more then; remove them",
                 settings.old_webhooks.size());
  const bool secure = !settings.http.tls_certificate.empty();
  if (!secure && !config::is_loopback(settings.http.listen))
    spdlog::warn(
        "http.listen is beyond this machine: what API keys allow is in clear on the network, "
        "unless a proxy that speaks TLS stands in front");
  spdlog::info("paymentd {} serves {}://{} (operators: http://{}) from {}", version_text(),
               secure ? "https" : "http",
               to_string(config::address{settings.http.listen.host, server.port()}),
               to_string(config::address{settings.admin.listen.host, server.admin_port()}),
               settings.database.url.shown());
}

void say_stopped(const actors::lane_counters& settled) {
  const auto batches = settled.batches.load();
  spdlog::info("stopped: {} commands settled in batches of {:.1f}", settled.commands.load(),
               static_cast<double>(settled.commands.load()) /
                   static_cast<double>(std::max<std::uint64_t>(batches, 1)));
}

/// Has what the files of the settings hold taken over when they change, and at a SIGHUP. `keys` and
/// `certificate` outlive the watch.
std::shared_ptr<file_watch> watch_files(stop_signals& signals, key_loader& keys,
                                        certificate_loader& certificate) {
  auto watch = std::make_shared<file_watch>();
  if (keys.ring() == nullptr && certificate.holder() == nullptr)
    return watch;
  if (keys.ring() != nullptr)
    watch->add({keys.file()}, [&keys] { keys.reload(); });
  if (certificate.holder() != nullptr)
    watch->add({certificate.files().certificate, certificate.files().private_key},
               [&certificate] { certificate.reload(); });
  signals.on_hangup([weak = std::weak_ptr(watch)] {
    if (const auto watching = weak.lock())
      watching->look();
  });
  watch->start();
  return watch;
}

/// Writes the page of /metrics from what outlives the server.
std::function<void(std::string&)> metrics_of(const actors::payment_system& payments,
                                             const http::http_counters& counters,
                                             const std::string& database_url) {
  return [&payments, &counters, database_url](std::string& page) {
    const instant now = actors::system_wall_clock();
    http::metric_families all;
    http::add_build(all, release_number());
    http::add_metrics(all, payments.metrics(std::chrono::steady_clock::now()), now);
    http::add_metrics(all, counters, now);
    http::add_metrics(all, read_process_figures());
    if (db::is_embedded(database_url)) {
      const db::embedded_sizes sizes = db::measure(database_url);
      http::add_metrics(all, http::embedded_figures{.file_bytes = sizes.file,
                                                    .log_bytes = sizes.log,
                                                    .disk_free_bytes = sizes.disk_free,
                                                    .disk_size_bytes = sizes.disk});
    }
    page += all.text();
  };
}

/// For a database that can never be written again.
void end_at_once(const std::string& why) {
  log_last(why);
  std::_Exit(failed);
}

/// How the service manager asks the server. All three outlive its thread.
vital_signs signs_of(const actors::payment_system& payments, http::server& server,
                     caf::actor_system& actor_system) {
  return {.ready =
              [&payments] {
                const auto health = payments.health(std::chrono::steady_clock::now());
                return health.settlement == actors::condition::ok &&
                       health.reads == actors::condition::ok;
              },
          .pulse =
              [&server, &actor_system](const std::function<void()>& came) {
                // An actor runs only where the thread of all actors gets to it.
                actor_system.spawn([came] { came(); });
                return 1 + server.on_each_thread(came);
              }};
}

/// The life of the server, between the first line of the log and its last one.
int serve_until(stop_signals& signals, const config::settings& settings) {
  service_manager manager;
  const std::uint64_t file_limit = raise_file_limit();
  const auto subscribers = make_subscribers(settings);
  if (!subscribers)
    return complain(bad_usage, subscribers.error());
  key_loader keys(settings.http.api_keys_file);
  if (const auto loaded = keys.load(); !loaded)
    return complain(bad_usage, "http.api_keys_file: " + loaded.error());
  certificate_loader certificate({settings.http.tls_certificate, settings.http.tls_private_key});
  if (const auto loaded = certificate.load(); !loaded)
    return complain(bad_usage, "http.tls_certificate: " + loaded.error());
  auto database = open_database(settings, end_at_once);
  if (!database)
    return complain(failed, database.error().text);
  caf::actor_system_config actor_config;
  // The sharing policy waits on a condition variable; the default one polls.
  actor_config.set("scheduler.policy", caf::atom("sharing"));
  actor_config.set("scheduler.max-threads", std::size_t{1});
  caf::actor_system actor_system(actor_config);
  actors::payment_system payments(actor_system,
                                  system_options_of(settings, **database, *subscribers));
  auto server_options = server_options_of(settings, file_limit);
  const int connections_max = server_options.max_connections;
  http::http_counters counters;
  server_options.metrics = metrics_of(payments, counters, settings.database.url.reveal());
  server_options.counters = &counters;
  server_options.health = [&payments] { return payments.health(std::chrono::steady_clock::now()); };
  server_options.keys = keys.ring();
  server_options.certificate = certificate.holder();
  http::server server(actor_system, std::move(server_options));
  // Start: from the inside out, so that who is asked is there. Only operators come first: a
  // database can keep a start waiting for long, and they want to know that the process lives.
  if (const auto opened = server.open_operators(); !opened)
    return complain(failed, opened.error());
  if (const auto ready = prepare(**database, settings.database); !ready) {
    if (ready.error().kind != db::error_kind::unavailable)
      return complain(failed, ready.error().text);
    spdlog::warn("waiting for the database: {}", ready.error().text);
  }
  payments.start([](const std::string& who) {
    log_last(who + ": the process ends, and a restart goes on from the database");
    std::_Exit(failed);
  });
  if (const auto started = server.start(payments.way_in()); !started) {
    payments.stop();
    return complain(failed, started.error());
  }
  const auto watch = watch_files(signals, keys, certificate);
  say_started(settings, server, file_limit, connections_max);
  manager.watch(signs_of(payments, server, actor_system));

  signals.wait();
  manager.stopping(settings.shutdown.timeout);
  watch->stop();

  // Stop: from the outside in, so that what was accepted is finished.
  const auto until = std::chrono::steady_clock::now() + settings.shutdown.timeout;
  server.stop(settings.shutdown.timeout);
  payments.stop(std::chrono::ceil<std::chrono::milliseconds>(
      std::max(until - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration{0})));
  for (const auto& each : *subscribers)
    each.delivery.provider->stop();
  say_stopped(*payments.lanes());
  return fine;
}

} // namespace

int serve(const config::settings& settings) {
  constexpr std::chrono::seconds beyond_timeout{5}; // for what is not waited for by the clock
  stop_signals signals(settings.shutdown.timeout + beyond_timeout);
  log_guard log(settings.log);
  return log.end(serve_until(signals, settings));
}

} // namespace paymentd
