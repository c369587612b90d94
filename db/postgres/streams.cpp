// Leases: of a stream to write to, and of the deliveries from streams to subscribers.
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

constexpr std::int64_t numbers_end = std::int64_t{1} << stream_shift;
// A stream with less than this left is used up: another one is taken instead.
constexpr std::int64_t numbers_left_min = std::int64_t{1} << 30;
// Two that add a stream at once try again; so often in a row only by a fault.
constexpr int tries_max = 100;

} // namespace

void postgres_store::add_let_go(stream_lease what) {
  session_.add(sql::let_go, parameters{}.add(what.stream, options_.owner, what.epoch));
}

result<stream_lease> postgres_store::take_stream(instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  std::vector<stream_lease> earlier;
  if (lease_.stream.value != 0)
    earlier.push_back(lease_);
  for (int tries = 0; tries < tries_max; ++tries) {
    for (const stream_lease one : earlier)
      add_let_go(one);
    const stream_floor floor = stream_floor_at(now);
    session_.add(sql::take_over,
                 parameters{}
                     .add(options_.lease.count(), options_.owner, numbers_end - numbers_left_min)
                     .add_array(element::int8, earlier, &stream_lease::stream)
                     .add(floor.stream, floor.number, number_block));
    auto answers = session_.run_to_commit("take a stream");
    if (answers && answers->back().empty()) {
      session_.add(sql::add_stream,
                   parameters{}.add(options_.lease.count(), options_.owner, stream_max,
                                    floor.stream, floor.number, number_block));
      answers = session_.run_to_commit("add a stream");
    }
    if (!answers)
      return std::unexpected(repeatable(answers.error()));
    if (const rows& taken = answers->back(); !taken.empty()) {
      holds({{taken.integer(0, 0)}, taken.integer(0, 1)}, taken.integer(0, 2));
      doubt_.reset();
      return lease_;
    }
  }
  return std::unexpected(
      error{error_kind::unavailable, "database: all " + std::to_string(stream_max) +
                                         " streams of the ledger are in use or used up"});
}

result<std::vector<delivery_lease>>
postgres_store::lease_deliveries(std::span<const std::string> subscribers,
                                 std::span<const stream_id> written, int leases_max, instant) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const std::string_view owner = options_.owner;
  const auto names = [&](parameters before) {
    before.add_texts(subscribers, std::identity{});
    return before;
  };
  if (leased_session_ != session_.opened()) {
    session_.add(sql::raise_cursors, parameters{}.add(owner));
    known_places_.clear();
    known_claims_.clear();
  }
  session_.add(sql::be_alive, parameters{}.add(owner, options_.lease.count()));
  session_.add(sql::forget_the_dead);
  session_.add(sql::add_cursors_at_start, names(parameters{}));
  session_.add(sql::release_cursors, parameters{}.add(owner).add_ids(written));
  session_.add(sql::held_cursors, names(parameters{}.add(owner)));
  auto answers = session_.run_to_commit("lease deliveries");
  if (!answers)
    return std::unexpected(repeatable(answers.error()));
  leased_session_ = session_.opened();
  // Those of the streams that are written here are taken whatever the limit says.
  const std::int64_t held = answers->back().size();
  const std::int64_t own = std::ssize(written) * std::ssize(subscribers);
  session_.add(sql::take_cursors, names(parameters{}.add(owner))
                                      .add_ids(written)
                                      .add(std::max<std::int64_t>(leases_max - held, own)));
  session_.add(sql::held_cursors, names(parameters{}.add(owner)));
  answers = session_.run_to_commit("lease deliveries");
  if (!answers)
    return std::unexpected(repeatable(answers.error()));
  const rows& mine = answers->back();
  std::vector<delivery_lease> all;
  for (int row = 0; row < mine.size(); ++row)
    all.push_back({std::string(mine.text(row, 0)), {{mine.integer(row, 1)}, mine.integer(row, 2)}});
  return all;
}

} // namespace paymentd::db::postgres
