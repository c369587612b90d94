// The part of the store's deliveries that nothing is sent by: retries by hand, and pruning.
#include "db/postgres/delivery_read.hpp"
#include "db/postgres/sql.hpp"
#include "db/postgres/store.hpp"

#include <set>

namespace paymentd::db::postgres {

result<std::vector<answer>> postgres_store::retry(std::span<const get_delivery> which,
                                                  instant now) {
  auto answers = retry_once(which, now);
  if (!answers && session_.stale())
    return retry_once(which, now);
  return answers;
}

result<std::vector<answer>> postgres_store::retry_once(std::span<const get_delivery> which,
                                                       instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  session_.add(sql::begin);
  if (auto begun = session_.run("begin to retry"); !begun)
    return std::unexpected(begun.error());
  // Read first: what was FAILED here and was not changed below, another has retried between.
  delivery_reading source(session_);
  delivery_list list(source);
  std::vector<answer> answers;
  for (const get_delivery& each : which) {
    auto found = list.find(each);
    if (!found) {
      session_.roll_back();
      return std::unexpected(found.error());
    }
    answers.push_back(*std::move(found));
  }
  session_.add(sql::retry_deliveries,
               parameters{}
                   .add_texts(which,
                              [](const get_delivery& one) {
                                return std::optional<std::string_view>(one.subscriber);
                              })
                   .add_array(element::int8, which, &get_delivery::entry)
                   .add(now));
  const auto changed = session_.run_to_commit("retry");
  if (!changed)
    return std::unexpected(changed.error());
  std::set<std::pair<std::string, std::int64_t>> retried;
  const rows& done = changed->front();
  for (int row = 0; row < done.size(); ++row)
    retried.emplace(done.text(row, 0), done.integer(row, 1));
  for (std::size_t i = 0; i < which.size(); ++i) {
    auto* there = std::get_if<delivery>(&answers[i]);
    if (there == nullptr)
      continue;
    const bool was_failed = there->status == delivery_status::failed;
    if (retried.erase({which[i].subscriber, which[i].entry.value}) > 0) {
      there->status = delivery_status::pending;
      there->next_attempt = there->updated_at = now;
    } else {
      answers[i] = not_failed{was_failed ? delivery_status::pending : there->status};
    }
  }
  return answers;
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
  const std::int64_t end = answers->front().integer(0, 0);
  session_.add(sql::prune,
               parameters{}.add(step.subscriber, stream, make_entry_id(stream, step.after), end,
                                std::int64_t{step.looked_at_max}, step.before, now));
  answers = session_.run("prune");
  if (!answers)
    return std::unexpected(answers.error());
  const rows& found = answers->front();
  prune_answer answer{.seen_to = step.after,
                      .deleted = static_cast<int>(found.integer(0, 2)),
                      .at_end = found.integer(0, 0) < step.looked_at_max};
  if (!found.is_null(0, 1))
    answer.seen_to = number_of({found.integer(0, 1)});
  if (answer.deleted == 0) {
    session_.roll_back(); // no commit, no wait for the disk
    return answer;
  }
  if (auto done = session_.run_to_commit("prune"); !done)
    return std::unexpected(repeatable(done.error()));
  return answer;
}

} // namespace paymentd::db::postgres
