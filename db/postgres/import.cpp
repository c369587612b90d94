// Imports by COPY. The file is staged in a temporary table and judged there, which locks nothing.
// Then ids and numbers are reserved in a short transaction each, and one more writes all: first
// what needs no lock, then, with the orders' users locked, their ledger entries.
//
// The entries have a stream of their own, full from its beginning: whoever takes it over begins
// above them, so nobody has to be fenced off. The transaction that shows them moves the cursors of
// all subscribers past them.
#include "db/postgres/administration.hpp"
#include "db/postgres/copy_session.hpp"
#include "db/postgres/import_sql.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

constexpr std::int64_t first_number_min = std::int64_t{1} << 20; // where a first epoch begins
// Two that add a stream at once try again; so often in a row only by a fault.
constexpr int tries_max = 100;

std::unexpected<error> broken(const char* why) {
  return std::unexpected(error{error_kind::broken, std::string("cannot import: ") + why});
}

std::int64_t ms_of(instant at) {
  return at.time_since_epoch().count();
}

instant time_in(const text_rows& from, int row, int column) {
  return instant{std::chrono::milliseconds{from.integer(row, column)}};
}

/// The order of a row of import_sql::read_paid_orders, as far as its entries need it.
order paid_order(const text_rows& from, int row, std::int64_t first_order) {
  order found{};
  found.id = {first_order + from.integer(row, 0)};
  found.owner = {from.integer(row, 1)};
  found.total = {from.integer(row, 2)};
  found.discount = {from.integer(row, 3)};
  found.status = static_cast<order_status>(from.integer(row, 4));
  found.refunded = {from.integer(row, 5)};
  return found;
}

std::optional<std::int64_t> number_of(const std::optional<entry_id>& id) {
  return id ? std::optional(id->value) : std::nullopt;
}

void put_entry(std::string& to, const ledger_entry& what) {
  put(to, what.id.value);
  put(to, what.user.value);
  put(to, what.sequence);
  put(to, what.order ? std::optional(what.order->value) : std::nullopt);
  put(to, what.amount.value);
  put(to, what.balance_after.value);
  put(to, what.created_at);
  put(to, static_cast<std::int64_t>(what.kind));
  put_text(to, what.reason);
  put(to, what.kind == entry_kind::refund ? std::optional(what.refunded_after.value) : std::nullopt,
      '\n');
}

/// One import, from its staged rows to its commit.
class importing {
 public:
  importing(copy_session& on, const import_file& file, const char* kind, instant now)
      : on_(on), file_(file), kind_(kind), now_(now) {}

  result<std::optional<instant>> before();
  result<void> stage(const char* table, const std::function<bool(std::string&)>& more);
  result<import_faults> faults(const char* sql);
  result<void> reserve();
  /// Begins the transaction; false where another import of the same file was first.
  result<bool> begin();
  result<void> write_users();
  result<void> write_orders();
  /// The error of writing, which may be that others took a reference after it was judged.
  error explained(error what) const;
  result<void> commit();

 private:
  result<void> add_full_stream();
  result<void> do_all(std::initializer_list<const char*> statements);
  result<void> copy_entries_of(const text_rows& orders);

  copy_session& on_;
  const import_file& file_;
  const char* kind_;
  const instant now_;
  std::int64_t first_id_ = 0;
  stream_id stream_;
  std::int64_t first_number_ = 0;
  entry_id first_entry_; // 0 where there are none
};

result<std::optional<instant>> importing::before() {
  auto found = on_.exec_texts(import_sql::imported_at, {file_.digest});
  if (!found)
    return std::unexpected(found.error());
  return found->size() > 0 ? std::optional(time_in(*found, 0, 0)) : std::nullopt;
}

result<void> importing::do_all(std::initializer_list<const char*> statements) {
  for (const char* each : statements)
    if (auto done = on_.exec(each); !done)
      return std::unexpected(done.error());
  return {};
}

result<void> importing::stage(const char* table, const std::function<bool(std::string&)>& more) {
  if (auto made = on_.exec(table); !made)
    return std::unexpected(made.error());
  if (auto copied = on_.copy(import_sql::copy_staged, more); !copied)
    return copied;
  return do_all({import_sql::analyze});
}

result<import_faults> importing::faults(const char* sql) {
  const auto found = on_.exec(sql);
  if (!found)
    return std::unexpected(found.error());
  import_faults all;
  for (int row = 0; row < found->size(); ++row)
    all.add(found->integer(row, 0), std::string(found->text(row, 1)),
            std::string(found->text(row, 2)));
  if (found->size() > 0)
    all.count = found->integer(0, 3);
  return all;
}

result<void> importing::reserve() {
  std::string ids = import_sql::reserve_ids;
  ids.replace(ids.find("KIND"), 4, kind_);
  const auto reserved = on_.exec(ids.c_str(), {row_id_floor_at(now_), file_.rows});
  if (!reserved)
    return std::unexpected(reserved.error());
  if (reserved->size() == 0)
    return broken("the next id is not stored: run paymentd audit");
  first_id_ = reserved->integer(0, 0);
  return file_.entries > 0 ? add_full_stream() : result<void>{};
}

result<void> importing::add_full_stream() {
  const stream_floor floor = stream_floor_at(now_);
  first_number_ = std::max(first_number_min, floor.number);
  for (int tries = 0; tries < tries_max; ++tries) {
    const auto added = on_.exec(import_sql::add_stream,
                                {floor.stream.value, first_number_ + file_.entries, stream_max});
    if (!added)
      return std::unexpected(added.error());
    if (added->size() == 0)
      continue;
    stream_ = {added->integer(0, 0)};
    first_entry_ = make_entry_id(stream_, first_number_);
    return {};
  }
  return broken("all streams of the ledger are in use or used up");
}

result<bool> importing::begin() {
  if (auto begun = on_.exec("begin"); !begun)
    return std::unexpected(begun.error());
  const bool any = first_entry_ != entry_id{};
  if (any) {
    const auto held = on_.exec(import_sql::hold_stream, {stream_.value});
    if (!held)
      return std::unexpected(held.error());
    if (held->size() == 0)
      return std::unexpected(error{error_kind::unavailable,
                                   "another process took the import's stream, and nothing was "
                                   "imported; import it again"});
  }
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  const auto added =
      on_.exec_texts(import_sql::add_import,
                     {file_.digest, kind_, text(file_.rows), text(first_entry_.value),
                      text(any ? first_entry_.value + file_.entries - 1 : 0), text(ms_of(now_))});
  if (!added)
    return std::unexpected(added.error());
  return added->size() > 0;
}

result<void> importing::write_users() {
  if (auto added = on_.exec(import_sql::add_users, {first_id_}); !added)
    return std::unexpected(added.error());
  if (first_entry_ == entry_id{})
    return {};
  const auto added =
      on_.exec(import_sql::add_balances, {first_id_, first_entry_.value, file_.entries,
                                          imported_entries_per_ms, ms_of(now_)});
  return added ? result<void>{} : std::unexpected(added.error());
}

result<void> importing::write_orders() {
  if (auto added = on_.exec(import_sql::add_orders, {first_id_, first_entry_.value}); !added)
    return std::unexpected(added.error());
  if (first_entry_ == entry_id{})
    return {};
  if (auto locked = do_all({import_sql::lock_users, import_sql::read_paid_orders}); !locked)
    return locked;
  for (;;) {
    const auto some = on_.exec(import_sql::fetch_paid_orders);
    if (!some)
      return std::unexpected(some.error());
    if (some->size() == 0)
      return do_all({"close paid", import_sql::raise_sequences});
    if (auto copied = copy_entries_of(*some); !copied)
      return copied;
  }
}

/// Writes the entries of some rows of import_sql::read_paid_orders.
result<void> importing::copy_entries_of(const text_rows& orders) {
  std::vector<ledger_entry> entries;
  int row = 0;
  bool fits = true;
  const auto copied = on_.copy(import_sql::copy_entries, [&](std::string& to) {
    const std::int64_t index = orders.integer(row, 6);
    const won balance{orders.integer(row, 7)};
    const order made = paid_order(orders, row, first_id_);
    fits = checked_add(balance, made.final_amount()).has_value();
    if (!fits)
      return false;
    entries.clear();
    append_imported_entries(made, balance, orders.integer(row, 8), {first_entry_.value + index},
                            imported_entry_time(index, file_.entries, now_), entries);
    for (const ledger_entry& each : entries)
      put_entry(to, each);
    return ++row < orders.size();
  });
  if (!fits) // it was checked, and the balance has grown meanwhile
    return broken("a user's balance leaves no room for an order's amount");
  return copied;
}

error importing::explained(error what) const {
  if (!on_.duplicate())
    return what;
  return {error_kind::unavailable, "a reference of the file was taken by others meanwhile, and "
                                   "nothing was imported; import it again to see which"};
}

result<void> importing::commit() {
  if (first_entry_ != entry_id{}) {
    if (auto locked = do_all({import_sql::lock_subscribers}); !locked)
      return locked;
    const std::int64_t last = first_number_ + file_.entries - 1;
    if (auto passed = on_.exec(import_sql::pass_by, {stream_.value, last}); !passed)
      return std::unexpected(passed.error());
  }
  if (auto done = on_.exec("commit"); !done) {
    done.error().text += "; it may have happened: import the file again, which does it once";
    return std::unexpected(done.error());
  }
  static_cast<void>(
      on_.exec(import_sql::finish)); // plans know nothing of it yet; all is done without it, too
  return {};
}

/// The parts in which imports of users and of orders differ, beside their lines.
struct import_steps {
  const char* kind;
  const char* stage;
  const char* find_owners; // null: there are none
  const char* faults;
  result<void> (importing::*write)();
};

/// `more` appends the lines to stage, as copy_session::copy has it.
result<import_result> import_by(const import_steps& steps, const conninfo& to,
                                const import_file& file, instant now,
                                const std::function<bool(std::string&)>& more) {
  auto on = copy_session::open(to, "import");
  if (!on)
    return std::unexpected(on.error());
  if (auto begun = on->exec(import_sql::begin_session); !begun)
    return std::unexpected(begun.error());
  importing work(*on, file, steps.kind, now);
  auto before = work.before();
  if (!before)
    return std::unexpected(before.error());
  if (*before)
    return import_result{.before = *before};
  if (auto staged = work.stage(steps.stage, more); !staged)
    return std::unexpected(staged.error());
  if (steps.find_owners != nullptr)
    if (auto found = on->exec(steps.find_owners); !found)
      return std::unexpected(found.error());
  auto faults = work.faults(steps.faults);
  if (!faults)
    return std::unexpected(faults.error());
  if (!faults->none())
    return import_result{.faults = *std::move(faults)};
  if (auto reserved = work.reserve(); !reserved)
    return std::unexpected(reserved.error());
  const auto begun = work.begin();
  if (!begun)
    return std::unexpected(begun.error());
  if (!*begun) {
    before = work.before();
    if (!before)
      return std::unexpected(before.error());
    return import_result{.before = *before};
  }
  if (auto written = (work.*steps.write)(); !written)
    return std::unexpected(work.explained(written.error()));
  if (auto done = work.commit(); !done)
    return std::unexpected(done.error());
  return import_result{};
}

} // namespace

result<import_result> import_users(const conninfo& to, const import_file& file,
                                   const user_source& rows, instant now) {
  constexpr import_steps steps{"users", import_sql::stage_users, nullptr,
                               import_sql::faults_of_users, &importing::write_users};
  std::int64_t n = 0;
  std::int64_t entries = 0;
  return import_by(steps, to, file, now, [&](std::string& line) {
    const imported_user* row = rows();
    if (row == nullptr)
      return false;
    put(line, n++);
    put(line, row->line);
    put_text(line, row->what.reference);
    put_text(line, row->what.phone);
    put(line, row->what.balance.value);
    put_text(line, row->what.metadata);
    put(line, row->what.created_at);
    put(line, entries, '\n');
    entries += entries_of_import(row->what);
    return true;
  });
}

result<import_result> import_orders(const conninfo& to, const import_file& file,
                                    const order_source& rows, instant now) {
  constexpr import_steps steps{"orders", import_sql::stage_orders, import_sql::find_users,
                               import_sql::faults_of_orders, &importing::write_orders};
  std::int64_t n = 0;
  std::int64_t entries = 0;
  return import_by(steps, to, file, now, [&](std::string& line) {
    const imported_order* row = rows();
    if (row == nullptr)
      return false;
    const order& what = row->what;
    put(line, n++);
    put(line, row->line);
    put_text(line, what.reference);
    put(line, row->user_reference.empty() ? std::optional(what.owner.value) : std::nullopt);
    put_text(line, row->user_reference);
    put(line, what.coupon ? std::optional(what.coupon->value) : std::nullopt);
    put(line, what.total.value);
    put(line, what.discount.value);
    put(line, static_cast<std::int64_t>(what.status));
    put(line, what.refunded.value);
    put_text(line, what.metadata);
    put(line, what.created_at);
    put(line, what.updated_at);
    order named = what;
    name_imported_entries(named, {entries});
    put(line, entries);
    put(line, std::int64_t{entries_of_import(what)});
    put(line, number_of(named.payment_entry));
    put(line, number_of(named.refund_entry), '\n');
    entries += entries_of_import(what);
    return true;
  });
}

} // namespace paymentd::db::postgres
