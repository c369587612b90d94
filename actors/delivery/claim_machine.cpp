#include "actors/delivery/claim_machine.hpp"

#include "actors/delivery/message_result.hpp"
#include "domain/check.hpp"

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {

using providers::failure;
using providers::failure_class;

/// From then on a search tells what was accepted under the key and what never will be.
instant conclusive_at(const open_claim& claim, const delivery_policy& policy) {
  const instant since = claim.claim.since + claim.put_forward;
  if (!policy.can_search)
    return since + policy.key_window;
  return since + std::max(policy.key_window, 2 * policy.accepted_within);
}

bool all_too_old(const open_claim& claim, const delivery_policy& policy, instant now) {
  return std::ranges::all_of(claim.claim.messages,
                             [&](const message& each) { return too_old(each, policy, now); });
}

std::chrono::milliseconds throttle_delay(const failure& why, const open_claim& claim,
                                         const delivery_policy& policy, double random) {
  if (why.retry_after.count() > 0)
    return std::min(why.retry_after, policy.retry_after_max);
  return backoff_delay(policy.doubt, claim.doubts + 1, random);
}

/// Keeps in mind that a call or a search of the claim, which began at `at`, did not succeed. That
/// its key was seen before says nothing of this try: an earlier one had that fate.
void note_try(open_claim& claim, instant at, const failure& why, std::string_view what,
              instant now) {
  if (why.kind == failure_class::seen)
    return;
  if (claim.tries.size() == tries_max)
    claim.tries.erase(claim.tries.begin());
  claim.tries.push_back({.at = at,
                         .took = std::max(now - at, std::chrono::milliseconds{0}),
                         .outcome = outcome_of(why.kind),
                         .detail = std::string(what) + why.reason});
  ++claim.tried;
}

template <class Result>
claim_state ended(const open_claim& claim, bool was_in_doubt, Result result_of) {
  states::to_end end{.results = {}, .was_in_doubt = was_in_doubt};
  end.results.reserve(claim.claim.messages.size());
  for (const message& each : claim.claim.messages)
    end.results.push_back(result_of(each));
  return end;
}

/// Notes in the result a try of which nothing is known but that it may have been made.
void note_cut_off(delivery_result& result, const open_claim& claim) {
  note_own_try(result, try_outcome::unknown, claim.claim.since, claim.claim.since);
}

// ---- where a claim goes on ----

bool others_passed(const claim_state& state) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.others_passed; })
          return one.others_passed;
        else
          return false;
      },
      state);
}

/// Of a claim that is not in doubt: its call, at `at` or later. Late use of a key would be in doubt
/// beyond the moment at which a search is conclusive.
claim_state to_send(const open_claim& claim, instant at, const delivery_policy& policy) {
  const bool bounded = policy.key_window.count() > 0 || policy.can_search;
  if (bounded && at > conclusive_at(claim, policy) - policy.accepted_within)
    return states::to_regenerate{at, others_passed(claim.state)};
  return states::waiting{at, others_passed(claim.state)};
}

bool was_refused(const claim_state& state) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.was_refused; })
          return one.was_refused;
        else
          return false;
      },
      state);
}

/// Of a claim in doubt: its key is used as long as it is safe, then it is searched for, or gets a
/// new key.
claim_state to_clear_up(const open_claim& claim, instant at, const delivery_policy& policy,
                        bool refused_now = false) {
  const bool refused = refused_now || was_refused(claim.state);
  const bool keyed = policy.key_window.count() > 0;
  if (keyed && at < claim.claim.since + policy.key_window - policy.accepted_within)
    return states::in_doubt{at, refused};
  const instant conclusive = std::max(at, conclusive_at(claim, policy));
  if (policy.can_search)
    return states::to_search{conclusive, {}, refused};
  return states::used_up{conclusive};
}

bool is_lost(const message& message) {
  return !message.lost.empty();
}

/// Nobody can be told without a phone, so such messages are as good as lost.
void set_unreachable_apart(open_claim& claim, const delivery_policy& policy) {
  if (!policy.needs_phone)
    return;
  for (message& each : claim.claim.messages)
    if (!is_lost(each) && each.event.phone.empty())
      each.lost = "the user has no phone";
}

/// Opened for another provider, of a time when the settings named that one.
bool is_anothers(const open_claim& claim, const delivery_policy& policy) {
  return !claim.claim.provider.empty() && claim.claim.provider != policy.provider;
}

std::string may_be_sent_by(const std::string& provider) {
  return "outcome unknown: it may have been sent by " + provider +
         " before the provider was changed";
}

bool is_whole(const open_claim& claim) {
  return !claim.claim.messages.empty() && std::ranges::none_of(claim.claim.messages, is_lost);
}

/// A try told nothing of what an earlier try under the same key, or this one, may have done. Gives
/// its end where that was the last one; else the claim goes on as the caller says.
std::optional<claim_state> end_of_doubt(open_claim& claim, const std::string& reason,
                                        const delivery_policy& policy,
                                        const circumstances& around) {
  ++claim.doubts;
  if (policy.repeats_are_copies)
    return ended(claim, true, [&](const message& each) {
      return pending_as_copy(each, reason, policy, around.now, around.random);
    });
  const bool asked_enough = claim.doubts > policy.doubts_max &&
                            (!policy.can_search || around.now >= conclusive_at(claim, policy));
  if (asked_enough && all_too_old(claim, policy, around.now))
    return ended(claim, true,
                 [&](const message& each) { return failed(each, "outcome unknown: " + reason); });
  return std::nullopt;
}

instant after_doubt(const open_claim& claim, const delivery_policy& policy,
                    const circumstances& around) {
  return around.now + backoff_delay(policy.doubt, claim.doubts, around.random);
}

// ---- after a call ----

claim_state taken_in(const open_claim& claim, std::vector<providers::recipient_result>& results,
                     instant sent_at, const delivery_policy& policy, const circumstances& around) {
  const auto& messages = claim.claim.messages;
  known_results known(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    known[i] = result_of(messages[i], results[i], policy, around.now, around.random);
    if (known[i] && !results[i])
      note_own_try(*known[i], outcome_of(results[i].error().kind), sent_at, around.now);
  }
  if (policy.can_search && std::ranges::any_of(known, [](const auto& each) { return !each; }))
    return states::to_search{around.now, std::move(known), was_refused(claim.state)};
  // A provider that cannot be asked about the doubtful ones gets them again: at least once, not at
  // most.
  const instant at = std::max(around.now, conclusive_at(claim, policy));
  std::size_t i = 0;
  return ended(claim, is_in_doubt(claim.state), [&](const message& each) {
    auto& known_one = known[i++];
    if (known_one)
      return std::move(*known_one);
    auto result = policy.repeats_are_copies
                      ? pending_as_copy(each, "no result", policy, around.now, around.random)
                      : pending(each, "outcome unknown", at, 1, policy, around.now);
    note_own_try(result, try_outcome::unknown, sent_at, around.now);
    return result;
  });
}

/// The API refused this call as it stands. First it is tried again, since an API errs; then it is
/// halved, unless all that is known would also fit an API that refuses everybody.
claim_state content_refused(open_claim& claim, const failure& why, const delivery_policy& policy,
                            const circumstances& around) {
  ++claim.refusals;
  const bool alone = claim.claim.messages.size() == 1;
  const bool enough = claim.refusals >= policy.refusals_max;
  // To halve it harms nobody. A message alone is at fault only where others pass: an account that
  // is out of order, or a gateway's page, refuses a lone message just as well, however often.
  const bool others_pass = others_passed(claim.state) || around.succeeded_since;
  const bool its_own_fault = enough && (others_pass || (!alone && !around.others_untried));
  if (alone && (its_own_fault || why.kind == failure_class::permanent))
    return ended(claim, false, [&](const message& each) { return failed(each, why.reason); });
  if (its_own_fault)
    return states::to_split{around.now};
  if (enough) // let the others be tried meanwhile
    return states::suspected{around.now +
                             backoff_delay(policy.doubt, claim.refusals, around.random)};
  return states::to_regenerate{around.now};
}

/// A refusal of a call none of whose tries can have been accepted before.
consequence refused(open_claim& claim, failure why, const delivery_policy& policy,
                    const circumstances& around) {
  if (why.refused_content || why.kind == failure_class::permanent) {
    claim.state = content_refused(claim, why, policy, around);
    return {};
  }
  switch (why.kind) {
  case failure_class::transient:
    claim.state = ended(claim, false, [&](const message& each) {
      return pending(each, why.reason, around.now + retry_delay(each, policy, around.random), 1,
                     policy, around.now);
    });
    return {};
  case failure_class::throttled: {
    const auto delay = throttle_delay(why, claim, policy, around.random);
    claim.state = states::to_regenerate{around.now + delay, others_passed(claim.state)};
    return {.worked = false, .quiet_for = delay, .outage = {}};
  }
  default: // outage
    if (why.never_written)
      claim.state = states::waiting{around.now, others_passed(claim.state)};
    else
      claim.state = states::to_regenerate{around.now, others_passed(claim.state)};
    return {.worked = false, .quiet_for = {}, .outage = std::move(why.reason)};
  }
}

/// A refusal of a repeat: it says nothing of the tries before it, so the key stays.
consequence repeat_refused(open_claim& claim, failure why, const delivery_policy& policy,
                           const circumstances& around) {
  if (why.kind == failure_class::throttled) {
    const auto delay = throttle_delay(why, claim, policy, around.random);
    claim.state = to_clear_up(claim, around.now + delay, policy);
    return {.worked = false, .quiet_for = delay, .outage = {}};
  }
  if (why.kind == failure_class::outage && !why.refused_content && !around.succeeded_about_now) {
    claim.state = states::in_doubt{around.now, was_refused(claim.state)};
    return {.worked = false, .quiet_for = {}, .outage = std::move(why.reason)};
  }
  if (auto end = end_of_doubt(claim, why.reason, policy, around)) {
    claim.state = *std::move(end);
    return {};
  }
  instant at = after_doubt(claim, policy, around);
  if (around.succeeded_about_now && why.kind == failure_class::outage) // out of the others' way
    at = std::max(at, conclusive_at(claim, policy));
  claim.state = to_clear_up(claim, at, policy, around.succeeded_about_now);
  return {};
}

// ---- after a search ----

consequence search_failed(open_claim& claim, states::searching search, const failure& why,
                          const delivery_policy& policy, const circumstances& around) {
  // The same question again.
  states::to_search again{around.now, std::move(search.known), search.was_refused};
  consequence then;
  if (why.kind == failure_class::outage) {
    then.outage = why.reason;
  } else if (why.kind == failure_class::throttled) {
    then.quiet_for = throttle_delay(why, claim, policy, around.random);
    again.at += *then.quiet_for;
  } else if (auto end = end_of_doubt(claim, why.reason, policy, around)) {
    claim.state = *std::move(end);
    return then;
  } else {
    again.at = after_doubt(claim, policy, around);
  }
  claim.state = std::move(again);
  return then;
}

claim_state found(const open_claim& claim, states::searching search,
                  providers::search_result result, const delivery_policy& policy,
                  const circumstances& around) {
  const auto& messages = claim.claim.messages;
  known_results& known = search.known;
  known.resize(messages.size());
  std::size_t missing = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    providers::found_message& one = (*result)[i];
    if (!one.failed.empty()) {
      known[i] = failed(messages[i], std::move(one.failed));
      note_own_try(*known[i], try_outcome::undelivered, around.now, around.now);
    } else if (!one.provider_message_id.empty()) {
      known[i] = delivered(messages[i], std::move(one.provider_message_id), one.channel);
    }
    missing += known[i] ? 0 : 1;
  }
  const instant conclusive = conclusive_at(claim, policy);
  if (missing > 0 && search.what.since < conclusive)
    return states::to_search{conclusive, std::move(known), search.was_refused};
  if (missing == messages.size() && missing > 1 && search.was_refused &&
      !all_too_old(claim, policy, around.now))
    return states::to_split{around.now}; // nothing was accepted, and as a whole it will not be
  // A message that is not there by now never will be: it is claimed anew, under a new key. Its
  // age does not matter: where no try of it told anything, it has met nothing but an outage.
  std::size_t i = 0;
  return ended(claim, true, [&](const message& each) {
    auto& one = known[i++];
    if (one)
      return std::move(*one);
    if (is_lost(each))
      return failed(each, each.lost.str());
    auto not_there = claim.doubts > 0
                         ? pending(each, "not accepted", around.now, 1, policy, around.now)
                         : again(each, "not accepted", around.now, 0);
    if (claim.tries.empty()) // else its try was noted when nothing was known of it
      note_cut_off(not_there, claim);
    return not_there;
  });
}

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

} // namespace

// ---- states ----

std::string_view name_of(const claim_state& state) {
  using namespace states;
  return std::visit(
      overloaded{
          [](const waiting&) { return "waiting"; }, [](const calling&) { return "calling"; },
          [](const in_doubt&) { return "in doubt"; }, [](const repeating&) { return "repeating"; },
          [](const to_search&) { return "to search"; },
          [](const searching&) { return "searching"; }, [](const used_up&) { return "used up"; },
          [](const to_regenerate&) { return "to regenerate"; },
          [](const suspected&) { return "suspected"; }, [](const to_split&) { return "to split"; },
          [](const to_end&) { return "to end"; }},
      state);
}

const under_way* call_of(const claim_state& state) {
  return std::visit(
      [](const auto& one) -> const under_way* {
        if constexpr (requires { one.what; })
          return &one.what;
        else
          return nullptr;
      },
      state);
}

std::optional<instant> due(const claim_state& state) {
  return std::visit(
      [](const auto& one) -> std::optional<instant> {
        if constexpr (requires { one.at; })
          return one.at;
        else if constexpr (requires { one.results; })
          return instant{};
        else
          return std::nullopt;
      },
      state);
}

bool wants_call(const claim_state& state) {
  return std::holds_alternative<states::waiting>(state) ||
         std::holds_alternative<states::in_doubt>(state) ||
         std::holds_alternative<states::to_search>(state);
}

bool wants_store(const claim_state& state) {
  return call_of(state) == nullptr && !wants_call(state);
}

bool is_in_doubt(const claim_state& state) {
  using namespace states;
  return std::visit(
      overloaded{[](const auto&) { return true; }, [](const waiting&) { return false; },
                 [](const calling&) { return false; }, [](const to_regenerate&) { return false; },
                 [](const suspected&) { return false; }, [](const to_split&) { return false; },
                 [](const to_end& end) { return end.was_in_doubt; }},
      state);
}

// ---- events ----

void opened(open_claim& claim, instant now, const delivery_policy& policy) {
  set_unreachable_apart(claim, policy);
  if (is_anothers(claim, policy))
    claim.state = ended(claim, true, [&](const message& each) {
      return failed(each, may_be_sent_by(claim.claim.provider));
    });
  else if (is_whole(claim))
    claim.state = to_send(claim, now, policy);
  else if (std::ranges::all_of(claim.claim.messages, is_lost))
    claim.state =
        ended(claim, false, [](const message& each) { return failed(each, each.lost.str()); });
  else
    claim.state = states::to_split{now};
}

void taken_over(open_claim& claim, instant now, const delivery_policy& policy) {
  set_unreachable_apart(claim, policy);
  claim.tries = std::move(claim.claim.tries);
  claim.tried = claim.noted = claim.tries.size();
  const auto cut_off = [&](delivery_result result) {
    note_cut_off(result, claim);
    return result;
  };
  if (is_anothers(claim, policy))
    claim.state = ended(claim, true, [&](const message& each) {
      return cut_off(failed(each, may_be_sent_by(claim.claim.provider)));
    });
  else if (policy.repeats_are_copies)
    claim.state = ended(claim, true, [&](const message& each) {
      return is_lost(each) ? failed(each, each.lost.str())
                           : cut_off(pending_as_copy(each, "the process ended", policy,
                                                     claim.claim.since, 0.5));
    });
  else if (is_whole(claim))
    claim.state = to_clear_up(claim, now, policy);
  else if (policy.can_search && !claim.claim.messages.empty()) // what is lost can be searched for
    claim.state = states::to_search{std::max(now, conclusive_at(claim, policy))};
  else
    claim.state = ended(claim, true, [&](const message& each) {
      return is_lost(each) ? failed(each, each.lost.str()) : again(each, "outcome unknown", now, 0);
    });
}

void before_call(open_claim& claim, instant now, const delivery_policy& policy) {
  if (std::holds_alternative<states::waiting>(claim.state))
    claim.state = to_send(claim, now, policy);
  else if (std::holds_alternative<states::in_doubt>(claim.state))
    claim.state = to_clear_up(claim, now, policy);
}

void leaves(open_claim& claim, under_way what) {
  check(wants_call(claim.state), "a claim that wants a call is called about");
  if (auto* const search = std::get_if<states::to_search>(&claim.state))
    claim.state = states::searching{what, std::move(search->known), search->was_refused};
  else if (const auto* const doubt = std::get_if<states::in_doubt>(&claim.state))
    claim.state = states::repeating{what, doubt->was_refused};
  else
    claim.state = states::calling{what, others_passed(claim.state)};
}

consequence answered(open_claim& claim, providers::call_result result,
                     const delivery_policy& policy, const circumstances& around) {
  const bool repeats = std::holds_alternative<states::repeating>(claim.state);
  const under_way* const call = call_of(claim.state);
  check(call != nullptr && (repeats || std::holds_alternative<states::calling>(claim.state)),
        "a call is under way");
  const instant sent_at = call->since;
  const consequence worked{.worked = true, .quiet_for = {}, .outage = {}};
  if (result && result->size() == claim.claim.messages.size()) {
    claim.state = taken_in(claim, *result, sent_at, policy, around);
    return worked;
  }
  failure why = result ? failure{.kind = failure_class::unknown,
                                 .reason = "the answer is not of the recipients asked for"}
                       : std::move(result.error());
  note_try(claim, sent_at, why, "", around.now);
  switch (why.kind) {
  case failure_class::unknown:
    if (auto end = end_of_doubt(claim, why.reason, policy, around))
      claim.state = *std::move(end);
    else
      claim.state = to_clear_up(claim, after_doubt(claim, policy, around), policy);
    return {};
  case failure_class::seen:
    if (policy.can_search)
      claim.state = states::to_search{around.now, {}, was_refused(claim.state)};
    else
      claim.state = states::used_up{std::max(around.now, conclusive_at(claim, policy))};
    return worked;
  default:
    return repeats || why.may_follow_acceptance
               ? repeat_refused(claim, std::move(why), policy, around)
               : refused(claim, std::move(why), policy, around);
  }
}

consequence answered(open_claim& claim, providers::search_result result,
                     const delivery_policy& policy, const circumstances& around) {
  auto* const searching = std::get_if<states::searching>(&claim.state);
  check(searching != nullptr, "a search is under way");
  states::searching search = std::move(*searching);
  if (!result || result->size() != claim.claim.messages.size()) {
    const failure why =
        result ? failure{.reason = "the search answers something else"} : std::move(result.error());
    note_try(claim, search.what.since, why, "search: ", around.now);
    return search_failed(claim, std::move(search), why, policy, around);
  }
  claim.state = found(claim, std::move(search), std::move(result), policy, around);
  return {.worked = true, .quiet_for = {}, .outage = {}};
}

void others_worked(open_claim& claim, instant now) {
  if (!std::holds_alternative<states::suspected>(claim.state))
    return;
  if (claim.claim.messages.size() > 1)
    claim.state = states::to_split{now};
  else
    claim.state = states::to_regenerate{.at = now, .others_passed = true};
}

void put_back(open_claim& claim, instant now, bool at_once) {
  const auto when = due(claim.state);
  if (!when || is_in_doubt(claim.state) || std::holds_alternative<states::to_end>(claim.state))
    return;
  const instant at = at_once ? now : std::max(*when, now);
  claim.state =
      ended(claim, false, [at](const message& each) { return again(each, "not sent yet", at, 0); });
}

} // namespace paymentd::actors
