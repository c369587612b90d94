// Subscribers and their cursors, and the claims as they stand in the database. The code that
// delivers in steps is delivery.cpp.
#include "db/claim_key.hpp"
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <algorithm>

namespace paymentd::db::postgres {
namespace {

// Claims that are remembered; more than any number in flight. Others are read when they end.
constexpr std::size_t known_claims_max = 4096;

} // namespace

message read_message(const rows& from, int row) {
  message made;
  made.event.entry = {from.integer(row, 0)};
  if (from.is_null(row, 1)) {
    made.lost = "its ledger entry is gone";
    return made;
  }
  made.event.at = from.time(row, 2);
  if (from.is_null(row, 3) || from.is_null(row, 9)) {
    made.lost = from.is_null(row, 3) ? "its order is gone" : "its user is gone";
    return made;
  }
  made.event = payment_event{.entry = {from.integer(row, 0)},
                             .kind = static_cast<entry_kind>(from.small_integer(row, 1)),
                             .order = {from.integer(row, 3)},
                             .user = {from.integer(row, 4)},
                             .phone = std::string(from.text(row, 9)),
                             .coupon = from.optional_id<coupon_id>(row, 5),
                             .total = {from.integer(row, 6)},
                             .discount = {from.integer(row, 7)},
                             .ordered_at = from.time(row, 8),
                             .at = from.time(row, 2)};
  made.event.reference = from.text(row, 13);
  made.event.metadata = from.text(row, 14);
  made.event.user_reference = from.text(row, 15);
  made.event.user_metadata = from.text(row, 16);
  if (made.event.kind == entry_kind::refund) {
    made.event.refund = {from.integer(row, 10)};
    made.event.refunded = {from.integer(row, 11)};
    made.event.reason = from.text(row, 12);
  }
  return made;
}

message read_retry(const rows& from, int row) {
  message made = read_message(from, row);
  made.attempts = static_cast<int>(from.integer(row, 17));
  made.copies = static_cast<int>(from.integer(row, 18));
  return made;
}

parameters kinds_after(parameters before, const std::vector<entry_kind>& kinds) {
  before.add_array(element::int2, kinds,
                   [](entry_kind one) { return static_cast<std::int64_t>(one); });
  return before;
}

std::vector<entry_kind> delivery_place::kinds() const {
  std::vector<entry_kind> wanted;
  if (wants_payments)
    wanted.push_back(entry_kind::payment);
  if (wants_refunds)
    wanted.push_back(entry_kind::refund);
  return wanted;
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
  const subscriber out{{found.integer(0, 0)},
                       std::string(name),
                       found.boolean(0, 1),
                       found.boolean(0, 2),
                       std::string(found.text(0, 3)),
                       found.is_null(0, 4) ? std::nullopt : std::optional(found.time(0, 4))};
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
                                    row_place cursor) {
  session_.add(sql::begin);
  session_.add(sql::lock_cursor_at,
               parameters{}.add(subscriber, stream.stream, options_.owner, stream.epoch, cursor));
}

result<delivery_place> postgres_store::read_place(subscriber_id subscriber, stream_lease stream,
                                                  const rows& cursor) {
  if (cursor.empty() || !cursor.boolean(0, 4)) {
    session_.roll_back();
    return std::unexpected(
        error{error_kind::fenced, "epoch " + std::to_string(stream.epoch) +
                                      " of the deliveries of " + "stream " +
                                      std::to_string(stream.stream.value) + " to subscriber " +
                                      std::to_string(subscriber.value) + " has ended"});
  }
  return delivery_place{.subscriber = subscriber,
                        .stream = stream,
                        .position = cursor.integer(0, 0),
                        .cursor = cursor.place(0, 3),
                        .wants_payments = cursor.boolean(0, 1),
                        .wants_refunds = cursor.boolean(0, 2)};
}

// For what is not hurried: finds the cursor by its key.
result<delivery_place> postgres_store::begin_step(subscriber_id subscriber, stream_lease stream) {
  session_.add(sql::begin);
  session_.add(sql::lock_cursor,
               parameters{}.add(subscriber, stream.stream, options_.owner, stream.epoch));
  if (instance_.empty())
    session_.add(sql::instance);
  auto answers = session_.run("begin to deliver");
  if (!answers)
    return std::unexpected(answers.error());
  if (instance_.empty() && !answers->back().empty())
    instance_ = answers->back().text(0, 0);
  auto at = read_place(subscriber, stream, (*answers)[1]);
  if (at)
    known_places_[{subscriber, stream.stream}] = *at;
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
result<std::vector<claim>> postgres_store::load_claims(const delivery_place& at,
                                                       std::span<const claim_id> ids, bool all) {
  session_.add(sql::get_claims, parameters{}.add(at.subscriber, at.stream.stream));
  auto answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());
  const rows found = std::move(answers->front());
  std::vector<int> chosen;
  for (int row = 0; row < found.size(); ++row)
    if (all || std::ranges::find(ids, claim_id{found.integer(row, 0)}) != ids.end())
      chosen.push_back(row);
  for (const int row : chosen)
    if (found.is_null(row, 5))
      session_.add(
          sql::events_of_range,
          kinds_after(parameters{}.add(found.integer(row, 3), found.integer(row, 4)), at.kinds())
              .add(options_.reads_user));
    else
      session_.add(
          sql::events_of_list,
          parameters{}.add_ids(found.integers(row, 5)).add(at.subscriber, options_.reads_user));
  answers = session_.run("read claims");
  if (!answers)
    return std::unexpected(answers.error());

  std::vector<claim> claims;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const int row = chosen[i];
    const bool retries = !found.is_null(row, 5);
    claim one{.id = {found.integer(row, 0)},
              .generation = static_cast<int>(found.integer(row, 1)),
              .key = {},
              .since = found.time(row, 6),
              .messages = {},
              .provider = std::string(found.text(row, 7))};
    one.key = claim_key(found.text(row, 2), one.id, one.generation, one.since);
    const rows& events = (*answers)[i];
    for (int event = 0; event < events.size(); ++event)
      one.messages.push_back(retries ? read_retry(events, event) : read_message(events, event));
    claim_record what{.id = one.id, .retries = retries, .provider = one.provider};
    if (!retries) {
      what.first = {found.integer(row, 3)};
      what.last = {found.integer(row, 4)};
    }
    keep(std::move(what), one.messages);
    claims.push_back(std::move(one));
  }
  return claims;
}

} // namespace paymentd::db::postgres
