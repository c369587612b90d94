// The audit as a whole, and the tables that are small enough for one look each. The large parts
// are audit_ledger.cpp and audit_delivery.cpp.
#include "db/audit.hpp"

#include "db/audit_judge.hpp"
#include "domain/delivery.hpp"

namespace paymentd::db {
namespace {

// The ids in the deliveries are found by jumping from one to the next, not by reading all of them.
// Those of deleted subscribers go by and by.
constexpr const char* strays = R"sql(
with recursive delivered(id) as (
  select min(subscriber_id) from deliveries union all
  select (select min(subscriber_id) from deliveries where subscriber_id > delivered.id)
  from delivered where delivered.id is not null),
named(what, id) as (
  select 'a delivery', id from delivered where id is not null union all
  select 'a cursor', subscriber_id from cursors union all
  select 'a results mark', subscriber_id from result_marks union all
  select 'a former kind', subscriber_id from former_kinds union all
  select 'a claim', subscriber_id from claims)
select distinct what, id from named where id not in (
  select id from subscribers union all select id from ended_subscribers))sql";
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
// A claim lies in one stretch of its subscriber's kinds.
constexpr const char* claims_over_nothing = R"sql(
with held as (
  select b.name, b.wants_payments, b.wants_refunds, c.id, c.subscriber_id, c.stream_id,
    c.first_entry, c.last_entry, (
      select min(f.last) from former_kinds f
      where f.subscriber_id = c.subscriber_id and f.stream_id = c.stream_id
      and f.last >= c.first_entry - (c.stream_id << 41)) as stretch
  from claims c join subscribers b on b.id = c.subscriber_id where c.first_entry is not null)
select h.name, h.id from held h left join former_kinds f on f.subscriber_id = h.subscriber_id
  and f.stream_id = h.stream_id and f.last = h.stretch
where not exists (
  select 1 from ledger_entries e where e.id between h.first_entry and h.last_entry
  and (e.kind = 1 and coalesce(f.wants_payments, h.wants_payments)
       or e.kind = 2 and coalesce(f.wants_refunds, h.wants_refunds))))sql";
constexpr const char* kinds_beyond =
    "select k.subscriber_id, k.stream_id, k.last from former_kinds k "
    "left join streams s on s.id = k.stream_id where s.id is null or k.last >= s.next";
// Keys and ids of messages are made from it.
constexpr const char* instances = "select value from meta where name = 'instance'";

class small_tables_auditor : private audit_judge {
 public:
  using audit_judge::audit_judge;
  void run();
};

void small_tables_auditor::run() {
  from_.begin_snapshot();
  for (const auto row = ask(strays); row->next();)
    say(row->text(0), " names subscriber ", row->integer(1), ", which does not exist");
  for (const auto row = ask(cursors_beyond); row->next();)
    say("subscriber ", row->integer(0), ": the cursor in stream ", row->integer(1), " is at ",
        row->integer(2), ", beyond the stream's end");
  for (const auto row = ask(kinds_beyond); row->next();)
    say("subscriber ", row->integer(0), ": former kinds in stream ", row->integer(1),
        " hold up to ", row->integer(2), ", beyond the stream's end");
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
  const auto tries_kept = static_cast<std::int64_t>(tries_max);
  for (const auto row = ask(from_.claims_with_wrong_tries(), {tries_kept}); row->next();)
    say("claim ", row->integer(0), ": its tries are no list of at most ", tries_kept);
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

} // namespace

audit_result audit(audit_source& from, const std::function<void(std::string_view)>& breach) {
  audit_result found;
  const std::function<void(std::string_view)> each = [&](std::string_view line) {
    add_breach(found, line);
    breach(line);
  };
  audit_ledger(from, each, found);
  audit_delivery(from, each);
  small_tables_auditor(from, each).run();
  return found;
}

} // namespace paymentd::db
