// Calls for the file of the embedded database, and for no database on a server.
#pragma once

#include "db/error.hpp"

#include <cstdint>
#include <string>

namespace paymentd::db {

/// Whether `url` names the embedded database.
bool is_embedded(const std::string& url);

/// Copies the embedded database that `url` names to `file`, as it is after the last commit, beside
/// processes that serve it. Gives the copy's size in bytes. The copy is one file, whole and on the
/// disk when this returns; it may be read by its owner alone. `broken`, and no file, where `file`
/// exists, the disk is full or the source is damaged. Precondition: is_embedded(url).
result<std::int64_t> back_up(const std::string& url, const std::string& file);

/// The bytes of the embedded database's file, of the write-ahead log beside it, and of the disk
/// that both stand on: its size, and the part of it that this process may still use. 0 where the
/// system does not tell. Opens no file, so it takes no lock away. Precondition: is_embedded(url).
/// Any thread.
struct embedded_sizes {
  std::int64_t file = 0;
  std::int64_t log = 0;
  std::int64_t disk_free = 0;
  std::int64_t disk = 0;
};
embedded_sizes measure(const std::string& url);

/// Whether this process may write the embedded database that `url` names, or make it: `broken` with
/// one line where it may not. Of a server's database nothing is looked at.
result<void> check_writable(const std::string& url);

} // namespace paymentd::db
