// paymentd: the command line, and the wiring of the server. Start and stop are two visible lists in
// `serve`; what the parts do stands in their rooms.
#include "actors/payment_system.hpp"
#include "config/settings.hpp"
#include "db/embedded_file.hpp"
#include "db/store.hpp"
#include "http/metrics_page.hpp"
#include "http/server.hpp"
#include "log.hpp"
#include "process.hpp"
#include "subscribers.hpp"

#include <CLI/CLI.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>
#include <unistd.h>

namespace paymentd {
namespace {

enum exit_code : int { fine = 0, failed = 1, bad_usage = 2 };

/// One clear line on standard error; where a library made it several, each begins like one.
int complain(int code, std::string line) {
  constexpr std::string_view begin = "paymentd: ";
  while (line.ends_with('\n'))
    line.pop_back();
  for (auto at = line.find('\n'); at != line.npos; at = line.find('\n', at + 1))
    line.insert(at + 1, begin);
  fmt::print(stderr, "{}{}\n", begin, line);
  return code;
}

/// Names this process among those on its database, anew at each start.
std::string make_owner() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{:08x}", host, ::getpid(), std::random_device{}());
}

db::result<std::unique_ptr<db::database>>
open_database(const config::settings& settings,
              std::function<void(const std::string&)> lost = nullptr) {
  return db::open_database({.url = settings.database.url.reveal(),
                            .owner = make_owner(),
                            .lease = settings.notification.lease,
                            .lost = std::move(lost)});
}

/// Calls that may be open to the message API and to webhooks at once.
std::uint64_t calls_at_once(const config::settings& settings) {
  auto calls = static_cast<std::uint64_t>(settings.alimtalk.max_in_flight);
  for (const auto& each : settings.webhooks)
    calls += static_cast<std::uint64_t>(each.max_in_flight);
  return calls;
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
  options.idle_timeout = settings.http.idle_timeout;
  options.header_timeout = settings.http.header_timeout;
  options.allowed_hosts = settings.http.allowed_hosts;
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
  if (database.lanes_max() > 1)
    options.lease = settings.notification.lease;
  options.random = random_fraction;
  options.subscribers = std::move(subscribers);
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

/// What lies between the first line of the log and its last one.
int serve_until(stop_signals& signals, const config::settings& settings) {
  const std::uint64_t file_limit = raise_file_limit();
  const auto subscribers = make_subscribers(settings);
  if (!subscribers)
    return complain(bad_usage, subscribers.error());
  auto database = open_database(settings, [](const std::string& why) {
    log_last(why);
    std::_Exit(failed);
  });
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
  std::atomic<std::uint64_t> shed = 0;
  server_options.metrics = [&payments, &shed](std::string& page) {
    http::append_metrics(page, payments, shed.load(), actors::system_wall_clock());
  };
  server_options.health = [&payments] { return payments.health(std::chrono::steady_clock::now()); };
  server_options.shed = &shed;
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
  if (connections_max < settings.http.max_connections)
    spdlog::warn(
        "the limit of open files (ulimit -n, LimitNOFILE=) is {}, which leaves room for {} "
        "connections instead of the {} of http.max_connections: raise one or lower the "
        "other",
        file_limit, connections_max, settings.http.max_connections);
  spdlog::info("paymentd {} serves http://{} (operators: http://{}) from {}", PAYMENTD_VERSION,
               to_string(config::address{settings.http.listen.host, server.port()}),
               to_string(config::address{settings.admin.listen.host, server.admin_port()}),
               settings.database.url.shown());

  signals.wait();

  // Stop: from the outside in, so that what was accepted is finished.
  const auto until = std::chrono::steady_clock::now() + settings.shutdown.timeout;
  server.stop(settings.shutdown.timeout);
  payments.stop(std::chrono::ceil<std::chrono::milliseconds>(
      std::max(until - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration{0})));
  for (const auto& each : *subscribers)
    each.delivery.provider->stop();
  const auto& settled = *payments.lanes();
  const auto batches = settled.batches.load();
  spdlog::info("stopped: {} commands settled in batches of {:.1f}", settled.commands.load(),
               static_cast<double>(settled.commands.load()) /
                   static_cast<double>(std::max<std::uint64_t>(batches, 1)));
  return fine;
}

int serve(const config::settings& settings) {
  constexpr std::chrono::seconds beyond_timeout{5}; // for what is not waited for by the clock
  stop_signals signals(settings.shutdown.timeout + beyond_timeout);
  log_guard log(settings.log);
  return log.end(serve_until(signals, settings));
}

int migrate(const config::settings& settings) {
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  const auto applied = (*database)->migrate(actors::system_wall_clock());
  if (!applied)
    return complain(failed, applied.error().text);
  fmt::print("{} migrations applied to {}\n", *applied, settings.database.url.shown());
  return fine;
}

int seed(const config::settings& settings, const db::seed_plan& plan) {
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  const instant now = actors::system_wall_clock();
  if (const auto migrated = (*database)->migrate(now); !migrated)
    return complain(failed, migrated.error().text);
  if (const auto seeded = (*database)->seed(plan, now); !seeded)
    return complain(failed, seeded.error().text);
  fmt::print("{} users and {} orders in {}\n", plan.users, plan.orders,
             settings.database.url.shown());
  return fine;
}

int audit(const config::settings& settings) {
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  const auto breaches = (*database)->audit([](std::string_view line) { fmt::print("{}\n", line); });
  if (!breaches)
    return complain(failed, breaches.error().text);
  fmt::print("{}: {}\n", settings.database.url.shown(),
             *breaches == 0 ? "every invariant holds" : fmt::format("{} breaches", *breaches));
  return *breaches == 0 ? fine : failed;
}

int back_up(const config::settings& settings, const std::string& file) {
  const std::string url = settings.database.url.reveal();
  if (!db::is_embedded(url))
    return complain(bad_usage, "backup copies the embedded database alone; pg_dump or a base "
                               "backup copies a PostgreSQL database");
  const auto size = db::back_up(url, file);
  if (!size)
    return complain(failed, size.error().text);
  fmt::print("{} bytes of {} copied to {}\n", *size, settings.database.url.shown(), file);
  return fine;
}

int retry_notifications(const config::settings& settings, const std::string& subscriber) {
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  // Where there is no database yet, none is made.
  if (const auto ready = (*database)->check_schema(); !ready)
    return complain(failed, ready.error().text);
  const auto retried = (*database)->retry_all_failed(
      subscriber, actors::system_wall_clock(),
      [](std::int64_t so_far) { fmt::print(stderr, "paymentd: {} so far\n", so_far); });
  if (!retried)
    return complain(failed, retried.error().text);
  fmt::print("{} notifications are to be tried again\n", *retried);
  return fine;
}

/// The settings in force, once `serve` would take them.
int show_settings(const config::settings& settings) {
  if (const auto subscribers = make_subscribers(settings); !subscribers)
    return complain(bad_usage, subscribers.error());
  fmt::print("{}", config::effective(settings));
  return fine;
}

/// What became of a command whose output is its purpose: failed, too, where that was not written.
int said(int code) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout)
    return complain(failed, "standard output cannot be written");
  return code;
}

/// How many letters have to be changed, added, left out or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> of(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        of[i][j] = i + j;
        continue;
      }
      const std::size_t changed = of[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      of[i][j] = std::min({changed, of[i - 1][j] + 1, of[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        of[i][j] = std::min(of[i][j], of[i - 2][j - 2] + 1);
    }
  return of[a.size()][b.size()];
}

/// The command or option that `word` may be meant to be; empty where it is like none.
std::string meant_by(std::string_view word, const CLI::App& app) {
  constexpr std::size_t mistakes_max = 2;
  constexpr std::size_t word_length_max = 40;
  std::string nearest;
  if (word.size() > word_length_max)
    return nearest;
  std::size_t least = mistakes_max + 1;
  const auto consider = [&](const std::string& name) {
    if (const std::size_t mistakes = distance(word, name);
        mistakes < std::min(least, name.size() / 2)) {
      least = mistakes;
      nearest = name;
    }
  };
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    consider(each->get_name());
  for (const CLI::Option* each : app.get_options())
    consider(each->get_name());
  for (const CLI::App* chosen : app.get_subcommands())
    if (const std::string name = meant_by(word, *chosen); nearest.empty())
      nearest = name;
  return nearest;
}

/// Why the command line cannot be used: the words that nobody knows say more than what is missing.
int complain_of_usage(const CLI::App& app, const CLI::ParseError& wrong) {
  if (const auto unknown = app.remaining(true); !unknown.empty()) {
    // What follows a = or stands in a URL may be a secret.
    const std::string& word = unknown.front();
    const std::string shown = word.substr(0, word.find_first_of("=:"));
    const std::string meant = meant_by(shown, app);
    return complain(bad_usage, fmt::format("unknown argument {}; {}", shown,
                                           meant.empty() ? "--help tells what there is"
                                                         : fmt::format("did you mean {}?", meant)));
  }
  return complain(bad_usage, fmt::format("{}; --help tells what there is", wrong.what()));
}

/// What is wrong between the numbers of a plan, each of which is in bounds; empty where nothing is.
std::string wrong_plan(const db::seed_plan& plan) {
  if (plan.orders > 0 && plan.users == 0)
    return "--orders: an order needs a user, but --users is 0";
  if (plan.spread > plan.users)
    return "--spread: must be at most --users";
  return {};
}

/// What every subcommand takes, before or behind its name.
struct common_arguments {
  std::optional<std::string> file;
  std::vector<std::string> sets;

  void add_to(CLI::App& command) {
    command.add_option("--config", file, "the settings' TOML file")->type_name("FILE");
    command.add_option("--set", sets, "one setting, over all other sources; may be repeated")
        ->type_name("SECTION.KEY=VALUE")
        ->take_all()
        ->expected(1)
        ->allow_extra_args(false);
  }

  /// Takes over what stands behind the subcommand: it comes later, and so it wins.
  void append(const common_arguments& later) {
    if (later.file)
      file = later.file;
    sets.insert(sets.end(), later.sets.begin(), later.sets.end());
  }

  std::expected<config::settings, std::vector<std::string>> load() const {
    config::sources from;
    if (file)
      from.file = *file;
    from.environment = config::process_environment();
    for (const std::string& each : sets) {
      auto split = config::split_set(each);
      if (!split)
        return std::unexpected(std::vector{split.error()});
      from.sets.push_back(std::move(*split));
    }
    return config::load(from);
  }
};

int run(int argc, char** argv) {
  CLI::App app{"paymentd takes payments over REST, each in one database transaction, and sends the "
               "customer's AlimTalk afterwards."};
  app.set_version_flag("--version", PAYMENTD_VERSION);
  app.require_subcommand(1);
  common_arguments common, later;
  common.add_to(app);
  db::seed_plan plan;
  std::string subscriber;

  std::vector<CLI::App*> commands = {
      app.add_subcommand("serve", "the server"),
      app.add_subcommand("migrate", "create or upgrade the schema"),
      app.add_subcommand("seed", "fill an empty database"),
      app.add_subcommand("audit", "check the invariants; exit 1 and a line a breach"),
      app.add_subcommand("backup", "copy the embedded database, also while it is served"),
      app.add_subcommand("config", "print the effective settings, secrets hidden"),
      app.add_subcommand("notifications", "what became of the messages")};
  CLI::App& notifications = *commands.back();
  notifications.require_subcommand(1);
  commands.push_back(notifications.add_subcommand("retry", "try FAILED messages again"));
  for (CLI::App* each : commands)
    if (each != &notifications)
      later.add_to(*each);
  std::string backup_file;
  commands[4]->add_option("FILE", backup_file, "the copy; it must not exist")->required();
  bool all_failed = false;
  commands.back()->add_flag("--all-failed", all_failed, "all of them")->required();
  commands.back()
      ->add_option("--subscriber", subscriber, "only those to one subscriber, such as alimtalk")
      ->type_name("NAME");
  const CLI::Range amounts(std::int64_t{0}, safe_integer_max);
  CLI::App& seeding = *commands[2];
  seeding.add_option("--users", plan.users, "users 1 to N")->required()->check(amounts);
  seeding.add_option("--orders", plan.orders, "orders 1 to N")->required()->check(amounts);
  seeding
      .add_option("--spread", plan.spread, "order i is of user 1 + (i mod S); default: all users")
      ->check(CLI::Range(std::int64_t{1}, safe_integer_max));
  seeding.add_option("--balance", plan.balance.value, "of each user, in won; default: 0")
      ->check(amounts);
  seeding.add_option("--amount", plan.amount.value, "of each order, in won; default: 0")
      ->check(amounts);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0)
      return complain_of_usage(app, e);
    app.exit(e); // --help or --version
    return said(fine);
  }
  if (const std::string wrong = wrong_plan(plan); !wrong.empty())
    return complain(bad_usage, wrong);
  common.append(later);
  const auto settings = common.load();
  if (!settings) {
    for (const std::string& line : settings.error())
      complain(bad_usage, line);
    return bad_usage;
  }
  if (const auto possible = db::check_url(settings->database.url.reveal()); !possible)
    return complain(bad_usage, "database.url: " + possible.error().text);
  if (*commands[0]) {
    if (const auto may = db::check_writable(settings->database.url.reveal()); !may)
      return complain(bad_usage, "database.url: " + may.error().text);
    return serve(*settings);
  }
  if (*commands[1])
    return said(migrate(*settings));
  if (*commands[2])
    return said(seed(*settings, plan));
  if (*commands[3])
    return said(audit(*settings));
  if (*commands[4])
    return said(back_up(*settings, backup_file));
  if (notifications)
    return said(retry_notifications(*settings, subscriber));
  return said(show_settings(*settings));
}

} // namespace
} // namespace paymentd

int main(int argc, char** argv) {
  paymentd::open_standard_files();
  try {
    return paymentd::run(argc, argv);
  } catch (const std::exception& e) {
    return paymentd::complain(paymentd::failed, e.what());
  }
}
