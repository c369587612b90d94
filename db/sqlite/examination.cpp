// The look of `paymentd doctor` at the embedded database.
#include "db/sqlite/connection.hpp"
#include "db/sqlite/database.hpp"
#include "db/sqlite/file.hpp"
#include "db/sqlite/migrations.hpp"

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace paymentd::db::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t megabyte = 1 << 20;
/// The log alone may grow so far (database_options::log_bytes_max).
constexpr std::int64_t room_min = 1024 * megabyte;
/// A log that is larger has a reader that keeps it from starting anew.
constexpr std::int64_t log_max = 256 * megabyte;
/// Beyond what two clocks of one machine may differ by.
constexpr std::chrono::seconds clock_error_max{60};

/// statfs(2): NFS, SMB, CIFS and SMB2.
constexpr std::array<std::uint32_t, 4> network_file_systems{0x6969, 0x517B, 0xFF534D42, 0xFE534D42};

std::string in_megabytes(std::int64_t bytes) {
  return std::to_string(bytes / megabyte) + " MB";
}

/// Its log lies beside it, and may be as open.
void look_at_rights(const std::string& path, std::vector<finding>& found) {
  if (const auto may = check_writable(path); !may)
    found.push_back(
        {may.error().text, "give it to the user that serves, or run this as that user"});
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0 && (about.st_mode & (S_IROTH | S_IWOTH)) != 0)
    found.push_back({"everybody on this machine may read the database " + path,
                     "chmod o= " + path + " " + path + "-*"});
}

void look_at_disk(const std::string& directory, const std::string& path,
                  std::vector<finding>& found) {
  struct statvfs room{};
  if (::statvfs(directory.c_str(), &room) == 0) {
    const auto left = static_cast<std::int64_t>(room.f_bavail * room.f_frsize);
    if (left < room_min)
      found.push_back({"the disk of " + directory + " has " + in_megabytes(left) + " left",
                       "make room: the database's log alone may take " + in_megabytes(room_min)});
  }
  struct statfs kind{};
  if (::statfs(directory.c_str(), &kind) == 0 &&
      std::ranges::find(network_file_systems, static_cast<std::uint32_t>(kind.f_type)) !=
          network_file_systems.end())
    found.push_back({"the database lies on another machine's disk, whose locks are not safe",
                     "move " + path + " to a disk of this machine, or use PostgreSQL"});
  std::error_code none;
  const auto log = static_cast<std::int64_t>(fs::file_size(path + "-wal", none));
  if (!none && log > log_max)
    found.push_back({path + "-wal has " + in_megabytes(log),
                     "end the program that has read the database for so long"});
}

/// Ids go by the clock (domain/id_floor.hpp).
void look_at_clock(connection& on, instant now, std::vector<finding>& found) {
  statement newest(on, "select created_at from ledger_entries order by id desc limit 1");
  auto rows = newest.query();
  if (!rows.next())
    return;
  const auto ahead = std::chrono::duration_cast<std::chrono::seconds>(rows.time(0) - now);
  if (ahead > clock_error_max)
    found.push_back({"the newest ledger entry is " + std::to_string(ahead.count()) +
                         " s ahead of this machine's clock",
                     "set the clock right, by NTP"});
}

} // namespace

std::vector<finding> examine(const std::string& path, const examination& what) {
  std::vector<finding> found;
  std::error_code failed;
  // No directory, another application's file, no right to read it: then nothing else can be told.
  if (const auto opened = sqlite::open(path, {.url = what.url, .owner = "doctor"}); !opened) {
    found.push_back({opened.error().text, "set database.url to a file that paymentd may use"});
    return found;
  }
  look_at_rights(path, found);
  look_at_disk(fs::absolute(path, failed).parent_path().string(), path, found);
  if (!fs::exists(path, failed)) {
    if (!what.migrates)
      found.push_back({"there is no database " + path, "run paymentd migrate"});
    return found;
  }
  try {
    connection on(path, access::read_only);
    if (const auto fits = check_schema(on); fits)
      look_at_clock(on, what.now(), found);
    else if (is_newer(on))
      found.push_back({fits.error().text, "install the release that made it, or a later one"});
    else if (!what.migrates)
      found.push_back(
          {"the database's schema is not this program's, and database.migrations is off",
           "run paymentd migrate"});
  } catch (const SQLite::Exception& thrown) {
    found.push_back({to_error(thrown).text, "run paymentd audit, or restore a backup"});
  }
  return found;
}

} // namespace paymentd::db::sqlite
