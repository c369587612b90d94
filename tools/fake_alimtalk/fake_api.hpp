// The fake API's answers: from a request's parts to an answer, with all that it remembers, and
// nothing of sockets. Any thread may call it; the lock is held for one call at a time.
#pragma once

#include "tools/fake_alimtalk/received_log.hpp"
#include "tools/fake_alimtalk/send_body.hpp"

#include <nlohmann/json_fwd.hpp>

#include <condition_variable>
#include <mutex>
#include <random>
#include <unordered_set>

namespace paymentd::providers {

struct fake_request {
  std::string_view method;
  std::string_view target; // path and query
  std::string_view secret_key;
  std::string_view idempotency_key;
  std::string_view authorization; // Solapi's
  // SENS's: x-ncp-apigw-timestamp, x-ncp-iam-access-key and x-ncp-apigw-signature-v2.
  std::string_view timestamp;
  std::string_view access_key;
  std::string_view signature;
  std::string_view traceparent;
  std::string_view body;
};

struct fake_answer {
  enum class way : std::uint8_t { reply, hang, close };
  way how = way::reply;
  int status = 200;
  std::chrono::milliseconds latency{0};
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
  std::string body = {};
};

/// The id of a message at Solapi, by its group and its place there.
std::string solapi_message_id(std::string_view group_id, int seq);

class fake_api {
 public:
  /// `secret`: Solapi's and SENS's, and Aligo's key.
  fake_api(std::function<instant()> now, fake_behaviour behaviour, std::string secret);

  fake_answer handle(const fake_request& request);

  void set_behaviour(fake_behaviour behaviour);
  fake_behaviour behaviour() const;

  // As the members of fake_alimtalk with the same names.
  std::uint64_t accepted() const;
  std::uint64_t distinct() const;
  std::uint64_t calls() const;
  std::uint64_t searches() const;
  std::uint64_t times_accepted(std::string_view recipient_grouping_key) const;
  std::vector<fake_message> received() const;
  std::string last_body() const;
  bool wait_for_accepted(std::uint64_t count, std::chrono::milliseconds timeout) const;
  bool wait_for_calls(std::uint64_t count, std::chrono::milliseconds timeout) const;

 private:
  using query = std::vector<std::pair<std::string, std::string>>;

  fake_answer handle_locked(const fake_request& request);
  std::optional<fake_answer> fail_on_demand();
  std::vector<std::size_t> found_by(const query& filters, int& refusal) const;
  fake_answer send(const fake_request& request);
  fake_answer search(const query& filters) const;
  std::string accept_and_report(const send_body& body, instant now);
  bool accept(const send_recipient& one, int seq, int& code);
  bool remember(std::string_view idempotency_key, instant now);
  fake_answer list_received(const query& filters) const;
  fake_answer change_behaviour(std::string_view json);

  // results.cpp
  fake_answer nhn_results(const query& filters, bool only_count) const;
  void append_fate(std::string& json, const fake_message& message, instant accepted) const;
  bool arrives(std::string_view phone) const;

  // sens.cpp
  fake_answer sens(const fake_request& request);
  bool is_signed_for_sens(const fake_request& request) const;
  fake_answer sens_send(std::string_view body, instant now);
  fake_answer sens_list(const query& filters) const;

  // aligo.cpp
  fake_answer aligo(const fake_request& request, std::string_view path);
  fake_answer aligo_send(const query& form, instant now);
  fake_answer aligo_calls(const query& form) const;
  fake_answer aligo_messages(const query& form) const;

  bool is_poison(std::string_view phone) const;
  /// An answer to a send that was accepted, or what the behaviour has instead.
  fake_answer answer_of_accepted(std::string body, int status) const;

  // solapi.cpp
  fake_answer solapi(const fake_request& request);
  std::string solapi_refusal(std::string_view authorization);
  int solapi_code(const nlohmann::json& message, bool is_duplicate) const;
  fake_answer solapi_send(std::string_view body, instant now);

  // solapi_list.cpp
  std::size_t solapi_begin(std::string_view start_key) const;
  fake_answer solapi_list(const query& filters) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::function<instant()> now_;
  fake_behaviour behaviour_;
  const std::string secret_;
  std::unordered_set<std::string> signatures_; // Solapi's, each of which works once
  received_log log_;
  send_body body_; // kept for its memory
  std::string last_body_;
  std::uint64_t calls_ = 0;
  std::uint64_t searches_ = 0;
  std::unordered_map<std::string, instant> keys_; // idempotency keys and when they came
  std::deque<std::pair<instant, std::string>> keys_by_age_;
  std::mt19937_64 random_{1}; // the same failures in every run
};

} // namespace paymentd::providers
