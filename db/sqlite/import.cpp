// Imports a file of users or of orders, in one transaction.
#include "db/row_readers.hpp"
#include "db/sqlite/administration.hpp"
#include "db/sqlite/settlement.hpp"
#include "db/sqlite/sql.hpp"
#include "db/sqlite/streams.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

// The rows of one transaction touch the indexes at random: what does not fit into the cache is
// written to the log and read again, many times over.
constexpr const char* large_cache = "pragma cache_size = -262144"; // KiB

constexpr const char* imported_at = "select imported_at from imports where digest = ?";
constexpr const char* add_import =
    "insert into imports (digest, kind, row_count, first_entry, last_entry, imported_at) "
    "values (?, ?, ?, ?, ?, ?)";
// Nobody is told of the stream's entries.
constexpr const char* pass_by =
    "insert into cursors (subscriber_id, stream_id, position, kept_from) "
    "select id, ?1, ?2, ?2 from subscribers";
constexpr const char* set_sequence = "update users set last_sequence = ?2 where id = ?1";

/// By the statement that finds who has a reference.
bool is_in_use(std::string_view reference, statement& find) {
  return !reference.empty() && find.query(reference).next();
}

/// The part that imports of users and of orders have in common: one transaction from its
/// constructor on.
class importing {
 public:
  importing(connection& on, const import_file& file, instant now)
      : on_(cached(on)), file_(file), now_(now), with_(on), all_(with_, transaction::kind::write),
        numbers_(on), add_entries_(on, sql::add_entries), add_times_(on, sql::add_entry_times) {}

  std::optional<instant> before() {
    statement asks(on_, imported_at);
    auto row = asks.query(std::string_view(file_.digest));
    return row.next() ? std::optional(row.time(0)) : std::nullopt;
  }

  /// Makes room for the file's entries.
  result<void> take_numbers() {
    if (file_.entries == 0)
      return {};
    const auto taken = numbers_.add_full(file_.entries, "import", now_);
    if (!taken)
      return std::unexpected(taken.error());
    statement(on_, pass_by).run(taken->stream.stream, taken->end - 1);
    next_entry_ = make_entry_id(taken->stream.stream, taken->first);
    first_entry_ = next_entry_;
    moment_first_ = next_entry_;
    return {};
  }

  std::int64_t first_id(const char* last_id) {
    statement asks(on_, last_id);
    auto row = asks.query();
    row.next();
    return std::max(row.integer(0) + 1, row_id_floor_at(now_));
  }

  entry_id next_entry() const { return next_entry_; }
  instant entry_time() const {
    return imported_entry_time(next_entry_.value - first_entry_.value, file_.entries, now_);
  }
  /// Entries from next_entry() on.
  void add(std::span<const ledger_entry> entries) {
    for (const ledger_entry& one : entries) {
      if (one.created_at != moment_)
        note_moment(one.created_at);
      give(one, on_.given());
      next_entry_ = entry_id{one.id.value + 1};
    }
    add_entries_.run_on(on_.given());
  }

  import_result finish(std::string_view kind, import_faults faults) {
    if (!faults.none())
      return {.faults = std::move(faults)};
    const bool any = file_.entries > 0;
    note_moment({});
    const entry_id last{first_entry_.value + file_.entries - 1};
    statement(on_, add_import)
        .run(std::string_view(file_.digest), kind, file_.rows,
             any ? std::optional(first_entry_) : std::nullopt,
             any ? std::optional(last) : std::nullopt, now_);
    all_.commit();
    on_.start_log_anew(); // the log holds the whole file
    return {};
  }

 private:
  static connection& cached(connection& on) {
    on.exec(large_cache);
    return on;
  }
  /// Notes which entries have the time of the last ones; those to come have `next`.
  void note_moment(instant next) {
    if (next_entry_ > moment_first_)
      add_times_.run(moment_, moment_first_, entry_id{next_entry_.value - 1});
    moment_ = next;
    moment_first_ = next_entry_;
  }

  connection& on_;
  const import_file& file_;
  const instant now_;
  transactions with_;
  transaction all_;
  streams numbers_;
  statement add_entries_;
  statement add_times_;
  entry_id first_entry_;
  entry_id next_entry_;
  instant moment_; // of the entries from moment_first_ on
  entry_id moment_first_;
};

/// Finds whose an order is, and what that user has.
class payers {
 public:
  explicit payers(connection& on)
      : by_id_(on, sql::get_balance), by_reference_(on, sql::user_of_reference) {}

  struct payer {
    user_id id;
    won balance;
    std::int64_t last_sequence;
  };
  std::optional<payer> find(const imported_order& row) {
    user_id id = row.what.owner;
    if (!row.user_reference.empty()) {
      auto found = by_reference_.query(std::string_view(row.user_reference));
      if (!found.next())
        return std::nullopt;
      id = {found.integer(0)};
    }
    auto found = by_id_.query(id);
    if (!found.next())
      return std::nullopt;
    return payer{id, {found.integer(0)}, found.integer(1)};
  }

 private:
  statement by_id_;
  statement by_reference_;
};

/// Adds orders one by one, each with its ledger entries.
class order_writer {
 public:
  order_writer(connection& on, importing& work)
      : work_(work), payers_(on), same_reference_(on, sql::order_of_reference),
        add_(on, sql::add_order), raise_(on, set_sequence), next_{work.first_id(sql::last_order)} {}

  void add(const imported_order& row) {
    const auto whose = payers_.find(row);
    if (!whose)
      return row.user_reference.empty()
                 ? faults_.add(row.line, "userId", "no user has this id")
                 : faults_.add(row.line, "userReference", "no user has this reference");
    if (is_in_use(row.what.reference, same_reference_))
      return faults_.add(row.line, "reference", "is another order's");
    order made = row.what;
    made.id = next_;
    made.owner = whose->id;
    ++next_.value;
    const bool brings = entries_of_import(made) > 0;
    if (brings && !checked_add(whose->balance, made.final_amount()))
      return faults_.add(row.line, "totalAmount",
                         "is more than the user's balance leaves room for");
    name_imported_entries(made, work_.next_entry());
    add_.run(made.id, made.owner, made.coupon, made.total, made.discount,
             static_cast<int>(made.status), made.payment_entry, made.refund_entry, made.created_at,
             made.updated_at, made.refunded, std::nullopt, std::nullopt, std::nullopt,
             or_null(made.reference), or_null(made.metadata));
    if (!brings)
      return;
    entries_.clear();
    append_imported_entries(made, whose->balance, whose->last_sequence, work_.next_entry(),
                            work_.entry_time(), entries_);
    work_.add(entries_);
    raise_.run(made.owner, entries_.back().sequence);
  }
  import_faults take_faults() { return std::move(faults_); }

 private:
  importing& work_;
  payers payers_;
  statement same_reference_;
  statement add_;
  statement raise_;
  order_id next_;
  std::vector<ledger_entry> entries_; // of one order
  import_faults faults_;
};

} // namespace

result<import_result> import_users(connection& on, const import_file& file, const user_source& rows,
                                   instant now) {
  importing work(on, file, now);
  if (const auto before = work.before())
    return import_result{.before = before};
  if (auto taken = work.take_numbers(); !taken)
    return std::unexpected(taken.error());
  statement add(on, sql::add_user);
  statement same_reference(on, sql::user_of_reference);
  user_id next{work.first_id(sql::last_user)};
  import_faults faults;
  while (const imported_user* row = rows()) {
    const user& what = row->what;
    if (is_in_use(what.reference, same_reference)) {
      faults.add(row->line, "reference", "is another user's");
      continue;
    }
    add.run(next, std::string_view(what.phone), what.balance, what.last_sequence, what.created_at,
            what.updated_at, or_null(what.reference), or_null(what.metadata));
    if (what.balance > won{0}) {
      const ledger_entry opening{.id = work.next_entry(),
                                 .user = next,
                                 .sequence = 1,
                                 .order = std::nullopt,
                                 .kind = entry_kind::charge,
                                 .amount = what.balance,
                                 .balance_after = what.balance,
                                 .created_at = work.entry_time(),
                                 .reason = std::string(import_reason)};
      work.add({&opening, 1});
    }
    ++next.value;
  }
  return work.finish("users", std::move(faults));
}

result<import_result> import_orders(connection& on, const import_file& file,
                                    const order_source& rows, instant now) {
  importing work(on, file, now);
  if (const auto before = work.before())
    return import_result{.before = before};
  if (auto taken = work.take_numbers(); !taken)
    return std::unexpected(taken.error());
  order_writer orders(on, work);
  while (const imported_order* row = rows())
    orders.add(*row);
  return work.finish("orders", orders.take_faults());
}

} // namespace paymentd::db::sqlite
