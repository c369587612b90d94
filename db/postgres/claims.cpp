// Subscribers and their cursors, and the claims as they stand in the database. The code that
// delivers in steps is delivery.cpp.
#include "db/claim_key.hpp"
#include "db/postgres/delivery_sql.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/row_readers.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

// Claims that are remembered; more than any number in flight. Others are read when they end.
constexpr std::size_t known_claims_max = 4096;

} // namespace

std::vector<message> messages_in(const rows& from, bool retries) {
  return all_of(from, retries ? read_retry<row_view> : read_message<row_view>);
}

parameters kinds_after(parameters before, event_kinds kinds) {
  std::vector<entry_kind> all;
  for (const auto each : {entry_kind::payment, entry_kind::refund})
    if (kinds.hold(each))
      all.push_back(each);
  before.add_array(element::int2, all, std::identity{});
  return before;
}

// ---- subscribers and claims as they stand -------------------------------------------------------

result<subscriber> postgres_store::subscribe(std::string_view name, bool wants_payments,
                                             bool wants_refunds, instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::begin);
  session_.add(sql::add_subscriber, parameters{}.add(name, wants_payments, wants_refunds, now));
  session_.add(sql::find_subscriber, parameters{}.add(name));
  const auto answers = session_.run("subscribe");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& found = (*answers)[2];
  if (found.empty()) {
    session_.roll_back();
    return std::unexpected(
        error{error_kind::unavailable, "database: subscribe: another process is at it"});
  }
  const subscriber out{{found[0].integer(0)},         std::string(name),
                       found[0].boolean(1),           found[0].boolean(2),
                       std::string(found[0].text(3)), found[0].optional_time(4)};
  if ((*answers)[1].empty()) {
    session_.roll_back(); // it was there: nothing to write
  } else {
    session_.add(sql::add_cursors_at_end, parameters{}.add(out.id));
    if (auto done = session_.run_to_commit("subscribe"); !done)
      return std::unexpected(repeatable(done.error()));
  }
  return out;
}

std::string postgres_store::instance() {
  return instance_ + "t" + std::to_string(session_.on().timeline());
}

void postgres_store::add_begin_step(subscriber_id subscriber, stream_lease stream,
                                    row_address cursor) {
  session_.add(sql::begin);
  session_.add(sql::lock_cursor_at,
               parameters{}.add(subscriber, stream.stream, options_.owner, stream.epoch, cursor));
}

result<locked_cursor> postgres_store::read_locked(subscriber_id subscriber, stream_lease stream,
                                                  const rows& cursor) {
  if (cursor.empty() || !cursor[0].boolean(4)) {
    session_.roll_back();
    return std::unexpected(
        error{error_kind::fenced, "epoch " + std::to_string(stream.epoch) +
                                      " of the deliveries of " + "stream " +
                                      std::to_string(stream.stream.value) + " to subscriber " +
                                      std::to_string(subscriber.value) + " has ended"});
  }
  return locked_cursor{
      .subscriber = subscriber,
      .stream = stream,
      .position = cursor[0].integer(0),
      .address = cursor[0].address(3),
      .wanted = {.payments = cursor[0].boolean(1), .refunds = cursor[0].boolean(2)}};
}

// For what is not hurried: finds the cursor by its key.
result<locked_cursor> postgres_store::begin_step(subscriber_id subscriber, stream_lease stream) {
  session_.add(sql::begin);
  session_.add(sql::lock_cursor,
               parameters{}.add(subscriber, stream.stream, options_.owner, stream.epoch));
  if (instance_.empty())
    session_.add(sql::instance);
  auto answers = session_.run("begin to deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (instance_.empty() && !answers->back().empty())
    instance_ = answers->back()[0].text(0);
  auto at = read_locked(subscriber, stream, (*answers)[1]);
  if (at)
    known_cursors_[{subscriber, stream.stream}] = *at;
  return at;
}

result<std::vector<claim>> postgres_store::open_claims(subscriber_id subscriber,
                                                       stream_lease stream, instant) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const auto at = begin_step(subscriber, stream);
  if (!at)
    return std::unexpected(at.error());
  auto claims = load_claims(*at, {}, true);
  if (!claims)
    return claims;
  if (auto done = session_.run_to_commit("read the open claims"); !done)
    return std::unexpected(repeatable(done.error()));
  return claims;
}

void postgres_store::keep(claim_record what, const std::vector<message>& messages) {
  if (known_claims_.size() >= known_claims_max)
    known_claims_.clear();
  what.entries.clear();
  what.entries.reserve(messages.size());
  for (const message& each : messages)
    what.entries.push_back({each.event.entry, each.event.at});
  known_claims_[what.id] = std::move(what);
}

// The claims of `ids`, or all, oldest first, with their messages; from here on they are kept.
result<std::vector<claim>> postgres_store::load_claims(const locked_cursor& at,
                                                       std::span<const claim_id> ids, bool all) {
  session_.add(sql::get_claims, parameters{}.add(at.subscriber, at.stream.stream));
  auto answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());
  const rows found = std::move(answers->front());
  std::vector<int> chosen;
  for (int row = 0; row < found.size(); ++row)
    if (all || std::ranges::find(ids, claim_id{found[row].integer(0)}) != ids.end())
      chosen.push_back(row);
  for (const int row : chosen)
    if (found[row].is_null(5))
      session_.add(
          sql::events_of_range,
          kinds_after(parameters{}.add(found[row].integer(3), found[row].integer(4)), at.wanted)
              .add(options_.reads_user));
    else
      session_.add(
          sql::events_of_list,
          parameters{}.add_ids(found[row].integers(5)).add(at.subscriber, options_.reads_user));
  answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());

  std::vector<claim> claims;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const int row = chosen[i];
    const bool retries = !found[row].is_null(5);
    claim one = make_claim(found[row].text(2), {found[row].integer(0)},
                           static_cast<int>(found[row].integer(1)), found[row].time(6),
                           messages_in((*answers)[i], retries), std::string(found[row].text(7)));
    claim_record what{.id = one.id, .retries = retries, .provider = one.provider};
    if (!retries) {
      what.first = {found[row].integer(3)};
      what.last = {found[row].integer(4)};
    }
    keep(std::move(what), one.messages);
    claims.push_back(std::move(one));
  }
  return claims;
}

} // namespace paymentd::db::postgres
