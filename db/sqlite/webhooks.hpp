// Webhooks, as db/store.hpp has them. Every call runs inside the caller's write transaction, on the
// one connection that writes.
#pragma once

#include "db/plan_replay.hpp"
#include "db/sqlite/connection.hpp"
#include "db/sqlite/delivery.hpp"
#include "db/sqlite/kept_keys.hpp"
#include "db/store.hpp"

namespace paymentd::db::sqlite {

class webhooks {
 public:
  /// `delivers` registers the subscribers; it outlives this.
  webhooks(connection& on, deliveries& delivers);

  std::vector<webhook> all();
  bool work_left();
  result<answer> change(const webhook_request& what, instant now);
  bool take_over(webhook what, instant now);
  result<webhook_upkeep> tend(instant now);

 private:
  void put(const webhook& what);
  void end_subscriber(std::string_view name);
  bool clear_ended();
  std::vector<replay> replays();
  result<void> advance(replay of, instant now);

  deliveries& delivers_;
  kept_keys keys_;
  statement all_, work_left_, put_, delete_, mark_taken_over_;
  statement subscriber_of_, note_ended_, delete_subscriber_, delete_cursors_, delete_claims_,
      delete_replays_, delete_former_kinds_, some_ended_, delete_deliveries_, forget_ended_;
  statement add_replays_, all_replays_, count_waiting_, entries_from_, gaps_, replay_, move_replay_,
      end_replay_, wants_;
};

} // namespace paymentd::db::sqlite
