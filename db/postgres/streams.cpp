// Streams: taking one to write to, and adopting those of the dead.
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

// What is adopted is only delivered, so any stream will do.
void postgres_store::add_take_over(bool free_ones, std::span<const stream_lease> not_these,
                                   instant now) {
  const stream_floor floor = stream_floor_at(now);
  session_.add(sql::take_over,
               parameters{}
                   .add(options_.lease.count())
                   .add(std::string_view(options_.owner))
                   .add(free_ones)
                   .add(free_ones ? numbers_end - numbers_left_min : numbers_end)
                   .add_array(element::int8, not_these, [](stream_lease one) { return one.stream; })
                   .add_ids(subscribers_)
                   .add(free_ones ? floor.stream : stream_id{1})
                   .add(floor.number)
                   .add(number_block));
}

void postgres_store::add_let_go(stream_lease what) {
  session_.add(sql::let_go,
               parameters{}.add(what.stream).add(std::string_view(options_.owner)).add(what.epoch));
}

result<stream_lease> postgres_store::take_stream(instant now) {
  if (auto ready = begin_writing(); !ready)
    return std::unexpected(ready.error());
  std::vector<stream_lease> earlier;
  if (lease_.stream.value != 0)
    earlier.push_back(lease_);
  for (int tries = 0; tries < tries_max; ++tries) {
    for (const stream_lease one : earlier)
      add_let_go(one);
    add_take_over(true, earlier, now);
    auto answers = session_.run_to_commit("take a stream");
    if (answers && answers->back().empty()) {
      session_.add(sql::add_stream, parameters{}
                                        .add(options_.lease.count())
                                        .add(std::string_view(options_.owner))
                                        .add(stream_max)
                                        .add(stream_floor_at(now).stream)
                                        .add(stream_floor_at(now).number)
                                        .add(number_block));
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

result<std::vector<stream_lease>> postgres_store::adopt_streams(std::span<const stream_lease> held,
                                                                int streams_max, instant now) {
  if (auto ready = begin_writing(); !ready)
    return std::unexpected(ready.error());
  const auto id = [](stream_lease one) { return one.stream; };
  std::vector<stream_lease> all;
  if (!held.empty()) {
    session_.add(sql::renew,
                 parameters{}
                     .add(options_.lease.count())
                     .add(std::string_view(options_.owner))
                     .add_array(element::int8, held, id)
                     .add_array(element::int8, held, [](stream_lease one) { return one.epoch; }));
    session_.add(sql::free_drained, parameters{}
                                        .add(std::string_view(options_.owner))
                                        .add_array(element::int8, held, id)
                                        .add_ids(subscribers_));
    const auto renewed = session_.run_to_commit("renew streams");
    if (!renewed)
      return std::unexpected(repeatable(renewed.error()));
    const rows& freed = (*renewed)[1];
    const auto is_freed = [&](std::int64_t stream) {
      for (int row = 0; row < freed.size(); ++row)
        if (freed.integer(row, 0) == stream)
          return true;
      return false;
    };
    const rows& kept = (*renewed)[0];
    for (int row = 0; row < kept.size(); ++row)
      if (!is_freed(kept.integer(row, 0)))
        all.push_back({{kept.integer(row, 0)}, kept.integer(row, 1)});
  }
  while (std::ssize(all) < streams_max) {
    add_take_over(false, all, now);
    const auto answers = session_.run_to_commit("adopt a stream");
    if (!answers) {
      // What was adopted before this is held already, and must not be forgotten.
      if (!all.empty())
        break;
      return std::unexpected(repeatable(answers.error()));
    }
    const rows& taken = answers->front();
    if (taken.empty())
      break;
    all.push_back({{taken.integer(0, 0)}, taken.integer(0, 1)});
  }
  std::ranges::sort(all, {}, id);
  return all;
}

} // namespace paymentd::db::postgres
