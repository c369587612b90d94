// Seeding by COPY … FREEZE, which spares the tables the rewriting of every page after the fill.
#include "db/postgres/administration.hpp"
#include "db/postgres/copy_session.hpp"
#include "db/store_rules.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

constexpr std::int64_t first_number_min = std::int64_t{1} << 20; // where a first epoch begins

// Locks the tables against all others until the commit; FREEZE asks for the truncate.
constexpr const char* begin_seed = R"sql(
begin;
set local search_path = paymentd;
set local maintenance_work_mem = '256MB';
lock table users, orders, ledger_entries in access exclusive mode;
select exists (select from users) or exists (select from orders)
    or exists (select from ledger_entries))sql";
// Built after the fill at once, indexes cost a third of what filling them row by row does.
constexpr const char* second_indexes =
    "select indexname, indexdef from pg_indexes where schemaname = 'paymentd' "
    "and tablename in ('users', 'orders', 'ledger_entries') and indexname not like '%_pkey'";
constexpr const char* truncate = "truncate users, orders, ledger_entries";
constexpr const char* copy_users =
    "copy users (id, balance, last_sequence, created_at, phone) from stdin with (freeze)";
constexpr const char* copy_entries = "copy ledger_entries (id, user_id, sequence, order_id, "
                                     "amount, balance_after, created_at, kind) "
                                     "from stdin with (freeze)";
constexpr const char* copy_orders =
    "copy orders (id, user_id, total, discount, coupon_id, payment_entry_id, refund_entry_id, "
    "created_at, updated_at, status) from stdin with (freeze)";
constexpr const char* add_stream =
    "insert into streams (id, owner, epoch, next, ended_next, lease_until) "
    "select greatest(coalesce(max(id), 0) + 1, $2::bigint), '', 1, $1::bigint, 1, now() "
    "from streams returning id";
constexpr const char* add_cursors =
    "insert into cursors (subscriber_id, stream_id, position, kept_from) "
    "select id, $1::bigint, $2::bigint, $2::bigint from subscribers";
constexpr const char* set_blocks =
    "update id_blocks set next = greatest(next, case kind when 'users' then $1::bigint "
    "else $2::bigint end)";
constexpr const char* finish = "analyze paymentd.users, paymentd.orders, paymentd.ledger_entries";

/// Copies `count` rows; `line(i, buffer)` appends the text of row i, from 1.
template <class Line>
result<void> copy(copy_session& fill, const char* sql, std::int64_t count, Line line) {
  std::int64_t i = 0;
  return fill.copy(sql, [&](std::string& to) {
    if (i < count)
      line(++i, to);
    return i < count;
  });
}

void put_phone(std::string& to, std::int64_t user) {
  constexpr std::int64_t phones = 100'000'000;
  const std::string digits = std::to_string(user % phones);
  to.append("010").append(8 - digits.size(), '0').append(digits).push_back('\n');
}

// Drops the indexes that can wait and gives what makes them again.
result<std::vector<std::string>> drop_indexes(copy_session& fill) {
  auto found = fill.exec(second_indexes);
  if (!found)
    return std::unexpected(found.error());
  std::vector<std::string> definitions;
  for (int row = 0; row < found->size(); ++row) {
    const std::string drop = "drop index " + std::string(found->text(row, 0));
    if (auto dropped = fill.exec(drop.c_str()); !dropped)
      return std::unexpected(dropped.error());
    definitions.emplace_back(found->text(row, 1));
  }
  return definitions;
}

result<void> copy_all(copy_session& fill, const seed_plan& plan, instant now,
                      entry_id first_entry) {
  std::string at;
  put(at, now);
  const std::int64_t balance = plan.balance.value;
  auto done = copy(fill, copy_users, plan.users, [&](std::int64_t i, std::string& to) {
    put(to, i);
    put(to, balance);
    put(to, std::int64_t{balance > 0 ? 1 : 0});
    to += at;
    put_phone(to, i);
  });
  if (done && balance > 0)
    done = copy(fill, copy_entries, plan.users, [&](std::int64_t i, std::string& to) {
      put(to, first_entry.value + i - 1);
      put(to, i);
      to += "1\t\\N\t";
      put(to, balance);
      put(to, balance);
      to += at;
      to += "0\n";
    });
  const std::int64_t spread = plan.spread > 0 ? plan.spread : plan.users;
  if (done)
    done = copy(fill, copy_orders, plan.orders, [&](std::int64_t i, std::string& to) {
      put(to, i);
      put(to, 1 + i % spread);
      put(to, plan.amount.value);
      to += "0\t\\N\t\\N\t\\N\t";
      to += at;
      to += at;
      to += "0\n";
    });
  return done;
}

} // namespace

result<void> seed(const conninfo& to, const seed_plan& plan, instant now) {
  if (auto fits = check_seed(plan); !fits)
    return fits;
  auto opened = copy_session::open(to, "seed");
  if (!opened)
    return std::unexpected(opened.error());
  copy_session& fill = *opened;
  auto filled = fill.exec(begin_seed);
  if (!filled)
    return std::unexpected(filled.error());
  if (filled->boolean(0, 0))
    return refused_seed("the database is not empty");
  const stream_floor floor = stream_floor_at(now);
  const std::int64_t first_number = std::max(first_number_min, floor.number);
  const std::int64_t entries = plan.balance > won{} ? plan.users : 0;
  const auto indexes = drop_indexes(fill);
  if (!indexes)
    return std::unexpected(indexes.error());
  filled = fill.exec(truncate);
  if (filled)
    filled = fill.exec(add_stream, {first_number + entries, floor.stream.value});
  if (!filled)
    return std::unexpected(filled.error());
  const stream_id stream{filled->integer(0, 0)};
  if (auto copied = copy_all(fill, plan, now, make_entry_id(stream, first_number)); !copied)
    return copied;
  for (const std::string& definition : *indexes)
    if (auto built = fill.exec(definition.c_str()); !built)
      return std::unexpected(built.error());
  filled = fill.exec(add_cursors, {stream.value, first_number + entries - 1});
  if (filled)
    filled = fill.exec(set_blocks, {plan.users + 1, plan.orders + 1});
  if (filled)
    filled = fill.exec("commit");
  if (filled)
    filled = fill.exec(finish); // a fresh table's plans know nothing of it
  if (!filled)
    return std::unexpected(filled.error());
  return {};
}

} // namespace paymentd::db::postgres
