// The third invariant: every event that a subscriber wants is, for it, exactly one of ahead of its
// cursor, in an open claim, waiting for another try, DELIVERED, FAILED with a reason, or so old
// that no row of it is kept.
#include "db/sqlite/audit_report.hpp"
#include "domain/model.hpp"

#include <map>
#include <vector>

namespace paymentd::db::sqlite {
namespace {

constexpr const char* all_subscribers =
    "select id, name, wants_payments, wants_refunds from subscribers order by id";
constexpr const char* cursors_of =
    "select stream_id, position, kept_from from cursors where subscriber_id = ?";
constexpr const char* ranges_of =
    "select first_entry, last_entry from claims where subscriber_id = ? and retries is null";
constexpr const char* retries_of =
    "select j.value, c.id, e.id from claims c, json_each(c.retries) j "
    "left join ledger_entries e on e.id = j.value "
    "where c.subscriber_id = ? and c.retries is not null";
constexpr const char* entries_with_deliveries =
    "select e.id, e.kind, d.status, d.next_attempt_at, d.last_error from ledger_entries e "
    "left join deliveries d on d.subscriber_id = ?1 and d.entry_id = e.id "
    "where e.id > ?2 order by e.id limit ?3";
constexpr const char* deliveries_with_entries =
    "select d.entry_id, e.id, d.status, d.next_attempt_at, d.delivered_at, d.attempts, d.copies, "
    "d.channel from deliveries d left join ledger_entries e on e.id = d.entry_id "
    "where d.subscriber_id = ?1 and d.entry_id > ?2 order by d.entry_id limit ?3";
// The ids in the deliveries are found by jumping from one to the next, not by reading all of them.
constexpr const char* strays = R"sql(
with recursive delivered(id) as (
  select min(subscriber_id) from deliveries union all
  select (select min(subscriber_id) from deliveries where subscriber_id > delivered.id)
  from delivered where delivered.id is not null),
named(what, id) as (
  select 'a delivery', id from delivered where id is not null union all
  select 'a cursor', subscriber_id from cursors union all
  select 'a claim', subscriber_id from claims)
select what, id from named where id not in (select id from subscribers))sql";
constexpr const char* cursors_beyond =
    "select c.subscriber_id, c.stream_id, c.position, s.next from cursors c "
    "left join streams s on s.id = c.stream_id where s.id is null or c.position >= s.next";
constexpr const char* epochs_beyond =
    "select e.stream_id, e.epoch, e.last from stream_epochs e "
    "left join streams s on s.id = e.stream_id "
    "where s.id is null or e.epoch >= s.epoch or e.last >= s.next";

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

class delivery_audit {
 public:
  delivery_audit(connection& on, audit_report& report)
      : report_(report), cursors_(on, cursors_of), ranges_(on, ranges_of), retries_(on, retries_of),
        entries_(on, entries_with_deliveries), deliveries_(on, deliveries_with_entries) {}

  void run(transactions& with, const subscriber_row& of) {
    in_snapshots(with, [&](std::int64_t after) {
      load_claims_and_cursors(of, after == before_all);
      std::optional<std::int64_t> last;
      auto row = entries_.query(of.id, after, rows_per_snapshot);
      while (row.next()) {
        last = row.integer(0);
        judge(of, row);
      }
      return last;
    });
    in_snapshots(with, [&](std::int64_t after) {
      std::optional<std::int64_t> last;
      auto row = deliveries_.query(of.id, after, rows_per_snapshot);
      while (row.next()) {
        last = row.integer(0);
        if (row.is_null(1))
          report_.say("subscriber ", of.name, ": has a delivery of ledger entry ", row.integer(0),
                      ", which does not exist");
        judge_values(of, row);
      }
      return last;
    });
  }

 private:
  struct cursor {
    std::int64_t position = 0;
    std::int64_t kept_from = 0;
  };
  struct range {
    std::int64_t first;
    std::int64_t last;
  };

  // What the schema forbids by now, and what the program would misread.
  void judge_values(const subscriber_row& of, const statement::rows& row) {
    const auto say = [&](const auto&... what) {
      report_.say("subscriber ", of.name, ": the delivery of ledger entry ", row.integer(0), " ",
                  what...);
    };
    const std::int64_t status = row.integer(2);
    if (status < 0 || status > 2)
      say("is in no known status: ", status);
    if (status != 0 && !row.is_null(3))
      say("is not PENDING, but has a next try");
    if (status != 1 && !row.is_null(4))
      say("is not DELIVERED, but has the time of its arrival");
    if (row.integer(5) < 0 || row.integer(6) < 0)
      say("has ", row.integer(5), " attempts and ", row.integer(6), " copies");
    if (!row.is_null(7) && row.integer(7) != 1 && row.integer(7) != 2)
      say("came by no known channel: ", row.integer(7));
  }

  // They move while the audit goes on, so they are read anew in each snapshot.
  void load_claims_and_cursors(const subscriber_row& of, bool first_time) {
    at_.clear();
    for (auto row = cursors_.query(of.id); row.next();)
      at_[row.integer(0)] = {row.integer(1), row.integer(2)};
    claimed_ranges_.clear();
    for (auto row = ranges_.query(of.id); row.next();)
      claimed_ranges_.push_back({row.integer(0), row.integer(1)});
    claimed_retries_.clear();
    for (auto row = retries_.query(of.id); row.next();) {
      ++claimed_retries_[row.integer(0)];
      if (first_time && row.is_null(2))
        report_.say("subscriber ", of.name, ": claim ", row.integer(1), " holds ledger entry ",
                    row.integer(0), ", which does not exist");
    }
  }

  void judge(const subscriber_row& of, const statement::rows& row) {
    const std::int64_t id = row.integer(0);
    const bool has_row = !row.is_null(2);
    const auto retried = claimed_retries_.find(id);
    const int retries = retried == claimed_retries_.end() ? 0 : retried->second;
    if (!of.wants(row.integer(1))) {
      if (has_row || retries > 0)
        report_.say("subscriber ", of.name, ": has ledger entry ", id, ", which it does not want");
      return;
    }
    const cursor at = at_[stream_of({id}).value];
    int ranges = 0;
    for (const auto& one : claimed_ranges_)
      ranges += one.first <= id && id <= one.last ? 1 : 0;

    const bool ahead = number_of({id}) > at.position;
    const bool pending = has_row && row.integer(2) == 0;
    const bool in_retry = pending && row.is_null(3);
    const bool settled = has_row && !in_retry; // waits, DELIVERED or FAILED
    const int states = (ahead ? 1 : 0) + ranges + retries + (settled ? 1 : 0);
    if (states > 1)
      report_.say("subscriber ", of.name, ": ledger entry ", id, " is in ", states,
                  " states:", ahead ? " ahead of the cursor" : "",
                  ranges + retries > 0 ? " claimed" : "",
                  ranges + retries > 1 ? " more than once" : "",
                  settled ? (pending ? " waiting" : " done") : "");
    if (states == 0 && has_row)
      report_.say("subscriber ", of.name, ": ledger entry ", id,
                  " is PENDING, but waits for no time and is in no claim");
    if (states == 0 && !has_row && number_of({id}) > at.kept_from)
      report_.say("subscriber ", of.name, ": ledger entry ", id,
                  " is lost: behind the cursor, in no claim, with no delivery");
    if (retries > 0 && !in_retry)
      report_.say("subscriber ", of.name, ": ledger entry ", id,
                  " is claimed as a retry, but no such delivery is PENDING");
    if (in_retry && ranges > 0)
      report_.say("subscriber ", of.name, ": ledger entry ", id,
                  " was tried before, but is claimed as new");
    if (has_row && row.integer(2) == 2 && row.text(4).empty())
      report_.say("subscriber ", of.name, ": ledger entry ", id, " is FAILED without a reason");
  }

  audit_report& report_;
  statement cursors_, ranges_, retries_, entries_, deliveries_;
  std::map<std::int64_t, cursor> at_; // by stream
  std::vector<range> claimed_ranges_;
  std::map<std::int64_t, int> claimed_retries_; // by entry: in how many claims
};

// What is small enough to be looked at as a whole.
void audit_strays(connection& on, transactions& with, audit_report& report) {
  transaction snapshot(with, transaction::kind::read);
  statement stray(on, strays);
  for (auto row = stray.query(); row.next();)
    report.say(row.text(0), " names subscriber ", row.integer(1), ", which does not exist");
  statement beyond(on, cursors_beyond);
  for (auto row = beyond.query(); row.next();)
    report.say("subscriber ", row.integer(0), ": the cursor in stream ", row.integer(1), " is at ",
               row.integer(2), ", beyond the stream's end");
  statement epochs(on, epochs_beyond);
  for (auto row = epochs.query(); row.next();)
    report.say("stream ", row.integer(0), ": its ended epoch ", row.integer(1), " reaches to ",
               row.integer(2), ", beyond the present one");
}

} // namespace

void audit_delivery(connection& on, transactions& with, audit_report& report) {
  std::vector<subscriber_row> subscribers;
  statement all(on, all_subscribers);
  for (auto row = all.query(); row.next();)
    subscribers.push_back(
        {row.integer(0), std::string(row.text(1)), row.integer(2) != 0, row.integer(3) != 0});
  delivery_audit audit(on, report);
  for (const auto& one : subscribers)
    audit.run(with, one);
  audit_strays(on, with, report);
}

} // namespace paymentd::db::sqlite
