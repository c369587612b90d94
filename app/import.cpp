// `paymentd import`: reads the file twice, first to judge it, then to import it.
#include "actors/clock.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/transfer.hpp"
#include "http/json_input.hpp"
#include "net/digest.hpp"
#include "net/utc_text.hpp"
#include "transfer/import_reader.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <expected>
#include <filesystem>
#include <memory>

namespace paymentd {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 18;

/// The bytes of a file, piece by piece, and what they hash to.
class hashed_file {
 public:
  /// Throws std::runtime_error where it cannot be opened.
  explicit hashed_file(const std::string& path)
      : file_(std::fopen(path.c_str(), "rb")), buffer_(piece_bytes, '\0') {
    if (!file_)
      throw std::runtime_error(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }

  /// Empty at the end. Throws where the file cannot be read.
  std::string_view next() {
    const std::size_t size = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
    if (size == 0 && std::ferror(file_.get()) != 0)
      throw std::runtime_error(fmt::format("cannot read the file: {}", std::strerror(errno)));
    const std::string_view piece = std::string_view(buffer_).substr(0, size);
    hash_.add(piece);
    return piece;
  }
  /// Of all that was read. Once.
  std::string digest() { return net::hex_text(hash_.finish()); }

 private:
  struct close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, close> file_;
  std::string buffer_;
  net::running_sha256 hash_;
};

/// A file that is read from its beginning.
struct reading {
  hashed_file file;
  transfer::import_reader rows;
  reading(const std::string& path, instant now)
      : file(path), rows([this] { return file.next(); }, now, http::read_metadata) {}
  reading(const reading&) = delete;
  reading& operator=(const reading&) = delete;
};

struct judged_file {
  std::optional<transfer::import_kind> kind;
  db::import_file file;
  import_faults faults;
};

judged_file judge(const std::string& path, instant now) {
  reading first(path, now);
  judged_file found;
  found.kind = first.rows.read_header();
  const auto count = [&](const auto* row) {
    if (row == nullptr)
      return false;
    ++found.file.rows;
    found.file.entries += entries_of_import(row->what);
    return true;
  };
  if (found.kind == transfer::import_kind::users)
    while (count(first.rows.next_user())) {
    }
  if (found.kind == transfer::import_kind::orders)
    while (count(first.rows.next_order())) {
    }
  found.file.digest = first.file.digest();
  found.faults = first.rows.faults();
  return found;
}

int complain_of(const std::string& path, const import_faults& faults) {
  for (const import_fault& each : faults.told)
    complain(failed, fmt::format("{}:{}: {}{}{}", path, each.line, each.column,
                                 each.column.empty() ? "" : ": ", each.message));
  const bool all = faults.count == std::ssize(faults.told);
  return complain(failed, fmt::format("{}: {} {}{}; nothing was imported", path, faults.count,
                                      faults.count == 1 ? "fault" : "faults",
                                      all ? "" : ", of which these are the first"));
}

/// The rows of the second reading. It must be that of the first, to the last byte.
template <class Row>
auto rows_of(reading& from, const std::string& digest,
             const Row* (transfer::import_reader::*next)()) {
  return [&from, &digest, next]() -> const Row* {
    const Row* row = (from.rows.*next)();
    if (row == nullptr && from.file.digest() != digest)
      throw std::runtime_error("the file changed while it was read; nothing was imported");
    return row;
  };
}

db::result<db::import_result> import_judged(db::database& into, const std::string& path,
                                            const judged_file& what, instant now) {
  reading second(path, now);
  if (second.rows.read_header() != what.kind)
    throw std::runtime_error("the file changed while it was read; nothing was imported");
  using reader = transfer::import_reader;
  if (what.kind == transfer::import_kind::users)
    return into.import_users(
        what.file, rows_of<imported_user>(second, what.file.digest, &reader::next_user), now);
  return into.import_orders(
      what.file, rows_of<imported_order>(second, what.file.digest, &reader::next_order), now);
}

} // namespace

int import_file(const config::settings& settings, const std::string& path) {
  std::error_code none;
  if (fs::exists(path, none) && !fs::is_regular_file(path, none))
    return complain(failed, path + " is not a file; an import reads one twice");
  const instant now = actors::system_wall_clock();
  const judged_file judged = judge(path, now);
  if (!judged.faults.none())
    return complain_of(path, judged.faults);
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  // Where there is no database yet, none is made.
  if (const auto ready = (*database)->check_schema(); !ready)
    return complain(failed, ready.error().text);
  const auto done = import_judged(**database, path, judged, now);
  if (!done)
    return complain(failed, done.error().text);
  if (!done->faults.none())
    return complain_of(path, done->faults);
  if (done->before)
    fmt::print("{} was imported before, at {}: nothing is to be done\n", path,
               net::utc_text(*done->before));
  else
    fmt::print("{} {} imported from {} into {}\n", judged.file.rows, to_string(*judged.kind), path,
               settings.database.url.shown());
  return fine;
}

} // namespace paymentd
