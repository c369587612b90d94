// `paymentd export entries`: the ledger as a file.
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/transfer.hpp"
#include "http/json_text.hpp"
#include "net/utc_text.hpp"
#include "transfer/csv_text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace paymentd {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 16;
constexpr mode_t owner_only = 0600; // it tells of balances

// Amounts have 53 bits; sums of very many may have more than 64.
__extension__ using wide_integer = __int128;

/// Standard output, or a file that is there only once it is whole.
class output {
 public:
  /// An empty name: standard output.
  explicit output(std::string name) : name_(std::move(name)) {}
  ~output() {
    if (file_)
      ::unlink(part().c_str());
  }
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  bool open() {
    if (name_.empty())
      return true;
    const int made =
        ::open(part().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, owner_only);
    if (made >= 0)
      file_.reset(::fdopen(made, "wb"));
    return file_ != nullptr;
  }
  /// False for good once something could not be written: the C library forgets the rest of it.
  bool write(std::string_view text) {
    if (why_ == 0 && std::fwrite(text.data(), 1, text.size(), to()) != text.size())
      why_ = errno;
    return why_ == 0;
  }
  /// Puts the file in its place, where all was written and is on the disk.
  bool finish() {
    if (why_ == 0 && std::fflush(to()) != 0)
      why_ = errno;
    if (why_ != 0) {
      errno = why_;
      return false;
    }
    if (name_.empty())
      return true;
    if (::fsync(::fileno(to())) == 0 && std::fclose(file_.release()) == 0 &&
        ::rename(part().c_str(), name_.c_str()) == 0)
      return true;
    const int why = errno;
    ::unlink(part().c_str());
    errno = why;
    return false;
  }
  /// Why something failed just now.
  std::string fault() const {
    const char* const why = std::strerror(errno);
    return fmt::format("cannot write {}: {}", name_.empty() ? "to standard output" : name_, why);
  }

 private:
  std::string part() const { return name_ + ".part"; }
  std::FILE* to() const { return name_.empty() ? stdout : file_.get(); }

  struct close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::string name_;
  std::unique_ptr<std::FILE, close> file_;
  int why_ = 0; // what writing failed of
};

} // namespace

std::string wrong_export(const export_plan& plan) {
  constexpr std::string_view form =
      ": must be a day (2026-11-01, in UTC) or a time (2026-11-01T00:00:00+09:00)";
  const auto from = net::parse_rfc3339(plan.from);
  const auto to = net::parse_rfc3339(plan.to);
  if (!from)
    return fmt::format("--from{}", form);
  if (!to)
    return fmt::format("--to{}", form);
  return *from < *to ? "" : "--to: must be later than --from";
}

int export_entries(const config::settings& settings, const export_plan& plan) {
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  output to(plan.file);
  if (!to.open())
    return complain(failed, to.fault());
  const bool csv = plan.format == "csv";
  std::string buffer;
  if (csv)
    transfer::append_csv_header(buffer);
  std::int64_t count = 0;
  wide_integer sum = 0;
  const auto flush = [&] {
    const bool written = to.write(buffer);
    buffer.clear();
    return written;
  };
  const db::entry_range range{*net::parse_rfc3339(plan.from), *net::parse_rfc3339(plan.to)};
  const auto done = (*database)->export_entries(range, [&](const ledger_entry& each) {
    ++count;
    sum += each.amount.value;
    if (csv) {
      transfer::append_csv_line(buffer, each);
    } else {
      http::append_json(buffer, each);
      buffer += '\n';
    }
    return buffer.size() < buffer_bytes || flush();
  });
  if (!done)
    return complain(failed, done.error().text);
  flush();
  if (!to.finish())
    return complain(failed, to.fault());
  complain(fine, fmt::format("{} ledger entries from {} to {}, {} won in all", count,
                             net::utc_text(range.from), net::utc_text(range.to), sum));
  return fine;
}

} // namespace paymentd
