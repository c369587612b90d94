// Solapi's list of messages, by which it tells what became of them: on the phone at once, or, for
// unreachable numbers, never.
#include "tools/fake_alimtalk/fake_api.hpp"

#include "net/utc_text.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace paymentd::providers {
namespace {

// The messages stand in the order in which they were accepted.
using json = nlohmann::ordered_json;

constexpr std::size_t limit_default = 20;
constexpr std::size_t limit_max = 500;
constexpr std::string_view arrived = "4000";
constexpr std::string_view no_kakaotalk = "3104";

/// The filters that this API knows. Solapi knows more; a request with one of those is refused,
/// rather than answered as if it were not there.
constexpr std::string_view known_filters[] = {"dateType", "startDate", "endDate", "startKey",
                                              "limit",    "messageId", "groupId", "to",
                                              "type",     "statusCode"};

/// The filters of a request, but for its limit.
struct wanted {
  std::optional<instant> from;
  std::optional<instant> to;
  std::string message_id;
  std::string group_id;
  std::string phone;
  std::string type;
  std::string code;
};

bool is_of_its_time(const wanted& what, instant at) {
  return (!what.from || at >= *what.from) && (!what.to || at <= *what.to);
}

bool fits(const wanted& what, const fake_message& one, std::string_view code) {
  const auto is = [](const std::string& filter, std::string_view value) {
    return filter.empty() || filter == value;
  };
  return is(what.message_id, solapi_message_id(one.request_id, one.recipient_seq)) &&
         is(what.group_id, one.request_id) && is(what.phone, one.phone) && is(what.type, "ATA") &&
         is(what.code, code);
}

json listed(const fake_message& one, instant at, std::string_view code) {
  const std::string id = solapi_message_id(one.request_id, one.recipient_seq);
  const std::string time = net::utc_text(at);
  const bool reached = code == arrived;
  return {{"_id", id},
          {"messageId", id},
          {"groupId", one.request_id},
          {"accountId", "fake"},
          {"type", "ATA"},
          {"to", one.phone},
          {"from", nullptr},
          {"text", nullptr},
          {"country", "82"},
          {"statusCode", code},
          {"reason", reached ? json() : json("카카오톡 미사용자")},
          {"replacement", false},
          {"dateCreated", time},
          {"dateUpdated", time},
          {"dateProcessed", time},
          {"dateReported", time},
          {"dateReceived", reached ? json(time) : json()},
          {"customFields", {{"deliveryId", one.recipient_grouping_key}}}};
}

fake_answer bad_request() {
  return {.status = 400, .body = R"({"errorCode":"ValidationError","errorMessage":"refused"})"};
}

/// Reads a date as ISO 8601 has it. False where there is one that cannot be read.
bool read_date(const std::string& text, std::optional<instant>& into) {
  into = net::parse_rfc3339(text);
  return text.empty() || into.has_value();
}

} // namespace

std::string solapi_message_id(std::string_view group_id, int seq) {
  return std::string(group_id).append("-").append(std::to_string(seq));
}

/// Where a list that begins with `start_key` begins; the log's size where no message has that id.
std::size_t fake_api::solapi_begin(std::string_view start_key) const {
  if (start_key.empty())
    return 0;
  const std::size_t dash = start_key.rfind('-');
  int seq = 0;
  if (dash != start_key.npos)
    std::from_chars(start_key.data() + dash + 1, start_key.data() + start_key.size(), seq);
  return log_.find(start_key.substr(0, dash), seq);
}

fake_answer fake_api::solapi_list(const query& filters) const {
  const std::string date_type = value_of(filters, "dateType");
  const std::size_t limit = number_of(filters, "limit", limit_default);
  const std::string start_key = value_of(filters, "startKey");
  wanted what{.from = {},
              .to = {},
              .message_id = value_of(filters, "messageId"),
              .group_id = value_of(filters, "groupId"),
              .phone = value_of(filters, "to"),
              .type = value_of(filters, "type"),
              .code = value_of(filters, "statusCode")};
  const auto is_known = [](const auto& filter) {
    return std::ranges::find(known_filters, filter.first) != std::end(known_filters);
  };
  const std::size_t begin = solapi_begin(start_key);
  if (!std::ranges::all_of(filters, is_known) || limit == 0 || limit > limit_max ||
      !read_date(value_of(filters, "startDate"), what.from) ||
      !read_date(value_of(filters, "endDate"), what.to) ||
      (!date_type.empty() && date_type != "CREATED" && date_type != "UPDATED") ||
      (!start_key.empty() && begin == log_.size()))
    return bad_request();
  json messages = json::object();
  json next;
  for (std::size_t i = begin; i < log_.size(); ++i) {
    const instant at = log_.accepted_at(i);
    if (!is_of_its_time(what, at))
      continue;
    const fake_message one = log_.at(i);
    const std::string_view code = arrives(one.phone) ? arrived : no_kakaotalk;
    if (!fits(what, one, code))
      continue;
    const std::string id = solapi_message_id(one.request_id, one.recipient_seq);
    if (messages.size() == limit) {
      next = id;
      break;
    }
    messages[id] = listed(one, at, code);
  }
  return {.body = json{{"startKey", start_key.empty() ? json() : json(start_key)},
                       {"limit", limit},
                       {"messageList", std::move(messages)},
                       {"nextKey", std::move(next)}}
                      .dump()};
}

} // namespace paymentd::providers
