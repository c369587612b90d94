// Settlement: one batch, one transaction, two round trips. The first fences, locks and reads what
// the batch names; the second writes what `decide` made of it and commits.
#include "db/postgres/kept_keys.hpp"
#include "db/postgres/store.hpp"
#include "db/postgres/stream_sql.hpp"
#include "db/store_rules.hpp"
#include "domain/check.hpp"
#include "domain/success_bytes.hpp"

namespace paymentd::db::postgres {
namespace {

/// How often a batch is decided again since other transactions were first.
constexpr int races_max = 5;

} // namespace

result<std::vector<outcome>> postgres_store::settle(std::span<const command> batch, instant now) {
  if (doubt_)
    return std::unexpected(batch_is_unresolved());
  if (!locked_.empty())
    review_locked();
  auto settled = settle_free(batch, now);
  // Another transaction was first with one of the keys, or with one of the rows. It has committed
  // by now, so this batch, of which nothing is left, is decided again with what that one did.
  for (int times = 0; !settled && session_.overtaken() && times < races_max; ++times)
    settled = settle_free(batch, now);
  if (settled || !session_.contended() || !find_locked(batch))
    return settled;
  return settle_free(batch, now);
}

result<std::vector<outcome>> postgres_store::settle_free(std::span<const command> batch,
                                                         instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  if (auto same = begin_epoch_after_reconnect(now); !same)
    return std::unexpected(same.error());
  std::vector<command> free;
  std::vector<std::size_t> at; // where they stand in the batch
  if (!locked_.empty()) {
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (!names_locked(batch[i])) {
        free.push_back(batch[i]);
        at.push_back(i);
      }
  }
  const bool all_free = locked_.empty();
  const std::int64_t cleared = options_.newest->cleared();
  const std::span<const command> chosen = all_free ? batch : std::span<const command>(free);

  auto found = lock_and_read(chosen, now);
  if (!found)
    return std::unexpected(found.error());
  const std::int64_t first = number_of(found->state.first_entry);
  const std::int64_t last = first + numbers_for(chosen) - 1;
  check(last < numbers_.end, "settle: the numbers of a batch are reserved");
  numbers_.next = last + 1; // as the ids below
  recent_.warn(chosen, found->state);
  decision decided = decide(chosen, std::move(found->state), now);
  // Used up whether the batch commits or not: gaps do no harm, a second use would.
  user_ids_.next += std::ssize(decided.new_users);
  order_ids_.next += std::ssize(decided.new_orders);
  check(user_ids_.next <= user_ids_.end && order_ids_.next <= order_ids_.end,
        "settle: the ids of a batch are reserved");
  add_created(decided, now);
  add_changes(decided, *found, now);
  add_kept(session_, decided.new_kept, now);
  const entry_id proof = add_proof(decided, first, last);
  std::vector<outcome> outcomes = std::move(decided.outcomes);
  check(outcomes.size() == chosen.size(), "settle: each command has its outcome");
  if (!all_free) {
    std::vector<outcome> whole(batch.size(), refused{refusal::row_locked, std::nullopt});
    for (std::size_t i = 0; i < at.size(); ++i)
      whole[at[i]] = std::move(outcomes[i]);
    outcomes = std::move(whole);
  }
  auto committed = commit_batch(proof, last, std::move(outcomes));
  if (committed) {
    recent_.learn(batch, *committed);
    // A batch whose commit was in doubt is left out, and with it all before it.
    if (!options_.reads_user) // else events have more of the user than is read here
      options_.newest->learn({lease_.stream, first, last, now, cleared}, std::move(decided));
  }
  return committed;
}

// The proof of the batch, if its commit comes into doubt: its first entry, or a mark. On the way,
// the marks of batches that are past all doubt go, as often as the lease is renewed.
entry_id postgres_store::add_proof(const decision& decided, std::int64_t first, std::int64_t last) {
  if (renewing_ && marked_)
    session_.add(sql::delete_marks, parameters{}.add(lease_.stream, marked_from_, first));
  if (!decided.entries.empty())
    return decided.entries.front().id;
  session_.add(sql::add_mark, parameters{}.add(lease_.stream, last));
  return {};
}

result<std::vector<outcome>> postgres_store::commit_batch(entry_id proof, std::int64_t last,
                                                          std::vector<outcome> outcomes) {
  // In doubt before the commit leaves: whatever is thrown from then on, `resolve` knows the batch.
  doubt_ = doubt{.stream = lease_, .entry = proof, .last = last, .outcomes = std::move(outcomes)};
  auto done = session_.run_to_commit("settle");
  if (!done && done.error().kind == error_kind::in_doubt)
    return std::unexpected(done.error());
  outcomes = std::move(doubt_->outcomes);
  doubt_.reset();
  if (!done)
    return std::unexpected(done.error());
  if (renewing_) {
    renewed_ = *renewing_;
    marked_from_ = last;
    marked_ = false;
  }
  marked_ |= proof == entry_id{};
  return outcomes;
}

result<std::optional<std::vector<outcome>>> postgres_store::resolve(instant now) {
  if (auto ready = session_.begin_call(); !ready)
    return std::unexpected(ready.error());
  const stream_lease asked = doubt_ ? doubt_->stream : lease_;
  add_raise_epoch(asked, now);
  session_.add(sql::ended_epoch, parameters{}.add(asked.stream, asked.epoch, options_.owner));
  session_.add(sql::is_committed, parameters{}.add(doubt_ ? doubt_->entry : entry_id{},
                                                   asked.stream, doubt_ ? doubt_->last : 0));
  const auto answers = session_.run_to_commit("resolve");
  if (!answers)
    return std::unexpected(repeatable(answers.error()));
  if (const rows& raised = (*answers)[0]; !raised.empty())
    holds({asked.stream, raised[0].integer(0)}, raised[0].integer(1));
  // The one that ended the epoch, this call or another owner, has noted it, and waited for the
  // batch if that was still on its way. Without a note the epoch itself was lost with a failed
  // server, and all that was done under it.
  const rows& ended = (*answers)[1];
  const bool committed = (*answers)[2][0].boolean(0);
  std::optional<std::vector<outcome>> outcomes;
  if (doubt_ && !ended.empty() && committed)
    outcomes = std::move(doubt_->outcomes);
  doubt_.reset();
  return outcomes;
}

} // namespace paymentd::db::postgres
