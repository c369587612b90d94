#include "db/sqlite/database.hpp"

#include "db/sqlite/administration.hpp"
#include "db/sqlite/file.hpp"
#include "db/sqlite/migrations.hpp"
#include "db/sqlite/store.hpp"

#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <unistd.h>

namespace paymentd::db::sqlite {
namespace {

namespace fs = std::filesystem;

std::unexpected<error> cannot_open(const std::string& path, std::string_view why) {
  return std::unexpected(
      error{error_kind::broken, "cannot open the database " + path + ": " + std::string(why)});
}

class sqlite_database final : public database {
 public:
  sqlite_database(std::string path, const database_options& options)
      : path_(std::move(path)), options_(options) {}

  // After a clean stop the one file is the database: a copy of it alone has everything. SQLite sees
  // to that only where one connection closes last; two that close at once leave the log behind.
  ~sqlite_database() override {
    if (!lock_ || lock_.use_count() > 1)
      return; // nothing was written here, or a store still writes
    try {
      connection on(path_, access::read_write);
      const int done = sqlite3_wal_checkpoint_v2(on.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                                 nullptr, nullptr);
      if (done != SQLITE_OK)
        spdlog::warn("{}-wal still belongs to the database, since another program reads it: copy "
                     "both, or stop that first",
                     path_);
    } catch (const std::exception& thrown) {
      spdlog::warn("{} may not be whole without {}-wal: {}", path_, path_, thrown.what());
    }
  }

  result<int> migrate(instant now) override {
    // Made here, for its owner alone: it holds phone numbers and balances. SQLite takes an empty
    // file for a new database, and gives its other files the same rights.
    constexpr mode_t owner_only = 0600;
    if (const int made = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, owner_only);
        made >= 0)
      ::close(made);
    if (auto held = lock(); !held)
      return std::unexpected(held.error());
    return guarded([&] {
      connection on(path_, access::read_write);
      return sqlite::migrate(on, now);
    });
  }

  result<void> check_schema() override {
    return reading([](connection& on) { return sqlite::check_schema(on); });
  }

  result<std::unique_ptr<store>> connect() override {
    auto held = lock();
    if (!held)
      return std::unexpected(held.error());
    return connect(access::read_write, *std::move(held));
  }

  result<std::unique_ptr<reader>> connect_reader() override {
    auto on = connect(access::read_only, nullptr);
    if (!on)
      return std::unexpected(on.error());
    return std::make_unique<reader>(*std::move(on));
  }

  int lanes_max() const override { return 1; }
  bool delivers_on_lane() const override { return true; }

  result<void> seed(const seed_plan& plan, instant now) override {
    return writing([&](connection& on) { return sqlite::seed(on, plan, now); });
  }

  result<import_result> import_users(const import_file& file, const user_source& rows,
                                     instant now) override {
    return writing([&](connection& on) { return sqlite::import_users(on, file, rows, now); });
  }
  result<import_result> import_orders(const import_file& file, const order_source& rows,
                                      instant now) override {
    return writing([&](connection& on) { return sqlite::import_orders(on, file, rows, now); });
  }

  result<void> export_entries(const entry_range& range, const entry_sink& to) override {
    return reading([&](connection& on) -> result<void> {
      if (auto fits = sqlite::check_schema(on); !fits)
        return fits;
      sqlite::export_entries(on, range, to);
      return {};
    });
  }

  result<std::int64_t>
  retry_all_failed(std::string_view subscriber, instant now,
                   const std::function<void(std::int64_t)>& progress) override {
    if (auto held = lock(); !held) {
      held.error().text += "; it tries all of them again by POST /v1/notifications/retry";
      return std::unexpected(held.error());
    }
    return writing(
        [&](connection& on) { return sqlite::retry_all_failed(on, subscriber, now, progress); });
  }

  result<audit_result> audit(const std::function<void(std::string_view)>& breach) override {
    return reading([&](connection& on) -> result<audit_result> {
      if (auto fits = sqlite::check_schema(on); !fits)
        return std::unexpected(fits.error());
      return sqlite::audit(on, breach);
    });
  }

  // Without the lock, which the process that serves has: SQLite's own locks keep two commits apart.
  result<void> note_audit(const audit_result& what) override {
    if (auto takes = check_takes_notes(path_); !takes)
      return takes;
    return guarded([&]() -> result<void> {
      connection on(path_, access::write_existing); // it may have been removed since
      if (auto fits = sqlite::check_schema(on); !fits)
        return fits;
      sqlite::note_audit(on, what);
      return {};
    });
  }

 private:
  result<std::unique_ptr<store>> connect(access mode, std::shared_ptr<file_lock> held) {
    if (!fs::exists(path_)) // SQLite would make an empty file
      return cannot_open(path_, "there is no such file: run paymentd migrate");
    auto made = std::make_unique<sqlite_store>(store_options{path_, options_.owner, options_.lease,
                                                             mode, options_.log_bytes_max,
                                                             options_.lost, options_.reads_user},
                                               std::move(held));
    if (auto answers = made->ping(); !answers)
      return std::unexpected(answers.error());
    return made;
  }

  template <class Work>
  static auto guarded(Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const commit_in_doubt& thrown) {
      return std::unexpected(
          error{error_kind::unavailable, std::string("database: commit: ") + thrown.what()});
    } catch (const SQLite::Exception& thrown) {
      return std::unexpected(to_error(thrown));
    }
  }

  template <class Work>
  auto reading(Work work) -> decltype(work(std::declval<connection&>())) {
    if (!fs::exists(path_))
      return cannot_open(path_, "there is no such file: run paymentd migrate");
    return guarded([&] {
      connection on(path_, access::read_only);
      return work(on);
    });
  }

  /// Alone, on a database with this program's schema.
  template <class Work>
  auto writing(Work work) -> decltype(work(std::declval<connection&>())) {
    if (auto held = lock(); !held)
      return std::unexpected(held.error());
    return guarded([&]() -> decltype(work(std::declval<connection&>())) {
      connection on(path_, access::read_write);
      if (auto fits = sqlite::check_schema(on); !fits)
        return std::unexpected(fits.error());
      return work(on);
    });
  }

  // Held from the first writing on, by this database and by its stores.
  result<std::shared_ptr<file_lock>> lock() {
    const std::scoped_lock one(mutex_);
    if (lock_)
      return lock_;
    auto taken = file_lock::take(path_);
    if (taken)
      lock_ = *taken;
    return taken;
  }

  std::string path_;
  database_options options_;
  std::mutex mutex_;
  std::shared_ptr<file_lock> lock_;
};

} // namespace

result<std::unique_ptr<database>> open(const std::string& path, const database_options& options) {
  std::error_code failed;
  if (path.empty())
    return cannot_open("sqlite:", "no path is given");
  const auto status = fs::status(path, failed);
  if (fs::exists(status) && !fs::is_regular_file(status))
    return cannot_open(path, "it is not a file");
  const auto directory = fs::absolute(path, failed).parent_path();
  if (!fs::is_directory(directory, failed))
    return cannot_open(path, "there is no directory " + directory.string());
  if (fs::exists(status)) {
    try {
      connection on(path, access::read_only);
      if (auto ours = check_application(on); !ours)
        return cannot_open(path, ours.error().text);
    } catch (const SQLite::Exception& thrown) {
      return cannot_open(path, thrown.what());
    }
  }
  return std::make_unique<sqlite_database>(path, options);
}

} // namespace paymentd::db::sqlite
