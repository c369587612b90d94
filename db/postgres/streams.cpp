// Leases: of a stream to write to, with its epochs and numbers, and of the deliveries from streams
// to subscribers.
#include "db/postgres/settlement_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/stream_sql.hpp"
#include "db/store_rules.hpp"
#include "domain/id_floor.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

// Ids are reserved in blocks of at least this many, so that creating costs no round trip; what is
// left of a block when the process ends is lost.
constexpr std::int64_t id_block_min = 1000;
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
    session_.add(sql::take_over, parameters{}
                                     .add(options_.lease.count(), options_.owner,
                                          all_numbers_end - numbers_left_min)
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
      holds({{taken[0].integer(0)}, taken[0].integer(1)}, taken[0].integer(2));
      doubt_.reset();
      return lease_;
    }
  }
  return std::unexpected(
      error{error_kind::unavailable, "database: all " + std::to_string(stream_max) +
                                         " streams of the ledger are in use or used up"});
}

// A server that was failed over to may have lost this stream's last commits and would give their
// numbers again. A new epoch begins above all of them.
result<void> postgres_store::begin_epoch_after_reconnect(instant now) {
  if (lease_session_ == session_.opened())
    return {};
  add_raise_epoch(lease_, now);
  const auto raised = session_.run_to_commit("begin an epoch");
  if (!raised)
    return std::unexpected(repeatable(raised.error()));
  if (raised->front().empty())
    return std::unexpected(epoch_has_ended(lease_));
  holds({lease_.stream, raised->front()[0].integer(0)}, raised->front()[0].integer(1));
  return {};
}

void postgres_store::add_raise_epoch(stream_lease ended, instant now) {
  session_.add(sql::raise_epoch,
               parameters{}.add(options_.lease.count(), ended.stream, options_.owner, ended.epoch,
                                stream_floor_at(now).number, number_block));
}

// Ids that were reserved on another connection are left unused: a server that was failed over to
// may have lost their reservation, and reserve them for somebody else.
void postgres_store::holds(stream_lease now, std::int64_t numbers_end) {
  if (lease_.stream != now.stream)
    marked_from_ = 0;
  marked_ = true; // a process that died may have left some
  lease_ = now;
  numbers_ = {.next = numbers_end - number_block, .end = numbers_end};
  renewed_ = std::chrono::steady_clock::now();
  if (lease_session_ != session_.opened()) {
    user_ids_.next = user_ids_.end;
    order_ids_.next = order_ids_.end;
  }
  lease_session_ = session_.opened();
}

result<void> postgres_store::reserve(id_block& block, std::int64_t count, instant now) {
  if (count == 0 || block.end - block.next >= count)
    return {};
  const std::int64_t size = std::max(count, id_block_min);
  session_.add(sql::reserve_ids,
               parameters{}.add(std::string_view(block.kind), size, row_id_floor_at(now)));
  const auto reserved = session_.run_to_commit("reserve ids");
  if (!reserved)
    return std::unexpected(repeatable(reserved.error()));
  if (reserved->front().empty())
    return std::unexpected(error{error_kind::broken, "database: the table id_blocks is empty"});
  block.next = reserved->front()[0].integer(0);
  block.end = block.next + size;
  return {};
}

result<void> postgres_store::reserve_numbers(std::int64_t count) {
  if (numbers_.end - numbers_.next >= count)
    return {};
  const std::int64_t size = std::max(count, number_block);
  session_.add(sql::reserve_numbers, parameters{}.add(size, lease_.stream, options_.owner,
                                                      lease_.epoch, all_numbers_end));
  const auto reserved = session_.run_to_commit("reserve numbers");
  if (!reserved)
    return std::unexpected(repeatable(reserved.error()));
  if (reserved->front().empty())
    return std::unexpected(epoch_has_ended(lease_));
  // Those that were left are below them: nobody else reserves in this epoch.
  numbers_.end = reserved->front()[0].integer(0);
  numbers_.next = std::max(numbers_.next, numbers_.end - size);
  return {};
}

parameters postgres_store::of_epoch(parameters before) const {
  before.add(lease_.stream, options_.owner, lease_.epoch);
  return before;
}

bool postgres_store::renews_lease() {
  const auto now = std::chrono::steady_clock::now();
  renewing_.reset();
  if (now - renewed_ >= options_.lease / lease_renewals)
    renewing_ = now;
  return renewing_.has_value();
}

void postgres_store::add_fence() {
  if (renewing_)
    session_.add(sql::renew_lease, of_epoch(parameters{}.add(options_.lease.count())));
  else
    session_.add(sql::check_epoch, of_epoch({}));
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
    known_cursors_.clear();
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
  return all_of(answers->back(), [](const row_view& row) {
    return delivery_lease{std::string(row.text(0)), {{row.integer(1)}, row.integer(2)}};
  });
}

} // namespace paymentd::db::postgres
