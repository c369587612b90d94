// The part of the audit that judges subscribers: their cursors, claims and deliveries.
#include "db/audit_judge.hpp"
#include "db/event_kinds.hpp"
#include "domain/delivery.hpp"
#include "domain/model.hpp"

#include <algorithm>
#include <map>

namespace paymentd::db {
namespace {

class delivery_auditor : private audit_judge {
 public:
  using audit_judge::audit_judge;
  void run();

 private:
  struct subscriber_row {
    std::int64_t id = 0;
    std::string name;
  };
  struct cursor {
    std::int64_t position = 0;
    std::int64_t kept_from = 0;
  };
  struct range {
    std::int64_t first;
    std::int64_t last;
  };

  void load_kinds(const subscriber_row& of);
  bool wants(entry_id id, std::int64_t kind) const;
  void load_claims_and_cursors(const subscriber_row& of, bool first_time);
  void judge_event(const subscriber_row& of, const audit_rows& row);
  void judge_delivery(const subscriber_row& of, const audit_rows& row);
  void judge_tries(const subscriber_row& of, const audit_rows& row);
  void judge_subscriber(const subscriber_row& of);

  // Of the subscriber that is judged; they move while the audit goes on, so they are read anew in
  // each snapshot.
  std::map<std::int64_t, cursor> at_; // by stream
  event_kinds now_;
  std::map<std::int64_t, wanted_kinds> kinds_; // by stream, where they have changed
  std::vector<range> claimed_ranges_;
  std::map<std::int64_t, int> claimed_retries_; // by entry: in how many claims
};

constexpr const char* all_subscribers = "select id, name from subscribers order by id";
constexpr const char* kinds_of =
    "select wants_payments, wants_refunds from subscribers where id = $1";
constexpr const char* former_kinds_of =
    "select stream_id, last, wants_payments, wants_refunds from former_kinds "
    "where subscriber_id = $1 order by stream_id, last";
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

void delivery_auditor::load_kinds(const subscriber_row& of) {
  now_ = {};
  for (const auto row = ask(kinds_of, {of.id}); row->next();)
    now_ = {.payments = row->integer(0) != 0, .refunds = row->integer(1) != 0};
  kinds_.clear();
  for (const auto row = ask(former_kinds_of, {of.id}); row->next();) {
    wanted_kinds& of_stream = kinds_[row->integer(0)];
    of_stream.now = now_;
    of_stream.before.push_back(
        {.last = row->integer(1),
         .kinds = {.payments = row->integer(2) != 0, .refunds = row->integer(3) != 0}});
  }
}

bool delivery_auditor::wants(entry_id id, std::int64_t kind) const {
  const auto changed = kinds_.find(stream_of(id).value);
  const auto is = static_cast<entry_kind>(kind);
  return changed == kinds_.end() ? now_.hold(is) : changed->second.hold(is, number_of(id));
}

void delivery_auditor::load_claims_and_cursors(const subscriber_row& of, bool first_time) {
  load_kinds(of);
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

/// Each event that a subscriber wants, by the kinds of its time, is, for it, exactly one of ahead
/// of its cursor, in an open claim, waiting for another try, DELIVERED, FAILED with a reason, or so
/// old that no row of it is kept. Of what it does not want it has nothing.
void delivery_auditor::judge_event(const subscriber_row& of, const audit_rows& row) {
  const std::int64_t id = row.integer(0);
  const bool has_row = !row.is_null(2);
  const auto retried = claimed_retries_.find(id);
  const int retries = retried == claimed_retries_.end() ? 0 : retried->second;
  if (!wants({id}, row.integer(1))) {
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
void delivery_auditor::judge_delivery(const subscriber_row& of, const audit_rows& row) {
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

/// Their times need not rise: they are by the clocks of several machines.
void delivery_auditor::judge_tries(const subscriber_row& of, const audit_rows& row) {
  const std::int64_t count = row.integer(1);
  if (count < 0)
    say("subscriber ", of.name, ": the tries of ledger entry ", row.integer(0), " are no list");
  if (count > static_cast<std::int64_t>(tries_max))
    say("subscriber ", of.name, ": of ledger entry ", row.integer(0), " ", count,
        " tries are kept, more than ", static_cast<std::int64_t>(tries_max));
}

void delivery_auditor::judge_subscriber(const subscriber_row& of) {
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
  each_row(
      from_.tries_of_deliveries(), of.id, [](bool) {},
      [&](const audit_rows& row) { judge_tries(of, row); });
}

void delivery_auditor::run() {
  std::vector<subscriber_row> subscribers;
  from_.begin_snapshot();
  for (const auto row = ask(all_subscribers); row->next();)
    subscribers.push_back({row->integer(0), std::string(row->text(1))});
  for (const auto& each : subscribers)
    judge_subscriber(each);
}

} // namespace

void audit_delivery(audit_source& from, const std::function<void(std::string_view)>& breach) {
  delivery_auditor(from, breach).run();
}

} // namespace paymentd::db
