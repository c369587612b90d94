#include "providers/sens/sens_outcome.hpp"

#include "domain/delivery.hpp"
#include "providers/message.hpp"
#include "providers/outcome.hpp"
#include "providers/sens/sens_json.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace paymentd::providers {
namespace {

constexpr std::string_view code_accepted = "A000";
constexpr std::string_view code_reached = "0000";
// KakaoTalk's "sent, but it is not known whether it was received": it may still arrive.
constexpr std::string_view code_unconfirmed = "3005";
constexpr std::string_view status_processing = "processing";
constexpr std::string_view status_success = "success";

failure refused_by_status(const net::http_response& response, bool by_condition) {
  failure refused = refused_status(response);
  const std::string said = parse_sens_error(response.body);
  if (response.status >= 400 && !said.empty())
    refused.reason = words("SENS refused the call", refused.reason, said);
  if (refused.refused_content)
    return refused_content(std::move(refused.reason), by_condition);
  return refused;
}

/// The result that SENS gave each recipient, or null. It names them by their numbers alone: several
/// messages to one number have its results in their order.
std::vector<const sens_result*> results_of(const call& what, const sens_answer& answer) {
  std::unordered_map<std::string_view, std::deque<const sens_result*>> by_phone;
  for (const sens_result& each : answer.messages)
    by_phone[each.phone].push_back(&each);
  std::unordered_map<std::string_view, std::size_t> asked;
  for (const recipient& one : what.recipients)
    ++asked[one.event.phone];
  std::size_t strangers = 0;
  for (auto& [phone, results] : by_phone) {
    const auto found = asked.find(phone);
    const std::size_t wanted = found == asked.end() ? 0 : found->second;
    if (results.size() == wanted)
      continue;
    strangers += wanted == 0 ? results.size() : 0;
    results.clear(); // which is of which message is not known
  }
  if (strangers != 0)
    spdlog::warn("SENS answered call {} with {} results for messages that were not in it", what.key,
                 strangers);
  std::vector<const sens_result*> all;
  all.reserve(what.recipients.size());
  for (const recipient& one : what.recipients) {
    const auto found = by_phone.find(one.event.phone);
    if (found == by_phone.end() || found->second.empty()) {
      all.push_back(nullptr);
      continue;
    }
    all.push_back(found->second.front());
    found->second.pop_front();
  }
  return all;
}

bool is_accepted(const sens_result* each) {
  return each != nullptr && each->code == code_accepted;
}
bool is_refused(const sens_result* each) {
  return each != nullptr && !each->code.empty() && each->code != code_accepted;
}

/// The store finds the message by it.
std::string id_of(const std::string& message_id) {
  return std::string(1, found_by_id) + printable(message_id);
}

recipient_result one_result(const sens_answer& answer, const sens_result* about,
                            bool others_accepted) {
  if (is_accepted(about))
    return accepted{about->message_id.empty() ? printable(answer.request_id)
                                              : id_of(about->message_id)};
  if (!is_refused(about))
    return unknown("SENS gave no result for this message");
  return std::unexpected(
      failure{// Which of the two is at fault, the message or the set-up, shows where others pass.
              .kind = others_accepted ? failure_class::permanent : failure_class::transient,
              .reason = words("SENS refused the message", about->code, about->reason)});
}

std::optional<final_result> result_of(sens_listed each, instant asked_to) {
  if (each.message_id.empty() || each.code.empty() || each.status == status_processing ||
      each.code == code_unconfirmed)
    return std::nullopt;
  const bool as_alimtalk = each.code == code_reached;
  const bool as_sms = !as_alimtalk && each.sms_status == status_success;
  const bool sms_under_way = !as_alimtalk && each.falls_back &&
                             (each.sms_status.empty() || each.sms_status == status_processing);
  if (sms_under_way)
    return std::nullopt;
  final_result made{.delivery_id = {},
                    .reached = as_alimtalk || as_sms,
                    .at = parse_korea_time(each.completed_at).value_or(asked_to),
                    .reason = {},
                    .channel = as_sms ? message_channel::sms : message_channel::alimtalk,
                    .provider_message_id = id_of(each.message_id)};
  if (!made.reached) {
    made.channel.reset();
    made.reason = words("SENS", each.code, each.reason);
  }
  return made;
}

} // namespace

call_result sens_call_result(const call& what, net::http_result result, bool by_condition) {
  if (!result)
    return std::unexpected(no_answer(std::move(result).error()));
  if (result->status < 200 || result->status > 299)
    return std::unexpected(refused_by_status(*result, by_condition));
  const std::optional<sens_answer> answer = parse_sens_answer(result->body);
  if (!answer || answer->request_id.empty())
    return unreadable("SENS", *result);
  const std::vector<const sens_result*> about = results_of(what, *answer);
  if (std::ranges::all_of(about, [](const sens_result* each) { return each == nullptr; }))
    return unknown("SENS gave no result for any message of the call");
  if (std::ranges::all_of(about, is_refused))
    return std::unexpected(refused_content(
        words("SENS refused the call", about.front()->code, about.front()->reason), by_condition));
  const bool any_accepted = std::ranges::any_of(about, is_accepted);
  std::vector<recipient_result> matched;
  matched.reserve(about.size());
  for (const sens_result* each : about)
    matched.push_back(one_result(*answer, each, any_accepted));
  return matched;
}

results_answer sens_results_page(net::http_result result, instant asked_to) {
  // Where nothing fits, SENS answers 404 without a body.
  if (result && result->status == 404 && result->body.empty())
    return results_page{};
  if (std::optional<failure> failed = failed_search(result))
    return std::unexpected(*std::move(failed));
  std::optional<sens_list> list = parse_sens_list(result->body);
  if (!list)
    return outage("SENS's list of messages cannot be read");
  constexpr std::size_t results_max = 1'000;
  results_page page{.results = {}, .next = std::move(list->next)};
  for (sens_listed& each : list->messages)
    if (auto one = result_of(std::move(each), asked_to); one && page.results.size() < results_max)
      page.results.push_back(*std::move(one));
  return page;
}

} // namespace paymentd::providers
