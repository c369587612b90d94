#include "tools/fake_alimtalk/query.hpp"

#include "net/json_text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace paymentd::providers {
namespace {

using json = nlohmann::json;

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return decoded;
}

/// Takes `name` out of `from`; `otherwise` where it is not there. Throws where its type is wrong.
template <class Value>
Value take(json& from, const char* name, Value otherwise) {
  if (const auto found = from.find(name); found != from.end()) {
    otherwise = found->get<Value>();
    from.erase(found);
  }
  return otherwise;
}

} // namespace

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view target) {
  std::vector<std::pair<std::string, std::string>> query;
  std::size_t begin = target.find('?');
  while (begin != target.npos) {
    const std::size_t end = target.find('&', begin + 1);
    const std::string_view one =
        target.substr(begin + 1, end == target.npos ? target.npos : end - begin - 1);
    const std::size_t equals = one.find('=');
    query.emplace_back(decode(one.substr(0, equals)),
                       equals == one.npos ? "" : decode(one.substr(equals + 1)));
    begin = end;
  }
  return query;
}

std::string value_of(const std::vector<std::pair<std::string, std::string>>& query,
                     std::string_view name) {
  for (const auto& [key, value] : query)
    if (key == name)
      return value;
  return {};
}

std::size_t number_of(const std::vector<std::pair<std::string, std::string>>& query,
                      std::string_view name, std::size_t otherwise) {
  const std::string text = value_of(query, name);
  if (text.empty())
    return otherwise;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

std::expected<fake_behaviour, std::string> parse_behaviour(std::string_view text) {
  fake_behaviour wanted;
  try {
    json from = json::parse(text);
    if (!from.is_object())
      return std::unexpected("not an object");
    wanted.latency = std::chrono::milliseconds{take<std::int64_t>(from, "latencyMs", 0)};
    wanted.hang = take(from, "hang", false);
    wanted.status = take(from, "status", 0);
    wanted.fail_rate = take(from, "failRate", 0.0);
    wanted.fail_status = take(from, "failStatus", wanted.fail_status);
    if (const auto seconds = take<std::int64_t>(from, "retryAfterSeconds", -1); seconds >= 0)
      wanted.throttle = std::chrono::seconds{seconds};
    wanted.result_code = take(from, "resultCode", 0);
    wanted.drop_answers = take(from, "dropAnswers", false);
    wanted.garbage = take(from, "garbage", false);
    wanted.accept_first = take(from, "acceptFirst", false);
    wanted.failures_use_keys = take(from, "failuresUseKeys", false);
    wanted.number_codes = take(from, "numberCodes", std::map<std::string, int>{});
    wanted.console_fallback = take(from, "consoleFallback", false);
    wanted.null_result_codes = take(from, "nullResultCodes", false);
    wanted.poison_numbers = take(from, "poisonNumbers", std::vector<std::string>{});
    wanted.poison_refuses_call = take(from, "poisonRefusesCall", false);
    wanted.unreachable_numbers = take(from, "unreachableNumbers", std::vector<std::string>{});
    if (!from.empty())
      return std::unexpected("unknown: " + from.begin().key());
  } catch (const json::exception& error) {
    return std::unexpected(error.what());
  }
  const auto is_status = [](int status) { return status >= 200 && status <= 599; };
  if (wanted.latency.count() < 0 || wanted.fail_rate < 0 || wanted.fail_rate > 1 ||
      (wanted.status != 0 && !is_status(wanted.status)) || !is_status(wanted.fail_status))
    return std::unexpected("out of bounds");
  return wanted;
}

std::string behaviour_json(const fake_behaviour& behaviour) {
  return json{{"latencyMs", behaviour.latency.count()},
              {"hang", behaviour.hang},
              {"status", behaviour.status},
              {"failRate", behaviour.fail_rate},
              {"failStatus", behaviour.fail_status},
              {"retryAfterSeconds", behaviour.throttle ? behaviour.throttle->count() : -1},
              {"resultCode", behaviour.result_code},
              {"dropAnswers", behaviour.drop_answers},
              {"garbage", behaviour.garbage},
              {"acceptFirst", behaviour.accept_first},
              {"failuresUseKeys", behaviour.failures_use_keys},
              {"numberCodes", behaviour.number_codes},
              {"consoleFallback", behaviour.console_fallback},
              {"nullResultCodes", behaviour.null_result_codes},
              {"poisonNumbers", behaviour.poison_numbers},
              {"poisonRefusesCall", behaviour.poison_refuses_call},
              {"unreachableNumbers", behaviour.unreachable_numbers}}
      .dump();
}

void append_message(std::string& out, const fake_message& message) {
  out.append(R"("requestId":)");
  net::append_json_string(out, message.request_id);
  out.append(R"(,"recipientSeq":)");
  net::append_number(out, message.recipient_seq);
  out.append(R"(,"recipientNo":)");
  net::append_json_string(out, message.phone);
  out.append(R"(,"senderGroupingKey":)");
  net::append_json_string(out, message.sender_grouping_key);
  out.append(R"(,"recipientGroupingKey":)");
  net::append_json_string(out, message.recipient_grouping_key);
}

} // namespace paymentd::providers
