#include "providers/aligo/aligo_outcome.hpp"

#include "domain/delivery.hpp"
#include "net/digest.hpp"
#include "providers/message.hpp"
#include "providers/outcome.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace paymentd::providers {
namespace {

constexpr std::int64_t code_success = 0;
constexpr std::int64_t code_no_credentials = -101;
// One code, -99, stands for most refusals; that of an empty account is known by its words.
constexpr std::string_view words_of_no_balance = "포인트가 부족";
constexpr std::string_view result_reached = "0";
// "Sent, and not clear whether it was received", and "its result is not found": it may have
// arrived.
constexpr std::string_view results_unconfirmed[] = {"5", "6"};
constexpr std::string_view status_no_number = "2";
constexpr std::size_t messages_max = 500; // of a call

failure refused_by_code(const aligo_answer& answer, bool by_condition) {
  std::string reason =
      words("Aligo refused the call", std::to_string(*answer.code), answer.message);
  if (*answer.code == code_no_credentials ||
      answer.message.find(words_of_no_balance) != std::string::npos)
    return {.kind = failure_class::outage, .reason = std::move(reason)};
  return refused_content(std::move(reason), by_condition);
}

std::string digits_of(std::string_view phone) {
  std::string digits(phone);
  std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
  return digits;
}

/// The ids of a call's messages, by the numbers that these go to in their order.
std::vector<std::string> ids_of(std::string_view mid, std::span<const std::string> phones,
                                std::string_view secret) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (const std::string& each : phones)
    ++places[each];
  std::unordered_map<std::string_view, std::size_t> seen;
  std::vector<std::string> ids;
  ids.reserve(phones.size());
  for (const std::string& each : phones)
    ids.push_back(aligo_message_id(mid, each, seen[each]++, places[each], secret));
  return ids;
}

/// Messages are numbered as they were sent; "Q" is of those under way.
std::uint64_t number_of(const aligo_message& each) {
  const std::string digits = digits_of(each.id);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::optional<final_result> result_of(const aligo_message& each, std::string id, instant asked_to) {
  const bool unknown_number = each.status == status_no_number;
  if ((each.result.empty() || each.id.starts_with('Q')) && !unknown_number)
    return std::nullopt;
  if (std::ranges::find(results_unconfirmed, each.result) != std::end(results_unconfirmed))
    return std::nullopt;
  const bool as_alimtalk = each.result == result_reached;
  // Whether that SMS arrived is told by another API of Aligo's, which is not asked.
  const bool as_sms = !as_alimtalk && !each.sms.empty() && each.sms != "0";
  final_result made{.delivery_id = {},
                    .reached = as_alimtalk || as_sms,
                    .at = parse_korea_time(each.at).value_or(asked_to),
                    .reason = {},
                    .provider_message_id = std::move(id)};
  if (made.reached)
    made.channel = as_sms ? message_channel::sms : message_channel::alimtalk;
  else
    made.reason = words("Aligo", unknown_number ? "no such number" : each.result, each.reason);
  return made;
}

} // namespace

std::string aligo_message_id(std::string_view mid, std::string_view phone, std::size_t place,
                             std::size_t places, std::string_view secret) {
  constexpr std::size_t digest_bytes = 8;
  std::string text(mid);
  text.append("/").append(phone).append("/").append(std::to_string(place));
  text.append("/").append(std::to_string(places));
  const auto digest = net::hmac_sha256(secret, text);
  std::string id(1, found_by_id);
  return id.append(printable(std::string(mid)))
      .append("/")
      .append(net::hex_text(std::span(digest).first(digest_bytes)));
}

call_result aligo_call_result(const call& what, net::http_result result, std::string_view secret,
                              bool by_condition) {
  if (!result)
    return std::unexpected(no_answer(std::move(result).error()));
  if (result->status < 200 || result->status > 299)
    return std::unexpected(refused_status(*result));
  const std::optional<aligo_answer> answer = parse_aligo_answer(result->body);
  if (!answer)
    return unreadable("Aligo", *result);
  if (*answer->code != code_success)
    return std::unexpected(refused_by_code(*answer, by_condition));
  if (answer->mid.empty())
    return unknown("Aligo accepted the call without a mid");
  const std::int64_t refused = answer->refused.value_or(0);
  const auto count = static_cast<std::int64_t>(what.recipients.size());
  if (refused >= count || (refused > 0 && answer->registered == 0)) {
    if (count > 1)
      return std::unexpected(refused_content("Aligo refused every number of the call", false));
    std::vector<recipient_result> alone;
    alone.emplace_back(std::unexpected(
        failure{.kind = failure_class::permanent, .reason = "Aligo refused the number"}));
    return alone;
  }
  if (refused > 0) // it does not say which; their results do
    spdlog::warn("Aligo refused {} of the {} numbers of call {}", refused, count, what.key);
  std::vector<std::string> phones;
  phones.reserve(what.recipients.size());
  for (const recipient& one : what.recipients)
    phones.push_back(one.event.phone);
  std::vector<recipient_result> all;
  all.reserve(phones.size());
  for (std::string& id : ids_of(answer->mid, phones, secret))
    all.emplace_back(accepted{std::move(id)});
  return all;
}

std::expected<aligo_list, failure> aligo_calls(const net::http_result& answer) {
  if (std::optional<failure> failed = failed_search(answer))
    return std::unexpected(*std::move(failed));
  std::optional<aligo_list> list = parse_aligo_list(answer->body);
  if (list)
    return *std::move(list);
  const std::optional<aligo_answer> said = parse_aligo_answer(answer->body);
  return outage(
      said ? words("Aligo refused the list of calls", std::to_string(*said->code), said->message)
           : "Aligo's list of calls cannot be read");
}

std::expected<std::vector<final_result>, failure>
aligo_final_results(const net::http_result& answer, std::string_view mid, std::string_view secret,
                    instant asked_to) {
  if (std::optional<failure> failed = failed_search(answer))
    return std::unexpected(*std::move(failed));
  std::optional<std::vector<aligo_message>> messages = parse_aligo_messages(answer->body);
  if (!messages) {
    if (parse_aligo_answer(answer->body))
      return std::vector<final_result>{}; // it does not know the call
    return outage("Aligo's list of messages cannot be read");
  }
  std::ranges::stable_sort(*messages, {}, number_of);
  if (messages->size() > messages_max)
    messages->resize(messages_max);
  std::vector<std::string> phones;
  phones.reserve(messages->size());
  for (const aligo_message& each : *messages)
    phones.push_back(digits_of(each.phone));
  std::vector<std::string> ids = ids_of(mid, phones, secret);
  std::vector<final_result> results;
  for (std::size_t i = 0; i < messages->size(); ++i)
    if (auto one = result_of((*messages)[i], std::move(ids[i]), asked_to))
      results.push_back(*std::move(one));
  return results;
}

} // namespace paymentd::providers
