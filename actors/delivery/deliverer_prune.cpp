// How the deliverer prunes what was DELIVERED long ago: of one stream at a time, in small steps
// with pauses between them, since other work waits at the same store.
#include "actors/delivery/deliverer.hpp"

#include <caf/send.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace paymentd::actors {

void deliverer::prune() {
  if (options_.retention.count() <= 0 || closing_ || subscribed_ != subscription::done ||
      pruned_now_)
    return;
  const steady_instant clock = self_->clock().now();
  std::erase_if(prunings_, [this](const auto& each) { return !book_.find(each.first); });
  for (const auto& [id, stream] : book_.streams()) {
    if (stream.claims_known != held_stream::loading::done)
      continue;
    // Not at once after a start, which may be one of many in a row.
    const auto [at, fresh] = prunings_.try_emplace(id, pruning{0, clock + options_.prune_rest});
    if (fresh || at->second.not_before > clock)
      continue;
    pruned_now_ = stream.lease;
    ask(
        self_, options_.store, db::error_kind::unavailable,
        [step = prune_step{.subscriber = subscriber_,
                           .stream = stream.lease,
                           .after = at->second.after,
                           .before = time_now() - options_.retention}](
            db::delivery_store& store, instant now) { return store.prune(step, now); },
        [this, of = stream.lease](const auto& answer) { on_pruned(of, answer); });
    return;
  }
}

void deliverer::on_pruned(const stream_lease& of, const db::result<prune_answer>& answer) {
  if (!std::exchange(pruned_now_, std::nullopt))
    return;
  const auto at = prunings_.find(of.stream);
  held_stream* stream = book_.find(of.stream);
  if (at != prunings_.end()) {
    pruning& where = at->second;
    const bool over = !answer || answer->at_end;
    where.after = over ? 0 : answer->seen_to;
    where.not_before = self_->clock().now() + (over ? options_.prune_rest : options_.prune_pause);
  }
  if (answer)
    add(options_.counters->pruned, static_cast<std::size_t>(answer->deleted));
  else if (answer.error().kind != db::error_kind::fenced)
    spdlog::warn("{}: old deliveries were not pruned: {}", options_.subscriber,
                 answer.error().text);
  else if (stream && stream->lease == of)
    store_failed(*stream, answer.error());
  pump();
}

/// When the next step of pruning is due; the far end of time where none is.
steady_instant deliverer::next_prune() const {
  steady_instant next = steady_instant::max();
  if (!pruned_now_)
    for (const auto& [id, each] : prunings_)
      next = std::min(next, each.not_before);
  return next;
}

} // namespace paymentd::actors
