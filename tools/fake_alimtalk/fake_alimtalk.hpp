// A message API that behaves like NHN Cloud's KakaoTalk Bizmessage v2.3 and, under their paths,
// like Solapi's, Naver Cloud's SENS and Aligo's, records what it accepts and fails on demand: for
// tests (in their own process, on a free port), the demo and load scripts (as the program
// fake-alimtalk). README.md says which document each behaviour is from. It runs on a thread of its
// own; every member may be called from any thread.
#pragma once

#include "domain/types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::providers {

/// How the API answers, until it is told otherwise. Where several apply: hang, status, throttle,
/// fail_rate, result_code, in this order.
struct fake_behaviour {
  std::chrono::milliseconds latency{0}; // from reading a call to answering it; it counts at once
  bool hang = false;                    // read calls, accept and answer nothing
  int status = 0;                       // answer every call with this HTTP status, accept nothing
  /// Answer 429 with this Retry-After, accept nothing.
  std::optional<std::chrono::seconds> throttle = std::nullopt;
  double fail_rate = 0;  // 0 to 1: this part of the calls gets fail_status, accepting nothing
  int fail_status = 500; //
  /// Refuse every call with this code and a success as status: in NHN's header, as Aligo's code;
  /// for Solapi and SENS each message.
  int result_code = 0;
  bool drop_answers = false; // accept calls, then close the connection instead of answering
  bool garbage = false;      // accept calls, then answer 200 with what is no JSON
  /// Accept calls, and only then fail as `status` or `result_code` say: what an answer that proves
  /// no refusal may hide.
  bool accept_first = false;
  /// Whether a call that is answered with `status`, 429 or `fail_status` uses up its idempotency
  /// key. NHN documents neither; false is a gateway that never asked NHN. NHN's own answers
  /// always use up the key.
  bool failures_use_keys = false;
  /// NHN: phone numbers refused with these codes, each alone. With a code that means "resend by
  /// SMS" and a call that asked for one, the SMS goes out.
  std::map<std::string, int> number_codes = {};
  /// NHN: whether the console is set to send an SMS where a call says nothing of it.
  bool console_fallback = false;
  /// NHN: the lists tell resultCode null of what arrived.
  bool null_result_codes = false;
  /// Phone numbers refused with -5000 (Solapi: 1060, SENS: A001, Aligo: counted alone), each alone
  /// or, with poison_refuses_call, with its whole call.
  std::vector<std::string> poison_numbers = {};
  bool poison_refuses_call = false;
  /// Phone numbers whose messages are accepted and never arrive; where an SMS was asked for, that
  /// does.
  std::vector<std::string> unreachable_numbers = {};
};

struct fake_message {
  std::string recipient_grouping_key;
  std::string sender_grouping_key;
  std::string phone;
  std::string request_id;
  int recipient_seq = 0;
  bool with_fallback = false;   // an SMS was asked for where the AlimTalk does not arrive
  bool as_sms = false;          // refused as an AlimTalk: the SMS went out at once
  std::string traceparent = {}; // the field of its call; empty: there was none
  friend bool operator==(const fake_message&, const fake_message&) = default;
};

struct fake_alimtalk_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0; // 0: any that is free
  /// The wall clock: when idempotency keys are forgotten, and what a search's window is held
  /// against.
  std::function<instant()> now = {};
  fake_behaviour behaviour = {};
  std::string secret = "secret"; // of Solapi's and SENS's signatures; Aligo's key
};

class fake_alimtalk {
 public:
  /// Listens when it returns. Throws std::system_error where the address cannot be listened on.
  explicit fake_alimtalk(fake_alimtalk_options options = {});
  ~fake_alimtalk(); // as stop()
  fake_alimtalk(const fake_alimtalk&) = delete;
  fake_alimtalk& operator=(const fake_alimtalk&) = delete;

  std::uint16_t port() const;
  std::string base_url() const; // "http://127.0.0.1:12345"

  void set_behaviour(fake_behaviour behaviour);
  fake_behaviour behaviour() const;

  /// Closes the connections that wait for a next request, before it returns; those with a call in
  /// work are closed after its answer.
  void close_idle_connections();

  std::uint64_t accepted() const;    // messages, each time that one was accepted
  std::uint64_t distinct() const;    // different recipient grouping keys among them
  std::uint64_t calls() const;       // sends that were received, whatever became of them
  std::uint64_t searches() const;    // searches that were received
  std::uint64_t connections() const; // connections that were ever opened
  /// How often messages with this recipient grouping key were accepted.
  std::uint64_t times_accepted(std::string_view recipient_grouping_key) const;
  /// Every accepted message, in order.
  std::vector<fake_message> received() const;
  /// The body of the newest send, whatever became of it.
  std::string last_body() const;

  /// Waits until `count` messages were accepted in all; false where the time ends first.
  bool wait_for_accepted(std::uint64_t count, std::chrono::milliseconds timeout) const;
  /// Waits until `count` sends were received in all; false where the time ends first.
  bool wait_for_calls(std::uint64_t count, std::chrono::milliseconds timeout) const;

  /// Closes every connection and stops listening. May be called again.
  void stop();

 private:
  class server;
  std::unique_ptr<server> server_;
};

} // namespace paymentd::providers
