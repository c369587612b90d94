// Writes what a step of delivery planned: one round trip, at whose end it commits. Made and used by
// postgres_store::write, on its thread.
#pragma once

#include "db/postgres/session.hpp"
#include "db/postgres/store.hpp"

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace paymentd::db::postgres {

class step_writer {
 public:
  /// `instance` begins the keys of the claims that are opened (postgres_store::instance);
  /// `reads_user`: as db::database_options has it.
  step_writer(session& on, const locked_cursor& at, const delivery_step& step, delivery_plan plan,
              std::string instance, bool reads_user, instant now);

  /// Whether there is anything to write at all.
  bool writes() const;

  void add_statements();

  // Of the answers to these statements, in their order:

  /// The cursor as the step left it.
  locked_cursor cursor_after(std::span<const rows> answers) const;
  /// The claims of the step's answer, as they stand now and with their messages. Once.
  std::vector<std::pair<claim_record, claim>> read_claims(std::span<const rows> answers);

 private:
  // Adds a statement; gives which of the answers is its own.
  std::size_t add(const statement& what, const parameters& with);
  void add_claims();
  std::size_t add_messages(const claim_record& of);
  void add_results();
  parameters results(std::span<const planned_result> of) const;

  session& on_;
  const locked_cursor& at_;
  const delivery_step& step_;
  delivery_plan plan_;
  std::string instance_;
  bool reads_user_;
  instant now_;

  std::size_t added_ = 0;
  // Which answers have the new generations, the new claims (an answer and its row) and, of those
  // that are still to be read, the messages.
  std::size_t generations_ = 0;
  std::vector<std::pair<std::size_t, int>> ids_;
  std::vector<std::size_t> messages_; // of the regenerated ones, then of opened ones without any
  std::size_t cursor_ = 0;            // the cursor's new address
};

} // namespace paymentd::db::postgres
