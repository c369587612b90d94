#include "db/sqlite/file_lock.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace paymentd::db::sqlite {
namespace {

constexpr mode_t lock_file_mode = 0600;
constexpr std::chrono::seconds look_interval{1};
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

// By its real name, so that symbolic links share one.
std::string file_lock::file_beside(const std::string& database_path) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(database_path, failed);
  return (failed ? database_path : real.string()) + ".lock";
}

result<std::shared_ptr<file_lock>> file_lock::take(const std::string& database_path) {
  const std::string path = file_beside(database_path);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, lock_file_mode);
  if (descriptor < 0)
    return std::unexpected(error{error_kind::broken, "cannot open the lock file " + path + ": " +
                                                         std::strerror(errno)});
  auto lock = std::make_shared<file_lock>(database_path, descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return std::unexpected(
          error{error_kind::broken,
                "the database " + database_path + " is in use by " + holder_of(descriptor)});
    return std::unexpected(
        error{error_kind::broken, "cannot lock " + path + ": " + std::strerror(errno)});
  }
  lock->file_ = ::open(database_path.c_str(), O_RDWR | O_CLOEXEC);
  if (lock->file_ < 0 && errno != ENOENT)
    return std::unexpected(error{error_kind::broken, "cannot write the database " + database_path +
                                                         ": " + std::strerror(errno)});
  if (lock->file_ >= 0 && ::flock(lock->file_, LOCK_EX | LOCK_NB) != 0)
    return std::unexpected(
        error{error_kind::broken, "the database " + database_path +
                                      " is in use by another process, under another name"});
  const std::string id = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
    // The lock holds all the same; only the refused one's message will be poorer.
  }
  return lock;
}

bool file_lock::in_place() {
  const std::scoped_lock one(looks_);
  const auto now = std::chrono::steady_clock::now();
  if (file_ < 0 || now - looked_at_ < look_interval)
    return in_place_;
  looked_at_ = now;
  struct stat held{};
  struct stat found{};
  in_place_ = ::fstat(file_, &held) == 0 && ::stat(path_.c_str(), &found) == 0 &&
              held.st_dev == found.st_dev && held.st_ino == found.st_ino;
  return in_place_;
}

// The file stays: removing it would let two processes lock two different files of the same name.
file_lock::~file_lock() {
  if (file_ >= 0)
    ::close(file_);
  ::close(descriptor_);
}

} // namespace paymentd::db::sqlite
