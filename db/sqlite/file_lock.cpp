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

std::string read_at(int descriptor, std::size_t begin, std::size_t size_max) {
  std::string bytes(size_max, '\0');
  const ssize_t size = ::pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(begin));
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return bytes;
}

// The id that the holder wrote into its lock file: only to be shown.
std::string holder_of(int descriptor) {
  std::string id = read_at(descriptor, 0, process_id_size_max);
  while (!id.empty() && (id.back() < '0' || id.back() > '9'))
    id.pop_back();
  return id.empty() ? "another process" : "process " + id;
}

std::string identity_of(const struct stat& file) {
  return std::to_string(file.st_dev) + " " + std::to_string(file.st_ino) + "\n";
}

// By its real name, so that symbolic links share one.
std::string file_beside(const std::string& database_path) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(database_path, failed);
  return (failed ? database_path : real.string()) + ".lock";
}

// The holder's id, and behind it, in a second line, the database's file. The first line has a fixed
// length, and those who look for the id read no further.
void describe(int descriptor, int database) {
  std::string text = std::to_string(::getpid());
  text.resize(process_id_size_max - 1, ' ');
  text += '\n';
  struct stat found{};
  if (database >= 0 && ::fstat(database, &found) == 0)
    text += identity_of(found);
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    // The lock holds all the same. Only the refused one's message will be poorer, and an audit is
    // not noted.
  }
}

} // namespace

bool file_lock::was_taken_on(const std::string& database_path) {
  struct stat found{};
  if (::stat(database_path.c_str(), &found) != 0)
    return false;
  const int descriptor = ::open(file_beside(database_path).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return false;
  const std::string wanted = identity_of(found);
  const bool same = read_at(descriptor, process_id_size_max, wanted.size() + 1) == wanted;
  ::close(descriptor);
  return same;
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
  describe(descriptor, lock->file_);
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
