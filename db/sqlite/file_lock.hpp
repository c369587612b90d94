// The locks of an embedded database: one process writes, a second one is refused, whatever name it
// has for the file. (The note of an audit alone is written beside it, by SQLite's own locks.) Held
// by the database and its stores; any thread. The kernel lets go of them when the process dies.
#pragma once

#include "db/error.hpp"
#include "domain/types.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace paymentd::db::sqlite {

class file_lock {
 public:
  /// Locks `<database>.lock`, which tells who has it and of which file, and the database's file
  /// itself where it is there, which may have several names (links). `broken` where another process
  /// has either. The lock file stays when the lock has ended.
  static result<std::shared_ptr<file_lock>> take(const std::string& database_path);

  /// Whether the lock file beside a database names this very file, by its device and inode: a copy
  /// has a lock file only where the whole directory was copied, which then names the original.
  /// False where either of the two is not there.
  static bool was_taken_on(const std::string& database_path);

  /// Whether the name still leads to the file that was locked: one that was removed or replaced
  /// would take commits that nobody finds again. Looks at most once a second.
  bool in_place();

  file_lock(std::string path, int descriptor) noexcept
      : path_(std::move(path)), descriptor_(descriptor) {}
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

 private:
  std::string path_; // of the database
  int descriptor_;   // of the lock file
  /// Of the database's file; -1: there was none. An flock, which SQLite's own locks do not meet. It
  /// stays open while the process has the database, since a close would end SQLite's locks as well
  /// (POSIX locks belong to the process: fcntl(2)).
  int file_ = -1;
  std::mutex looks_;
  steady_instant looked_at_;
  bool in_place_ = true;
};

} // namespace paymentd::db::sqlite
