#include "actors/delivery_policy.hpp"

#include <algorithm>
#include <utility>

namespace paymentd::actors {

namespace {

using alimtalk::failure;
using alimtalk::failure_class;

/// From then on a search tells what was accepted under the key and what never will be.
instant conclusive_at(const open_claim& claim, const delivery_policy& policy) {
  const instant since = claim.claim.since + claim.put_forward;
  if (!policy.can_find)
    return since + policy.key_window;
  return since + std::max(policy.key_window, 2 * policy.settles_within);
}

bool too_old(const db::message& message, const delivery_policy& policy, instant now) {
  return now - message.event.at > policy.max_age;
}

bool all_too_old(const open_claim& claim, const delivery_policy& policy, instant now) {
  return std::ranges::all_of(claim.claim.messages,
                             [&](const db::message& each) { return too_old(each, policy, now); });
}

db::delivery_result delivered(const db::message& message, std::string provider_message_id) {
  return {.entry = message.event.entry,
          .status = db::delivery_status::delivered,
          .attempts = message.attempts + 1,
          .provider_message_id = std::move(provider_message_id),
          .last_error = {},
          .next_attempt = {}};
}

db::delivery_result failed(const db::message& message, std::string reason) {
  return {.entry = message.event.entry,
          .status = db::delivery_status::failed,
          .attempts = message.attempts + 1,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = {}};
}

/// To be tried again at `at`. `spent` is 1 where the try counts.
db::delivery_result again(const db::message& message, std::string reason, instant at, int spent) {
  return {.entry = message.event.entry,
          .status = db::delivery_status::pending,
          .attempts = message.attempts + spent,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = at};
}

/// The same, unless it is too old for that.
db::delivery_result pending(const db::message& message, std::string reason, instant at, int spent,
                            const delivery_policy& policy, instant now) {
  if (too_old(message, policy, now))
    return failed(message, std::move(reason) + " (given up: too old)");
  return again(message, std::move(reason), at, spent);
}

/// Sent again though it may be a second copy: rarely, and not often.
db::delivery_result pending_as_copy(const db::message& message, const delivery_policy& policy,
                                    const circumstances& around) {
  if (message.attempts + 1 >= policy.copies_max)
    return failed(message,
                  "outcome unknown, sent " + std::to_string(message.attempts + 1) + " times");
  return pending(message, "outcome unknown",
                 around.now + backoff_delay(policy.copy, message.attempts + 1, around.random), 1,
                 policy, around.now);
}

std::chrono::milliseconds retry_delay(const db::message& message, const delivery_policy& policy,
                                      double random) {
  return backoff_delay(policy.retry, message.attempts + 1, random);
}

std::chrono::milliseconds throttle_delay(const failure& why, const open_claim& claim,
                                         const delivery_policy& policy, double random) {
  if (why.retry_after.count() > 0)
    return std::min(why.retry_after, policy.retry_after_max);
  return backoff_delay(policy.doubt, claim.doubts + 1, random);
}

template <class Result>
void end_all(open_claim& claim, Result result_of) {
  claim.results.clear();
  claim.results.reserve(claim.claim.messages.size());
  for (const db::message& each : claim.claim.messages)
    claim.results.push_back(result_of(each));
  claim.move = next_move::end;
  claim.not_before = {};
}

/// What became of one recipient of a call that was taken; nothing where that is not known.
std::optional<db::delivery_result> result_of(const db::message& message,
                                             alimtalk::recipient_result& result,
                                             const delivery_policy& policy,
                                             const circumstances& around) {
  if (result)
    return delivered(message, std::move(result->provider_message_id));
  failure& why = result.error();
  const auto delay = retry_delay(message, policy, around.random);
  switch (why.kind) {
  case failure_class::permanent:
    return failed(message, std::move(why.reason));
  case failure_class::transient:
    return pending(message, std::move(why.reason), around.now + delay, 1, policy, around.now);
  case failure_class::throttled:
    return pending(message, std::move(why.reason),
                   around.now + std::max(std::min(why.retry_after, policy.retry_after_max), delay),
                   0, policy, around.now);
  case failure_class::outage: // the call was taken, so this is of the recipient's
    return pending(message, std::move(why.reason), around.now + delay, 0, policy, around.now);
  case failure_class::unknown:
  case failure_class::seen:
    break;
  }
  return std::nullopt;
}

void after_good_call(open_claim& claim, std::vector<alimtalk::recipient_result>& results,
                     const delivery_policy& policy, const circumstances& around) {
  const auto& messages = claim.claim.messages;
  bool doubtful = false;
  claim.known.assign(messages.size(), std::nullopt);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    claim.known[i] = result_of(messages[i], results[i], policy, around);
    doubtful = doubtful || !claim.known[i];
  }
  if (doubtful && policy.can_find) {
    claim.in_doubt = true;
    claim.move = next_move::find;
    claim.not_before = around.now;
    return;
  }
  // Who cannot be asked about the doubtful ones is sent them again: at least once, not at most.
  const instant at = std::max(around.now, conclusive_at(claim, policy));
  std::size_t i = 0;
  end_all(claim, [&](const db::message& each) {
    auto& known = claim.known[i++];
    if (known)
      return std::move(*known);
    return policy.repeats_are_copies ? pending_as_copy(each, policy, around)
                                     : pending(each, "outcome unknown", at, 1, policy, around.now);
  });
}

/// A try told nothing of what an earlier try under the same key, or this one, may have done.
void doubt(open_claim& claim, const std::string& reason, const delivery_policy& policy,
           const circumstances& around) {
  claim.in_doubt = true;
  ++claim.doubts;
  if (policy.repeats_are_copies) {
    if (claim.doubts >= policy.copies_max)
      end_all(claim, [&](const db::message& each) {
        return failed(each, "outcome unknown, sent " + std::to_string(claim.doubts) +
                                " times: " + reason);
      });
    else
      go_on(claim, around.now + backoff_delay(policy.copy, claim.doubts, around.random), policy);
    return;
  }
  const bool asked_enough = claim.doubts > policy.doubts_max &&
                            (!policy.can_find || around.now >= conclusive_at(claim, policy));
  if (asked_enough && all_too_old(claim, policy, around.now)) {
    end_all(claim,
            [&](const db::message& each) { return failed(each, "outcome unknown: " + reason); });
    return;
  }
  go_on(claim, around.now + backoff_delay(policy.doubt, claim.doubts, around.random), policy);
}

/// The API refused this call as it stands. First it is tried again, since an API errs; then it is
/// halved, unless all that is known would also fit an API that refuses everybody.
void content_refused(open_claim& claim, failure why, const delivery_policy& policy,
                     const circumstances& around) {
  ++claim.refusals;
  const bool alone = claim.claim.messages.size() == 1;
  const bool enough = claim.refusals >= policy.refusals_max;
  // To halve it harms nobody. A message alone is at fault only where others pass: an account that
  // is out of order, or a gateway's page, refuses a lone message just as well, however often.
  const bool others_passed = std::exchange(claim.others_passed, false) || around.others_passed;
  const bool its_own_fault = enough && (others_passed || (!alone && !around.others_untried));
  claim.parked_as_refused = enough && !its_own_fault;
  if (alone && (its_own_fault || why.kind == failure_class::permanent)) {
    end_all(claim, [&](const db::message& each) { return failed(each, why.reason); });
    return;
  }
  claim.move = its_own_fault ? next_move::split : next_move::regenerate;
  claim.not_before = around.now;
  if (enough && !its_own_fault) // let the others be tried meanwhile
    claim.not_before += backoff_delay(policy.doubt, claim.refusals, around.random);
}

/// A refusal of a call none of whose tries can have been accepted before.
consequence refused(open_claim& claim, failure why, const delivery_policy& policy,
                    const circumstances& around) {
  if (why.refused_content || why.kind == failure_class::permanent) {
    content_refused(claim, std::move(why), policy, around);
    return {};
  }
  switch (why.kind) {
  case failure_class::transient:
    end_all(claim, [&](const db::message& each) {
      return pending(each, why.reason, around.now + retry_delay(each, policy, around.random), 1,
                     policy, around.now);
    });
    return {};
  case failure_class::throttled: {
    const auto delay = throttle_delay(why, claim, policy, around.random);
    claim.move = next_move::regenerate;
    claim.not_before = around.now + delay;
    return {.worked = false, .hold_for = delay, .outage = {}};
  }
  default: // outage
    claim.move = why.never_written ? next_move::send : next_move::regenerate;
    claim.not_before = {};
    return {.worked = false, .hold_for = {}, .outage = std::move(why.reason)};
  }
}

/// A refusal of a repeat: it says nothing of the tries before it, so the key stays.
consequence repeat_refused(open_claim& claim, failure why, const delivery_policy& policy,
                           const circumstances& around) {
  if (why.kind == failure_class::throttled) {
    const auto delay = throttle_delay(why, claim, policy, around.random);
    go_on(claim, around.now + delay, policy);
    return {.worked = false, .hold_for = delay, .outage = {}};
  }
  if (why.kind == failure_class::outage && !why.refused_content && !around.others_succeeded)
    return {.worked = false, .hold_for = {}, .outage = std::move(why.reason)};
  // Where other calls succeed it may be this one that the API cannot take: out of their way.
  doubt(claim, why.reason, policy, around);
  if (claim.move != next_move::end && around.others_succeeded) {
    claim.refused = true;
    if (why.kind == failure_class::outage && claim.move == next_move::send)
      go_on(claim, std::max(claim.not_before, conclusive_at(claim, policy)), policy);
  }
  return {};
}

} // namespace

void go_on(open_claim& claim, instant at, const delivery_policy& policy) {
  const bool keyed = policy.key_window.count() > 0;
  const instant conclusive = conclusive_at(claim, policy);
  claim.not_before = at;
  if (!claim.in_doubt) {
    // Late use of a key would be in doubt beyond the moment at which a search is conclusive.
    const bool late = (keyed || policy.can_find) && at > conclusive - policy.settles_within;
    claim.move = late ? next_move::regenerate : next_move::send;
  } else if (keyed && at < claim.claim.since + policy.key_window - policy.settles_within) {
    claim.move = next_move::send;
  } else {
    claim.move = policy.can_find ? next_move::find : next_move::regenerate;
    claim.not_before = std::max(at, conclusive);
  }
}

void others_worked(open_claim& claim, instant now) {
  if (!claim.parked_as_refused || claim.call != 0 || claim.at_store || claim.in_doubt)
    return;
  claim.parked_as_refused = false;
  claim.others_passed = true;
  claim.not_before = now;
  if (claim.claim.messages.size() > 1)
    claim.move = next_move::split;
}

consequence after_call(open_claim& claim, alimtalk::call_result result,
                       const delivery_policy& policy, const circumstances& around) {
  if (result && result->size() == claim.claim.messages.size()) {
    after_good_call(claim, *result, policy, around);
    return {.worked = true, .hold_for = {}, .outage = {}};
  }
  failure why = result ? failure{.kind = failure_class::unknown,
                                 .reason = "the answer is not of the recipients asked for"}
                       : std::move(result.error());
  switch (why.kind) {
  case failure_class::unknown:
    doubt(claim, why.reason, policy, around);
    return {};
  case failure_class::seen:
    claim.in_doubt = true;
    if (policy.can_find) {
      claim.move = next_move::find;
      claim.not_before = around.now;
    } else {
      claim.move = next_move::regenerate;
      claim.not_before = std::max(around.now, conclusive_at(claim, policy));
    }
    return {.worked = true, .hold_for = {}, .outage = {}};
  default:
    claim.in_doubt = claim.in_doubt || why.may_follow_acceptance;
    return claim.in_doubt ? repeat_refused(claim, std::move(why), policy, around)
                          : refused(claim, std::move(why), policy, around);
  }
}

consequence after_find(open_claim& claim, alimtalk::find_result result,
                       const delivery_policy& policy, const circumstances& around) {
  const auto& messages = claim.claim.messages;
  if (!result || result->size() != messages.size()) {
    const failure why =
        result ? failure{.reason = "the search answers something else"} : std::move(result.error());
    if (why.kind == failure_class::outage)
      return {.worked = false, .hold_for = {}, .outage = why.reason};
    if (why.kind == failure_class::throttled) {
      const auto delay = throttle_delay(why, claim, policy, around.random);
      claim.not_before = around.now + delay;
      return {.worked = false, .hold_for = delay, .outage = {}};
    }
    doubt(claim, why.reason, policy, around);
    if (claim.move == next_move::end)
      return {};
    claim.move = next_move::find; // the same question again
    claim.not_before = around.now + backoff_delay(policy.doubt, claim.doubts, around.random);
    return {};
  }
  const consequence worked{.worked = true, .hold_for = {}, .outage = {}};
  claim.known.resize(messages.size());
  std::size_t missing = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    alimtalk::found_message& found = (*result)[i];
    if (!found.failed.empty())
      claim.known[i] = failed(messages[i], std::move(found.failed));
    else if (!found.provider_message_id.empty())
      claim.known[i] = delivered(messages[i], std::move(found.provider_message_id));
    missing += claim.known[i] ? 0 : 1;
  }
  const instant conclusive = conclusive_at(claim, policy);
  if (missing > 0 && claim.called_at < conclusive) {
    claim.move = next_move::find;
    claim.not_before = conclusive;
    return worked;
  }
  if (missing == messages.size() && missing > 1 && claim.refused &&
      !all_too_old(claim, policy, around.now)) {
    claim.move = next_move::split; // nothing of it was accepted, and as a whole it will not be
    claim.not_before = {};
    return worked;
  }
  // What is not there by now never will be: it is claimed anew, under a new key. However old it is:
  // where no try of it told anything, an outage is all that it has seen.
  std::size_t i = 0;
  end_all(claim, [&](const db::message& each) {
    auto& known = claim.known[i++];
    if (known)
      return std::move(*known);
    return claim.doubts > 0 ? pending(each, "not accepted", around.now, 1, policy, around.now)
                            : again(each, "not accepted", around.now, 0);
  });
  return worked;
}

alimtalk::call call_of(const db::claim& claim, const std::string& subscriber,
                       const std::string& instance) {
  alimtalk::call call{.key = claim.key, .recipients = {}, .instance = instance};
  const std::string prefix = subscriber + '-' + instance + '-';
  call.recipients.reserve(claim.messages.size());
  for (const db::message& each : claim.messages)
    call.recipients.push_back({prefix + std::to_string(each.event.entry.value), each.event});
  return call;
}

} // namespace paymentd::actors
