// Subscribers, cursors, claims and what became of each message, as db/store.hpp has them. Every
// call runs inside the caller's write transaction, on the one connection that writes.
#pragma once

#include "db/delivery_list.hpp"
#include "db/recent_events.hpp"
#include "db/sqlite/connection.hpp"
#include "db/sqlite/kept_keys.hpp"
#include "domain/plan_delivery.hpp"

#include <span>

namespace paymentd::db::sqlite {

/// A row of events_of_range or event_of_entry, with the rest of a refund by `get_refund`; lost
/// where the order or the user is gone.
message read_message(const statement::rows& row, statement& get_refund);

class deliveries {
 public:
  /// `newest` outlives this, and is empty where `reads_user` holds, which is as
  /// db::database_options has it.
  deliveries(connection& on, const recent_events& newest, bool reads_user);

  /// The registered subscriber of that name, or nothing.
  std::optional<subscriber> find_subscriber(std::string_view name);
  const std::string& instance() const { return instance_; }
  subscriber subscribe(std::string_view name, bool wants_payments, bool wants_refunds, instant now);
  result<subscriber> set_kinds(std::string_view name, bool wants_payments, bool wants_refunds);

  // The stream's epoch was checked before.
  result<std::vector<claim>> open_claims(subscriber_id subscriber, stream_id stream);
  result<delivery_answer> deliver(const delivery_step& step, std::int64_t stream_next, instant now);
  result<prune_answer> prune(const prune_step& step, instant now);

  // Of any stream. `reads` tells what they are.
  result<std::vector<answer>> retry(std::span<const delivery_retry> which, list_source& reads,
                                    instant now);
  failed_progress retry_failed(const failed_retry& which, const failed_progress& so_far,
                               instant now);

 private:
  // One subscriber in one stream.
  struct subscription {
    subscriber_id subscriber;
    stream_id stream;
    wanted_kinds wanted;
  };

  // A claim as its row has it.
  struct claim_row {
    claim_id id;
    int generation = 1;
    entry_id first;
    entry_id last;
    std::vector<entry_id> retries; // empty: it is a range
    instant since;
    std::string provider = {};
  };

  result<subscription> find_subscription(subscriber_id subscriber, stream_id stream);
  static claim_row read_claim(const statement::rows& row);
  std::optional<claim_row> find_claim(const subscription& at, claim_id id);
  claim load_claim(const subscription& at, const claim_row& row);
  /// A row as read_message takes it, with the user's words where they are asked for.
  message load_message(const statement::rows& row);
  message load_retry(const subscription& at, entry_id id);

  delivery_view look(const subscription& at, const delivery_step& step, std::int64_t stream_next,
                     instant now);
  void look_at_claim(const subscription& at, claim_id id, delivery_view& into);
  void look_ahead(const subscription& at, std::int64_t stream_next, delivery_reach reach,
                  recent_events::stretch remembered, delivery_view& into);
  void write_deliveries(const subscription& at, const delivery_plan& plan, instant now);
  void note(const subscription& at, const noted_claim& what);
  claim add_claim(const subscription& at, planned_claim what, instant now);
  std::int64_t cursor(const subscription& at);

  const recent_events& newest_;
  const bool reads_user_;
  sqlite3* handle_;
  given_rows& given_;
  std::string instance_; // this database's part of every claim's key

  statement find_subscriber_, hold_, read_again_, wants_, add_subscriber_, add_cursors_,
      add_cursor_;
  statement count_former_kinds_, add_former_kinds_, set_kinds_;
  statement get_cursor_, move_cursor_;
  statement get_claims_, get_claim_, add_claim_, next_generation_, end_claim_;
  statement forget_tries_, note_try_, tries_of_claim_;
  statement events_of_range_, entries_ahead_, event_of_entry_, get_refund_, get_user_words_;
  statement entries_of_range_, entry_created_;
  statement due_retries_, next_retry_, take_retry_, put_deliveries_, mark_delivery_;
  statement set_copies_by_, add_try_;
  statement is_failed_, retry_, next_subscriber_, failed_behind_, retry_failed_;
  statement prune_end_, prune_look_, prune_one_, raise_kept_from_;
  kept_keys keys_;
};

} // namespace paymentd::db::sqlite
