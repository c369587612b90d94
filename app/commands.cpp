#include "app/commands.hpp"

#include "actors/payment_system.hpp"
#include "app/exit_code.hpp"
#include "app/subscribers.hpp"
#include "app/version.hpp"
#include "db/embedded_file.hpp"

#include <fmt/format.h>

#include <chrono>
#include <random>
#include <unistd.h>

namespace paymentd {
namespace {

/// Names this process among those on its database, anew at each start.
std::string make_owner() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{:08x}", host, ::getpid(), std::random_device{}());
}

} // namespace

db::result<std::unique_ptr<db::database>>
open_database(const config::settings& settings, std::function<void(const std::string&)> lost) {
  return db::open_database({.url = settings.database.url.reveal(),
                            .owner = make_owner(),
                            .lease = settings.notification.lease,
                            .reads_user = messages_read_users(settings),
                            .lost = std::move(lost)});
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
  const instant began_at = actors::system_wall_clock();
  const auto begun = std::chrono::steady_clock::now();
  auto found = (*database)->audit([](std::string_view line) { fmt::print("{}\n", line); });
  if (!found)
    return complain(failed, found.error().text);
  found->began_at = began_at;
  found->took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  found->version = version_text();
  const std::string result =
      found->breaches == 0 ? "every invariant holds" : fmt::format("{} breaches", found->breaches);
  fmt::print("{}: {}\n", settings.database.url.shown(), result);
  const int code = found->breaches == 0 ? fine : failed;
  // The audit is done: where its result cannot be noted, it counts all the same. The line has the
  // result, since cron may have thrown standard output away.
  if (const auto noted = (*database)->note_audit(*found); !noted)
    return complain(code,
                    fmt::format("{}; the result was not noted: {}", result, noted.error().text));
  return code;
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

int show_settings(const config::settings& settings) {
  if (const auto subscribers = make_subscribers(settings); !subscribers)
    return complain(bad_usage, subscribers.error());
  fmt::print("{}", config::effective(settings));
  return fine;
}

} // namespace paymentd
