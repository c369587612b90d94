#include "db/postgres/copy_session.hpp"

#include "db/postgres/errors.hpp"

#include <algorithm>
#include <charconv>

namespace paymentd::db::postgres {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 18;

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

} // namespace

std::int64_t text_rows::integer(int row, int column) const {
  return number_in(text(row, column));
}

std::int64_t text_rows::changed() const {
  return number_in(PQcmdTuples(result_.get()));
}

result<copy_session> copy_session::open(const conninfo& to, const char* doing) {
  std::unique_ptr<PGconn, close> on(PQconnectdb(to.text().c_str()));
  if (!on || PQstatus(on.get()) != CONNECTION_OK)
    return std::unexpected(to_connect_error({.text = PQerrorMessage(on.get())}, to));
  return copy_session(std::move(on), doing);
}

result<text_rows> copy_session::judge(PGresult* owned) {
  text_rows done(owned);
  const auto status = PQresultStatus(done.raw());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
    return done;
  return std::unexpected(current(done.raw()));
}

result<text_rows> copy_session::exec(const char* sql, std::initializer_list<std::int64_t> values) {
  if (values.size() == 0)
    return judge(PQexec(on_.get(), sql));
  std::vector<std::string> texts;
  for (const std::int64_t value : values)
    texts.push_back(std::to_string(value));
  return exec_with(sql, texts);
}

result<text_rows> copy_session::exec_texts(const char* sql,
                                           std::initializer_list<std::string_view> values) {
  return exec_with(sql, {values.begin(), values.end()});
}

result<text_rows> copy_session::exec_with(const char* sql, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  for (const std::string& value : values)
    pointers.push_back(value.c_str());
  return judge(PQexecParams(on_.get(), sql, static_cast<int>(values.size()), nullptr,
                            pointers.data(), nullptr, nullptr, 0));
}

result<void> copy_session::copy(const char* sql, const std::function<bool(std::string&)>& more) {
  if (auto begun = exec(sql); !begun)
    return std::unexpected(begun.error());
  std::string buffer;
  buffer.reserve(buffer_bytes * 2);
  for (bool goes_on = true; goes_on;) {
    goes_on = more(buffer);
    if (buffer.size() < buffer_bytes && goes_on)
      continue;
    if (PQputCopyData(on_.get(), buffer.data(), static_cast<int>(buffer.size())) != 1)
      return std::unexpected(current(nullptr));
    buffer.clear();
  }
  if (PQputCopyEnd(on_.get(), nullptr) != 1)
    return std::unexpected(current(nullptr));
  const text_rows done(PQgetResult(on_.get()));
  const bool fine = PQresultStatus(done.raw()) == PGRES_COMMAND_OK;
  while (PGresult* rest = PQgetResult(on_.get()))
    PQclear(rest);
  if (!fine)
    return std::unexpected(current(done.raw()));
  return {};
}

error copy_session::current(const PGresult* of) {
  failure what{.text = PQerrorMessage(on_.get()), .lost = PQstatus(on_.get()) != CONNECTION_OK};
  if (const char* state = PQresultErrorField(of, PG_DIAG_SQLSTATE);
      state != nullptr && std::strlen(state) == what.sqlstate.size())
    std::copy_n(state, what.sqlstate.size(), what.sqlstate.begin());
  if (const char* primary = PQresultErrorField(of, PG_DIAG_MESSAGE_PRIMARY))
    what.text = primary;
  while (!what.text.empty() && what.text.back() == '\n')
    what.text.pop_back();
  duplicate_ = is_duplicate({what.sqlstate.data(), what.sqlstate.size()});
  return to_error(what, doing_);
}

void put(std::string& to, std::int64_t number, char after) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  to.append(digits, end).push_back(after);
}

void put_null(std::string& to, char after) {
  to.append("\\N").push_back(after);
}

void put(std::string& to, std::optional<std::int64_t> number, char after) {
  if (number)
    put(to, *number, after);
  else
    put_null(to, after);
}

void put_text(std::string& to, std::string_view text, char after) {
  if (text.empty())
    return put_null(to, after);
  for (const char c : text) {
    if (c == '\\' || c == '\t' || c == '\n' || c == '\r')
      to.push_back('\\');
    to.push_back(c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c);
  }
  to.push_back(after);
}

// "2026-01-31 12:00:00.000+00"
void put(std::string& to, instant at, char after) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%03d+00",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  to.append(text).push_back(after);
}

} // namespace paymentd::db::postgres
