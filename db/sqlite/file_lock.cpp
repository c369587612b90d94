#include "db/sqlite/file_lock.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace paymentd::db::sqlite {
namespace {

constexpr mode_t lock_file_mode = 0644;
constexpr std::size_t process_id_size_max = 20;

// The id that the holder wrote into its lock file: only to be shown.
std::string holder_of(int descriptor) {
  std::string id(process_id_size_max, '\0');
  const ssize_t size = ::pread(descriptor, id.data(), id.size(), 0);
  id.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!id.empty() && (id.back() < '0' || id.back() > '9'))
    id.pop_back();
  return id.empty() ? "another process" : "process " + id;
}

} // namespace

result<std::shared_ptr<file_lock>> file_lock::take(const std::string& database_path) {
  const std::string path = database_path + ".lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, lock_file_mode);
  if (descriptor < 0)
    return std::unexpected(error{error_kind::broken, "cannot open the lock file " + path + ": " +
                                                         std::strerror(errno)});
  auto lock = std::make_shared<file_lock>(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return std::unexpected(
          error{error_kind::broken,
                "the database " + database_path + " is in use by " + holder_of(descriptor)});
    return std::unexpected(
        error{error_kind::broken, "cannot lock " + path + ": " + std::strerror(errno)});
  }
  const std::string id = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    // The lock holds all the same; only the refused one's message will be poorer.
  }
  return lock;
}

// The file stays: removing it would let two processes lock two different files of the same name.
file_lock::~file_lock() {
  ::close(descriptor_);
}

} // namespace paymentd::db::sqlite
