#include "db/postgres/event_read.hpp"

#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/list_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"

namespace paymentd::db::postgres {

result<event_position> event_reading::ends() {
  session_.add(sql::stream_ends);
  session_.add(sql::instance);
  const auto answers = session_.run("read the streams' ends");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& name = (*answers)[1];
  instance_ = name.empty() ? std::string() : std::string(name[0].text(0));
  return all_of((*answers)[0], [](const row_view& end) {
    return stream_position{{end.integer(0)}, end.integer(1)};
  });
}

result<std::vector<event_stretch>> event_reading::look(std::span<const event_look> stretches) {
  for (const event_look& each : stretches) {
    const auto ahead = [&] {
      return parameters{}.add(make_entry_id(each.stream, each.above),
                              make_entry_id(each.stream, each.up_to + 1));
    };
    session_.add(sql::end_of_look, ahead().add(numbers_looked_at(each.looked_at)));
    session_.add(sql::events_ahead,
                 kinds_after(ahead(), each.wanted)
                     .add(each.events, numbers_looked_at(each.looked_at), false));
  }
  const auto answers = session_.run("read events");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<event_stretch> found;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const row_view end = (*answers)[2 * i][0]; // of end_of_look
    const rows& from = (*answers)[2 * i + 1];
    event_stretch& to = found.emplace_back();
    if (from.size() == stretches[i].events)
      to.seen_to = number_of({from[from.size() - 1].integer(0)});
    else
      to.seen_to = end.boolean(1) ? number_of({end.integer(0)}) : stretches[i].up_to;
    for (const row_view row : from)
      if (message one = read_message(row); one.lost.empty())
        to.events.push_back(std::move(one.event));
  }
  return found;
}

} // namespace paymentd::db::postgres
