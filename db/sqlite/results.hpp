// The final results of messages, as db/store.hpp has it. Every call runs inside the caller's
// write transaction, on the one connection that writes.
#pragma once

#include "db/results_turns.hpp"
#include "db/sqlite/connection.hpp"

namespace paymentd::db::sqlite {

class results {
 public:
  explicit results(connection& on);

  std::optional<results_turn> begin(const results_due& asked, instant now);
  result<results_answer> store(const results_step& step, instant now);

 private:
  statement find_mark_, take_turn_, keep_turn_, note_arrival_, note_failure_, add_try_;
};

} // namespace paymentd::db::sqlite
