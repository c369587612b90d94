// The first two invariants: balances, orders and the ledger agree. The rows are read by SQL and
// judged here, so that a line can say what was found and what was expected.
#include "db/sqlite/audit.hpp"

#include "db/sqlite/audit_report.hpp"
#include "domain/model.hpp"

namespace paymentd::db::sqlite {
namespace {

// ---- a user's balance and its ledger entries ----------------------------------------------------

constexpr const char* last_of_next_users =
    "select max(id), count(*) from (select id from users where id > ? order by id limit ?)";

// By the index on (user_id, sequence), in step with the users.
constexpr const char* users_between =
    "select id, balance, last_sequence, phone from users where id > ? and id <= ? order by id";
constexpr const char* entries_of_users_between =
    "select user_id, id, sequence, amount, balance_after from ledger_entries "
    "where user_id > ? and user_id <= ? order by user_id, sequence";

// One user's entries in their order: the chain of balances, checked link by link.
class balance_chain {
 public:
  balance_chain(audit_report& report, std::int64_t user) : report_(report), user_(user) {}

  void add(const statement::rows& entry) {
    const std::int64_t id = entry.integer(1);
    const std::int64_t sequence = entry.integer(2);
    if (sequence != sequence_ + 1)
      report_.say("user ", user_, ": ledger entry ", id, " has sequence ", sequence, ", expected ",
                  sequence_ + 1);
    sequence_ = sequence;
    sum_ += entry.integer(3);
    if (entry.integer(4) != balance_ + entry.integer(3))
      report_.say("user ", user_, ": ledger entry ", id, " leaves a balance of ", entry.integer(4),
                  ", expected ", balance_ + entry.integer(3));
    balance_ = entry.integer(4);
  }

  void end(std::int64_t balance, std::int64_t last_sequence) {
    if (balance != sum_)
      report_.say("user ", user_, ": the balance is ", balance, ", its ledger entries sum to ",
                  sum_);
    if (balance < 0)
      report_.say("user ", user_, ": the balance is negative: ", balance);
    if (last_sequence != sequence_)
      report_.say("user ", user_, ": the last sequence is ", last_sequence,
                  ", that of its newest ledger entry ", sequence_);
  }

 private:
  audit_report& report_;
  std::int64_t user_;
  std::int64_t sequence_ = 0;
  std::int64_t sum_ = 0;
  std::int64_t balance_ = 0;
};

void audit_users(connection& on, transactions& with, audit_report& report) {
  statement next(on, last_of_next_users);
  statement users(on, users_between);
  statement entries(on, entries_of_users_between);
  in_snapshots(with, [&](std::int64_t after) -> std::optional<std::int64_t> {
    auto bound = next.query(after, rows_per_snapshot);
    bound.next();
    const bool all = bound.integer(1) < rows_per_snapshot;
    const std::int64_t last = all ? std::numeric_limits<std::int64_t>::max() : bound.integer(0);
    auto user = users.query(after, last);
    auto entry = entries.query(after, last);
    bool more = entry.next();
    const auto orphans_before = [&](std::int64_t id) {
      for (; more && entry.integer(0) < id; more = entry.next())
        report.say("ledger entry ", entry.integer(1), ": user ", entry.integer(0),
                   " does not exist");
    };
    while (user.next()) {
      const std::int64_t id = user.integer(0);
      orphans_before(id);
      balance_chain chain(report, id);
      for (; more && entry.integer(0) == id; more = entry.next())
        chain.add(entry);
      chain.end(user.integer(1), user.integer(2));
      if (!valid_phone(user.text(3)))
        report.say("user ", id, ": the phone is none");
    }
    for (; more; more = entry.next())
      report.say("ledger entry ", entry.integer(1), ": user ", entry.integer(0), " does not exist");
    return all ? std::nullopt : std::optional(last);
  });
}

// ---- each entry and its order -------------------------------------------------------------------

constexpr const char* entries_with_orders =
    "select e.id, e.user_id, e.order_id, e.kind, e.amount, o.user_id, o.total - o.discount, "
    "o.status, o.payment_entry_id, o.refund_entry_id, s.next from ledger_entries e "
    "left join orders o on o.id = e.order_id left join streams s on s.id = e.id >> 41 "
    "where e.id > ? order by e.id limit ?";

// A PAYMENT or REFUND: its order has to know it, so there is no second one of its kind.
void judge_entry_of_order(const statement::rows& row, entry_kind kind, audit_report& report) {
  const std::int64_t id = row.integer(0);
  const std::string_view name = to_string(kind);
  if (row.is_null(5)) {
    report.say("ledger entry ", id, ": its order ", row.integer(2), " does not exist");
    return;
  }
  if (row.integer(5) != row.integer(1))
    report.say("ledger entry ", id, ": it is user ", row.integer(1), "'s, but its order ",
               row.integer(2), " is user ", row.integer(5), "'s");
  const bool payment = kind == entry_kind::payment;
  const std::int64_t amount = payment ? -row.integer(6) : row.integer(6);
  if (row.integer(4) != amount)
    report.say("ledger entry ", id, ": the amount is ", row.integer(4), ", expected ", amount,
               " by order ", row.integer(2));
  const int known = payment ? 8 : 9;
  if (row.is_null(known) || row.integer(known) != id)
    report.say("order ", row.integer(2), ": ledger entry ", id, " is a ", name,
               " of it that it does not know");
  const auto status = static_cast<order_status>(row.integer(7));
  const bool fits = status == order_status::refunded || (payment && status == order_status::paid);
  if (!fits)
    report.say("order ", row.integer(2), ": is ", to_string(status), " but has the ", name,
               " entry ", id);
}

void judge_entry(const statement::rows& row, audit_report& report) {
  const std::int64_t id = row.integer(0);
  if (row.is_null(10))
    report.say("ledger entry ", id, ": its stream ", stream_of({id}).value, " does not exist");
  else if (number_of({id}) >= row.integer(10))
    report.say("ledger entry ", id, ": its number ", number_of({id}),
               " is not below the next of its stream, ", row.integer(10));
  const std::int64_t kind = row.integer(3);
  if (kind == 0) {
    if (!row.is_null(2))
      report.say("ledger entry ", id, ": is a CHARGE but names order ", row.integer(2));
    if (row.integer(4) <= 0)
      report.say("ledger entry ", id, ": is a CHARGE of ", row.integer(4));
  } else if (kind == 1 || kind == 2) {
    judge_entry_of_order(row, static_cast<entry_kind>(kind), report);
  } else {
    report.say("ledger entry ", id, ": is of no known kind: ", kind);
  }
}

void audit_entries(connection& on, transactions& with, audit_report& report) {
  statement entries(on, entries_with_orders);
  in_snapshots(with, [&](std::int64_t after) {
    std::optional<std::int64_t> last;
    auto row = entries.query(after, rows_per_snapshot);
    while (row.next()) {
      last = row.integer(0);
      judge_entry(row, report);
    }
    return last;
  });
}

// ---- each order and the entries that it names ---------------------------------------------------

constexpr const char* orders_with_entries =
    "select o.id, o.user_id, o.status, o.total, o.discount, o.payment_entry_id, o.refund_entry_id, "
    "u.id, p.order_id, p.kind, r.order_id, r.kind from orders o left join users u on u.id = "
    "o.user_id "
    "left join ledger_entries p on p.id = o.payment_entry_id "
    "left join ledger_entries r on r.id = o.refund_entry_id where o.id > ? order by o.id limit ?";

// The entry in column `names`, whose own order and kind stand in `found` and the column behind it.
void judge_named_entry(const statement::rows& row, int names, int found, entry_kind kind,
                       bool expected, audit_report& report) {
  const std::int64_t id = row.integer(0);
  const auto status = to_string(static_cast<order_status>(row.integer(2)));
  if (row.is_null(names)) {
    if (expected)
      report.say("order ", id, ": is ", status, " but has no ", to_string(kind), " entry");
    return;
  }
  if (!expected)
    report.say("order ", id, ": is ", status, " but names ledger entry ", row.integer(names),
               " as its ", to_string(kind));
  if (row.is_null(found + 1))
    report.say("order ", id, ": its ", to_string(kind), " entry ", row.integer(names),
               " does not exist");
  else if (row.is_null(found) || row.integer(found) != id ||
           row.integer(found + 1) != static_cast<std::int64_t>(kind))
    report.say("order ", id, ": ledger entry ", row.integer(names), " is not its ",
               to_string(kind));
}

void judge_order(const statement::rows& row, audit_report& report) {
  const std::int64_t id = row.integer(0);
  if (row.is_null(7))
    report.say("order ", id, ": user ", row.integer(1), " does not exist");
  if (row.integer(4) < 0 || row.integer(3) < row.integer(4) || row.integer(3) > won_max.value)
    report.say("order ", id, ": a total of ", row.integer(3), " with a discount of ",
               row.integer(4));
  const std::int64_t status = row.integer(2);
  if (status < 0 || status > 3) {
    report.say("order ", id, ": is in no known status: ", status);
    return;
  }
  const bool refunded = status == static_cast<std::int64_t>(order_status::refunded);
  const bool paid = refunded || status == static_cast<std::int64_t>(order_status::paid);
  judge_named_entry(row, 5, 8, entry_kind::payment, paid, report);
  judge_named_entry(row, 6, 10, entry_kind::refund, refunded, report);
}

void audit_orders(connection& on, transactions& with, audit_report& report) {
  statement orders(on, orders_with_entries);
  in_snapshots(with, [&](std::int64_t after) {
    std::optional<std::int64_t> last;
    auto row = orders.query(after, rows_per_snapshot);
    while (row.next()) {
      last = row.integer(0);
      judge_order(row, report);
    }
    return last;
  });
}

} // namespace

result<std::int64_t> audit(connection& on, const std::function<void(std::string_view)>& breach) {
  audit_report report(breach);
  transactions with(on);
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  audit_users(on, with, report);
  audit_entries(on, with, report);
  audit_orders(on, with, report);
  audit_delivery(on, with, report);
  audit_values(on, with, report, now);
  return report.count();
}

} // namespace paymentd::db::sqlite
