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

bool too_old(const message& message, const delivery_policy& policy, instant now) {
  return now - message.event.at > policy.max_age;
}

bool all_too_old(const open_claim& claim, const delivery_policy& policy, instant now) {
  return std::ranges::all_of(claim.claim.messages,
                             [&](const message& each) { return too_old(each, policy, now); });
}

delivery_result delivered(const message& message, std::string provider_message_id,
                          std::optional<message_channel> channel) {
  return {.entry = message.event.entry,
          .status = delivery_status::delivered,
          .attempts = message.attempts + 1,
          .provider_message_id = std::move(provider_message_id),
          .last_error = {},
          .next_attempt = {},
          .copies = message.copies,
          .channel = channel};
}

delivery_result failed(const message& message, std::string reason) {
  return {.entry = message.event.entry,
          .status = delivery_status::failed,
          .attempts = message.attempts + 1,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = {},
          .copies = message.copies};
}

/// To be tried again at `at`. `spent` is 1 where the try counts.
delivery_result again(const message& message, std::string reason, instant at, int spent) {
  return {.entry = message.event.entry,
          .status = delivery_status::pending,
          .attempts = message.attempts + spent,
          .provider_message_id = {},
          .last_error = std::move(reason),
          .next_attempt = at,
          .copies = message.copies};
}

/// The same, unless it is too old for that.
delivery_result pending(const message& message, std::string reason, instant at, int spent,
                        const delivery_policy& policy, instant now) {
  if (too_old(message, policy, now))
    return failed(message, std::move(reason) + " (given up: too old)");
  return again(message, std::move(reason), at, spent);
}

/// Sent at `sent_at`, and again though it may be a second copy: rarely, and not often. The count is
/// stored with the message, so that it outlives whatever dies.
delivery_result pending_as_copy(const message& message, const std::string& reason,
                                const delivery_policy& policy, instant sent_at, double random) {
  const int copies = message.copies + 1;
  const bool enough = copies >= policy.copies_max;
  auto result =
      enough
          ? failed(message, "outcome unknown, sent " + std::to_string(copies) + " times: " + reason)
          : again(message, "outcome unknown: " + reason,
                  sent_at + backoff_delay(policy.copy, copies, random), 1);
  result.copies = copies;
  return result;
}

std::chrono::milliseconds retry_delay(const message& message, const delivery_policy& policy,
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
  for (const message& each : claim.claim.messages)
    claim.results.push_back(result_of(each));
  claim.move = next_move::end;
  claim.not_before = {};
}

/// What became of one recipient of a call that was taken; nothing where that is not known.
std::optional<delivery_result> result_of(const message& message, alimtalk::recipient_result& result,
                                         const delivery_policy& policy,
                                         const circumstances& around) {
  if (result)
    return delivered(message, std::move(result->provider_message_id), result->channel);
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
  end_all(claim, [&](const message& each) {
    auto& known = claim.known[i++];
    if (known)
      return std::move(*known);
    return policy.repeats_are_copies
               ? pending_as_copy(each, "no result", policy, around.now, around.random)
               : pending(each, "outcome unknown", at, 1, policy, around.now);
  });
}

bool is_lost(const message& message) {
  return !message.lost.empty();
}

/// A claim some of whose messages are lost, or that has none. What is lost can be looked up, if it
/// may have been sent, but not be sent.
void set_apart(open_claim& claim, instant at, const delivery_policy& policy) {
  const auto& messages = claim.claim.messages;
  if (claim.in_doubt && policy.can_find && !messages.empty()) {
    claim.move = next_move::find;
    claim.not_before = std::max(at, conclusive_at(claim, policy));
  } else if (claim.in_doubt || std::ranges::all_of(messages, is_lost)) {
    end_all(claim, [&](const message& each) {
      return is_lost(each) ? failed(each, each.lost) : again(each, "outcome unknown", at, 0);
    });
  } else {
    claim.move = next_move::split;
    claim.not_before = at;
  }
}

/// A try told nothing of what an earlier try under the same key, or this one, may have done.
void doubt(open_claim& claim, const std::string& reason, const delivery_policy& policy,
           const circumstances& around) {
  claim.in_doubt = true;
  ++claim.doubts;
  if (policy.repeats_are_copies) {
    end_all(claim, [&](const message& each) {
      return pending_as_copy(each, reason, policy, around.now, around.random);
    });
    return;
  }
  const bool asked_enough = claim.doubts > policy.doubts_max &&
                            (!policy.can_find || around.now >= conclusive_at(claim, policy));
  if (asked_enough && all_too_old(claim, policy, around.now)) {
    end_all(claim, [&](const message& each) { return failed(each, "outcome unknown: " + reason); });
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
    end_all(claim, [&](const message& each) { return failed(each, why.reason); });
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
    end_all(claim, [&](const message& each) {
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

void opened(open_claim& claim, instant now, const delivery_policy& policy) {
  if (claim.claim.messages.empty() || std::ranges::any_of(claim.claim.messages, is_lost))
    set_apart(claim, now, policy);
  else
    go_on(claim, now, policy);
}

void take_over(open_claim& claim, instant now, const delivery_policy& policy) {
  claim.in_doubt = true;
  const std::string& by = claim.claim.provider;
  if (!by.empty() && by != policy.provider)
    end_all(claim, [&](const message& each) {
      return failed(each, "outcome unknown: it may have been sent by " + by +
                              " before the provider was changed");
    });
  else if (policy.repeats_are_copies)
    end_all(claim, [&](const message& each) {
      return each.lost.empty()
                 ? pending_as_copy(each, "the process ended", policy, claim.claim.since, 0.5)
                 : failed(each, each.lost);
    });
  else
    opened(claim, now, policy);
}

void put_back(open_claim& claim, instant now) {
  if (claim.in_doubt || claim.call != 0 || claim.at_store || claim.move == next_move::end)
    return;
  const instant at = std::max(claim.not_before, now);
  end_all(claim, [at](const message& each) { return again(each, "not sent yet", at, 0); });
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
      claim.known[i] = delivered(messages[i], std::move(found.provider_message_id), found.channel);
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
  end_all(claim, [&](const message& each) {
    auto& known = claim.known[i++];
    if (known)
      return std::move(*known);
    if (is_lost(each))
      return failed(each, each.lost);
    return claim.doubts > 0 ? pending(each, "not accepted", around.now, 1, policy, around.now)
                            : again(each, "not accepted", around.now, 0);
  });
  return worked;
}

alimtalk::call call_of(const claim& claim, const std::string& subscriber,
                       const std::string& instance) {
  alimtalk::call call{.key = claim.key, .recipients = {}, .instance = instance};
  const std::string prefix = subscriber + '-' + instance + '-';
  call.recipients.reserve(claim.messages.size());
  for (const message& each : claim.messages) {
    constexpr std::size_t number_bytes = 16;
    alimtalk::recipient& one = call.recipients.emplace_back();
    one.delivery_id.reserve(prefix.size() + number_bytes);
    one.delivery_id.append(prefix).append(std::to_string(each.event.entry.value));
    one.event = each.event;
  }
  return call;
}

} // namespace paymentd::actors
