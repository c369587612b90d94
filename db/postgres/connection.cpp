#include "db/postgres/connection.hpp"

#include "db/postgres/session_sql.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <stdexcept>

namespace paymentd::db::postgres {
namespace {

constexpr int binary_format = 1;

std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' '))
    line.pop_back();
  std::ranges::replace(line, '\n', ' ');
  return line;
}

failure from_result(const PGresult* result) {
  failure out;
  if (const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      state != nullptr && std::strlen(state) == out.sqlstate.size())
    std::copy_n(state, out.sqlstate.size(), out.sqlstate.begin());
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  out.text = one_line(primary != nullptr ? primary : PQresultErrorMessage(result));
  return out;
}

std::string_view field_of(const PGresult* result, int which) {
  const char* text = PQresultErrorField(result, which);
  return text == nullptr ? std::string_view() : text;
}

/// Each warning once, and not without end: a server in trouble adds one to every statement.
void log_once(const PGresult* notice) {
  constexpr std::size_t warnings_max = 32;
  static std::mutex guard;
  static std::set<std::string> logged;
  // Without what differs from one to the next, such as a count.
  const std::string where = std::string(field_of(notice, PG_DIAG_SOURCE_FUNCTION)) + " " +
                            std::string(field_of(notice, PG_DIAG_SQLSTATE));
  const std::lock_guard lock(guard);
  if (logged.size() < warnings_max && logged.insert(where).second)
    spdlog::warn("the database server warns: {}",
                 one_line(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
}

/// Only one warning says that a standby may lack the commit. It has no SQLSTATE of its own, and its
/// text is in the server's language; so it is known by the function of the server that gives it
/// (SyncRepWaitForLSN, src/backend/replication/syncrep.c, PostgreSQL 9.1 to 17).
void note_warning(void* gave_up, const PGresult* notice) {
  if (field_of(notice, PG_DIAG_SEVERITY_NONLOCALIZED) != "WARNING")
    return;
  if (field_of(notice, PG_DIAG_SOURCE_FUNCTION) == "SyncRepWaitForLSN")
    *static_cast<bool*>(gave_up) = true;
  else
    log_once(notice);
}

} // namespace

// ---- rows ---------------------------------------------------------------------------------------

void row_view::throw_misfit(int row, int column, std::size_t width) {
  throw std::runtime_error("database: row " + std::to_string(row) + ", column " +
                           std::to_string(column) + " is not a value of " + std::to_string(width) +
                           " bytes");
}

std::vector<std::int64_t> row_view::integers(int column) const {
  // array_send: dimensions, null flag, type, size, lower bound, then length and value of each.
  constexpr std::size_t header_bytes = 20;
  constexpr std::size_t element_bytes = 12;
  const std::string_view raw = text(column);
  std::vector<std::int64_t> numbers;
  if (raw.size() < header_bytes)
    return numbers;
  numbers.reserve((raw.size() - header_bytes) / element_bytes);
  for (std::size_t at = header_bytes; at + element_bytes <= raw.size(); at += element_bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, raw.data() + at + 4, sizeof value);
    numbers.push_back(static_cast<std::int64_t>(__builtin_bswap64(value)));
  }
  return numbers;
}

std::int64_t rows::changed() const noexcept {
  const std::string_view count = PQcmdTuples(result_.get());
  std::int64_t number = 0;
  std::from_chars(count.data(), count.data() + count.size(), number);
  return number;
}

// ---- opening ------------------------------------------------------------------------------------

std::expected<connection, failure> connection::open(const conninfo& to,
                                                    const session_limits& limits) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : to.settings()) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection out;
  // Blocking, but for `connect_timeout` at the most for each address: only this way does libpq
  // bound each address for itself, so that a dead first one does not eat the time of the second.
  out.handle_.reset(PQconnectdbParams(names.data(), values.data(), 0));
  if (!out.handle_)
    return std::unexpected(failure{.text = "out of memory", .lost = true});
  if (PQstatus(out.handle_.get()) != CONNECTION_OK)
    return std::unexpected(
        failure{.text = one_line(PQerrorMessage(out.handle_.get())), .lost = true});
  out.standby_given_up_ = std::make_unique<bool>(false);
  PQsetNoticeReceiver(out.handle_.get(), note_warning, out.standby_given_up_.get());
  if (PQsetnonblocking(out.handle_.get(), 1) != 0 || PQenterPipelineMode(out.handle_.get()) != 1)
    return std::unexpected(out.lost("libpq refuses the pipeline mode"));
  if (auto set = out.set_limits(limits); !set)
    return std::unexpected(set.error());
  return out;
}

std::expected<void, failure> connection::set_limits(const session_limits& limits) {
  const auto ms = [](std::chrono::milliseconds time) { return std::to_string(time.count()); };
  const std::string lock = ms(limits.lock);
  const std::string statement_time = ms(limits.statement);
  const std::string idle = ms(limits.idle_inside);
  const std::string network = ms(limits.network);
  add(sql::begin_session, parameters{}.add(lock, statement_time, idle, network));
  auto done = run(std::chrono::steady_clock::now() + limits.call);
  if (!done)
    return std::unexpected(done.error());
  timeline_ = done->front()[0].integer(0);
  return {};
}

// ---- one round trip -----------------------------------------------------------------------------

void connection::add(const statement& what, const parameters& with) {
  PGconn* const on = handle_.get();
  const bool known =
      prepared_.contains(what.name) || std::ranges::any_of(queue_, [&](const queued& one) {
        return one.prepare && std::string_view(one.name) == what.name;
      });
  if (!known) {
    queue_failed_ |= PQsendPrepare(on, what.name, what.text, 0, nullptr) != 1;
    queue_.push_back({what.name, true});
  }
  const auto view = with.for_libpq();
  queue_failed_ |=
      PQsendQueryPrepared(on, what.name, with.count(), view.values.data(), view.lengths.data(),
                          view.formats.data(), binary_format) != 1;
  queue_.push_back({what.name, false});
}

std::expected<std::vector<rows>, failure> connection::run(steady_instant deadline) {
  *standby_given_up_ = false;
  std::vector<rows> answers;
  answers.reserve(queue_.size());
  std::expected<void, failure> done;
  if (queue_failed_ || PQpipelineSync(handle_.get()) != 1)
    done = std::unexpected(lost(one_line(PQerrorMessage(handle_.get()))));
  else if (!send_all(deadline))
    done = std::unexpected(late());
  else
    done = collect(answers, deadline);
  queue_.clear();
  queue_failed_ = false;
  // Asked here, where nothing is queued: later it would say "active".
  in_transaction_ = alive() && PQtransactionStatus(handle_.get()) != PQTRANS_IDLE;
  if (!done)
    return std::unexpected(done.error());
  return answers;
}

std::expected<void, failure> connection::collect(std::vector<rows>& answers,
                                                 steady_instant deadline) {
  std::optional<failure> first;
  std::size_t at = 0; // counts statements, not preparations
  for (const queued& one : queue_) {
    // A statement's result, then null. Behind a failed one all are reported as aborted.
    for (;;) {
      auto next = next_result(deadline);
      if (!next) {
        failure gone = first ? *first : next.error();
        gone.at = first ? first->at : at;
        gone.lost = true;
        return std::unexpected(gone);
      }
      if (*next == nullptr)
        break;
      rows answer(*next);
      const ExecStatusType status = PQresultStatus(*next);
      if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        if (one.prepare)
          prepared_.insert(one.name);
        else
          answers.push_back(std::move(answer));
      } else if (!first && status != PGRES_PIPELINE_ABORTED) {
        first = from_result(*next);
        first->at = at;
      }
    }
    if (!one.prepare)
      ++at;
  }
  auto synced = await_sync(deadline);
  if (!synced && !first) {
    first = synced.error();
    first->at = at;
  }
  if (first) {
    first->lost = !alive();
    return std::unexpected(*first);
  }
  if (!alive())
    return std::unexpected(lost("the server closed the connection"));
  if (answers.size() != at) // callers count on one for each statement
    return std::unexpected(lost("the server gave another number of answers"));
  return {};
}

// The end of the round trip. Where no transaction was begun, the server commits here, and reports
// here what that meets.
std::expected<void, failure> connection::await_sync(steady_instant deadline) {
  constexpr int results_max = 4; // an error, its end, the sync
  std::optional<failure> met;
  for (int count = 0; count < results_max; ++count) {
    auto next = next_result(deadline);
    if (!next)
      return std::unexpected(met ? *met : next.error());
    if (*next == nullptr)
      continue;
    const rows answer(*next);
    const ExecStatusType status = PQresultStatus(*next);
    if (status == PGRES_PIPELINE_SYNC) {
      if (met)
        return std::unexpected(*met);
      return {};
    }
    if (!met && status == PGRES_FATAL_ERROR)
      met = from_result(*next);
  }
  return std::unexpected(lost("the server's answer does not end"));
}

std::expected<PGresult*, failure> connection::next_result(steady_instant deadline) {
  PGconn* const on = handle_.get();
  if (on == nullptr)
    return std::unexpected(lost("the connection is closed"));
  while (PQisBusy(on) != 0) {
    if (!wait(POLLIN, deadline))
      return std::unexpected(late());
    if (PQconsumeInput(on) != 1)
      break; // what had arrived before is still to be had: an error tells why it was closed
  }
  PGresult* const result = PQgetResult(on);
  if (result == nullptr && PQstatus(on) != CONNECTION_OK)
    return std::unexpected(lost(one_line(PQerrorMessage(on))));
  return result;
}

bool connection::send_all(steady_instant deadline) {
  PGconn* const on = handle_.get();
  for (;;) {
    const int left = PQflush(on);
    if (left == 0)
      return true;
    // A failure to send is found again, with its reason, where the answers are read.
    if (left < 0)
      return true;
    if (!wait(POLLIN | POLLOUT, deadline))
      return false;
    // The server may be waiting for us to read before it reads on.
    if (PQconsumeInput(on) != 1)
      return true;
  }
}

bool connection::wait(short events, steady_instant deadline) {
  pollfd on{.fd = PQsocket(handle_.get()), .events = events, .revents = 0};
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (on.fd < 0 || left.count() <= 0)
      return false;
    const int ready = poll(&on, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

failure connection::lost(std::string text) {
  handle_.reset();
  return {.text = std::move(text), .lost = true};
}

failure connection::late() {
  failure out = lost("no answer in time");
  out.late = true;
  return out;
}

bool connection::alive() const noexcept {
  return handle_ && PQstatus(handle_.get()) == CONNECTION_OK;
}

} // namespace paymentd::db::postgres
