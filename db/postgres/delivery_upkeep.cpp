// The part of the store's deliveries that nothing is sent by: retries by hand, and pruning.
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

} // namespace

result<std::vector<answer>> postgres_store::retry(std::span<const delivery_retry> which,
                                                  instant now) {
  auto answers = retry_once(which, now);
  // Where another process was first with a key, it has committed by now.
  if (answers || !(session_.stale() || session_.duplicate()))
    return answers;
  auto again = retry_once(which, now);
  if (!again && answers.error().kind == error_kind::in_doubt)
    again.error().kind = error_kind::in_doubt; // the first one may have happened, or still will
  return again;
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
