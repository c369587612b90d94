#include "db/postgres/event_read.hpp"

#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

namespace paymentd::db::postgres {
namespace {

std::vector<entry_kind> kinds_of(const event_look& stretch) {
  std::vector<entry_kind> wanted;
  if (stretch.payments)
    wanted.push_back(entry_kind::payment);
  if (stretch.refunds)
    wanted.push_back(entry_kind::refund);
  return wanted;
}

} // namespace

result<event_position> event_reading::ends() {
  session_.add(sql::stream_ends);
  session_.add(sql::instance);
  const auto answers = session_.run("read the streams' ends");
  if (!answers)
    return std::unexpected(answers.error());
  event_position all;
  const rows& found = (*answers)[0];
  for (int row = 0; row < found.size(); ++row)
    all.push_back({{found.integer(row, 0)}, found.integer(row, 1)});
  const rows& name = (*answers)[1];
  instance_ = name.empty() ? std::string() : std::string(name.text(0, 0));
  return all;
}

result<std::vector<event_stretch>> event_reading::look(std::span<const event_look> stretches) {
  for (const event_look& each : stretches)
    session_.add(sql::events_ahead,
                 kinds_after(parameters{}.add(make_entry_id(each.stream, each.above),
                                              make_entry_id(each.stream, each.up_to + 1)),
                             kinds_of(each))
                     .add(each.events, each.looked_at, false));
  const auto answers = session_.run("read events");
  if (!answers)
    return std::unexpected(answers.error());
  std::vector<event_stretch> found;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const rows& from = (*answers)[i];
    event_stretch& to = found.emplace_back();
    const bool whole = from.empty() || (from.size() == from.integer(0, looked_at_column) &&
                                        from.size() < stretches[i].looked_at);
    to.seen_to = whole ? stretches[i].up_to : number_of({from.integer(from.size() - 1, 0)});
    for (int row = 0; row < from.size(); ++row)
      if (from.boolean(row, wanted_column))
        if (message one = read_message(from, row); one.lost.empty())
          to.events.push_back(std::move(one.event));
  }
  return found;
}

} // namespace paymentd::db::postgres
