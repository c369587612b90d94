#include "actors/delivery/claim_book.hpp"

#include "domain/check.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace paymentd::actors {

namespace {

// The clocks of processes that share a database differ by less.
constexpr std::chrono::seconds clock_difference_max{30};
// While a claim is in doubt for less than this, the reading of results waits for it.
constexpr std::chrono::minutes results_wait{9};

/// Whether a claim takes a slot: one that ends takes none, since the step that ends it also opens
/// its successor.
bool takes_slot(const open_claim& claim, instant now) {
  const auto at = due(claim.state);
  return !at || (*at <= now && !std::holds_alternative<states::to_end>(claim.state));
}

bool is_parked(const open_claim& claim, instant now) {
  return due(claim.state).value_or(now) > now;
}

/// The tries of a claim that stays open, where some are not stored yet.
void note_tries(claim_id id, const open_claim& claim, delivery_step& step) {
  if (claim.tried != claim.noted)
    step.noted.push_back({.id = id, .tries = claim.tries});
}

template <class Predicate>
int count_claims(const std::map<stream_id, held_stream>& streams, Predicate which) {
  std::ptrdiff_t count = 0;
  for (const auto& [id, stream] : streams)
    count +=
        std::ranges::count_if(stream.claims, [&](const auto& each) { return which(each.second); });
  return static_cast<int>(count);
}

} // namespace

held_stream* claim_book::find(stream_id stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

void claim_book::hold(const stream_lease& lease, std::optional<steady_instant> until) {
  held_stream& stream = streams_[lease.stream];
  if (lease.epoch < stream.lease.epoch)
    return; // old news
  if (stream.lease != lease) {
    stream.lease = lease;
    stream.claims_known = held_stream::loading::wanted;
    stream.store_not_before = {};
  }
  stream.lease_until = until;
  stream.more = true;
}

int claim_book::used(instant now) const {
  int opening = 0;
  for (const auto& [id, stream] : streams_)
    opening += stream.step ? stream.step->open_max : 0;
  return opening +
         count_claims(streams_, [now](const open_claim& each) { return takes_slot(each, now); });
}

int claim_book::parked(instant now) const {
  return count_claims(streams_, [now](const open_claim& each) { return is_parked(each, now); });
}

bool claim_book::all_linger(instant since_before, instant now) const {
  return count_claims(streams_, [&](const open_claim& each) {
           return takes_slot(each, now) &&
                  !(is_in_doubt(each.state) && each.claim.since < since_before);
         }) == 0;
}

std::vector<open_claim> claim_book::take_over(held_stream& stream, std::vector<claim> open,
                                              const delivery_policy& policy, instant now) {
  std::map<claim_id, open_claim> before = std::exchange(stream.claims, {});
  for (claim& each : open) {
    const claim_id id = each.id;
    const auto known = before.find(id);
    if (known != before.end() && known->second.claim.generation == each.generation) {
      stream.claims.emplace(id, std::move(known->second));
      before.erase(known);
      continue;
    }
    open_claim& taken = stream.claims[id];
    taken.claim = std::move(each);
    if (taken.claim.since > now + clock_difference_max) {
      // The clock was set back since, so its age is not known: its key is used no more, and what a
      // search finds holds once a call of before has ended.
      taken.claim.since = now - policy.key_window;
      taken.put_forward = 2 * policy.accepted_within;
    }
    taken_over(taken, now, policy);
  }
  std::vector<open_claim> ended;
  for (const claim_id each : std::exchange(stream.may_be_ended, {}))
    if (auto gone = before.extract(each); !gone.empty())
      ended.push_back(std::move(gone.mapped()));
  stream.claims_known = held_stream::loading::done;
  stream.store_failures = 0;
  stream.more = true;
  return ended;
}

delivery_step claim_book::make_step(const held_stream& stream, subscriber_id subscriber,
                                    instant now) {
  delivery_step step{
      .subscriber = subscriber, .stream = stream.lease, .ended = {}, .regenerate = {}, .split = {}};
  for (const auto& [id, claim] : stream.claims) {
    if (!wants_store(claim.state) || *due(claim.state) > now) {
      note_tries(id, claim, step);
      continue;
    }
    if (const auto* const end = std::get_if<states::to_end>(&claim.state)) {
      // Results are read behind an open claim after ten minutes (db/results_turns.cpp).
      const bool late = end->was_in_doubt && now - claim.claim.since > results_wait;
      step.ended.push_back(
          {.id = id,
           .results = end->results, // a copy: the store may fail
           .read_again_from =
               late ? std::optional(claim.claim.since - clock_difference_max) : std::nullopt,
           .tries = claim.tries});
    } else if (std::holds_alternative<states::to_split>(claim.state)) {
      step.split.push_back(id);
    } else {
      step.regenerate.push_back(id);
      note_tries(id, claim, step);
    }
  }
  return step;
}

void claim_book::step_asked(held_stream& stream, const delivery_step& step) {
  check(!stream.step, "one step at a time is at the store");
  asked_step& asked = stream.step.emplace();
  asked.stream = step.stream;
  for (const ended_claim& each : step.ended)
    asked.ended.push_back(each.id);
  asked.regenerate = step.regenerate;
  asked.split = step.split;
  for (const noted_claim& each : step.noted)
    asked.noted.emplace_back(each.id, stream.claims.at(each.id).tried);
  asked.open_max = step.open_max;
  asked.quiet_until = step.quiet_until;
}

std::vector<open_claim> claim_book::step_done(held_stream& stream, delivery_answer answer,
                                              const delivery_policy& policy, instant now) {
  check(stream.step.has_value(), "the store answers a step that it was asked for");
  const asked_step step = std::move(*std::exchange(stream.step, std::nullopt));
  std::vector<open_claim> ended;
  for (const claim_id each : step.ended) {
    auto node = stream.claims.extract(each);
    if (!node.empty())
      ended.push_back(std::move(node.mapped()));
  }
  for (const auto& [id, tried] : step.noted)
    if (const auto at = stream.claims.find(id); at != stream.claims.end())
      at->second.noted = tried;
  std::vector<std::vector<delivery_try>> tries_before; // of the split ones: those of their halves
  for (const claim_id each : step.split) {
    auto node = stream.claims.extract(each);
    tries_before.push_back(node.empty() ? std::vector<delivery_try>{}
                                        : std::move(node.mapped().tries));
  }
  const std::size_t first_half = step.regenerate.size();
  const std::size_t halves_end = first_half + 2 * step.split.size();
  std::vector<claim_id> opened_now;
  for (std::size_t i = 0; i < answer.claims.size(); ++i) {
    claim& each = answer.claims[i];
    opened_now.push_back(each.id);
    open_claim& claim = stream.claims[each.id]; // a regenerated one keeps its history
    // One of the halves is what was refused so often: it need not be refused as often again.
    if (i >= first_half && i < halves_end) {
      claim.refusals = policy.refusals_max - 1;
      claim.tries = tries_before[(i - first_half) / 2];
      claim.tried = claim.tries.size();
    }
    claim.claim = std::move(each);
    claim.put_forward = {};
    opened(claim, now, policy);
  }
  for (const claim_id each : step.regenerate)
    if (std::ranges::find(opened_now, each) == opened_now.end()) // not in the answer: look again
      stream.claims_known = held_stream::loading::wanted;
  stream.more = stream.more || answer.more;
  stream.next_due = answer.next_due;
  stream.store_failures = 0;
  return ended;
}

void claim_book::step_undone(held_stream& stream) {
  if (stream.step && stream.step->open_max > 0)
    stream.more = true;
  stream.step.reset();
}

void claim_book::step_in_doubt(held_stream& stream) {
  check(stream.step.has_value(), "a step that was asked for is in doubt");
  stream.may_be_ended = std::move(stream.step->ended);
  stream.step.reset();
  stream.claims_known = held_stream::loading::wanted;
  stream.more = true;
}

open_claim* claim_book::next_call(instant now, steady_instant clock,
                                  const delivery_policy& policy) {
  open_claim* best = nullptr;
  const auto rank = [](const open_claim& each) {
    return std::tuple(is_in_doubt(each.state), each.claim.messages.size(), each.claim.since,
                      each.claim.id);
  };
  for (auto& [id, stream] : streams_) {
    const bool over = stream.lease_until && *stream.lease_until <= clock;
    if (over || stream.claims_known != held_stream::loading::done)
      continue;
    for (auto& [claim_id, claim] : stream.claims) {
      const auto is_ready = [&] { return wants_call(claim.state) && *due(claim.state) <= now; };
      if (is_ready())
        before_call(claim, now, policy);
      if (!is_ready())
        continue;
      if (best == nullptr || rank(claim) < rank(*best))
        best = &claim;
    }
  }
  return best;
}

open_claim* claim_book::find_call(std::uint64_t number) {
  for (auto& [id, stream] : streams_)
    for (auto& [claim_id, claim] : stream.claims)
      if (const under_way* const call = call_of(claim.state); call && call->number == number)
        return &claim;
  return nullptr;
}

void claim_book::others_worked(const open_claim* but, instant now) {
  for (auto& [id, stream] : streams_)
    for (auto& [claim_id, claim] : stream.claims)
      if (&claim != but)
        actors::others_worked(claim, now);
}

void claim_book::put_forward(std::chrono::milliseconds by) {
  for (auto& [id, stream] : streams_)
    for (auto& [claim_id, claim] : stream.claims)
      claim.put_forward += by;
}

void claim_book::put_back(instant now, bool at_once) {
  for (auto& [id, stream] : streams_)
    for (auto& [claim_id, claim] : stream.claims)
      actors::put_back(claim, now, at_once);
}

std::optional<instant> claim_book::oldest() const {
  std::optional<instant> oldest;
  for (const auto& [id, stream] : streams_)
    for (const auto& [claim_id, claim] : stream.claims)
      if (!claim.claim.messages.empty() && // its messages stand by rising entry id
          (!oldest || claim.claim.messages.front().event.at < *oldest))
        oldest = claim.claim.messages.front().event.at;
  return oldest;
}

std::optional<instant> claim_book::next_change(instant now) const {
  std::optional<instant> next;
  const auto consider = [&](instant at) {
    if (at > now && (!next || at < *next))
      next = at;
  };
  for (const auto& [id, stream] : streams_) {
    if (stream.next_due)
      consider(*stream.next_due);
    for (const auto& [claim_id, claim] : stream.claims)
      consider(due(claim.state).value_or(now));
  }
  return next;
}

std::optional<steady_instant> claim_book::next_change(steady_instant clock) const {
  std::optional<steady_instant> next;
  for (const auto& [id, stream] : streams_)
    for (const steady_instant at : {stream.store_not_before, stream.gather_until})
      if (at > clock && (!next || at < *next))
        next = at;
  return next;
}

} // namespace paymentd::actors
