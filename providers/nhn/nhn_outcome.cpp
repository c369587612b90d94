#include "providers/nhn/nhn_outcome.hpp"

#include "providers/message.hpp"
#include "providers/nhn/nhn_json.hpp"
#include "providers/outcome.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_map>

namespace paymentd::providers {
namespace {

constexpr int code_accepted = 0;
constexpr int code_duplicate_key = -1005;
constexpr int code_not_found = -1016;
// Every recipient was refused, for reasons of its own, which stand in the results (since April
// 2025).
constexpr int code_all_refused = -1031;
// The day's quota is used up; a new profile has 1,000 a day.
constexpr int code_quota = -1017;
// About the account, the sender or the template: no message of ours can pass. (NHN Cloud KakaoTalk
// Bizmessage API v2.3, "Response codes".)
constexpr int codes_of_the_setup[] = {4,     -1000, -1001, -1002, -1003, -1014, -1027, -1030,
                                      -2017, -2502, -3003, -3004, -3005, -3010, -4005};
// Of these the ones about the template alone.
constexpr int codes_of_the_template[] = {-3003, -3004, -3005, -3010};
// Refused as an AlimTalk, and sent as the SMS that the call asked for.
constexpr int codes_that_fall_back[] = {-3010, -3011, -3042, -3043, -3046};
// About the recipient alone: a number that is none.
constexpr int codes_of_the_recipient[] = {-5000};
// Of a message's final result: on the phone; sent but unconfirmed, which for three days may change.
constexpr std::string_view final_reached = "1000";
constexpr std::string_view final_unconfirmed = "3005";
// NHN's own trouble: its vendor failed, its system failed.
constexpr int code_system_failed = -9999;
constexpr int codes_of_the_api[] = {-7000, code_system_failed};
// Of a message that a list says is FAILED: the recipient's own, for good. Others may be the
// template's or NHN's (3013, say), and such a message has not been sent.
constexpr std::string_view final_codes_of_the_recipient[] = {"1012", "1020", "3008",
                                                             "3018", "3019", "3020"};
// The state of the SMS for a message that failed: it will be sent, is under way, has arrived.
constexpr std::string_view sms_to_come[] = {"RSC02", "RSC03"};
constexpr std::string_view sms_arrived = "RSC04";

bool is_one_of(const auto& codes, const auto& code) {
  return std::ranges::find(codes, code) != std::end(codes);
}

/// A call that the API refused as a whole, by the code in its header or by all its results' code.
/// `registered`: it has an id by now. `by_condition`: its template is for some messages alone.
failure refused_call(int code, const std::string& message, std::size_t recipients, bool registered,
                     bool by_condition) {
  failure refused{.kind = failure_class::outage,
                  .reason = words("NHN refused the call", std::to_string(code), message)};
  if (code == code_duplicate_key) {
    refused.kind = failure_class::seen;
  } else if (code == code_quota) {
    refused.kind = failure_class::throttled;
  } else if (is_one_of(codes_of_the_api, code)) {
    refused.may_follow_acceptance = registered; // no document says that it does not
  } else if (by_condition && is_one_of(codes_of_the_template, code)) {
    refused.kind = failure_class::transient; // messages of other templates go on
  } else if (!is_one_of(codes_of_the_setup, code)) {
    // Something in the call may be wrong. Whether it is, shows where others pass.
    refused.refused_content = true;
    if (recipients == 1 && is_one_of(codes_of_the_recipient, code))
      refused.kind = failure_class::permanent;
  }
  return refused;
}

/// The circumstances by which a recipient's result is judged.
struct beside {
  nhn_said_with call;
  bool others_accepted = false; // of the same call: the account and the template are good
};

recipient_result one_result(const nhn_answer& answer, const nhn_result& result, beside what) {
  if (!result.code)
    return unknown("a result without its code");
  const int code = *result.code;
  if (code == code_accepted && answer.request_id.empty())
    return unknown("an accepted message without a requestId");
  const bool sms_went = what.call.falls_back && is_one_of(codes_that_fall_back, code);
  if (code == code_accepted || sms_went) {
    if (answer.request_id.empty())
      return accepted{"sms", message_channel::sms}; // of a call that was refused as a whole
    return accepted{result.seq > 0 ? answer.request_id + "/" + std::to_string(result.seq)
                                   : answer.request_id,
                    sms_went ? std::optional(message_channel::sms) : std::nullopt};
  }
  failure refused{.kind = failure_class::permanent,
                  .reason = words("NHN refused the message", std::to_string(code), result.message)};
  if (code == code_duplicate_key)
    refused.kind = failure_class::seen;
  else if (code == code_system_failed && !answer.request_id.empty())
    refused.kind = failure_class::unknown; // it may have failed behind the acceptance
  else if (is_one_of(codes_of_the_api, code))
    refused.kind = failure_class::transient;
  else if (code == code_quota)
    refused.kind = failure_class::throttled;
  else if (what.call.by_condition && is_one_of(codes_of_the_template, code))
    refused.kind = failure_class::transient;
  else if (is_one_of(codes_of_the_setup, code))
    refused.kind = failure_class::outage;
  else if (!is_one_of(codes_of_the_recipient, code) && !what.others_accepted)
    refused.kind = failure_class::transient; // it may be of us all
  return std::unexpected(std::move(refused));
}

/// Whether results that bear no grouping key can still be told apart: there is one for each
/// recipient, with its place in the call and its number.
bool matched_by_place(const call& what, const std::vector<nhn_result>& results) {
  if (results.size() != what.recipients.size())
    return false;
  std::vector<bool> taken(results.size());
  return std::ranges::all_of(results, [&](const nhn_result& result) {
    const auto place = static_cast<std::size_t>(result.seq - 1);
    if (!result.key.empty() || result.seq < 1 || place >= taken.size() || taken[place] ||
        result.phone != what.recipients[place].event.phone)
      return false;
    taken[place] = true;
    return true;
  });
}

/// For each result the index of its recipient, or the number of recipients where it has none.
std::vector<std::size_t> recipients_of(const call& what, const std::vector<nhn_result>& results) {
  const std::size_t none = what.recipients.size();
  std::vector<std::size_t> found;
  found.reserve(results.size());
  if (matched_by_place(what, results)) {
    for (const nhn_result& result : results)
      found.push_back(static_cast<std::size_t>(result.seq - 1));
    return found;
  }
  std::unordered_map<std::string_view, std::size_t> by_id; // only where the order is not kept
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string_view id = delivery_id_of(results[i].key);
    if (i < none && id == what.recipients[i].delivery_id) {
      found.push_back(i);
      continue;
    }
    if (by_id.empty())
      for (std::size_t r = 0; r < none; ++r)
        by_id.emplace(what.recipients[r].delivery_id, r);
    const auto at = by_id.find(id);
    found.push_back(at == by_id.end() ? none : at->second);
  }
  return found;
}

/// Where every message was refused alike, and not for its recipient, the call was.
bool refused_together(const nhn_answer& answer, bool falls_back) {
  const auto& code = answer.results.front().code;
  return code && !(falls_back && is_one_of(codes_that_fall_back, *code)) &&
         *code != code_accepted && !is_one_of(codes_of_the_recipient, *code) &&
         std::ranges::all_of(answer.results,
                             [&](const nhn_result& result) { return result.code == code; });
}

call_result match_results(const call& what, const nhn_answer& answer, nhn_said_with with) {
  if (answer.request_id.empty() && *answer.successful)
    return unknown("NHN accepted the call without a requestId");
  const std::size_t count = what.recipients.size();
  const std::vector<std::size_t> recipients = recipients_of(what, answer.results);
  std::vector<const nhn_result*> results(count);
  std::vector<bool> contradicted(count);
  std::size_t strangers = 0;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (recipients[i] == count) {
      ++strangers;
      continue;
    }
    const nhn_result*& mine = results[recipients[i]];
    if (mine != nullptr && mine->code != answer.results[i].code)
      contradicted[recipients[i]] = true;
    mine = &answer.results[i];
  }
  if (strangers != 0)
    spdlog::warn("NHN answered call {} with {} results for messages that were not in it", what.key,
                 strangers);
  const auto missing = static_cast<std::size_t>(std::ranges::count(results, nullptr));
  if (missing == count)
    return unknown("NHN gave no result for any message of the call");
  if (missing == 0 && strangers == 0 && refused_together(answer, with.falls_back))
    return std::unexpected(refused_call(*results[0]->code, results[0]->message, count,
                                        !answer.request_id.empty(), with.by_condition));
  const beside others{.call = with,
                      .others_accepted =
                          std::ranges::find(answer.results, code_accepted, &nhn_result::code) !=
                          answer.results.end()};
  std::vector<recipient_result> matched;
  matched.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (results[i] == nullptr)
      matched.emplace_back(unknown("NHN gave no result for this message"));
    else if (contradicted[i])
      matched.emplace_back(unknown("NHN gave contradicting results for this message"));
    else
      matched.push_back(one_result(answer, *results[i], others));
  }
  return matched;
}

/// A status other than 2xx may come from behind the acceptance, or from a gateway before
/// it: whether a failed call uses up its key is not documented. Only a refusal of the content as it
/// stands is sure not to follow an acceptance.
failure after_status(failure refused) {
  if (refused.kind == failure_class::outage && !refused.refused_content)
    refused.may_follow_acceptance = true;
  return refused;
}

/// An answer whose status is not 2xx: NHN's own code says more than the status, where there is one.
failure refused_by_status(const net::http_response& response, std::size_t recipients) {
  if (response.status >= 400 && response.status < 500 && response.status != 429) {
    const std::optional<nhn_answer> answer = parse_nhn_answer(response.body);
    if (answer && answer->code && *answer->code != code_accepted)
      return after_status(refused_call(*answer->code, answer->message, recipients, true, false));
  }
  return after_status(refused_status(response));
}

/// The answer to a search, or to the question for news.
std::expected<nhn_answer, failure> read_list(const net::http_result& result) {
  if (std::optional<failure> failed = failed_search(result))
    return std::unexpected(*std::move(failed));
  std::optional<nhn_answer> answer = parse_nhn_answer(result->body);
  if (!answer || !answer->code || !answer->successful)
    return outage("NHN's list of messages cannot be read");
  if (*answer->code == code_not_found)
    return nhn_answer{};
  if (!*answer->successful || *answer->code != code_accepted)
    return outage(words("NHN refused the search", std::to_string(*answer->code), answer->message));
  return *std::move(answer);
}

/// Nothing where the message may still arrive.
std::optional<final_result> final_of(nhn_result& found, instant otherwise) {
  if (found.key.empty() || found.final_code == final_unconfirmed || found.status.empty())
    return std::nullopt;
  if (found.status == "FAILED" && is_one_of(sms_to_come, found.resend_status))
    return std::nullopt;
  // A completed message need not have a code; one with another code than that has not arrived.
  const bool completed = found.status == "COMPLETED" &&
                         (found.final_code.empty() || found.final_code == final_reached);
  final_result final{.delivery_id = std::string(delivery_id_of(found.key)),
                     .reached = completed || found.resend_status == sms_arrived,
                     .at = parse_korea_time(found.received_at).value_or(otherwise),
                     .reason = {},
                     .provider_call_id = found.request_id};
  if (final.reached)
    final.channel = completed ? message_channel::alimtalk : message_channel::sms;
  else
    final.reason =
        printable("NHN: " + found.status + " " + found.final_code + " " + found.final_name);
  return final;
}

} // namespace

call_result nhn_call_result(const call& what, net::http_result result, nhn_said_with with) {
  if (!result)
    return std::unexpected(no_answer(std::move(result).error()));
  if (result->status < 200 || result->status > 299)
    return std::unexpected(refused_by_status(*result, what.recipients.size()));
  const std::optional<nhn_answer> answer = parse_nhn_answer(result->body);
  if (!answer || !answer->code || !answer->successful)
    return unreadable("NHN", *result);
  if (*answer->successful != (*answer->code == code_accepted))
    return unknown(
        words("NHN's answer contradicts itself", std::to_string(*answer->code), answer->message));
  if (*answer->code == code_all_refused && !answer->results.empty())
    return match_results(what, *answer, with);
  if (!*answer->successful)
    return std::unexpected(refused_call(*answer->code, answer->message, what.recipients.size(),
                                        true, with.by_condition));
  return match_results(what, *answer, with);
}

std::expected<nhn_page, failure> nhn_search_page(net::http_result result) {
  std::expected<nhn_answer, failure> answer = read_list(result);
  if (!answer)
    return std::unexpected(std::move(answer).error());
  nhn_page page{.found = {}, .listed = answer->results.size(), .total = answer->total};
  for (nhn_result& found : answer->results) {
    if (found.key.empty() || found.request_id.empty())
      continue;
    const bool failed = found.status == "FAILED" && found.resend_status != sms_arrived &&
                        !is_one_of(sms_to_come, found.resend_status);
    if (failed && !is_one_of(final_codes_of_the_recipient, found.final_code))
      continue; // it was not sent, for a reason that passes
    nhn_found one{.phone = std::move(found.phone), .message = {}};
    one.message.provider_message_id =
        found.request_id.append("/").append(std::to_string(found.seq));
    if (found.resend_status == sms_arrived)
      one.message.channel = message_channel::sms;
    if (failed || found.status == "CANCEL")
      one.message.failed =
          printable("NHN: " + found.status + " " + found.final_code + " " + found.final_name);
    page.found.emplace(std::move(found.key), std::move(one));
  }
  return page;
}

std::expected<std::vector<nhn_news>, failure> nhn_news_page(net::http_result result) {
  std::expected<nhn_answer, failure> answer = read_list(result);
  if (!answer)
    return std::unexpected(std::move(answer).error());
  std::vector<nhn_news> news;
  for (nhn_result& one : answer->results)
    news.push_back({.request_id = std::move(one.request_id), .seq = one.seq});
  return news;
}

std::expected<std::uint64_t, failure> nhn_news_count(net::http_result result) {
  std::expected<nhn_answer, failure> answer = read_list(result);
  if (!answer)
    return std::unexpected(std::move(answer).error());
  if (!answer->total)
    return outage("NHN's count of results cannot be read");
  return *answer->total;
}

std::expected<nhn_final_page, failure> nhn_final_results(net::http_result result,
                                                         instant asked_to) {
  std::expected<nhn_answer, failure> answer = read_list(result);
  if (!answer)
    return std::unexpected(std::move(answer).error());
  nhn_final_page page{.results = {}, .listed = answer->results.size(), .total = answer->total};
  for (nhn_result& found : answer->results) {
    const nhn_news which{.request_id = found.request_id, .seq = found.seq};
    if (std::optional<final_result> final = final_of(found, asked_to))
      page.results.emplace_back(which, *std::move(final));
  }
  return page;
}

} // namespace paymentd::providers
