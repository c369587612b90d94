// Values that no rule of the three invariants looks at, and that would do harm: each column of the
// small tables was asked what a wrong value in it would do. Those of users, entries, orders and
// deliveries are judged where these are read.
#include "db/sqlite/audit_report.hpp"

namespace paymentd::db::sqlite {
namespace {

// One line for each breach.
constexpr const char* wrong_values[] = {
    // Never sent: a claim is looked for in its stream alone.
    R"sql(
select 'subscriber ' || b.name || ': claim ' || c.id || ' stands in stream ' || c.stream_id ||
  ', but holds ledger entry ' || e.id || ' of another'
from claims c join subscribers b on b.id = c.subscriber_id
join (select id as claim, first_entry as id from claims where first_entry is not null
      union select id, last_entry from claims where last_entry is not null
      union select c.id, j.value from claims c, json_each(c.retries) j) e on e.claim = c.id
where e.id >> 41 <> c.stream_id)sql",
    R"sql(
select 'subscriber ' || b.name || ': claim ' || c.id || ' holds nothing that it wants'
from claims c join subscribers b on b.id = c.subscriber_id
where c.retries is null and not exists (
  select 1 from ledger_entries e where e.id between c.first_entry and c.last_entry
  and (e.kind = 1 and b.wants_payments or e.kind = 2 and b.wants_refunds)))sql",
    "select 'claim ' || id || ': its generation is ' || generation from claims "
    "where generation < 1",
    "select 'a results mark names subscriber ' || subscriber_id || ', which does not exist' "
    "from result_marks where subscriber_id not in (select id from subscribers)",
    // Keys and ids of messages are made from it.
    R"sql(
select 'the instance of the database is ''' || coalesce(max(value), '') ||
  ''', not 8 of [0-9a-f]' from meta where name = 'instance'
having count(*) <> 1 or max(length(value) <> 8 or value glob '*[^0-9a-f]*'))sql",
    "select 'stream ' || id || ': its epoch is ' || epoch || ', its next number ' || next "
    "from streams where epoch < 1 or next < 1 or next > 2199023255552",
    "select 'subscriber ' || id || ': is called ''' || name || '''' from subscribers "
    "where length(name) not between 1 and 64 or name glob '*[^a-z0-9_-]*'",
};

// ?1 is now, in ms; an hour of difference between clocks is no breach.
constexpr const char* results_from_the_future =
    // Results before it are never read.
    R"sql(
select 'subscriber ' || b.name || ': its results are read up to a time in the future'
from result_marks m join subscribers b on b.id = m.subscriber_id
where m.read_until > ?1 + 3600000)sql";

} // namespace

void audit_values(connection& on, transactions& with, audit_report& report, instant now) {
  transaction snapshot(with, transaction::kind::read);
  const auto report_all = [&](statement::rows row) {
    while (row.next())
      report.say(row.text(0));
  };
  for (const char* const query : wrong_values) {
    statement asks(on, query);
    report_all(asks.query());
  }
  statement results(on, results_from_the_future);
  report_all(results.query(now));
}

} // namespace paymentd::db::sqlite
