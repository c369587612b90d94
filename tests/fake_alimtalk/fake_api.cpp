#include "tests/fake_alimtalk/fake_api.hpp"

#include "alimtalk/json_text.hpp"
#include "alimtalk/message.hpp"
#include "domain/model.hpp"
#include "tests/fake_alimtalk/query.hpp"

#include <algorithm>

namespace paymentd::alimtalk {
namespace {

constexpr std::chrono::minutes key_memory{10};
constexpr std::size_t recipients_max = 1000;
constexpr std::size_t page_default = 15;
constexpr std::size_t page_max = 1000;

// Result codes of NHN's documentation; bad_request is the fake's own.
constexpr int success = 0;
constexpr int no_secret_key = -1000;
constexpr int duplicate_key = -1005;
constexpr int no_template = -3003;
constexpr int bad_request = -4000;
constexpr int bad_number = -5000;
constexpr int system_error = -9999;

std::string header_json(int result_code) {
  std::string json = R"({"header":{"resultCode":)";
  append_number(json, result_code);
  json.append(result_code == success ? R"(,"resultMessage":"success","isSuccessful":true})"
                                     : R"(,"resultMessage":"refused","isSuccessful":false})");
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
  append_json_string(json, name);
  json.push_back(':');
  append_json_string(json, text);
}

} // namespace

fake_api::fake_api(std::function<instant()> now, fake_behaviour behaviour,
                   std::string solapi_secret)
    : now_(std::move(now)), behaviour_(std::move(behaviour)),
      solapi_secret_(std::move(solapi_secret)) {}

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
  if (path == "/received" && request.method == "GET")
    return list_received(filters);
  if (path == "/behaviour" && request.method == "GET")
    return {.body = behaviour_json(behaviour_)};
  if (path == "/behaviour" && request.method == "PUT")
    return change_behaviour(request.body);
  if ((path == "/messages/v4/send-many/detail" && request.method == "POST") ||
      (path == "/messages/v4/list" && request.method == "GET"))
    return solapi(request);
  if (path.ends_with("/message-results") && request.method == "GET")
    return fail_on_demand().value_or(nhn_results(filters));
  if (!is_messages_path(path))
    return {.status = 404, .body = "{}"};

  const bool is_send = request.method == "POST";
  if (!is_send && request.method != "GET")
    return {.status = 405, .body = "{}"};
  ++(is_send ? calls_ : searches_);
  if (is_send)
    last_body_.assign(request.body);
  fake_answer answer;
  if (std::optional<fake_answer> failed = fail_on_demand())
    answer = *std::move(failed);
  else if (request.secret_key.empty())
    answer = refused(no_secret_key);
  else
    answer = is_send ? send(request) : search(filters);
  answer.latency = behaviour_.latency;
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
  if (behaviour_.result_code != success)
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

std::string fake_api::accept_and_report(const send_body& body, instant now) {
  log_.begin_call(body.sender_grouping_key, now);
  std::string json = header_json(success);
  json.reserve(256 + body.count * 160);
  json.append(R"(,"message":{)");
  append_field(json, "requestId", log_.current_request_id());
  json.push_back(',');
  append_field(json, "senderGroupingKey", body.sender_grouping_key);
  json.append(R"(,"sendResults":[)");
  for (std::size_t i = 0; i < body.count; ++i) {
    const send_recipient& one = body.recipients[i];
    const bool good =
        valid_phone(one.phone) && one.key.size() <= received_log::key_bytes_max &&
        std::ranges::find(behaviour_.poison_numbers, one.phone) == behaviour_.poison_numbers.end();
    if (good)
      log_.append(one.key, one.phone, static_cast<int>(i + 1));
    json.append(i == 0 ? R"({"recipientSeq":)" : R"(,{"recipientSeq":)");
    append_number(json, i + 1);
    json.push_back(',');
    append_field(json, "recipientNo", one.phone);
    json.append(R"(,"resultCode":)");
    append_number(json, good ? success : bad_number);
    json.append(good ? R"(,"resultMessage":"success",)" : R"(,"resultMessage":"bad number",)");
    append_field(json, "recipientGroupingKey", one.key);
    json.push_back('}');
  }
  return json.append("]}}");
}

fake_answer fake_api::search(const query& filters) const {
  const std::string sender = value_of(filters, "senderGroupingKey");
  const std::string recipient = value_of(filters, "recipientGroupingKey");
  const std::string from = value_of(filters, "startRequestDate");
  const std::string to = value_of(filters, "endRequestDate");
  const std::size_t page = number_of(filters, "pageNum", 1);
  const std::size_t page_size = number_of(filters, "pageSize", page_default);
  constexpr std::size_t date_size = sizeof "2026-11-22 23:05" - 1;
  if (from.size() != date_size || to.size() != date_size || page == 0 || page_size == 0 ||
      page_size > page_max || (sender.empty() && recipient.empty()))
    return refused(bad_request);

  std::vector<std::size_t> found =
      recipient.empty() ? log_.with_sender_key(sender) : log_.with_recipient_key(recipient);
  std::erase_if(found, [&](std::size_t index) {
    const std::string at = korea_time_text(log_.accepted_at(index)); // sorts as text
    return at < from || at > to ||
           (!sender.empty() && !recipient.empty() && log_.at(index).sender_grouping_key != sender);
  });
  std::string json = header_json(success);
  json.append(R"(,"messageSearchResultResponse":{"messages":[)");
  const std::size_t begin = std::min(found.size(), (page - 1) * page_size);
  const std::size_t end = std::min(found.size(), begin + page_size);
  for (std::size_t i = begin; i < end; ++i) {
    json.append(i == begin ? "{" : ",{");
    append_message(json, log_.at(found[i]));
    json.append(R"(,"messageStatus":"COMPLETED","resultCode":"1000"})");
  }
  json.append(R"(],"totalCount":)");
  append_number(json, found.size());
  return {.body = json.append("}}")};
}

fake_answer fake_api::list_received(const query& filters) const {
  constexpr std::size_t limit_default = 10000;
  std::string json = R"({"count":)";
  append_number(json, log_.size());
  json.append(R"(,"distinct":)");
  append_number(json, log_.distinct());
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
    json.append(R"(,"timesAccepted":)");
    append_number(json, times);
    json.push_back('}');
  }
  json.append(R"(],"hasMore":)").append(index < log_.size() ? "true" : "false");
  json.append(R"(,"nextOffset":)");
  append_number(json, index);
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

} // namespace paymentd::alimtalk
