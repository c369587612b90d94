// The lock file beside an embedded database: one process writes, a second one is refused. Held by
// the database and its stores; any thread. The kernel lets go of it when the process dies.
#pragma once

#include "db/error.hpp"

#include <memory>
#include <string>

namespace paymentd::db::sqlite {

class file_lock {
 public:
  /// Takes `<database>.lock`; `broken` with the holder's process id where another one has it.
  static result<std::shared_ptr<file_lock>> take(const std::string& database_path);

  explicit file_lock(int descriptor) noexcept : descriptor_(descriptor) {}
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

 private:
  int descriptor_;
};

} // namespace paymentd::db::sqlite
