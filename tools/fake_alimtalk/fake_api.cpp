#include "tools/fake_alimtalk/fake_api.hpp"

#include "domain/model.hpp"
#include "net/json_text.hpp"
#include "providers/message.hpp"
#include "tools/fake_alimtalk/nhn_words.hpp"
#include "tools/fake_alimtalk/query.hpp"

#include <algorithm>
#include <numeric>

namespace paymentd::providers {
namespace {

constexpr std::chrono::minutes key_memory{10};
constexpr std::size_t recipients_max = 1000;
constexpr std::size_t page_default = 15;
constexpr std::size_t page_max = 1000;

// Result codes of NHN's documentation (KakaoTalk Bizmessage API v2.3, "Error Codes").
constexpr int success = 0;
constexpr int no_secret_key = -1001;
constexpr int duplicate_key = -1005;
constexpr int all_failed = -1031;
constexpr int no_template = -3003;
constexpr int bad_request = -4000;
constexpr int range_too_long = -4003;
constexpr int too_long_ago = -4017;
constexpr int no_query = -4103;
constexpr int bad_number = -5000;
constexpr int system_error = -9999;
// "This message can be resend by sms service if the resend setting is on."
constexpr int resent_as_sms[] = {-3010, -3011, -3042, -3043, -3046};
constexpr std::chrono::days search_span_max{30};
constexpr std::chrono::days search_age_max{90};

std::string header_json(int result_code) {
  std::string json = R"({"header":{"resultCode":)";
  net::append_number(json, result_code);
  json.append(R"(,"resultMessage":)");
  net::append_json_string(json, nhn_message(result_code));
  json.append(result_code == success ? R"(,"isSuccessful":true})" : R"(,"isSuccessful":false})");
  return json;
}

fake_answer refused(int result_code, int status = 200) {
  return {.status = status, .body = header_json(result_code) + "}"};
}

/// Whether it is /alimtalk/v2.3/appkeys/{appkey}/messages.
bool is_messages_path(std::string_view path) {
  constexpr std::string_view before = "/alimtalk/v2.3/appkeys/";
  constexpr std::string_view after = "/messages";
  if (!path.starts_with(before) || !path.ends_with(after) ||
      path.size() <= before.size() + after.size())
    return false;
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  return path.find('/') == path.npos;
}

void append_field(std::string& json, std::string_view name, std::string_view text) {
  net::append_json_string(json, name);
  json.push_back(':');
  net::append_json_string(json, text);
}

} // namespace

fake_api::fake_api(std::function<instant()> now, fake_behaviour behaviour, std::string secret)
    : now_(std::move(now)), behaviour_(std::move(behaviour)), secret_(std::move(secret)) {}

fake_answer fake_api::handle(const fake_request& request) {
  fake_answer answer;
  {
    const std::lock_guard lock(mutex_);
    answer = handle_locked(request);
  }
  changed_.notify_all();
  return answer;
}

fake_answer fake_api::handle_locked(const fake_request& request) {
  const std::string_view path = request.target.substr(0, request.target.find('?'));
  const query filters = parse_query(request.target);
  log_.come_with(request.traceparent);
  if (path == "/received" && request.method == "GET")
    return list_received(filters);
  if (path == "/behaviour" && request.method == "GET")
    return {.body = behaviour_json(behaviour_)};
  if (path == "/behaviour" && request.method == "PUT")
    return change_behaviour(request.body);
  if ((path == "/messages/v4/send-many/detail" && request.method == "POST") ||
      (path == "/messages/v4/list" && request.method == "GET"))
    return solapi(request);
  if (path.starts_with("/alimtalk/v2/services/") && path.ends_with("/messages"))
    return sens(request);
  if (path.starts_with("/akv10/") && request.method == "POST")
    return aligo(request, path);
  const bool only_count = path.ends_with("/message-results/count");
  if ((path.ends_with("/message-results") || only_count) && request.method == "GET")
    return fail_on_demand().value_or(request.secret_key.empty() ? refused(no_secret_key)
                                                                : nhn_results(filters, only_count));
  if (!is_messages_path(path))
    return {.status = 404, .body = "{}"};

  const bool is_send = request.method == "POST";
  if (!is_send && request.method != "GET")
    return {.status = 405, .body = "{}"};
  ++(is_send ? calls_ : searches_);
  if (is_send)
    last_body_.assign(request.body);
  fake_answer answer;
  std::optional<fake_answer> failed;
  if (!is_send || !behaviour_.accept_first)
    failed = fail_on_demand();
  if (failed && is_send && behaviour_.failures_use_keys && !request.idempotency_key.empty())
    remember(request.idempotency_key, now_());
  if (failed)
    answer = *std::move(failed);
  else if (request.secret_key.empty())
    answer = refused(no_secret_key);
  else
    answer = is_send ? send(request) : search(filters);
  answer.latency = behaviour_.latency;
  return answer;
}

bool fake_api::is_poison(std::string_view phone) const {
  return std::ranges::find(behaviour_.poison_numbers, phone) != behaviour_.poison_numbers.end();
}

fake_answer fake_api::answer_of_accepted(std::string body, int status) const {
  fake_answer answer{.status = status, .body = std::move(body)};
  if (behaviour_.drop_answers)
    answer.how = fake_answer::way::close;
  else if (behaviour_.garbage)
    answer.body = "<html>garbage</html>";
  return answer;
}

std::optional<fake_answer> fake_api::fail_on_demand() {
  if (behaviour_.hang)
    return fake_answer{.how = fake_answer::way::hang};
  if (behaviour_.status != 0)
    return refused(system_error, behaviour_.status);
  if (behaviour_.throttle) {
    fake_answer answer = refused(system_error, 429);
    answer.retry_after = behaviour_.throttle;
    return answer;
  }
  if (std::uniform_real_distribution<>(0, 1)(random_) < behaviour_.fail_rate)
    return refused(system_error, behaviour_.fail_status);
  return std::nullopt;
}

fake_answer fake_api::send(const fake_request& request) {
  const instant now = now_();
  if (!request.idempotency_key.empty() && !remember(request.idempotency_key, now))
    return refused(duplicate_key);
  if (behaviour_.result_code != success && !behaviour_.accept_first)
    return refused(behaviour_.result_code);
  if (!body_.read(request.body) || body_.count == 0 || body_.count > recipients_max ||
      body_.sender_key.empty())
    return refused(bad_request);
  if (body_.template_code.empty())
    return refused(no_template);
  const auto is_poison = [this](const send_recipient& one) {
    return std::ranges::find(behaviour_.poison_numbers, one.phone) !=
           behaviour_.poison_numbers.end();
  };
  const auto end = body_.recipients.begin() + static_cast<std::ptrdiff_t>(body_.count);
  if (behaviour_.poison_refuses_call && std::any_of(body_.recipients.begin(), end, is_poison))
    return refused(bad_number);

  fake_answer answer{.body = accept_and_report(body_, now)};
  if (behaviour_.accept_first)
    answer = refused(behaviour_.result_code == success ? system_error : behaviour_.result_code,
                     behaviour_.status == 0 ? 200 : behaviour_.status);
  if (behaviour_.drop_answers)
    answer.how = fake_answer::way::close;
  else if (behaviour_.garbage)
    answer.body = "<html>garbage</html>";
  return answer;
}

/// False where the key came within the last ten minutes.
bool fake_api::remember(std::string_view idempotency_key, instant now) {
  while (!keys_by_age_.empty() && now - keys_by_age_.front().first >= key_memory) {
    keys_.erase(keys_by_age_.front().second);
    keys_by_age_.pop_front();
  }
  if (!keys_.emplace(idempotency_key, now).second)
    return false;
  keys_by_age_.emplace_back(now, idempotency_key);
  return true;
}

/// Whether the recipient was accepted; `code` is what is said of it.
bool fake_api::accept(const send_recipient& one, int seq, int& code) {
  code = success;
  const auto told = behaviour_.number_codes.find(one.phone);
  if (!valid_phone(one.phone) || one.key.size() > received_log::key_bytes_max ||
      std::ranges::find(behaviour_.poison_numbers, one.phone) != behaviour_.poison_numbers.end())
    code = bad_number;
  else if (told != behaviour_.number_codes.end())
    code = told->second;
  const bool with_fallback = one.with_resend.value_or(behaviour_.console_fallback);
  const bool as_sms =
      with_fallback && std::ranges::find(resent_as_sms, code) != std::end(resent_as_sms);
  if (code == success || as_sms)
    log_.append(one.key, one.phone, seq, with_fallback, as_sms);
  return code == success;
}

std::string fake_api::accept_and_report(const send_body& body, instant now) {
  log_.begin_call(body.sender_grouping_key, now, body.sender_key, body.template_code);
  std::string results;
  results.reserve(256 + body.count * 160);
  bool any = false;
  for (std::size_t i = 0; i < body.count; ++i) {
    const send_recipient& one = body.recipients[i];
    int code = success;
    any |= accept(one, static_cast<int>(i + 1), code);
    results.append(i == 0 ? R"({"recipientSeq":)" : R"(,{"recipientSeq":)");
    net::append_number(results, i + 1);
    results.push_back(',');
    append_field(results, "recipientNo", one.phone);
    results.append(R"(,"resultCode":)");
    net::append_number(results, code);
    results.push_back(',');
    append_field(results, "resultMessage", nhn_message(code));
    results.push_back(',');
    append_field(results, "recipientGroupingKey", one.key);
    results.push_back('}');
  }
  // A call all of whose recipients failed is refused, and has no id.
  std::string json = header_json(any ? success : all_failed).append(R"(,"message":{)");
  if (any)
    append_field(json, "requestId", log_.current_request_id());
  else
    json.append(R"("requestId":null)");
  json.push_back(',');
  append_field(json, "senderGroupingKey", body.sender_grouping_key);
  return json.append(R"(,"sendResults":[)").append(results).append("]}}");
}

/// The messages that a search is for; `refusal` is a code where it cannot be made. NHN wants the id
/// of a request, or a span of request or registration dates, which are the same here.
std::vector<std::size_t> fake_api::found_by(const query& filters, int& refusal) const {
  const std::string request = value_of(filters, "requestId");
  if (!request.empty())
    return log_.with_request_id(request);
  const bool by_request = !value_of(filters, "startRequestDate").empty();
  const auto date = [&](const char* requested, const char* registered) {
    return parse_korea_time(value_of(filters, by_request ? requested : registered));
  };
  const auto from = date("startRequestDate", "startCreateDate");
  const auto to = date("endRequestDate", "endCreateDate");
  if (!from || !to)
    refusal = no_query;
  else if (*to - *from > search_span_max)
    refusal = range_too_long;
  else if (now_() - *from > search_age_max)
    refusal = too_long_ago;
  if (refusal != success)
    return {};
  const std::string sender = value_of(filters, "senderGroupingKey");
  const std::string recipient = value_of(filters, "recipientGroupingKey");
  std::vector<std::size_t> found;
  if (!recipient.empty()) {
    found = log_.with_recipient_key(recipient);
  } else if (!sender.empty()) {
    found = log_.with_sender_key(sender);
  } else {
    found.resize(log_.size());
    std::iota(found.begin(), found.end(), std::size_t{0});
  }
  std::erase_if(found, [&](std::size_t index) {
    const auto at = parse_korea_time(korea_time_text(log_.accepted_at(index)));
    return *at < *from || *at > *to ||
           (!sender.empty() && !recipient.empty() && log_.at(index).sender_grouping_key != sender);
  });
  return found;
}

fake_answer fake_api::search(const query& filters) const {
  const std::size_t page = number_of(filters, "pageNum", 1);
  const std::size_t page_size = number_of(filters, "pageSize", page_default);
  int refusal = page == 0 || page_size == 0 || page_size > page_max ? bad_request : success;
  const std::vector<std::size_t> found = found_by(filters, refusal);
  if (refusal != success)
    return refused(refusal);
  std::string json = header_json(success);
  json.append(R"(,"messageSearchResultResponse":{"messages":[)");
  const std::size_t begin = std::min(found.size(), (page - 1) * page_size);
  const std::size_t end = std::min(found.size(), begin + page_size);
  for (std::size_t i = begin; i < end; ++i) {
    json.append(i == begin ? "{" : ",{");
    const fake_message message = log_.at(found[i]);
    append_field(json, "plusFriendId", "@fake");
    json.push_back(',');
    append_field(json, "senderKey", log_.sender_of(found[i]));
    json.push_back(',');
    append_field(json, "templateCode", log_.template_of(found[i]));
    json.push_back(',');
    append_message(json, message);
    append_fate(json, message, log_.accepted_at(found[i]));
    json.push_back('}');
  }
  json.append(R"(],"totalCount":)");
  net::append_number(json, found.size());
  return {.body = json.append("}}")};
}

fake_answer fake_api::list_received(const query& filters) const {
  constexpr std::size_t limit_default = 10000;
  std::string json = R"({"count":)";
  net::append_number(json, log_.size());
  json.append(R"(,"distinct":)");
  net::append_number(json, log_.distinct());
  if (value_of(filters, "count") == "1")
    return {.body = json.append("}")};

  const bool only_repeated = value_of(filters, "repeated") == "1";
  const std::size_t limit = number_of(filters, "limit", limit_default);
  std::size_t index = number_of(filters, "offset", 0);
  json.append(R"(,"messages":[)");
  std::size_t listed = 0;
  for (; index < log_.size() && listed < limit; ++index) {
    const fake_message message = log_.at(index);
    const std::uint64_t times = log_.times_accepted(message.recipient_grouping_key);
    if (only_repeated && times < 2)
      continue;
    json.append(listed++ == 0 ? "{" : ",{");
    append_message(json, message);
    json.append(message.as_sms ? R"(,"channel":"SMS")" : R"(,"channel":"ALIMTALK")");
    if (!message.traceparent.empty()) {
      json.push_back(',');
      append_field(json, "traceparent", message.traceparent);
    }
    json.append(R"(,"timesAccepted":)");
    net::append_number(json, times);
    json.push_back('}');
  }
  json.append(R"(],"hasMore":)").append(index < log_.size() ? "true" : "false");
  json.append(R"(,"nextOffset":)");
  net::append_number(json, index);
  return {.body = json.append("}")};
}

fake_answer fake_api::change_behaviour(std::string_view json) {
  std::expected<fake_behaviour, std::string> wanted = parse_behaviour(json);
  if (!wanted) {
    std::string body = "{";
    append_field(body, "error", wanted.error());
    return {.status = 400, .body = body.append("}")};
  }
  behaviour_ = *std::move(wanted);
  return {.body = behaviour_json(behaviour_)};
}

void fake_api::set_behaviour(fake_behaviour behaviour) {
  const std::lock_guard lock(mutex_);
  behaviour_ = std::move(behaviour);
}

fake_behaviour fake_api::behaviour() const {
  const std::lock_guard lock(mutex_);
  return behaviour_;
}

std::uint64_t fake_api::accepted() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

std::uint64_t fake_api::distinct() const {
  const std::lock_guard lock(mutex_);
  return log_.distinct();
}

std::uint64_t fake_api::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::uint64_t fake_api::searches() const {
  const std::lock_guard lock(mutex_);
  return searches_;
}

std::uint64_t fake_api::times_accepted(std::string_view recipient_grouping_key) const {
  const std::lock_guard lock(mutex_);
  return log_.times_accepted(recipient_grouping_key);
}

std::vector<fake_message> fake_api::received() const {
  const std::lock_guard lock(mutex_);
  std::vector<fake_message> all;
  all.reserve(log_.size());
  for (std::size_t i = 0; i < log_.size(); ++i)
    all.push_back(log_.at(i));
  return all;
}

std::string fake_api::last_body() const {
  const std::lock_guard lock(mutex_);
  return last_body_;
}

bool fake_api::wait_for_accepted(std::uint64_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return log_.size() >= count; });
}

bool fake_api::wait_for_calls(std::uint64_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return calls_ >= count; });
}

} // namespace paymentd::providers
