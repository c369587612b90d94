#include "db/sqlite/event_read.hpp"

#include "db/sqlite/delivery.hpp"
#include "db/sqlite/list_sql.hpp"
#include "db/sqlite/sql.hpp"

namespace paymentd::db::sqlite {

event_reading::event_reading(connection& on)
    : ends_(on, sql::stream_ends), range_(on, sql::events_of_range), refund_(on, sql::get_refund),
      instance_(on, sql::get_instance) {}

result<event_position> event_reading::ends() {
  return all_of(ends_.query(), [](const statement::rows& row) {
    return stream_position{{row.integer(0)}, row.integer(1)};
  });
}

result<std::vector<event_stretch>> event_reading::look(std::span<const event_look> stretches) {
  std::vector<event_stretch> found;
  for (const event_look& each : stretches) {
    event_stretch& to = found.emplace_back();
    to.seen_to = each.above;
    auto rows = range_.query(make_entry_id(each.stream, each.above),
                             make_entry_id(each.stream, each.up_to), each.looked_at);
    for (std::int64_t seen = 0; std::ssize(to.events) < each.events; ++seen) {
      if (!rows.next()) {
        if (seen < each.looked_at)
          to.seen_to = each.up_to;
        break;
      }
      to.seen_to = number_of({rows.integer(0)});
      if (!each.wanted.hold(static_cast<entry_kind>(rows.integer(1))))
        continue;
      if (message one = read_message(rows, refund_); one.lost.empty())
        to.events.push_back(std::move(one.event));
    }
  }
  return found;
}

result<std::string> event_reading::instance() {
  auto rows = instance_.query();
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

} // namespace paymentd::db::sqlite
