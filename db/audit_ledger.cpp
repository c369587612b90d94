// The part of the audit that judges users, ledger entries and orders.
#include "db/audit_judge.hpp"
#include "domain/model.hpp"

#include <map>

namespace paymentd::db {
namespace {

/// Without overflow: a value that a hand has put there may be any.
std::int64_t wrapped_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

class ledger_auditor : private audit_judge {
 public:
  using audit_judge::audit_judge;
  void run(audit_result& looked_at);

 private:
  void judge_users();
  void judge_chain(std::int64_t user, const audit_rows& of, audit_rows& entry, bool& more);
  void judge_entry(const audit_rows& row);
  void judge_entry_of_order(const audit_rows& row, entry_kind kind);
  void judge_order(const audit_rows& row);
  void judge_named_entry(const audit_rows& row, int names, int found, entry_kind kind,
                         bool expected);

  std::map<std::int64_t, std::int64_t> refunded_; // by order, of the user that is judged
};

// ---- a user's balance and its ledger entries ----------------------------------------------------

constexpr const char* last_of_next_users =
    "select max(id), count(*) from (select id from users where id > $1 order by id limit $2) n";
// By the index on (user_id, sequence), in step with the users.
constexpr const char* users_between =
    "select id, balance, last_sequence, phone from users where id > $1 and id <= $2 order by id";
constexpr const char* entries_of_users_between =
    "select user_id, id, sequence, amount, balance_after, kind, order_id, "
    "coalesce(refunded_after, amount) from ledger_entries "
    "where user_id > $1 and user_id <= $2 order by user_id, sequence";

void ledger_auditor::judge_users() {
  for (std::optional<std::int64_t> after = before_all; after;) {
    from_.begin_snapshot();
    const auto bound = ask(last_of_next_users, {*after, from_.rows_per_snapshot()});
    bound->next();
    const bool all = bound->integer(1) < from_.rows_per_snapshot();
    const std::int64_t last = all ? std::numeric_limits<std::int64_t>::max() : bound->integer(0);
    const auto user = ask(users_between, {*after, last});
    const auto entry = ask(entries_of_users_between, {*after, last});
    bool more = entry->next();
    const auto orphans_before = [&](std::int64_t id) {
      for (; more && entry->integer(0) < id; more = entry->next())
        say("ledger entry ", entry->integer(1), ": user ", entry->integer(0), " does not exist");
    };
    while (user->next()) {
      orphans_before(user->integer(0));
      judge_chain(user->integer(0), *user, *entry, more);
    }
    orphans_before(std::numeric_limits<std::int64_t>::max());
    after = all ? std::nullopt : std::optional(last);
  }
}

/// One user's entries in their order: they count from 1 without gaps and hand the balance on from
/// one to the next. `entry` is left on the first row that is another user's.
void ledger_auditor::judge_chain(std::int64_t user, const audit_rows& of, audit_rows& entry,
                                 bool& more) {
  std::int64_t sequence = 0;
  std::int64_t sum = 0;
  std::int64_t balance = 0;
  for (; more && entry.integer(0) == user; more = entry.next()) {
    const std::int64_t id = entry.integer(1);
    if (entry.integer(2) != sequence + 1)
      say("user ", user, ": ledger entry ", id, " has sequence ", entry.integer(2), ", expected ",
          sequence + 1);
    sequence = entry.integer(2);
    sum = wrapped_sum(sum, entry.integer(3));
    if (const std::int64_t expected = wrapped_sum(balance, entry.integer(3));
        entry.integer(4) != expected)
      say("user ", user, ": ledger entry ", id, " leaves a balance of ", entry.integer(4),
          ", expected ", expected);
    balance = entry.integer(4);
    if (balance < 0)
      say("user ", user, ": ledger entry ", id, " leaves a negative balance: ", balance);
    if (entry.integer(5) == static_cast<std::int64_t>(entry_kind::refund) && !entry.is_null(6)) {
      std::int64_t& refunded = refunded_[entry.integer(6)];
      refunded = wrapped_sum(refunded, entry.integer(3));
      if (entry.integer(7) != refunded)
        say("order ", entry.integer(6), ": ledger entry ", id, " tells of ", entry.integer(7),
            " refunded, its refunds sum to ", refunded);
    }
  }
  refunded_.clear();
  if (of.integer(1) != sum)
    say("user ", user, ": the balance is ", of.integer(1), ", its ledger entries sum to ", sum);
  if (of.integer(1) < 0)
    say("user ", user, ": the balance is negative: ", of.integer(1));
  if (of.integer(2) != sequence)
    say("user ", user, ": the last sequence is ", of.integer(2),
        ", that of its newest ledger entry ", sequence);
  if (!of.text(3).empty() && !valid_phone(of.text(3)))
    say("user ", user, ": the phone is none");
}

// ---- each entry and its order -------------------------------------------------------------------

constexpr const char* entries_with_orders =
    "select e.id, e.user_id, e.order_id, e.kind, e.amount, o.user_id, o.total - o.discount, "
    "o.status, o.payment_entry_id, o.refund_entry_id, s.next, "
    "coalesce(e.refunded_after, e.amount), "
    "case when o.status = 3 and o.refunded = 0 then o.total - o.discount else o.refunded end from "
    "ledger_entries e "
    "left join orders o on o.id = e.order_id left join streams s on s.id = e.id >> 41 "
    "where e.id > $1 order by e.id limit $2";

void ledger_auditor::judge_entry(const audit_rows& row) {
  const std::int64_t id = row.integer(0);
  if (row.is_null(10))
    say("ledger entry ", id, ": its stream ", stream_of({id}).value, " does not exist");
  else if (number_of({id}) >= row.integer(10))
    say("ledger entry ", id, ": its number ", number_of({id}),
        " is not below the next of its stream, ", row.integer(10));
  const std::int64_t kind = row.integer(3);
  if (kind == 0 || kind == 3) {
    const std::string_view name = to_string(static_cast<entry_kind>(kind));
    if (!row.is_null(2))
      say("ledger entry ", id, ": is a ", name, " but names order ", row.integer(2));
    if (kind == 0 ? row.integer(4) <= 0 : row.integer(4) >= 0)
      say("ledger entry ", id, ": is a ", name, " of ", row.integer(4));
  } else if (kind == 1 || kind == 2) {
    judge_entry_of_order(row, static_cast<entry_kind>(kind));
  } else {
    say("ledger entry ", id, ": is of no known kind: ", kind);
  }
}

// A PAYMENT or REFUND: its order has to know it. There is no second payment; refunds are the parts
// of what the order says is refunded, and the newest one brings it there.
void ledger_auditor::judge_entry_of_order(const audit_rows& row, entry_kind kind) {
  const std::int64_t id = row.integer(0);
  const std::string_view name = to_string(kind);
  if (row.is_null(5)) {
    say("ledger entry ", id, ": its order ", row.integer(2), " does not exist");
    return;
  }
  if (row.integer(5) != row.integer(1))
    say("ledger entry ", id, ": it is user ", row.integer(1), "'s, but its order ", row.integer(2),
        " is user ", row.integer(5), "'s");
  const bool payment = kind == entry_kind::payment;
  if (payment && row.integer(4) != -row.integer(6))
    say("ledger entry ", id, ": the amount is ", row.integer(4), ", expected ", -row.integer(6),
        " by order ", row.integer(2));
  if (!payment && (row.integer(4) < 0 || row.integer(4) > row.integer(11)))
    say("ledger entry ", id, ": is a REFUND of ", row.integer(4), ", with which ", row.integer(11),
        " are refunded");
  const int known = payment ? 8 : 9;
  const bool newest = !row.is_null(known) && row.integer(known) == id;
  const bool earlier_part = !payment && !row.is_null(known) && row.integer(11) < row.integer(12);
  if (!newest && !earlier_part)
    say("order ", row.integer(2), ": ledger entry ", id, " is a ", name,
        " of it that it does not know");
  if (!payment && newest && row.integer(11) != row.integer(12))
    say("order ", row.integer(2), ": ", row.integer(12), " are refunded, its newest REFUND entry ",
        id, " tells of ", row.integer(11));
  const auto status = static_cast<order_status>(row.integer(7));
  if (status != order_status::refunded && status != order_status::paid)
    say("order ", row.integer(2), ": is ", to_string(status), " but has the ", name, " entry ", id);
}

// ---- each order and the entries that it names ---------------------------------------------------

constexpr const char* orders_with_entries =
    "select o.id, o.user_id, o.status, o.total, o.discount, o.payment_entry_id, o.refund_entry_id, "
    "u.id, p.order_id, p.kind, r.order_id, r.kind, "
    "case when o.status = 3 and o.refunded = 0 then o.total - o.discount else o.refunded end "
    "from orders o "
    "left join users u on u.id = o.user_id "
    "left join ledger_entries p on p.id = o.payment_entry_id "
    "left join ledger_entries r on r.id = o.refund_entry_id where o.id > $1 order by o.id limit $2";

void ledger_auditor::judge_order(const audit_rows& row) {
  const std::int64_t id = row.integer(0);
  if (row.is_null(7))
    say("order ", id, ": user ", row.integer(1), " does not exist");
  if (row.integer(4) < 0 || row.integer(3) < row.integer(4) || row.integer(3) > won_max.value)
    say("order ", id, ": a total of ", row.integer(3), " with a discount of ", row.integer(4));
  const std::int64_t status = row.integer(2);
  if (status < 0 || status > 3) {
    say("order ", id, ": is in no known status: ", status);
    return;
  }
  const bool refunded = status == static_cast<std::int64_t>(order_status::refunded);
  const bool paid = refunded || status == static_cast<std::int64_t>(order_status::paid);
  const std::int64_t amount = row.integer(12);
  const std::int64_t final_amount = wrapped_sum(row.integer(3), -row.integer(4));
  if (amount < 0 || amount > final_amount || (refunded && amount != final_amount) ||
      (!refunded && amount != 0 && amount == final_amount))
    say("order ", id, ": is ", to_string(static_cast<order_status>(status)), " and ", amount,
        " of ", final_amount, " are refunded");
  judge_named_entry(row, 5, 8, entry_kind::payment, paid);
  judge_named_entry(row, 6, 10, entry_kind::refund, refunded || (paid && amount > 0));
}

/// The entry in column `names`, whose own order and kind stand in `found` and the column behind it.
void ledger_auditor::judge_named_entry(const audit_rows& row, int names, int found, entry_kind kind,
                                       bool expected) {
  const std::int64_t id = row.integer(0);
  const auto status = to_string(static_cast<order_status>(row.integer(2)));
  if (row.is_null(names)) {
    if (expected)
      say("order ", id, ": is ", status, " but has no ", to_string(kind), " entry");
    return;
  }
  if (!expected)
    say("order ", id, ": is ", status, " but names ledger entry ", row.integer(names), " as its ",
        to_string(kind));
  if (row.is_null(found + 1))
    say("order ", id, ": its ", to_string(kind), " entry ", row.integer(names), " does not exist");
  else if (row.is_null(found) || row.integer(found) != id ||
           row.integer(found + 1) != static_cast<std::int64_t>(kind))
    say("order ", id, ": ledger entry ", row.integer(names), " is not its ", to_string(kind));
}

void ledger_auditor::run(audit_result& looked_at) {
  const auto nothing = [](bool) {};
  judge_users();
  each_row(entries_with_orders, 0, nothing, [&](const audit_rows& row) {
    ++looked_at.entries;
    judge_entry(row);
  });
  each_row(orders_with_entries, 0, nothing, [&](const audit_rows& row) {
    ++looked_at.orders;
    judge_order(row);
  });
  each_row(from_.entries_listed_by_time(), 0, nothing, [this](const audit_rows& row) {
    if (row.integer(1) == 0)
      say("ledger entry ", row.integer(0), ": lists by time do not find it");
  });
}

} // namespace

void audit_ledger(audit_source& from, const std::function<void(std::string_view)>& breach,
                  audit_result& looked_at) {
  ledger_auditor(from, breach).run(looked_at);
}

} // namespace paymentd::db
