#include "db/audit.hpp"

#include "domain/model.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

namespace paymentd::db {
namespace {

constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();

/// Without overflow: a value that a hand has put there may be any.
std::int64_t wrapped_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

class auditor {
 public:
  auditor(audit_source& from, const std::function<void(std::string_view)>& breach)
      : from_(from), breach_(breach) {}

  std::int64_t run();

 private:
  using rows = std::unique_ptr<audit_rows>;
  struct subscriber_row {
    std::int64_t id = 0;
    std::string name;
    bool wants_payments = false;
    bool wants_refunds = false;
    bool wants(std::int64_t kind) const {
      return (kind == static_cast<std::int64_t>(entry_kind::payment) && wants_payments) ||
             (kind == static_cast<std::int64_t>(entry_kind::refund) && wants_refunds);
    }
  };
  struct cursor {
    std::int64_t position = 0;
    std::int64_t kept_from = 0;
  };
  struct range {
    std::int64_t first;
    std::int64_t last;
  };

  /// One line, made of texts and numbers.
  template <class... Parts>
  void say(const Parts&... parts) {
    std::string line;
    (line.append(text_of(parts)), ...);
    breach_(line);
    ++count_;
  }
  static std::string_view text_of(std::string_view text) { return text; }
  static std::string text_of(std::int64_t number) { return std::to_string(number); }

  rows ask(const char* sql, std::initializer_list<std::int64_t> parameters = {}) {
    return from_.query(sql, std::span(parameters.begin(), parameters.size()));
  }

  /// Calls `judge` with each row of `sql`, which gives at most $2 rows, by their column 0, whose
  /// column 0 is above $1; $3 is `subject`. So many rows share a snapshot, in which `begin` is
  /// called first.
  template <class Begin, class Judge>
  void each_row(const char* sql, std::int64_t subject, Begin begin, Judge judge) {
    for (std::optional<std::int64_t> after = before_all; after;) {
      from_.begin_snapshot();
      begin(*after == before_all);
      std::int64_t seen = 0;
      const auto row = ask(sql, {*after, from_.rows_per_snapshot(), subject});
      for (after.reset(); row->next(); ++seen) {
        after = row->integer(0);
        judge(*row);
      }
      if (seen < from_.rows_per_snapshot())
        after.reset();
    }
  }
  void judge_users();
  void judge_chain(std::int64_t user, const audit_rows& of, audit_rows& entry, bool& more);
  void judge_entry(const audit_rows& row);
  void judge_entry_of_order(const audit_rows& row, entry_kind kind);
  void judge_order(const audit_rows& row);
  void judge_named_entry(const audit_rows& row, int names, int found, entry_kind kind,
                         bool expected);
  void load_claims_and_cursors(const subscriber_row& of, bool first_time);
  void judge_event(const subscriber_row& of, const audit_rows& row);
  void judge_delivery(const subscriber_row& of, const audit_rows& row);
  void judge_subscriber(const subscriber_row& of);
  void judge_small_tables();

  audit_source& from_;
  const std::function<void(std::string_view)>& breach_;
  std::int64_t count_ = 0;
  std::map<std::int64_t, std::int64_t> refunded_; // by order, of the user that is judged
  // Of the subscriber that is judged; they move while the audit goes on, so they are read anew in
  // each snapshot.
  std::map<std::int64_t, cursor> at_; // by stream
  std::vector<range> claimed_ranges_;
  std::map<std::int64_t, int> claimed_retries_; // by entry: in how many claims
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

void auditor::judge_users() {
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
void auditor::judge_chain(std::int64_t user, const audit_rows& of, audit_rows& entry, bool& more) {
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

void auditor::judge_entry(const audit_rows& row) {
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
void auditor::judge_entry_of_order(const audit_rows& row, entry_kind kind) {
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

void auditor::judge_order(const audit_rows& row) {
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
void auditor::judge_named_entry(const audit_rows& row, int names, int found, entry_kind kind,
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

// ---- each event and its subscribers -------------------------------------------------------------

constexpr const char* all_subscribers =
    "select id, name, wants_payments, wants_refunds from subscribers order by id";
constexpr const char* cursors_of =
    "select stream_id, position, kept_from from cursors where subscriber_id = $1";
constexpr const char* ranges_of = "select first_entry, last_entry from claims "
                                  "where subscriber_id = $1 and first_entry is not null";
constexpr const char* entries_with_deliveries =
    "select e.id, e.kind, d.status, d.next_attempt_at is null, d.last_error from ledger_entries e "
    "left join deliveries d on d.subscriber_id = $3 and d.entry_id = e.id "
    "where e.id > $1 order by e.id limit $2";
constexpr const char* deliveries_with_entries =
    "select d.entry_id, e.id, d.status, d.next_attempt_at is null, d.delivered_at is null, "
    "d.attempts, d.copies, d.channel from deliveries d "
    "left join ledger_entries e on e.id = d.entry_id "
    "where d.subscriber_id = $3 and d.entry_id > $1 order by d.entry_id limit $2";

void auditor::load_claims_and_cursors(const subscriber_row& of, bool first_time) {
  at_.clear();
  for (const auto row = ask(cursors_of, {of.id}); row->next();)
    at_[row->integer(0)] = {row->integer(1), row->integer(2)};
  claimed_ranges_.clear();
  for (const auto row = ask(ranges_of, {of.id}); row->next();)
    claimed_ranges_.push_back({row->integer(0), row->integer(1)});
  claimed_retries_.clear();
  for (const auto row = ask(from_.retries_of(), {of.id}); row->next();) {
    const std::int64_t entry = row->integer(0);
    ++claimed_retries_[entry];
    if (!first_time)
      continue;
    if (row->is_null(3))
      say("subscriber ", of.name, ": claim ", row->integer(1), " holds ledger entry ", entry,
          ", which does not exist");
    if (stream_of({entry}).value != row->integer(2))
      say("subscriber ", of.name, ": claim ", row->integer(1), " stands in stream ",
          row->integer(2), ", but holds ledger entry ", entry, " of another");
  }
}

/// Each event that a subscriber wants is, for it, exactly one of ahead of its cursor, in an open
/// claim, waiting for another try, DELIVERED, FAILED with a reason, or so old that no row of it is
/// kept. Of what it does not want it has nothing.
void auditor::judge_event(const subscriber_row& of, const audit_rows& row) {
  const std::int64_t id = row.integer(0);
  const bool has_row = !row.is_null(2);
  const auto retried = claimed_retries_.find(id);
  const int retries = retried == claimed_retries_.end() ? 0 : retried->second;
  if (!of.wants(row.integer(1))) {
    if (has_row || retries > 0)
      say("subscriber ", of.name, ": has ledger entry ", id, ", which it does not want");
    return;
  }
  const cursor at = at_[stream_of({id}).value];
  const auto ranges = std::ranges::count_if(
      claimed_ranges_, [id](const range& one) { return one.first <= id && id <= one.last; });
  const auto claims = ranges + retries;

  const bool ahead = number_of({id}) > at.position;
  const bool pending = has_row && row.integer(2) == 0;
  const bool in_retry = pending && row.integer(3) != 0;
  const bool stored = has_row && !in_retry; // waits, DELIVERED or FAILED
  const auto states = (ahead ? 1 : 0) + claims + (stored ? 1 : 0);
  const auto wrong = [&](const auto&... what) {
    say("subscriber ", of.name, ": ledger entry ", id, what...);
  };
  if (states > 1)
    wrong(" is in ", states, " states:", ahead ? " ahead of the cursor" : "",
          claims > 0 ? " claimed" : "", claims > 1 ? " more than once" : "",
          stored ? (pending ? " waiting" : " done") : "");
  if (states == 0 && has_row)
    wrong(" is PENDING, but waits for no time and is in no claim");
  if (states == 0 && !has_row && number_of({id}) > at.kept_from)
    wrong(" is lost: behind the cursor, in no claim, with no delivery");
  if (retries > 0 && !in_retry)
    wrong(" is claimed as a retry, but no such delivery is PENDING");
  if (in_retry && ranges > 0)
    wrong(" was tried before, but is claimed as new");
  if (has_row && row.integer(2) == 2 && row.text(4).empty())
    wrong(" is FAILED without a reason");
}

/// Values that the schema forbids by now, or that the program would misread.
void auditor::judge_delivery(const subscriber_row& of, const audit_rows& row) {
  if (row.is_null(1))
    say("subscriber ", of.name, ": has a delivery of ledger entry ", row.integer(0),
        ", which does not exist");
  const auto wrong = [&](const auto&... what) {
    say("subscriber ", of.name, ": the delivery of ledger entry ", row.integer(0), " ", what...);
  };
  const std::int64_t status = row.integer(2);
  if (status < 0 || status > 2)
    wrong("is in no known status: ", status);
  if (status != 0 && row.integer(3) == 0)
    wrong("is not PENDING, but has a next try");
  if (status != 1 && row.integer(4) == 0)
    wrong("is not DELIVERED, but has the time of its arrival");
  if (row.integer(5) < 0 || row.integer(6) < 0)
    wrong("has ", row.integer(5), " attempts and ", row.integer(6), " copies");
  if (!row.is_null(7) && row.integer(7) != 1 && row.integer(7) != 2)
    wrong("came by no known channel: ", row.integer(7));
}

void auditor::judge_subscriber(const subscriber_row& of) {
  constexpr auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  constexpr std::size_t name_max = 64;
  if (of.name.empty() || of.name.size() > name_max || !std::ranges::all_of(of.name, is_plain))
    say("subscriber ", of.id, ": is called '", of.name, "'");
  each_row(
      entries_with_deliveries, of.id,
      [&](bool first_time) { load_claims_and_cursors(of, first_time); },
      [&](const audit_rows& row) { judge_event(of, row); });
  each_row(
      deliveries_with_entries, of.id, [](bool) {},
      [&](const audit_rows& row) { judge_delivery(of, row); });
}

// ---- tables small enough to be looked at as a whole ---------------------------------------------

// The ids in the deliveries are found by jumping from one to the next, not by reading all of them.
constexpr const char* strays = R"sql(
with recursive delivered(id) as (
  select min(subscriber_id) from deliveries union all
  select (select min(subscriber_id) from deliveries where subscriber_id > delivered.id)
  from delivered where delivered.id is not null),
named(what, id) as (
  select 'a delivery', id from delivered where id is not null union all
  select 'a cursor', subscriber_id from cursors union all
  select 'a results mark', subscriber_id from result_marks union all
  select 'a claim', subscriber_id from claims)
select distinct what, id from named where id not in (select id from subscribers))sql";
constexpr const char* cursors_beyond =
    "select c.subscriber_id, c.stream_id, c.position from cursors c "
    "left join streams s on s.id = c.stream_id where s.id is null or c.position >= s.next";
constexpr const char* epochs_beyond =
    "select e.stream_id, e.epoch, e.last from stream_epochs e "
    "left join streams s on s.id = e.stream_id "
    "where s.id is null or e.epoch >= s.epoch or e.last >= s.next";
constexpr const char* streams_of_no_value =
    "select id, epoch, next from streams where epoch < 1 or next < 1 or next > 2199023255552";
constexpr const char* claims_of_no_value = "select id, generation from claims where generation < 1";
// Never sent: a claim is looked for in its stream alone.
constexpr const char* claims_in_a_wrong_stream =
    "select b.name, c.id, c.stream_id, case when c.first_entry >> 41 <> c.stream_id "
    "then c.first_entry else c.last_entry end "
    "from claims c join subscribers b on b.id = c.subscriber_id "
    "where c.first_entry >> 41 <> c.stream_id or c.last_entry >> 41 <> c.stream_id";
constexpr const char* claims_over_nothing = R"sql(
select b.name, c.id from claims c join subscribers b on b.id = c.subscriber_id
where c.first_entry is not null and not exists (
  select 1 from ledger_entries e where e.id between c.first_entry and c.last_entry
  and (e.kind = 1 and b.wants_payments or e.kind = 2 and b.wants_refunds)))sql";
// Keys and ids of messages are made from it.
constexpr const char* instances = "select value from meta where name = 'instance'";

void auditor::judge_small_tables() {
  from_.begin_snapshot();
  for (const auto row = ask(strays); row->next();)
    say(row->text(0), " names subscriber ", row->integer(1), ", which does not exist");
  for (const auto row = ask(cursors_beyond); row->next();)
    say("subscriber ", row->integer(0), ": the cursor in stream ", row->integer(1), " is at ",
        row->integer(2), ", beyond the stream's end");
  for (const auto row = ask(epochs_beyond); row->next();)
    say("stream ", row->integer(0), ": its ended epoch ", row->integer(1), " reaches to ",
        row->integer(2), ", beyond the present one");
  for (const auto row = ask(streams_of_no_value); row->next();)
    say("stream ", row->integer(0), ": its epoch is ", row->integer(1), ", its next number ",
        row->integer(2));
  for (const auto row = ask(claims_of_no_value); row->next();)
    say("claim ", row->integer(0), ": its generation is ", row->integer(1));
  for (const auto row = ask(claims_in_a_wrong_stream); row->next();)
    say("subscriber ", row->text(0), ": claim ", row->integer(1), " stands in stream ",
        row->integer(2), ", but holds ledger entry ", row->integer(3), " of another");
  for (const auto row = ask(claims_over_nothing); row->next();)
    say("subscriber ", row->text(0), ": claim ", row->integer(1), " holds nothing that it wants");
  for (const auto row = ask(from_.results_from_the_future()); row->next();)
    say("subscriber ", row->text(0), ": its results are read up to a time in the future");
  int found = 0;
  for (const auto row = ask(instances); row->next(); ++found)
    if (row->text(0).size() != 8 ||
        row->text(0).find_first_not_of("0123456789abcdef") != std::string_view::npos)
      say("the instance of the database is '", row->text(0), "', not 8 of [0-9a-f]");
  if (found != 1)
    say("the database has ", found, " instances, not one");
  for (const char* const rule : from_.own_rules())
    for (const auto row = ask(rule); row->next();)
      say(row->text(0));
}

std::int64_t auditor::run() {
  const auto nothing = [](bool) {};
  judge_users();
  each_row(entries_with_orders, 0, nothing, [this](const audit_rows& row) { judge_entry(row); });
  each_row(orders_with_entries, 0, nothing, [this](const audit_rows& row) { judge_order(row); });
  if (const char* const listed = from_.entries_listed_by_time())
    each_row(listed, 0, nothing, [this](const audit_rows& row) {
      if (row.integer(1) == 0)
        say("ledger entry ", row.integer(0), ": lists by time do not find it");
    });
  std::vector<subscriber_row> subscribers;
  from_.begin_snapshot();
  for (const auto row = ask(all_subscribers); row->next();)
    subscribers.push_back(
        {row->integer(0), std::string(row->text(1)), row->integer(2) != 0, row->integer(3) != 0});
  for (const auto& each : subscribers)
    judge_subscriber(each);
  judge_small_tables();
  return count_;
}

} // namespace

std::int64_t audit(audit_source& from, const std::function<void(std::string_view)>& breach) {
  return auditor(from, breach).run();
}

} // namespace paymentd::db
