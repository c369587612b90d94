#include "db/sqlite/file.hpp"

#include "db/sqlite/connection.hpp"
#include "db/sqlite/file_lock.hpp"
#include "db/sqlite/migrations.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace paymentd::db::sqlite {
namespace {

namespace fs = std::filesystem;

std::unexpected<error> broken(std::string text) {
  return std::unexpected(error{error_kind::broken, std::move(text)});
}

std::unexpected<error> failed_file(std::string_view what, const std::string& path) {
  return broken(std::string(what) + " " + path + ": " + std::strerror(errno));
}

/// A file that was made under a name of passage, and loses that name in the end. A file that is to
/// stay has another name by then.
class unfinished_file {
 public:
  explicit unfinished_file(std::string path) : path_(std::move(path)) {}
  unfinished_file(const unfinished_file&) = delete;
  unfinished_file& operator=(const unfinished_file&) = delete;
  ~unfinished_file() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

result<void> sync(const std::string& path, int flags) {
  const int opened = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool done = opened >= 0 && ::fsync(opened) == 0;
  const int why = errno;
  if (opened >= 0)
    ::close(opened);
  errno = why;
  if (!done)
    return failed_file("cannot write", path);
  return {};
}

/// Copies page by page, all in one go: what is committed meanwhile is not in the copy, and does not
/// make the copying begin anew.
result<void> copy_pages(connection& from, const std::string& to) {
  SQLite::Database copy(to, SQLITE_OPEN_READWRITE);
  sqlite3_backup* const copying =
      sqlite3_backup_init(copy.getHandle(), "main", from.handle(), "main");
  if (copying == nullptr)
    return broken("cannot copy to " + to + ": " + copy.getErrorMsg());
  sqlite3_backup_step(copying, -1);
  if (const int done = sqlite3_backup_finish(copying); done != SQLITE_OK)
    return broken("cannot copy to " + to + ": " + sqlite3_errstr(done));
  // One file without a log, so that it can be read where nothing may be written.
  copy.exec("pragma journal_mode = delete");
  SQLite::Statement check(copy, "pragma quick_check(1)");
  if (!check.executeStep() || check.getColumn(0).getString() != "ok")
    return broken("the copy is damaged, as the database may be: " + check.getColumn(0).getString());
  return {};
}

} // namespace

result<std::int64_t> back_up(const std::string& from, const std::string& to) {
  if (to.empty())
    return broken("no file is named to copy to");
  if (!fs::exists(from))
    return broken("there is no database " + from);
  if (fs::exists(fs::symlink_status(to)))
    return broken(to + " exists already: a backup writes over nothing");
  const fs::path directory = fs::absolute(to).parent_path();
  const std::string passage = to + ".unfinished-" + std::to_string(::getpid());
  constexpr mode_t owner_only = 0600; // phone numbers and balances
  const int made = ::open(passage.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, owner_only);
  if (made < 0)
    return failed_file("cannot make", passage);
  ::close(made);
  const unfinished_file copy(passage);
  try {
    connection source(from, access::read_only);
    if (auto fits = check_schema(source); !fits)
      return std::unexpected(fits.error());
    if (auto copied = copy_pages(source, copy.path()); !copied)
      return std::unexpected(copied.error());
  } catch (const SQLite::Exception& thrown) {
    return broken("cannot copy " + from + ": " + thrown.what());
  }
  if (auto synced = sync(copy.path(), O_RDWR); !synced)
    return std::unexpected(synced.error());
  std::error_code unknown;
  const auto size = static_cast<std::int64_t>(fs::file_size(copy.path(), unknown));
  // By a second name rather than by renaming: that would write over a file made meanwhile.
  if (::link(copy.path().c_str(), to.c_str()) != 0)
    return failed_file("cannot make", to);
  if (auto synced = sync(directory.string(), O_RDONLY | O_DIRECTORY); !synced)
    return std::unexpected(synced.error());
  return size;
}

embedded_sizes measure(const std::string& path) {
  const auto size_of = [](const std::string& file) {
    std::error_code failed;
    const auto size = fs::file_size(file, failed);
    return failed ? 0 : static_cast<std::int64_t>(size);
  };
  std::error_code failed;
  const fs::space_info disk = fs::space(fs::absolute(path, failed).parent_path(), failed);
  embedded_sizes sizes{.file = size_of(path), .log = size_of(path + "-wal")};
  if (!failed) {
    sizes.disk_free = static_cast<std::int64_t>(disk.available);
    sizes.disk = static_cast<std::int64_t>(disk.capacity);
  }
  return sizes;
}

result<void> check_writable(const std::string& path) {
  std::error_code failed;
  const std::string directory = fs::absolute(path, failed).parent_path().string();
  const auto may = [](const std::string& name, int how) {
    return ::faccessat(AT_FDCWD, name.c_str(), how, AT_EACCESS) == 0;
  };
  if (fs::exists(path, failed) && !may(path, R_OK | W_OK))
    return failed_file("cannot write the database", path);
  // Its log and its lock stand beside it.
  if (fs::is_directory(directory, failed) && !may(directory, W_OK | X_OK))
    return failed_file("cannot write in the database's directory", directory);
  return {};
}

result<void> check_takes_notes(const std::string& path) {
  if (auto may = check_writable(path); !may)
    return may;
  std::error_code failed;
  // root may write it all the same, and shall not.
  using fs::perms;
  constexpr perms writers = perms::owner_write | perms::group_write | perms::others_write;
  if ((fs::status(path, failed).permissions() & writers) == perms::none)
    return broken(path + " is read-only");
  if (!file_lock::was_taken_on(path))
    return broken(path + " is a copy, or was not served yet: no lock file beside it names it");
  return {};
}

} // namespace paymentd::db::sqlite
