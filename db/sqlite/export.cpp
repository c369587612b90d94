// Reads ledger entries for an export, beside a process that serves.
#include "db/row_readers.hpp"
#include "db/sqlite/administration.hpp"
#include "db/sqlite/columns.hpp"

#include <map>

namespace paymentd::db::sqlite {
namespace {

// Some milliseconds.
constexpr std::int64_t rows_per_snapshot = 5000;

constexpr const char* streams_at_begin = "select id, next from streams";
// Both by the batches of a time: the rest of a millisecond, and what is later.
constexpr const char* rest_of_moment =
    joined<"select ", sql::entry_columns,
           " from entry_times t cross join ledger_entries e where t.created_at = ?1 "
           "and e.id >= max(t.first_entry, ?2 + 1) and e.id <= t.last_entry "
           "order by t.created_at, t.first_entry, e.id limit ?3">;
constexpr const char* later_entries = joined<"select ", sql::entry_columns,
                                             " from entry_times t cross join ledger_entries e "
                                             "where t.created_at > ?1 and t.created_at < ?2 "
                                             "and e.id >= t.first_entry and e.id <= t.last_entry "
                                             "order by t.created_at, t.first_entry, e.id limit ?3">;

/// Where each stream ended when the export began.
class ends_of_streams {
 public:
  explicit ends_of_streams(connection& on) {
    statement asks(on, streams_at_begin);
    for (auto row = asks.query(); row.next();)
      next_[{row.integer(0)}] = row.integer(1);
  }
  bool were_there(entry_id entry) const {
    const auto found = next_.find(stream_of(entry));
    return found != next_.end() && number_of(entry) < found->second;
  }

 private:
  std::map<stream_id, std::int64_t> next_;
};

} // namespace

void export_entries(connection& on, const entry_range& range, const entry_sink& to) {
  const ends_of_streams ends(on);
  statement rest(on, rest_of_moment);
  statement later(on, later_entries);
  instant at = range.from - std::chrono::milliseconds{1};
  entry_id behind;
  bool goes_on = true;
  const auto give = [&](statement::rows row) {
    std::int64_t seen = 0;
    for (; goes_on && row.next(); ++seen) {
      const ledger_entry found = read_entry(row);
      at = found.created_at;
      behind = found.id;
      goes_on = !ends.were_there(found.id) || to(found);
    }
    return seen;
  };
  while (goes_on) {
    if (give(later.query(at, range.to, rows_per_snapshot)) < rows_per_snapshot)
      return;
    while (goes_on && give(rest.query(at, behind, rows_per_snapshot)) == rows_per_snapshot) {
    }
  }
}

} // namespace paymentd::db::sqlite
