#include "db/sqlite/connection.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <filesystem>

namespace paymentd::db::sqlite {
namespace {

// Writers of one process wait for each other this long, then the call is `unavailable`.
constexpr int busy_timeout_ms = 2000;

// A checkpoint of some 16 MB: small enough to be over in a few milliseconds, large enough that a
// page which many batches changed is written to the file once.
constexpr int checkpoint_pages = 4000;

// A log of this size means that readers kept it from starting anew: then wait for them, a little.
constexpr int log_pages_max = 4 * checkpoint_pages;
constexpr int wait_for_readers_ms = 50;

constexpr const char* writer_pragmas = "pragma journal_mode = wal;"
                                       "pragma synchronous = full;"
                                       // 4 % of a payment; the audit looks instead
                                       "pragma foreign_keys = off;"
                                       "pragma secure_delete = off;"
                                       "pragma temp_store = memory;"
                                       "pragma journal_size_limit = 67108864;" // bytes kept on disk
                                       "pragma cache_size = -32768;";          // KiB

constexpr const char* reader_pragmas = "pragma query_only = on;"
                                       "pragma temp_store = memory;"
                                       "pragma cache_size = -8192;"; // KiB

// Memory statistics, which nobody reads, put a mutex round every allocation. This must be said
// before SQLite is used the first time.
[[maybe_unused]] const int without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

int open_flags(access mode) {
  int how = mode == access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == access::read_write)
    how |= SQLITE_OPEN_CREATE;
  return how | SQLITE_OPEN_NOMUTEX; // one thread at a time: no mutex needed
}

/// Whether the database behind it can be read.
bool is_readable(SQLite::Database& opened) {
  try {
    opened.execAndGet("select count(*) from sqlite_schema");
    return true;
  } catch (const SQLite::Exception& thrown) {
    const int code = thrown.getErrorCode() & 0xff;
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
      throw;
    return false;
  }
}

bool has_log(const std::string& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path + "-wal", none);
  return !none && size > 0;
}

/// The path as the name of a file that nobody changes while it is read.
std::string immutable_name(const std::string& path) {
  std::string name = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#')
      name += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    else
      name += c;
  }
  return name + "?immutable=1";
}

SQLite::Database open_file(const std::string& path, access mode) {
  SQLite::Database opened(path, open_flags(mode), busy_timeout_ms);
  // Even who reads makes files beside a database that has a log. Where nothing may be written (a
  // backup), and there is no log, there is nobody who changes the database either.
  if (mode != access::read_only || is_readable(opened) || has_log(path))
    return opened;
  return {immutable_name(path), open_flags(mode) | SQLITE_OPEN_URI, busy_timeout_ms};
}

} // namespace

connection::connection(const std::string& path, access mode)
    : database_(open_file(path, mode)), given_(database_.getHandle()),
      next_checkpoint_(checkpoint_pages) {
  sqlite3_extended_result_codes(handle(), 1);
  if (mode == access::read_only) {
    exec(reader_pragmas);
    return;
  }
  exec(writer_pragmas);
  page_bytes_ = database_.execAndGet("pragma page_size").getInt();
  sqlite3_wal_hook(handle(), &connection::on_commit, this); // in place of the automatic checkpoint
}

int connection::on_commit(void* self, sqlite3*, const char*, int log_pages) noexcept {
  auto& on = *static_cast<connection*>(self);
  if (log_pages < on.log_pages_) // the log was started anew
    on.next_checkpoint_ = checkpoint_pages;
  on.log_pages_ = log_pages;
  return SQLITE_OK;
}

void connection::checkpoint_when_due() {
  if (log_pages_ < next_checkpoint_)
    return;
  // A checkpoint that fails costs nothing but room: the log still holds every commit.
  if (log_pages_ > log_pages_max)
    start_log_anew();
  else
    sqlite3_wal_checkpoint_v2(handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  // The next writer starts the log anew if no reader is in it. If one is, the log goes on growing,
  // and is worth another checkpoint only after as many pages again.
  next_checkpoint_ = log_pages_ + checkpoint_pages;
}

bool connection::start_log_anew() {
  sqlite3_busy_timeout(handle(), wait_for_readers_ms);
  const int done =
      sqlite3_wal_checkpoint_v2(handle(), "main", SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
  sqlite3_busy_timeout(handle(), busy_timeout_ms);
  return done == SQLITE_OK;
}

statement::statement(connection& on, const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v3(on.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK)
    throw SQLite::Exception(on.handle(), code);
  statement_.reset(prepared);
}

bool statement::rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  throw SQLite::Exception(sqlite3_db_handle(statement_), code);
}

std::string_view statement::rows::text(int column) const noexcept {
  const unsigned char* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr)
    return {};
  return {reinterpret_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::array<std::uint8_t, 16> statement::rows::digest(int column) const {
  std::array<std::uint8_t, 16> bytes{};
  const std::string_view found = text(column);
  if (found.size() != bytes.size())
    throw std::runtime_error("the digest of a key has another length");
  std::ranges::copy(found, bytes.begin());
  return bytes;
}

void statement::check(int code) const {
  if (code != SQLITE_OK)
    throw SQLite::Exception(sqlite3_db_handle(statement_.get()), code);
}

void statement::bind(int index, const value& what) {
  sqlite3_stmt* const to = statement_.get();
  const std::string_view bytes = what.bytes();
  switch (what.kind()) {
  case value::type::null:
    return check(sqlite3_bind_null(to, index));
  case value::type::integer:
    return check(sqlite3_bind_int64(to, index, what.number()));
  case value::type::text:
    return check(
        sqlite3_bind_text64(to, index, bytes.data(), bytes.size(), SQLITE_STATIC, SQLITE_UTF8));
  case value::type::blob:
    return check(sqlite3_bind_blob64(to, index, bytes.data(), bytes.size(), SQLITE_STATIC));
  }
}

transactions::transactions(connection& on)
    : begin_immediate_(on, "begin immediate"), begin_deferred_(on, "begin deferred"),
      commit_(on, "commit"), rollback_(on, "rollback") {}

transaction::transaction(transactions& with, kind what) : with_(with) {
  (what == kind::write ? with_.begin_immediate_ : with_.begin_deferred_).run();
}

transaction::~transaction() {
  if (!open_)
    return;
  try {
    with_.rollback_.run();
  } catch (const SQLite::Exception&) {
    // Grave errors end the transaction by themselves; then there is nothing left to roll back.
  }
}

// The state behind a failed COMMIT. SQLite appends the transaction's pages to the log, the last of
// them marked as the commit, syncs the log, and then shows the commit to all connections.
//
// BUSY: the commit was not begun. FULL: a page did not fit, so the marked last page is not complete
// and recovery ignores the rest (nothing is written after the marked page, since file systems are
// taken to be power-safe, SQLite's default). Nothing happened: roll back, `unavailable`.
//
// Anything else, a failed sync above all: the marked page may be complete in the file although this
// process sees a rollback, and if the process died now, recovery would find it and the payments
// would be there after all. So the commit is in doubt. The next commit decides it: it writes over
// the same part of the log, and the checksums, which run on from page to page, make the rest of the
// old transaction unreadable. `resolve` makes that commit by raising the epoch.
void transaction::commit() {
  paymentd::check(open_, "a transaction is committed once");
  try {
    with_.commit_.run();
    open_ = false;
  } catch (const SQLite::Exception& thrown) {
    const int code = thrown.getErrorCode() & 0xff;
    if (code == SQLITE_BUSY || code == SQLITE_FULL)
      throw;
    throw commit_in_doubt(thrown.what());
  }
}

error to_error(const SQLite::Exception& thrown) {
  const std::string text = "database: " + std::string(thrown.what());
  switch (thrown.getErrorCode() & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_FULL:
  case SQLITE_IOERR:
  case SQLITE_NOMEM:
  case SQLITE_CANTOPEN:
  case SQLITE_PROTOCOL:
  case SQLITE_INTERRUPT:
    return {error_kind::unavailable, text};
  default:
    return {error_kind::broken, text};
  }
}

bool needs_new_connection(const SQLite::Exception& thrown) noexcept {
  switch (thrown.getErrorCode() & 0xff) {
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return true;
  default:
    return false;
  }
}

} // namespace paymentd::db::sqlite
