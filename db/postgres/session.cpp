#include "db/postgres/session.hpp"

#include "db/postgres/session_sql.hpp"

namespace paymentd::db::postgres {

result<void> session::begin_call() {
  deadline_ = std::chrono::steady_clock::now() + limits_.call;
  opened_now_ = stale_ = contended_ = duplicate_ = overtaken_ = false;
  if (connection_ && connection_->alive()) {
    if (!connection_->in_transaction())
      return {};
    roll_back();
    if (connection_ && connection_->alive())
      return {};
  }
  connection_.reset();
  auto opened = connection::open(to_, limits_);
  if (!opened)
    return std::unexpected(to_connect_error(opened.error(), to_));
  connection_.emplace(*std::move(opened));
  ++opened_;
  opened_now_ = true;
  // Connecting has a bound of its own, so what follows gets its whole time.
  deadline_ = std::chrono::steady_clock::now() + limits_.call;
  return {};
}

std::unexpected<error> session::failed(const failure& what, std::string_view doing) {
  const std::string_view state(what.sqlstate.data(), what.sqlstate.size());
  const bool ends = belongs_to_connection(state);
  contended_ = is_contention(state);
  duplicate_ = is_duplicate(state);
  overtaken_ = duplicate_ || is_moved(state);
  stale_ = !opened_now_ && (ends || (what.lost && !what.late));
  // The next connection may reach another server, and has no plans and statements of before.
  if (ends)
    connection_.reset();
  roll_back();
  return std::unexpected(to_error(what, doing));
}

result<std::vector<rows>> session::run(std::string_view doing) {
  auto answers = connection_->run(deadline_);
  if (!answers)
    return failed(answers.error(), doing);
  return *std::move(answers);
}

result<std::vector<rows>> session::run_to_commit(std::string_view doing) {
  const bool explicitly = connection_->in_transaction();
  if (explicitly)
    connection_->add(sql::commit);
  auto answers = connection_->run(deadline_);
  if (!answers) {
    const failure& what = answers.error();
    stale_ = what.lost && !what.late && !opened_now_;
    // An error that the server reported, on a connection that lives, has rolled all of it back.
    if (!what.lost)
      return failed(what, doing);
    error unknown = to_error(what, doing);
    unknown.kind = error_kind::in_doubt;
    return std::unexpected(std::move(unknown));
  }
  if (explicitly && answers->back().tag() != "COMMIT")
    return failed({.text = "the commit became a rollback"}, doing);
  if (connection_->standby_given_up())
    return std::unexpected(error{error_kind::in_doubt, "database: " + std::string(doing) +
                                                           ": committed, but perhaps not on the "
                                                           "standby, which did not answer"});
  return *std::move(answers);
}

void session::roll_back() {
  if (!connection_ || !connection_->in_transaction())
    return;
  connection_->add(sql::rollback);
  // A connection on which not even this works has no use; closing it rolls back as well.
  if (!connection_->run(deadline_))
    connection_.reset();
}

error repeatable(error what) {
  if (what.kind == error_kind::in_doubt)
    what.kind = error_kind::unavailable;
  return what;
}

} // namespace paymentd::db::postgres
