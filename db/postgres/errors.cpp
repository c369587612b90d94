#include "db/postgres/errors.hpp"

#include <algorithm>
#include <array>

namespace paymentd::db::postgres {
namespace {

std::string_view hint_of_pooler(std::string_view sqlstate) {
  if (sqlstate != "26000" && sqlstate != "42P05")
    return {};
  return "; a connection pooler between has to be in session mode (PgBouncer: pool_mode = session)";
}

} // namespace

bool passes_by_itself(std::string_view sqlstate) noexcept {
  // Whole classes: connection exceptions, transaction rollback (deadlock, serialization), lack of
  // resources (disk, memory, connections), the operator's interventions (shutdown, cancel).
  constexpr std::array<std::string_view, 4> classes = {"08", "40", "53", "57"};
  constexpr std::array<std::string_view, 7> states = {
      "00000", // no answer from the server at all
      "25P03", // idle inside of a transaction for too long: we stood still
      "25P02", // the transaction had failed before
      "55P03", // a lock was not to be had in time
      "55006", // the object is in use
      "58030", // the server's disk failed
      "58P01", // likewise, a file of it
  };
  return belongs_to_connection(sqlstate) ||
         std::ranges::any_of(classes, [&](auto one) { return sqlstate.starts_with(one); }) ||
         std::ranges::find(states, sqlstate) != states.end();
}

bool is_contention(std::string_view sqlstate) noexcept {
  return sqlstate == "55P03";
}

bool is_duplicate(std::string_view sqlstate) noexcept {
  return sqlstate == "23505";
}

bool is_moved(std::string_view sqlstate) noexcept {
  return sqlstate == "22012"; // division by zero
}

bool belongs_to_connection(std::string_view sqlstate) noexcept {
  constexpr std::array<std::string_view, 4> states = {
      "25006", // the server is read only by now: another of the address may be the primary
      "0A000", // a plan that outlived a change of the schema
      "26000", // a prepared statement that is not there: a pooler gave us another server process
      "42P05", // one that is there already: likewise
  };
  return std::ranges::find(states, sqlstate) != states.end();
}

error to_error(const failure& what, std::string_view doing) {
  const std::string_view state(what.sqlstate.data(), what.sqlstate.size());
  std::string text = "database: ";
  text.append(doing).append(": ").append(what.text);
  if (state != "00000")
    text.append(" (").append(state).append(")");
  if (state == "42501")
    text.append("; the role lacks rights: grant them, or migrate with the role that serves");
  if (state == "42P01" || state == "3F000")
    text.append("; the schema is missing, or this role may not use it: run paymentd migrate");
  text.append(hint_of_pooler(state));
  const bool passes = what.lost || passes_by_itself(state);
  return {passes ? error_kind::unavailable : error_kind::broken, std::move(text)};
}

error to_connect_error(const failure& what, const conninfo& to) {
  // Wrong names and passwords are no class of their own in libpq; all of them may be set right
  // while the server runs, so the caller goes on trying and the log says why.
  const std::string_view state(what.sqlstate.data(), what.sqlstate.size());
  return {error_kind::unavailable, "database: cannot connect to " + to.shown() + ": " + what.text +
                                       std::string(hint_of_pooler(state))};
}

} // namespace paymentd::db::postgres
