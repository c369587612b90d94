#include "domain/plan_retries.hpp"

#include "domain/check.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace paymentd {

namespace {

/// Builds one plan, retry after retry.
class retry_planner {
 public:
  retry_planner(std::span<const kept_retry> kept, instant now) : now_(now) {
    for (const kept_retry& each : kept)
      kept_.try_emplace(each.key.digest, each);
  }

  void add(const delivery_retry& asked, retry_view view) {
    plan_.answers.push_back(decide(asked, std::move(view)));
  }

  retry_plan take() {
    for (const digest& each : added_)
      plan_.new_kept.push_back(kept_.at(each));
    return std::move(plan_);
  }

 private:
  using digest = decltype(idempotency_key::digest);

  answer decide(const delivery_retry& asked, retry_view view) {
    if (asked.key)
      if (const auto before = kept_.find(asked.key->digest); before != kept_.end()) {
        const bool same = before->second.key.body == asked.key->body;
        return same ? answer{replayed_retry{before->second.what}} : answer{key_reused{}};
      }
    auto* one = std::get_if<delivery>(&view.found);
    if (one == nullptr)
      return std::move(view.found);
    // One that is shown as FAILED, though it is so no more, was retried by somebody else meanwhile.
    if (!view.is_failed)
      return not_failed{one->status == delivery_status::failed ? delivery_status::pending
                                                               : one->status};
    if (!retried_.emplace(one->subscriber, one->entry).second)
      return not_failed{delivery_status::pending};
    one->status = delivery_status::pending;
    one->next_attempt = one->updated_at = now_;
    one->channel.reset();
    plan_.retried.push_back(asked.which);
    if (asked.key) {
      kept_.emplace(asked.key->digest, kept_retry{*asked.key, *one});
      added_.insert(asked.key->digest);
    }
    return std::move(view.found);
  }

  instant now_;
  std::map<digest, kept_retry> kept_;
  std::set<digest> added_;
  std::set<std::pair<std::string, entry_id>> retried_;
  retry_plan plan_;
};

} // namespace

retry_plan plan_retries(std::span<const delivery_retry> batch, std::vector<retry_view> views,
                        std::span<const kept_retry> kept, instant now) {
  check(batch.size() == views.size(), "each retry has been looked at");
  retry_planner made(kept, now);
  for (std::size_t i = 0; i < batch.size(); ++i)
    made.add(batch[i], std::move(views[i]));
  return made.take();
}

} // namespace paymentd
