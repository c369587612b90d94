// paymentd: the command line. The commands themselves stand in commands.cpp and serve.cpp.
#include "app/alimtalk.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/keys.hpp"
#include "app/process.hpp"
#include "app/serve.hpp"
#include "app/transfer.hpp"
#include "config/settings.hpp"
#include "db/embedded_file.hpp"
#include "db/store.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace paymentd {
namespace {

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
    // The text after a =, or in a URL, may be a secret.
    const std::string& word = unknown.front();
    const std::string shown = word.substr(0, word.find_first_of("=:"));
    const std::string meant = meant_by(shown, app);
    return complain(bad_usage, fmt::format("unknown argument {}; {}", shown,
                                           meant.empty() ? "--help tells what there is"
                                                         : fmt::format("did you mean {}?", meant)));
  }
  return complain(bad_usage, fmt::format("{}; --help tells what there is", wrong.what()));
}

/// The contradiction between the numbers of a plan, each of which is in bounds; empty where nothing
/// is.
std::string wrong_plan(const db::seed_plan& plan) {
  if (plan.orders > 0 && plan.users == 0)
    return "--orders: an order needs a user, but --users is 0";
  if (plan.spread > plan.users)
    return "--spread: must be at most --users";
  return {};
}

/// Options of every subcommand, before or behind its name.
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

/// The command line: what may be said on it, and which command it says.
class command_line {
 public:
  command_line();
  int run(int argc, char** argv);

 private:
  using command = std::function<int(const config::settings&)>;
  CLI::App& add(CLI::App& to, const char* name, const char* help, command runs);
  void add_seed();
  void add_keys();
  void add_transfer();
  void add_alimtalk();

  CLI::App app_{
      "paymentd takes payments over REST, each in one database transaction, and sends the "
      "customer's AlimTalk afterwards."};
  common_arguments common_;
  common_arguments later_; // behind the command's name
  std::vector<std::pair<CLI::App*, command>> commands_;
  db::seed_plan plan_;
  std::string subscriber_;
  std::string backup_file_;
  bool all_failed_ = false;
  new_key new_key_;
  std::string revoked_key_;
  std::string imported_file_;
  std::int64_t previewed_order_ = 0;
  std::string tested_phone_;
  std::string tested_template_;
  export_plan export_;
};

command_line::command_line() {
  app_.set_version_flag("--version", PAYMENTD_VERSION);
  app_.require_subcommand(1);
  common_.add_to(app_);
  add(app_, "serve", "the server", [](const config::settings& settings) {
    if (const auto may = db::check_writable(settings.database.url.reveal()); !may)
      return complain(bad_usage, "database.url: " + may.error().text);
    return serve(settings);
  });
  add(app_, "migrate", "create or upgrade the schema",
      [](const config::settings& settings) { return said(migrate(settings)); });
  add_seed();
  add_keys();
  add_transfer();
  add_alimtalk();
  add(app_, "audit", "check the invariants; exit 1 and a line a breach",
      [](const config::settings& settings) { return said(audit(settings)); });
  add(app_, "backup", "copy the embedded database, also while it is served",
      [this](const config::settings& settings) { return said(back_up(settings, backup_file_)); })
      .add_option("FILE", backup_file_, "the copy; it must not exist")
      ->required();
  add(app_, "config", "print the effective settings, secrets hidden",
      [](const config::settings& settings) { return said(show_settings(settings)); });
  CLI::App& notifications = *app_.add_subcommand("notifications", "what became of the messages");
  notifications.require_subcommand(1);
  CLI::App& retry = add(notifications, "retry", "try FAILED messages again",
                        [this](const config::settings& settings) {
                          return said(retry_notifications(settings, subscriber_));
                        });
  retry.add_flag("--all-failed", all_failed_, "all of them")->required();
  retry.add_option("--subscriber", subscriber_, "only those to one subscriber, such as alimtalk")
      ->type_name("NAME");
}

CLI::App& command_line::add(CLI::App& to, const char* name, const char* help, command runs) {
  CLI::App* const made = to.add_subcommand(name, help);
  later_.add_to(*made);
  commands_.emplace_back(made, std::move(runs));
  return *made;
}

void command_line::add_seed() {
  CLI::App& seeding =
      add(app_, "seed", "fill an empty database",
          [this](const config::settings& settings) { return said(seed(settings, plan_)); });
  const CLI::Range amounts(std::int64_t{0}, safe_integer_max);
  seeding.add_option("--users", plan_.users, "users 1 to N")->required()->check(amounts);
  seeding.add_option("--orders", plan_.orders, "orders 1 to N")->required()->check(amounts);
  seeding
      .add_option("--spread", plan_.spread, "order i is of user 1 + (i mod S); default: all users")
      ->check(CLI::Range(std::int64_t{1}, safe_integer_max));
  seeding.add_option("--balance", plan_.balance.value, "of each user, in won; default: 0")
      ->check(amounts);
  seeding.add_option("--amount", plan_.amount.value, "of each order, in won; default: 0")
      ->check(amounts);
}

void command_line::add_keys() {
  CLI::App& keys = *app_.add_subcommand("keys", "the API keys that clients send");
  keys.require_subcommand(1);
  CLI::App& creating = add(
      keys, "create", "make a key, and print it this once",
      [this](const config::settings& settings) { return said(create_key(settings, new_key_)); });
  creating.add_option("NAME", new_key_.name, "1 to 40 of a-z, 0-9, - and _; the ledger shows it")
      ->required();
  creating
      .add_option("--scopes", new_key_.scopes,
                  "the calls that it may make: read, pay, charge, refund, operate, with commas "
                  "between them")
      ->required()
      ->type_name("SCOPES");
  creating.add_option("--rate", new_key_.rate, "requests a second; default: no limit")
      ->check(CLI::Range(1, http::key_rate_max));
  creating
      .add_option("--expires", new_key_.expires,
                  "how long it is good for, such as 90d or 12h; default: until it is revoked")
      ->type_name("TIME");
  add(keys, "list", "print the keys' names, scopes and times",
      [](const config::settings& settings) { return said(list_keys(settings)); });
  add(keys, "revoke", "refuse a key from now on",
      [this](const config::settings& settings) { return said(revoke_key(settings, revoked_key_)); })
      .add_option("NAME", revoked_key_, "the key's name")
      ->required();
}

void command_line::add_transfer() {
  add(app_, "import", "take over users or orders from a CSV file",
      [this](const config::settings& settings) {
        return said(import_file(settings, imported_file_));
      })
      .add_option("FILE", imported_file_, "users.csv or orders.csv; docs/import.md has the columns")
      ->required();
  CLI::App& exports = *app_.add_subcommand("export", "what happened, as a file");
  exports.require_subcommand(1);
  CLI::App& entries = add(exports, "entries", "the ledger entries of a time",
                          [this](const config::settings& settings) {
                            if (const std::string wrong = wrong_export(export_); !wrong.empty())
                              return complain(bad_usage, wrong);
                            return said(export_entries(settings, export_));
                          });
  entries.add_option("--from", export_.from, "the first day (in UTC) or time")
      ->required()
      ->type_name("TIME");
  entries.add_option("--to", export_.to, "the first day or time that is not among them")
      ->required()
      ->type_name("TIME");
  entries.add_option("--format", export_.format, "csv, the default, or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  entries.add_option("--output", export_.file, "a file, in place of standard output")
      ->type_name("FILE");
}

void command_line::add_alimtalk() {
  CLI::App& alimtalk = *app_.add_subcommand("alimtalk", "the message that customers get");
  alimtalk.require_subcommand(1);
  add(alimtalk, "preview", "print the message of an order, and the call that would send it",
      [this](const config::settings& settings) {
        return said(preview_message(settings, order_id{previewed_order_}));
      })
      .add_option("ORDER", previewed_order_, "the order's id")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, safe_integer_max));
  CLI::App& test = add(alimtalk, "test", "send a message with sample values to a phone",
                       [this](const config::settings& settings) {
                         return said(send_test_message(settings, tested_phone_, tested_template_));
                       });
  test.add_option("PHONE", tested_phone_, "a Korean mobile number, such as 010-1234-5678")
      ->required();
  test.add_option("--template", tested_template_,
                  "the code of an [[alimtalk.template]]; that of [alimtalk] without it")
      ->type_name("CODE");
}

int command_line::run(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0)
      return complain_of_usage(app_, e);
    app_.exit(e); // --help or --version
    return said(fine);
  }
  if (const std::string wrong = wrong_plan(plan_); !wrong.empty())
    return complain(bad_usage, wrong);
  common_.append(later_);
  const auto settings = common_.load();
  if (!settings) {
    for (const std::string& line : settings.error())
      complain(bad_usage, line);
    return bad_usage;
  }
  if (const auto possible = db::check_url(settings->database.url.reveal()); !possible)
    return complain(bad_usage, "database.url: " + possible.error().text);
  const auto said_one =
      std::ranges::find_if(commands_, [](const auto& each) { return each.first->parsed(); });
  return said_one->second(*settings); // one of them is required
}

} // namespace
} // namespace paymentd

int main(int argc, char** argv) {
  paymentd::open_standard_files();
  try {
    return paymentd::command_line().run(argc, argv);
  } catch (const std::exception& e) {
    return paymentd::complain(paymentd::failed, e.what());
  }
}
