// Seeding by COPY, through libpq: libpqxx's stream_to cannot COPY … FREEZE, which spares the tables
// the rewriting of every page after the fill.
#include "db/postgres/administration.hpp"
#include "db/postgres/errors.hpp"
#include "db/postgres/parameters.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace paymentd::db::postgres {
namespace {

constexpr std::int64_t first_number_min = std::int64_t{1} << 20; // where a first epoch begins
constexpr std::size_t buffer_bytes = std::size_t{1} << 18;

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

struct close_connection {
  void operator()(PGconn* on) const noexcept { PQfinish(on); }
};
struct clear_result {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using owned_result = std::unique_ptr<PGresult, clear_result>;

std::unexpected<error> refuse(const char* why) {
  return std::unexpected(error{error_kind::broken, std::string("cannot seed: ") + why});
}

class seeding {
 public:
  explicit seeding(PGconn* on) : on_(on) {}

  result<owned_result> exec(const char* sql, std::initializer_list<std::int64_t> values = {}) {
    std::vector<std::string> texts;
    std::vector<const char*> pointers;
    for (const std::int64_t value : values)
      texts.push_back(std::to_string(value));
    for (const std::string& text : texts)
      pointers.push_back(text.c_str());
    // Several statements in one text only without parameters.
    owned_result done(texts.empty() ? PQexec(on_, sql)
                                    : PQexecParams(on_, sql, static_cast<int>(texts.size()),
                                                   nullptr, pointers.data(), nullptr, nullptr, 0));
    const auto status = PQresultStatus(done.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN)
      return done;
    return std::unexpected(current(done.get()));
  }

  /// Copies `count` rows; `line(i, buffer)` appends the text of row i, from 1.
  template <class Line>
  result<void> copy(const char* sql, std::int64_t count, Line line) {
    if (auto begun = exec(sql); !begun)
      return std::unexpected(begun.error());
    std::string buffer;
    buffer.reserve(buffer_bytes + 1024);
    for (std::int64_t i = 1; i <= count; ++i) {
      line(i, buffer);
      if (buffer.size() >= buffer_bytes || i == count) {
        if (PQputCopyData(on_, buffer.data(), static_cast<int>(buffer.size())) != 1)
          return std::unexpected(current(nullptr));
        buffer.clear();
      }
    }
    if (PQputCopyEnd(on_, nullptr) != 1)
      return std::unexpected(current(nullptr));
    owned_result done(PQgetResult(on_));
    const bool fine = PQresultStatus(done.get()) == PGRES_COMMAND_OK;
    while (owned_result rest{PQgetResult(on_)}) {
    }
    if (!fine)
      return std::unexpected(current(done.get()));
    return {};
  }

 private:
  error current(const PGresult* of) const {
    failure what{.text = PQerrorMessage(on_), .lost = PQstatus(on_) != CONNECTION_OK};
    if (const char* state = PQresultErrorField(of, PG_DIAG_SQLSTATE);
        state != nullptr && std::strlen(state) == what.sqlstate.size())
      std::copy_n(state, what.sqlstate.size(), what.sqlstate.begin());
    if (const char* primary = PQresultErrorField(of, PG_DIAG_MESSAGE_PRIMARY))
      what.text = primary;
    while (!what.text.empty() && what.text.back() == '\n')
      what.text.pop_back();
    return to_error(what, "seed");
  }

  PGconn* on_;
};

void put(std::string& to, std::int64_t number, char after = '\t') {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  to.append(digits, end).push_back(after);
}

void put_phone(std::string& to, std::int64_t user) {
  constexpr std::int64_t phones = 100'000'000;
  const std::string digits = std::to_string(user % phones);
  to.append("010").append(8 - digits.size(), '0').append(digits).push_back('\n');
}

// As COPY reads it: "2026-01-31 12:00:00.000+00".
std::string timestamp(instant at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%03d+00",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text;
}

result<void> check(const seed_plan& plan) {
  if (plan.users < 0 || plan.orders < 0 || plan.spread < 0)
    return refuse("a number is negative");
  if (plan.spread > plan.users || (plan.orders > 0 && plan.users == 0))
    return refuse("there are fewer users than the orders need");
  if (plan.balance < won{} || plan.amount < won{} || plan.balance > won_max ||
      plan.amount > won_max)
    return refuse("an amount is out of bounds");
  return {};
}

// Drops the indexes that can wait and gives what makes them again.
result<std::vector<std::string>> drop_indexes(seeding& fill) {
  auto found = fill.exec(second_indexes);
  if (!found)
    return std::unexpected(found.error());
  std::vector<std::string> definitions;
  for (int row = 0; row < PQntuples(found->get()); ++row) {
    const std::string drop = std::string("drop index ") + PQgetvalue(found->get(), row, 0);
    if (auto dropped = fill.exec(drop.c_str()); !dropped)
      return std::unexpected(dropped.error());
    definitions.emplace_back(PQgetvalue(found->get(), row, 1));
  }
  return definitions;
}

result<void> copy_all(seeding& fill, const seed_plan& plan, instant now, entry_id first_entry) {
  const std::string at = timestamp(now) + "\t";
  const std::int64_t balance = plan.balance.value;
  auto done = fill.copy(copy_users, plan.users, [&](std::int64_t i, std::string& to) {
    put(to, i);
    put(to, balance);
    put(to, balance > 0 ? 1 : 0);
    to += at;
    put_phone(to, i);
  });
  if (done && balance > 0)
    done = fill.copy(copy_entries, plan.users, [&](std::int64_t i, std::string& to) {
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
    done = fill.copy(copy_orders, plan.orders, [&](std::int64_t i, std::string& to) {
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
  if (auto fits = check(plan); !fits)
    return fits;
  const std::unique_ptr<PGconn, close_connection> on(PQconnectdb(to.text().c_str()));
  if (!on || PQstatus(on.get()) != CONNECTION_OK)
    return std::unexpected(to_connect_error({.text = PQerrorMessage(on.get())}, to));
  seeding fill(on.get());
  auto filled = fill.exec(begin_seed);
  if (!filled)
    return std::unexpected(filled.error());
  if (*PQgetvalue(filled->get(), 0, 0) == 't')
    return refuse("the database is not empty");
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
  const stream_id stream{std::stoll(PQgetvalue(filled->get(), 0, 0))};
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
