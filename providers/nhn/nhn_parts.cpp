#include "providers/nhn/nhn_parts.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace paymentd::providers {
namespace {

/// Of a message that was not accepted, for no fault of its own.
std::unexpected<failure> not_sent(std::string reason) {
  return std::unexpected(
      failure{.kind = failure_class::outage, .reason = std::move(reason), .never_written = true});
}

/// Whether a refusal is of that part's messages or template, and says nothing of the other parts.
bool is_its_own(const failure& why) {
  return why.kind == failure_class::permanent || why.kind == failure_class::transient ||
         why.refused_content;
}

/// The result of each message of a part that was refused behind others that were accepted.
recipient_result of_one(const failure& why) {
  switch (why.kind) {
  case failure_class::permanent:
  case failure_class::transient:
    return std::unexpected(why);
  case failure_class::unknown:
  case failure_class::seen:
    break;
  case failure_class::throttled:
  case failure_class::outage:
    // They are claimed anew, without those of other templates: then it is the refusal of a call.
    if (!why.may_follow_acceptance)
      return not_sent(why.reason);
  }
  return std::unexpected(failure{.kind = failure_class::unknown, .reason = why.reason});
}

} // namespace

nhn_parts::nhn_parts(call whole, const std::vector<std::size_t>& templates)
    : results_(whole.recipients.size(), not_sent("messages of another template went first")) {
  for (std::size_t place = 0; place < whole.recipients.size(); ++place) {
    auto found = std::ranges::find(parts_, templates[place], &part::of_template);
    if (found == parts_.end()) {
      parts_.push_back({.of_template = templates[place],
                        .key = whole.key + "-" + std::to_string(templates[place]),
                        .what = {.key = whole.key, .recipients = {}, .instance = whole.instance}});
      found = std::prev(parts_.end());
    }
    found->what.recipients.push_back(std::move(whole.recipients[place]));
    found->places.push_back(place);
  }
  std::ranges::sort(parts_, {}, &part::of_template);
  parts_.front().key = whole.key;
}

std::optional<call_result> nhn_parts::answered(call_result answer) {
  if (at_ == 0 && !answer)
    return refused_first(std::move(answer).error());
  const bool goes_on = take(parts_[at_], std::move(answer));
  if (goes_on && ++at_ < parts_.size())
    return std::nullopt;
  return result();
}

call_result nhn_parts::refused_first(failure why) const {
  // The other parts may pass: the call is halved until they are alone.
  if (parts_.size() > 1 && why.kind == failure_class::transient) {
    why.kind = failure_class::outage;
    why.refused_content = true;
  }
  return std::unexpected(std::move(why));
}

bool nhn_parts::take(const part& of, call_result answer) {
  if (!answer) {
    for (const std::size_t place : of.places)
      results_[place] = of_one(answer.error());
    return is_its_own(answer.error());
  }
  const bool any_accepted =
      std::ranges::any_of(*answer, [](const recipient_result& each) { return each.has_value(); });
  for (std::size_t i = 0; i < of.places.size(); ++i)
    results_[of.places[i]] = std::move((*answer)[i]);
  return at_ > 0 || any_accepted;
}

} // namespace paymentd::providers
