#include "db/sqlite/given_rows.hpp"

#include "domain/check.hpp"

#include <SQLiteCpp/Exception.h>

namespace paymentd::db::sqlite {
namespace {

/// SQLite's handle of the table.
struct table {
  sqlite3_vtab base; // first: SQLite sees this alone
  const given_rows* rows;
};

/// One walk through the rows.
struct cursor {
  sqlite3_vtab_cursor base; // first, likewise
  std::size_t row;
};

const given_rows& rows_of(const sqlite3_vtab_cursor* at) {
  return *reinterpret_cast<const table*>(at->pVtab)->rows;
}

int connect(sqlite3* on, void* rows, int, const char* const*, sqlite3_vtab** made, char**) {
  const int declared = sqlite3_declare_vtab(
      on, "create table given (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)");
  if (declared != SQLITE_OK)
    return declared;
  *made = &(new table{{}, static_cast<const given_rows*>(rows)})->base;
  return SQLITE_OK;
}

int disconnect(sqlite3_vtab* of) {
  delete reinterpret_cast<table*>(of);
  return SQLITE_OK;
}

/// There is one way to read it: from the first row to the last. It has few rows beside those of
/// any table that it is joined with, so it is walked through, and the other one is searched.
int plan(sqlite3_vtab*, sqlite3_index_info* how) {
  constexpr double rows = 100;
  how->estimatedCost = rows;
  how->estimatedRows = static_cast<sqlite3_int64>(rows);
  return SQLITE_OK;
}

int open(sqlite3_vtab*, sqlite3_vtab_cursor** made) {
  *made = &(new cursor{})->base;
  return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* at) {
  delete reinterpret_cast<cursor*>(at);
  return SQLITE_OK;
}

int begin(sqlite3_vtab_cursor* at, int, const char*, int, sqlite3_value**) {
  reinterpret_cast<cursor*>(at)->row = 0;
  return SQLITE_OK;
}

int next(sqlite3_vtab_cursor* at) {
  ++reinterpret_cast<cursor*>(at)->row;
  return SQLITE_OK;
}

int is_over(sqlite3_vtab_cursor* at) {
  return reinterpret_cast<cursor*>(at)->row >= rows_of(at).size() ? 1 : 0;
}

int read(sqlite3_vtab_cursor* at, sqlite3_context* into, int column) {
  const value cell =
      rows_of(at).at(reinterpret_cast<cursor*>(at)->row, static_cast<std::size_t>(column));
  switch (cell.kind()) {
  case value::type::null:
    sqlite3_result_null(into);
    break;
  case value::type::integer:
    sqlite3_result_int64(into, cell.number());
    break;
  case value::type::text:
    sqlite3_result_text64(into, cell.bytes().data(), cell.bytes().size(), SQLITE_STATIC,
                          SQLITE_UTF8);
    break;
  case value::type::blob:
    sqlite3_result_blob64(into, cell.bytes().data(), cell.bytes().size(), SQLITE_STATIC);
    break;
  }
  return SQLITE_OK;
}

int row_number(sqlite3_vtab_cursor* at, sqlite3_int64* number) {
  *number = static_cast<sqlite3_int64>(reinterpret_cast<cursor*>(at)->row);
  return SQLITE_OK;
}

/// Without xCreate it is there by its name alone, and nobody can create or drop it.
sqlite3_module make_module() {
  sqlite3_module made{};
  made.xConnect = connect;
  made.xBestIndex = plan;
  made.xDisconnect = disconnect;
  made.xOpen = open;
  made.xClose = close;
  made.xFilter = begin;
  made.xNext = next;
  made.xEof = is_over;
  made.xColumn = read;
  made.xRowid = row_number;
  return made;
}

const sqlite3_module module_of_given = make_module();

} // namespace

given_rows::given_rows(sqlite3* on) {
  if (const int code = sqlite3_create_module(on, "given", &module_of_given, this);
      code != SQLITE_OK)
    throw SQLite::Exception(on, code);
}

void given_rows::begin_row(std::size_t width) {
  if (taken_) {
    cells_.clear();
    taken_ = false;
  }
  if (cells_.empty())
    width_ = width;
  check(width_ == width, "all given rows have as many columns");
}

bool given_rows::take() {
  if (taken_)
    cells_.clear();
  taken_ = true;
  return !cells_.empty();
}

} // namespace paymentd::db::sqlite
