#include "providers/solapi/solapi_outcome.hpp"

#include "net/utc_text.hpp"
#include "providers/outcome.hpp"
#include "providers/solapi/solapi_json.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_map>

namespace paymentd::providers {
namespace {

constexpr std::string_view codes_accepted[] = {"2000", "3000", "4000"};
constexpr std::string_view codes_under_way[] = {"2000", "3000"};
constexpr std::string_view code_done = "4000";
constexpr std::string_view code_no_balance = "1030";
// About the account or the template: no message of ours can pass.
constexpr std::string_view codes_of_the_setup[] = {code_no_balance, "1020", "1024", "1041", "1042",
                                                   "1043",          "1046", "1058", "1062"};
constexpr std::string_view codes_of_the_template[] = {"1042", "1043"};
// A signature works once, so the request came twice (some proxy's doing): the first one may have
// been accepted.
constexpr std::string_view error_duplicate_signature = "DuplicatedSignature";
constexpr std::string_view error_no_balance = "NotEnoughBalance";

bool is_one_of(const auto& codes, std::string_view code) {
  return std::ranges::find(codes, code) != std::end(codes);
}

/// An answer whose status is not 2xx: {"errorCode", "errorMessage"}. Whether a lone message is at
/// fault shows where others pass.
failure refused_by_status(const net::http_response& response) {
  failure refused = refused_status(response);
  if (response.status < 400 || response.status >= 500 || response.status == 429)
    return refused;
  const solapi_error error = parse_solapi_error(response.body);
  if (error.code.empty())
    return refused;
  refused.reason = words("Solapi refused the call", error.code, error.message);
  if (error.code == error_duplicate_signature)
    refused.kind = failure_class::unknown;
  else if (error.code == error_no_balance)
    refused.refused_content = false;
  return refused;
}

/// Codes of the registration (1xxx) are as often about us all as about the recipient: which of the
/// two shows where others are accepted.
bool may_be_of_us_all(const solapi_result& result) {
  return result.code.starts_with('1');
}

/// The verdict on one recipient: by which result, and whether by one that says otherwise too.
struct said {
  const solapi_result* by = nullptr;
  bool contradicted = false;
  bool of_its_template = false; // which is for some messages alone, and was refused
};

recipient_result one_result(const solapi_answer& answer, const said& about, bool others_accepted) {
  const solapi_result& result = *about.by;
  if (is_one_of(codes_accepted, result.code))
    return accepted{result.message_id.empty() ? answer.group_id
                                              : answer.group_id + "/" + result.message_id};
  if (result.code.empty())
    return unknown("a result without its code");
  failure refused{.kind = failure_class::permanent,
                  .reason = words("Solapi refused the message", result.code, result.message)};
  if (about.of_its_template)
    refused.kind = failure_class::transient;
  else if (is_one_of(codes_of_the_setup, result.code))
    refused.kind = failure_class::outage;
  else if (may_be_of_us_all(result) && !others_accepted)
    refused.kind = failure_class::transient;
  return std::unexpected(std::move(refused));
}

/// Finds the recipient that a result is of.
class addressees {
 public:
  explicit addressees(const call& what) : none_(what.recipients.size()) {
    for (std::size_t i = 0; i < none_; ++i) {
      by_id_.emplace(what.recipients[i].delivery_id, i);
      const auto [at, first] = by_phone_.emplace(what.recipients[i].event.phone, i);
      if (!first)
        at->second = none_; // two messages to one number cannot be told apart by it
    }
  }

  /// The number of recipients where it is of none.
  std::size_t of(const solapi_result& result) const {
    const auto& index = result.delivery_id.empty() ? by_phone_ : by_id_;
    const auto found = index.find(result.delivery_id.empty() ? result.phone : result.delivery_id);
    return found == index.end() ? none_ : found->second;
  }

 private:
  using map = std::unordered_map<std::string_view, std::size_t>;
  const std::size_t none_;
  map by_id_;
  map by_phone_;
};

/// Whether the counts say that all but the failed ones, each of which is named, were accepted.
bool counts_tell_the_rest(const solapi_answer& answer, std::size_t count, std::size_t named) {
  return answer.has_failed_list && answer.listed.empty() && named == answer.failed.size() &&
         answer.total == count && answer.refused == named && answer.registered == count - named;
}

std::optional<message_channel> channel_of(std::string_view type) {
  if (type == "ATA")
    return message_channel::alimtalk;
  return type == "SMS" || type == "LMS" || type == "MMS" ? std::optional(message_channel::sms)
                                                         : std::nullopt;
}

/// Notes which messages were refused for a template that is for some messages alone.
void look_at_templates(const call& what, const std::vector<conditional_template>& others,
                       std::vector<said>& about) {
  for (std::size_t i = 0; i < about.size() && !others.empty(); ++i)
    about[i].of_its_template = about[i].by != nullptr && !about[i].contradicted &&
                               is_one_of(codes_of_the_template, about[i].by->code) &&
                               template_of(others, what.recipients[i].event) != 0;
}

/// The failure of a call all of whose messages were refused for what may be of us all.
failure refused_call(const std::vector<said>& about) {
  const solapi_result& first = *about.front().by;
  failure refused{.kind = failure_class::outage,
                  .reason = words("Solapi refused the call", first.code, first.message),
                  .refused_content = first.code != code_no_balance};
  if (std::ranges::all_of(about, &said::of_its_template)) {
    refused.kind = failure_class::transient;
    refused.refused_content = false;
  }
  return refused;
}

call_result match_results(const call& what, const solapi_answer& answer,
                          const std::vector<conditional_template>& others) {
  const std::size_t count = what.recipients.size();
  if (answer.group_id.empty())
    return unknown("Solapi accepted the call without a groupId");
  const addressees find(what);
  std::vector<said> about(count);
  std::size_t strangers = 0;
  std::size_t named = 0;
  for (const auto* list : {&answer.listed, &answer.failed})
    for (const solapi_result& result : *list) {
      const std::size_t at = find.of(result);
      if (at == count) {
        ++strangers;
        continue;
      }
      named += about[at].by == nullptr ? 1 : 0;
      // A message of the list of failures is in both lists, with the same code.
      about[at].contradicted |= about[at].by != nullptr && about[at].by->code != result.code;
      // A message in the list of failures was not accepted, whatever its code.
      about[at].contradicted |= list == &answer.failed && is_one_of(codes_accepted, result.code);
      about[at].by = &result;
    }
  if (strangers != 0)
    spdlog::warn("Solapi answered call {} with {} results for messages that were not in it",
                 what.key, strangers);
  const bool rest_accepted = strangers == 0 && counts_tell_the_rest(answer, count, named);
  if (named == 0 && !rest_accepted)
    return unknown("Solapi gave no result for any message of the call");
  const auto refused_with_the_call = [](const said& each) {
    return each.by != nullptr && !each.contradicted && may_be_of_us_all(*each.by);
  };
  look_at_templates(what, others, about);
  if (std::ranges::all_of(about, refused_with_the_call))
    return std::unexpected(refused_call(about));
  const bool any_accepted =
      (rest_accepted && named < count) || std::ranges::any_of(about, [](const said& each) {
        return each.by != nullptr && !each.contradicted && is_one_of(codes_accepted, each.by->code);
      });
  std::vector<recipient_result> matched;
  matched.reserve(count);
  for (const said& each : about) {
    if (each.contradicted)
      matched.emplace_back(unknown("Solapi gave contradicting results for this message"));
    else if (each.by != nullptr)
      matched.push_back(one_result(answer, each, any_accepted));
    else if (rest_accepted)
      matched.emplace_back(accepted{answer.group_id});
    else
      matched.emplace_back(unknown("Solapi gave no result for this message"));
  }
  return matched;
}

} // namespace

call_result solapi_call_result(const call& what, net::http_result result,
                               const std::vector<conditional_template>& others) {
  if (!result)
    return std::unexpected(no_answer(std::move(result).error()));
  if (result->status < 200 || result->status > 299)
    return std::unexpected(refused_by_status(*result));
  const std::optional<solapi_answer> answer = parse_solapi_answer(result->body);
  if (!answer)
    return unreadable("Solapi", *result);
  return match_results(what, *answer, others);
}

results_answer solapi_results_page(net::http_result result, instant asked_to) {
  if (std::optional<failure> failed = failed_search(result))
    return std::unexpected(*std::move(failed));
  std::optional<solapi_list> list = parse_solapi_list(result->body);
  if (!list)
    return outage("Solapi's list of messages cannot be read");
  results_page page{.results = {}, .next = std::move(list->next)};
  for (solapi_listed& each : list->messages) {
    if (each.delivery_id.empty() || each.code.empty() || is_one_of(codes_under_way, each.code))
      continue;
    const bool reached = each.code == code_done;
    page.results.push_back({.delivery_id = std::move(each.delivery_id),
                            .reached = reached,
                            .at = net::parse_utc(each.received_at).value_or(asked_to),
                            .reason = reached ? "" : words("Solapi", each.code, each.reason),
                            .provider_call_id = std::move(each.group_id),
                            .channel = channel_of(each.type)});
  }
  return page;
}

} // namespace paymentd::providers
