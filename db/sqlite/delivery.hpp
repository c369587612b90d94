// Subscribers, cursors, claims and what became of each message, as db/store.hpp has them. Every
// call runs inside the caller's write transaction, on the one connection that writes.
#pragma once

#include "db/delivery_list.hpp"
#include "db/sqlite/connection.hpp"

#include <span>

namespace paymentd::db::sqlite {

class delivery {
 public:
  explicit delivery(connection& on);

  subscriber subscribe(std::string_view name, bool wants_payments, bool wants_refunds, instant now);

  // The stream's epoch was checked before.
  result<std::vector<claim>> open_claims(subscriber_id subscriber, stream_id stream);
  result<delivery_answer> deliver(const delivery_step& step, std::int64_t stream_next, instant now);
  result<prune_answer> prune(const prune_step& step, instant now);

  // Of any stream. `reads` tells what they are afterwards.
  result<std::vector<answer>> retry(std::span<const get_delivery> which, list_source& reads,
                                    instant now);

 private:
  // One subscriber in one stream.
  struct place {
    subscriber_id subscriber;
    stream_id stream;
    bool wants_payments = false;
    bool wants_refunds = false;
    bool wants(entry_kind kind) const {
      return (kind == entry_kind::payment && wants_payments) ||
             (kind == entry_kind::refund && wants_refunds);
    }
  };

  // A claim as its row has it: a range of entries or, where that is empty, a list of retries.
  struct claim_row {
    claim_id id;
    int generation = 1;
    entry_id first;
    entry_id last;
    std::vector<entry_id> retries;
    instant since;
    std::string provider = {};
  };

  struct claimed_entry {
    entry_id id;
    instant created_at;
  };

  // What lies ahead of the cursor, as far as one claim goes.
  struct stretch {
    std::vector<message> messages;
    std::int64_t last = 0; // the number that the cursor moves to
    bool at_end = false;   // nothing of the stream is left behind it
  };

  static constexpr int first_generation = 1;

  // A row of events_of_range or event_of_entry; lost where the order or the user is gone.
  static message read_message(const statement::rows& row);

  result<place> find_place(subscriber_id subscriber, stream_id stream);
  result<claim_row> find_claim(const place& at, claim_id id);
  claim load_claim(const place& at, const claim_row& row);
  claim make_claim(claim_id id, int generation, instant since, std::vector<message> messages,
                   std::string provider) const;
  std::vector<claimed_entry> entries_of(const place& at, const claim_row& row);

  result<void> end(const place& at, const ended_claim& ended, instant now);
  result<claim> regenerate(const place& at, claim_id id, instant now);
  result<void> split(const place& at, claim_id id, instant now, std::vector<claim>& halves);
  int open_retries(const place& at, const delivery_step& step, instant now,
                   std::vector<claim>& opened);
  bool open_ahead(const place& at, const delivery_step& step, int room, std::int64_t stream_next,
                  instant now, std::vector<claim>& opened);

  claim_id add_range(const place& at, entry_id first, entry_id last, std::string_view provider,
                     instant now);
  claim_id add_retries(const place& at, std::span<const entry_id> entries,
                       std::string_view provider, instant now);
  message load_retry(const place& at, entry_id id);
  stretch load_ahead(const place& at, std::int64_t position, std::int64_t stream_next,
                     int messages_max);
  bool more_waits(const place& at, std::int64_t stream_next, instant now);
  std::int64_t cursor(const place& at);

  sqlite3* handle_;
  std::string instance_; // this database's part of every claim's key

  statement find_subscriber_, hold_, read_again_, wants_, add_subscriber_, add_cursors_,
      add_cursor_;
  statement get_cursor_, move_cursor_;
  statement get_claims_, get_claim_, add_claim_, next_generation_, end_claim_;
  statement events_of_range_, event_of_entry_, entries_of_range_, entry_created_, kinds_ahead_;
  statement due_retries_, next_retry_, take_retry_, put_delivery_, mark_delivery_;
  statement retry_, prune_end_, prune_look_, prune_one_, raise_kept_from_;
};

} // namespace paymentd::db::sqlite
