#include "db/sqlite/streams.hpp"

#include "db/sqlite/sql.hpp"
#include "db/store_rules.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

// Where the clock is behind, an epoch begins at the next multiple of this, so that a number is not
// given twice even where the end of the epoch before it was lost.
constexpr int epoch_shift = 20;

std::int64_t epoch_start(std::int64_t next, instant now) {
  const std::int64_t floor = stream_floor_at(now).number;
  return floor > next ? floor : ((next >> epoch_shift) + 1) << epoch_shift;
}

} // namespace

streams::streams(connection& on)
    : take_numbers_(on, sql::take_numbers), state_(on, sql::stream_state),
      newest_(on, sql::newest_stream), add_(on, sql::add_stream),
      begin_epoch_(on, sql::begin_epoch), renew_(on, sql::renew_lease),
      end_epoch_(on, sql::end_epoch), ended_epoch_(on, sql::ended_epoch),
      with_rest_(on, sql::streams_with_rest) {}

stream_lease streams::begin_epoch(stream_id id, std::int64_t ended, std::int64_t next,
                                  std::string_view owner, tenure of) {
  end_epoch_.run(id, ended, next - 1);
  begin_epoch_.run(id, owner, ended + 1, epoch_start(next, of.now), of.lease_until);
  return {id, ended + 1};
}

result<stream_lease> streams::take(std::string_view owner, tenure of) {
  const stream_floor floor = stream_floor_at(of.now);
  std::int64_t newest = 0;
  {
    auto rows = newest_.query();
    if (rows.next()) {
      newest = rows.integer(0);
      const std::int64_t next = rows.integer(2);
      if (newest >= floor.stream.value &&
          epoch_start(next, of.now) + numbers_left_min <= all_numbers_end)
        return begin_epoch({newest}, rows.integer(1), next, owner, of);
    }
  }
  const auto added = next_id(newest, floor);
  if (!added)
    return std::unexpected(added.error());
  add_.run(*added, owner, epoch_start(0, of.now), of.lease_until);
  return stream_lease{*added, 1};
}

result<stream_id> streams::next_id(std::int64_t newest, stream_floor floor) const {
  const stream_id added{std::max(newest + 1, floor.stream.value)};
  if (added.value > stream_max)
    return std::unexpected(error{error_kind::broken, "all streams of the ledger are used up"});
  return added;
}

result<batch_numbers> streams::add_full(std::int64_t count, std::string_view owner, instant now) {
  std::int64_t newest = 0;
  {
    auto rows = newest_.query();
    if (rows.next())
      newest = rows.integer(0);
  }
  const auto added = next_id(newest, stream_floor_at(now));
  if (!added)
    return std::unexpected(added.error());
  const std::int64_t first = epoch_start(0, now);
  const std::int64_t end = first + count;
  add_.run(*added, owner, end, now);
  return batch_numbers{{*added, 1}, first, end};
}

result<batch_numbers> streams::take_numbers(stream_lease lease, std::int64_t count,
                                            instant lease_until) {
  auto rows = take_numbers_.query(count, lease_until, lease.stream, lease.epoch, all_numbers_end);
  // A stream that is used up counts as lost as well: `take` then begins the next one.
  if (!rows.next())
    return std::unexpected(epoch_has_ended(lease));
  const std::int64_t end = rows.integer(0);
  rows.next(); // an update that returns rows is done only after its last one
  return batch_numbers{lease, end - count, end};
}

result<std::int64_t> streams::check(stream_lease lease) {
  auto rows = state_.query(lease.stream);
  if (rows.next() && rows.integer(0) == lease.epoch)
    return rows.integer(1);
  return std::unexpected(epoch_has_ended(lease));
}

result<streams::verdict> streams::resolve(const batch_numbers& batch, std::string_view owner,
                                          tenure of) {
  const stream_lease lease = batch.stream;
  std::int64_t epoch = 0;
  std::int64_t next = 0;
  {
    auto rows = state_.query(lease.stream);
    if (!rows.next())
      return std::unexpected(error{error_kind::broken, "the stream of the batch is gone"});
    epoch = rows.integer(0);
    next = rows.integer(1);
  }
  if (epoch == lease.epoch)
    return verdict{next >= batch.end, begin_epoch(lease.stream, epoch, next, owner, of)};
  // Someone, perhaps an earlier try of this call whose answer was lost, has ended the epoch and
  // noted how far it had come.
  auto rows = ended_epoch_.query(lease.stream, lease.epoch);
  if (!rows.next())
    return std::unexpected(error{error_kind::broken, "the end of the batch's epoch is not known"});
  return verdict{rows.integer(0) >= batch.end - 1, lease};
}

result<std::vector<stream_lease>> streams::adopt(std::span<const stream_lease> held,
                                                 int streams_max, stream_id own,
                                                 std::string_view owner, tenure of) {
  const auto room = static_cast<std::size_t>(std::max(streams_max, 0));
  std::vector<stream_lease> all;
  for (const auto& lease : held)
    if (lease.stream != own && all.size() < room &&
        renew_.run(lease.stream, lease.epoch, of.lease_until) == 1)
      all.push_back(lease);

  struct found {
    stream_id id;
    std::int64_t epoch;
    std::int64_t next;
  };
  const auto others = all_of(with_rest_.query(own), [](const statement::rows& row) {
    return found{{row.integer(0)}, row.integer(1), row.integer(2)};
  });
  for (const auto& other : others) {
    if (all.size() >= room)
      break;
    const bool known = std::ranges::any_of(
        all, [&](const stream_lease& lease) { return lease.stream == other.id; });
    if (!known)
      all.push_back(begin_epoch(other.id, other.epoch, other.next, owner, of));
  }
  return all;
}

} // namespace paymentd::db::sqlite
