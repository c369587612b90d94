// The part of delivery.hpp that nothing is sent by: retries by hand, and pruning.
#include "db/plan_failed.hpp"
#include "db/sqlite/administration.hpp"
#include "db/sqlite/delivery.hpp"
#include "db/sqlite/upkeep_sql.hpp"
#include "domain/plan_retries.hpp"
#include "domain/success_bytes.hpp"

#include <algorithm>

namespace paymentd::db::sqlite {
namespace {

result<int> retry_some(connection& on, transactions& with, subscriber_id of, entry_id& behind,
                       instant now) {
  transaction step(with, transaction::kind::write);
  std::vector<entry_id> failed;
  statement look(on, sql::failed_behind);
  for (auto row = look.query(of, behind, failed_at_once_max); row.next();)
    failed.push_back({row.integer(0)});
  statement change(on, sql::retry_one_failed);
  for (const entry_id each : failed)
    change.run(of, each, now);
  step.commit();
  if (!failed.empty())
    behind = failed.back();
  return static_cast<int>(failed.size());
}

} // namespace

result<std::vector<answer>> deliveries::retry(std::span<const delivery_retry> which,
                                              list_source& reads, instant now) {
  delivery_list list(reads);
  std::vector<retry_view> views;
  std::vector<kept_retry> kept;
  for (const delivery_retry& each : which) {
    const auto& [subscriber, entry] = each.which;
    auto found = list.find(each.which);
    if (!found)
      return std::unexpected(found.error());
    views.push_back(
        {*std::move(found), is_failed_.query(std::string_view(subscriber), entry).next()});
    if (each.key)
      if (auto before = keys_.find<kept_retry>(*each.key, delivery_from_bytes))
        kept.push_back(*std::move(before));
  }
  retry_plan plan = plan_retries(which, std::move(views), kept, now);
  for (const auto& [subscriber, entry] : plan.retried)
    retry_.run(std::string_view(subscriber), entry, now);
  for (const kept_retry& each : plan.new_kept)
    keys_.add(each.key, to_bytes(each.what), now);
  return std::move(plan.answers);
}

failed_progress deliveries::retry_failed(const failed_retry& which, const failed_progress& so_far,
                                         instant now) {
  std::optional<kept_count> kept;
  if (which.key)
    kept = keys_.find<kept_count>(*which.key, retried_count_from_bytes);
  std::optional<failed_subscriber> at;
  if (auto row = next_subscriber_.query(so_far.subscriber, std::string_view(which.subscriber));
      row.next())
    at = failed_subscriber{{row.integer(0)}, std::string(row.text(1))};
  std::vector<failed_row> failed;
  if (at)
    for (auto row = failed_behind_.query(at->id, so_far.behind, failed_at_once_max); row.next();)
      failed.push_back({{row.integer(0)}, row.time(1)});
  failed_plan plan = plan_failed(which, so_far, at, failed, kept ? &*kept : nullptr);
  for (const entry_id each : plan.retried)
    retry_failed_.run(plan.subscriber, each, now);
  for (const kept_count& each : plan.new_kept)
    keys_.add(each.key, to_bytes(each.what), now);
  return std::move(plan.next);
}

result<prune_answer> deliveries::prune(const prune_step& step, instant now) {
  const stream_id stream = step.stream.stream;
  entry_id end;
  if (auto row = prune_end_.query(step.subscriber, stream); row.next())
    end = {row.integer(0)};
  prune_answer answer{.seen_to = step.after};
  std::vector<entry_id> old;
  int looked_at = 0;
  {
    auto row = prune_look_.query(step.subscriber, make_entry_id(stream, step.after), end,
                                 step.looked_at_max);
    for (; !answer.at_end && row.next(); ++looked_at) {
      // The rows behind are as young; but that one clock was ahead once says nothing of it.
      if (row.time(2) >= step.before && row.time(2) <= now) {
        answer.at_end = true;
        break;
      }
      answer.seen_to = number_of({row.integer(0)});
      if (row.integer(1) == static_cast<int>(delivery_status::delivered) &&
          row.time(3) < step.before)
        old.push_back({row.integer(0)});
    }
  }
  answer.at_end = answer.at_end || looked_at < step.looked_at_max;
  for (const entry_id each : old)
    prune_one_.run(step.subscriber, each);
  if (!old.empty())
    raise_kept_from_.run(step.subscriber, stream, number_of(old.back()));
  answer.deleted = static_cast<int>(old.size());
  return answer;
}

result<std::int64_t> retry_all_failed(connection& on, std::string_view subscriber, instant now,
                                      const std::function<void(std::int64_t)>& progress) {
  std::vector<subscriber_id> chosen;
  statement all(on, "select id, name from subscribers order by id");
  for (auto row = all.query(); row.next();)
    if (subscriber.empty() || row.text(1) == subscriber)
      chosen.push_back({row.integer(0)});
  if (chosen.empty() && !subscriber.empty())
    return std::unexpected(
        error{error_kind::broken, "no subscriber is called " + std::string(subscriber)});
  transactions with(on);
  std::int64_t count = 0;
  for (const subscriber_id each : chosen)
    for (entry_id behind;;) {
      const auto some = retry_some(on, with, each, behind, now);
      if (!some)
        return std::unexpected(some.error());
      count += *some;
      if (*some > 0)
        progress(count);
      if (*some < failed_at_once_max)
        break;
    }
  return count;
}

} // namespace paymentd::db::sqlite
