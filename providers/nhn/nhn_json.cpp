#include "providers/nhn/nhn_json.hpp"

#include "net/json_text.hpp"
#include "providers/json_parts.hpp"
#include "providers/message.hpp"

#include <limits>

namespace paymentd::providers {
namespace {

constexpr std::size_t recipient_bytes = 256; // of one recipient in a body, about

void append_fallback(std::string& json, const fallback_message& fallback,
                     const filled_message& message) {
  json.append(R"(,"resendParameter":{"isResend":true,"resendType":)");
  json.append(fallback.is_long ? R"("LMS")" : R"("SMS")");
  if (!fallback.title.empty()) {
    append_member(json, R"(,"resendTitle":)", message.in(fallback.title));
  }
  if (!fallback.text.empty()) {
    append_member(
        json, R"(,"resendContent":)",
        fallback_text(fallback, message, fallback.is_long ? lms_bytes_max : sms_bytes_max));
  }
  append_member(json, R"(,"resendSendNo":)", fallback.from);
  json.push_back('}');
}

/// `message` is filled with the recipient's event.
void append_recipient(std::string& json, const nhn_sender& from, const recipient& one,
                      filled_message& message) {
  append_member(json, R"({"recipientNo":)", one.event.phone);
  json.append(R"(,"templateParameter":)");
  message.append_json(json, "", "");
  // Said either way: where nothing is said, the setting of NHN's console applies.
  if (from.fallback)
    append_fallback(json, *from.fallback, message);
  else
    json.append(R"(,"resendParameter":{"isResend":false})");
  append_member(json, R"(,"recipientGroupingKey":)", nhn_grouping_key(one));
  json.push_back('}');
}

/// Follows an answer without building a tree of it. The objects of interest lie at
///   {"header": {…}, "message": {…, "sendResults": [{…}]},
///    "messageSearchResultResponse": {"messages": [{…}], "totalCount": …}}
/// and, of results and of their count, at
///   {"header": {…}, "messages": [{…}], "totalCount": …}
class reader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit reader(nhn_answer& into) : into_(into) {}

  bool is_object() const { return is_object_; }

  bool null() override { return value(); }
  bool boolean(bool given) override {
    if (field_ == field::successful)
      into_.successful = given;
    return value();
  }
  bool number_integer(number_integer_t given) override { return number(given); }
  bool number_unsigned(number_unsigned_t given) override {
    return given <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())
               ? number(static_cast<std::int64_t>(given))
               : value();
  }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t& given) override {
    if (text_ != nullptr)
      text_->swap(given);
    return value();
  }
  bool binary(binary_t&) override { return value(); }

  bool start_object(std::size_t) override {
    ++depth_;
    is_object_ |= depth_ == 1;
    if (in_results_ && depth_ == results_depth_ + 1)
      into_.results.emplace_back();
    return value();
  }
  bool end_object() override {
    if (--depth_ == 1)
      part_ = part::other;
    return true;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    if (std::exchange(results_next_, false)) {
      in_results_ = true;
      results_depth_ = depth_;
    }
    return value();
  }
  bool end_array() override {
    if (--depth_ < results_depth_)
      in_results_ = false;
    return true;
  }

  bool key(string_t& name) override {
    value();
    if (in_results_) {
      if (depth_ == results_depth_ + 1)
        key_of_result(name, into_.results.back());
    } else if (depth_ == 1) {
      part_ = name == "header"                        ? part::header
              : name == "message"                     ? part::send
              : name == "messageSearchResultResponse" ? part::search
                                                      : part::other;
      key_of_list(name);
    } else if (depth_ == 2) {
      key_of_part(name);
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  enum class part : std::uint8_t { other, header, send, search };
  enum class field : std::uint8_t { other, code, successful, total, result_code, result_seq };
  void key_of_part(const string_t& name) {
    if (part_ == part::header) {
      field_ = name == "resultCode"     ? field::code
               : name == "isSuccessful" ? field::successful
                                        : field::other;
      if (name == "resultMessage")
        text_ = &into_.message;
    } else if (part_ == part::send) {
      if (name == "requestId")
        text_ = &into_.request_id;
      results_next_ = name == "sendResults";
    } else if (part_ == part::search) {
      key_of_list(name);
    }
  }

  void key_of_list(const string_t& name) {
    if (name == "totalCount")
      field_ = field::total;
    results_next_ = name == "messages";
  }

  void key_of_result(const string_t& name, nhn_result& result) {
    if (name == "resultCode") {
      field_ = field::result_code;
      text_ = &result.final_code;
    } else if (name == "recipientSeq")
      field_ = field::result_seq;
    else if (name == "recipientGroupingKey")
      text_ = &result.key;
    else if (name == "recipientNo")
      text_ = &result.phone;
    else if (name == "resultMessage")
      text_ = &result.message;
    else if (name == "requestId")
      text_ = &result.request_id;
    else if (name == "messageStatus")
      text_ = &result.status;
    else if (name == "resultCodeName")
      text_ = &result.final_name;
    else if (name == "resendStatus")
      text_ = &result.resend_status;
    else if (name == "receiveDate")
      text_ = &result.received_at;
  }

  bool number(std::int64_t given) {
    const bool fits =
        given >= std::numeric_limits<int>::min() && given <= std::numeric_limits<int>::max();
    if (field_ == field::code && fits)
      into_.code = static_cast<int>(given);
    else if (field_ == field::total && given >= 0)
      into_.total = static_cast<std::uint64_t>(given);
    else if (field_ == field::result_code && fits)
      into_.results.back().code = static_cast<int>(given);
    else if (field_ == field::result_seq)
      into_.results.back().seq = given;
    return value();
  }

  /// A value, of whatever kind, uses up what its key announced.
  bool value() {
    field_ = field::other;
    text_ = nullptr;
    results_next_ = false;
    return true;
  }

  nhn_answer& into_;
  part part_ = part::other;
  field field_ = field::other;
  std::string* text_ = nullptr;
  bool results_next_ = false;
  bool in_results_ = false;
  int results_depth_ = 0; // of their array
  bool is_object_ = false;
  int depth_ = 0;
};

} // namespace

std::string nhn_grouping_key(const recipient& one) {
  constexpr std::size_t amount_bytes = 17; // a dot and 2^53
  std::string key;
  key.reserve(one.delivery_id.size() + amount_bytes);
  key.append(one.delivery_id).push_back('.');
  net::append_number(key, one.event.amount().value);
  return key;
}

std::string_view delivery_id_of(std::string_view grouping_key) {
  return grouping_key.substr(0, grouping_key.find('.'));
}

std::string nhn_send_body(const nhn_sender& from, const call& what) {
  std::string json;
  json.reserve(recipient_bytes * (what.recipients.size() + 1));
  append_member(json, R"({"senderKey":)", from.sender_key);
  append_member(json, R"(,"templateCode":)", from.template_code);
  append_member(json, R"(,"senderGroupingKey":)", what.key);
  json.append(R"(,"recipientList":[)");
  filled_message message(from.message);
  bool first = true;
  for (const recipient& one : what.recipients) {
    if (!std::exchange(first, false))
      json.push_back(',');
    message.fill(one.event);
    append_recipient(json, from, one, message);
  }
  return json.append("]}");
}

std::optional<nhn_answer> parse_nhn_answer(std::string_view json) {
  nhn_answer answer;
  reader follows(answer);
  if (!nlohmann::json::sax_parse(json, &follows) || !follows.is_object())
    return std::nullopt;
  return answer;
}

} // namespace paymentd::providers
