// The part of the store's deliveries that nothing is sent by: retries by hand, and pruning.
#include "db/plan_failed.hpp"
#include "db/postgres/delivery_read.hpp"
#include "db/postgres/kept_keys.hpp"
#include "db/postgres/session_sql.hpp"
#include "db/postgres/settlement_sql.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/upkeep_sql.hpp"
#include "domain/plan_retries.hpp"
#include "domain/success_bytes.hpp"

#include <set>

namespace paymentd::db::postgres {
namespace {

parameters named(const std::vector<get_delivery>& which) {
  return std::move(parameters{}
                       .add_texts(which, &get_delivery::subscriber)
                       .add_array(element::int8, which, &get_delivery::entry));
}

/// `locked` are rows of lock_failed, under its locks.
result<std::vector<retry_view>> look_at(session& on, std::span<const delivery_retry> which,
                                        const rows& locked) {
  std::set<std::pair<std::string_view, entry_id>> failed;
  for (const row_view row : locked)
    failed.emplace(row.text(0), entry_id{row.integer(1)});
  delivery_reading source(on);
  delivery_list list(source);
  std::vector<retry_view> views;
  for (const delivery_retry& each : which) {
    auto found = list.find(each.which);
    if (!found)
      return std::unexpected(found.error());
    views.push_back(
        {*std::move(found), failed.contains({each.which.subscriber, each.which.entry})});
  }
  return views;
}

/// Calls once more where the connection was stale, or another process was first with a key, which
/// it has committed by now.
auto at_most_twice(const session& on, auto call) {
  auto first = call();
  if (first || !(on.stale() || on.duplicate()))
    return first;
  auto again = call();
  if (!again && first.error().kind == error_kind::in_doubt)
    again.error().kind = error_kind::in_doubt; // the first one may have happened, or still will
  return again;
}

} // namespace

result<std::vector<answer>> postgres_store::retry(std::span<const delivery_retry> which,
                                                  instant now) {
  return at_most_twice(session_, [&] { return retry_once(which, now); });
}

result<std::vector<answer>> postgres_store::retry_once(std::span<const delivery_retry> which,
                                                       instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  std::vector<get_delivery> all;
  std::vector<idempotency_key> keys;
  for (const delivery_retry& each : which) {
    all.push_back(each.which);
    if (each.key)
      keys.push_back(*each.key);
  }
  session_.add(sql::begin);
  session_.add(sql::lock_failed, named(all));
  // Behind the locks: a retry that held them before has committed, with its key.
  session_.add(sql::lock_kept, digests_of(keys));
  const auto found = session_.run("begin to retry");
  if (!found)
    return std::unexpected(found.error());
  const auto kept = kept_in<kept_retry>((*found)[2], delivery_from_bytes);
  auto views = kept ? look_at(session_, which, (*found)[1])
                    : result<std::vector<retry_view>>(std::unexpected(kept.error()));
  if (!views) {
    session_.roll_back();
    return std::unexpected(views.error());
  }
  retry_plan plan = plan_retries(which, *std::move(views), *kept, now);
  if (!plan.retried.empty())
    session_.add(sql::retry_deliveries, named(plan.retried).add(now));
  add_kept(session_, plan.new_kept, now);
  if (const auto done = session_.run_to_commit("retry"); !done)
    return std::unexpected(done.error());
  return std::move(plan.answers);
}

result<failed_progress> postgres_store::retry_failed(const failed_retry& which,
                                                     const failed_progress& so_far, instant now) {
  return at_most_twice(session_, [&] { return retry_failed_once(which, so_far, now); });
}

result<failed_progress> postgres_store::retry_failed_once(const failed_retry& which,
                                                          const failed_progress& so_far,
                                                          instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const std::vector<idempotency_key> keys(which.key ? 1 : 0, which.key.value_or(idempotency_key{}));
  const auto from = [&] { return parameters{}.add(so_far.subscriber, which.subscriber); };
  session_.add(sql::begin);
  session_.add(sql::next_subscriber, from());
  session_.add(sql::lock_next_failed, from().add(so_far.behind, std::int64_t{failed_at_once_max}));
  session_.add(sql::lock_kept, digests_of(keys)); // behind the locks, as in `retry`
  const auto found = session_.run("begin to retry");
  if (!found)
    return std::unexpected(found.error());
  const auto kept = kept_in<kept_count>((*found)[3], retried_count_from_bytes);
  if (!kept) {
    session_.roll_back();
    return std::unexpected(kept.error());
  }
  std::vector<failed_row> failed;
  for (const row_view row : (*found)[2])
    failed.push_back({{row.integer(0)}, row.time(1)});
  const rows& subscriber = (*found)[1];
  failed_plan plan = plan_failed(
      which, so_far,
      subscriber.empty() ? std::nullopt
                         : std::optional(failed_subscriber{{subscriber[0].integer(0)},
                                                           std::string(subscriber[0].text(1))}),
      failed, kept->empty() ? nullptr : &kept->front());
  if (!plan.retried.empty())
    session_.add(sql::retry_entries,
                 parameters{}.add(plan.subscriber).add_ids(plan.retried).add(now));
  add_kept(session_, plan.new_kept, now);
  if (const auto done = session_.run_to_commit("retry"); !done)
    return std::unexpected(done.error());
  return std::move(plan.next);
}

result<prune_answer> postgres_store::prune(const prune_step& step, instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const auto at = begin_step(step.subscriber, step.stream);
  if (!at)
    return std::unexpected(at.error());
  const stream_id stream = step.stream.stream;
  session_.add(sql::prune_end, parameters{}.add(step.subscriber, stream));
  auto answers = session_.run("prune");
  if (!answers)
    return std::unexpected(answers.error());
  const std::int64_t end = answers->front()[0].integer(0);
  session_.add(sql::prune,
               parameters{}.add(step.subscriber, stream, make_entry_id(stream, step.after), end,
                                std::int64_t{step.looked_at_max}, step.before, now));
  answers = session_.run("prune");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& found = answers->front();
  prune_answer answer{.seen_to = step.after,
                      .deleted = static_cast<int>(found[0].integer(2)),
                      .at_end = found[0].integer(0) < step.looked_at_max};
  if (!found[0].is_null(1))
    answer.seen_to = number_of({found[0].integer(1)});
  if (answer.deleted == 0) {
    session_.roll_back(); // no commit, no wait for the disk
    return answer;
  }
  if (auto done = session_.run_to_commit("prune"); !done)
    return std::unexpected(repeatable(done.error()));
  return answer;
}

} // namespace paymentd::db::postgres
