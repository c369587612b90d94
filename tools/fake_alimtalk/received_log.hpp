// The messages that the fake API accepted, small enough to keep millions of messages (some 50 bytes
// each) and quick to search by either grouping key. Used by fake_api under its lock.
#pragma once

#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <deque>
#include <unordered_map>

namespace paymentd::providers {

class received_log {
 public:
  static constexpr std::size_t key_bytes_max = 100; // NHN's bound

  /// The field `traceparent` of the request whose call may begin next; empty: it has none.
  void come_with(std::string_view traceparent) { traceparent_ = traceparent; }
  /// A call that was accepted; the messages appended after it are its. `sender` and `by` are NHN's
  /// senderKey and templateCode.
  void begin_call(std::string_view sender_grouping_key, instant at, std::string_view sender = {},
                  std::string_view by = {});
  /// `phone` is a valid number (valid_phone), `key` at most key_bytes_max long or empty.
  void append(std::string_view key, std::string_view phone, int recipient_seq,
              bool with_fallback = false, bool as_sms = false);

  std::size_t size() const { return messages_.size(); }
  std::size_t distinct() const { return distinct_; }
  std::uint64_t times_accepted(std::string_view key) const;
  fake_message at(std::size_t index) const;
  instant accepted_at(std::size_t index) const { return calls_[messages_[index].call].at; }
  std::string current_request_id() const { return request_id(calls_.size() - 1); }

  /// The index of that message of a call, or size() where there is none.
  std::size_t find(std::string_view request_id, int recipient_seq) const;
  /// NHN's senderKey and templateCode of the message's call.
  std::string_view sender_of(std::size_t index) const {
    return calls_[messages_[index].call].sender;
  }
  std::string_view template_of(std::size_t index) const { return calls_[messages_[index].call].by; }

  /// The indexes of the messages with this key, in order.
  std::vector<std::size_t> with_recipient_key(std::string_view key) const;
  std::vector<std::size_t> with_sender_key(std::string_view key) const;
  std::vector<std::size_t> with_request_id(std::string_view id) const;

 private:
  static constexpr std::uint32_t none = 0; // indexes are kept plus one

  struct message {
    std::uint64_t key_begin; // in the arena
    std::uint32_t call;      // its index in calls_
    std::uint32_t earlier;   // the message before with the same key, plus one
    std::uint32_t phone;     // as a number, without the leading 0: below 2^31
    std::uint16_t recipient_seq;
    std::uint8_t key_size : 7; // at most key_bytes_max
    bool with_fallback : 1;
    bool as_sms;
  };
  struct call {
    std::string sender_key; // the grouping key
    std::string sender;
    std::string by;
    std::string traceparent;
    instant at;
    std::uint32_t first_message;
    std::uint32_t earlier; // the call before with the same key, plus one
  };

  static std::string request_id(std::size_t call_index);
  std::uint64_t store(std::string_view key);
  std::string_view key_of(const message& of) const;
  std::size_t slot_of(std::string_view key) const;
  void grow_slots();

  std::deque<message> messages_;
  std::deque<call> calls_;
  std::unordered_map<std::string_view, std::uint32_t> newest_call_; // by sender key, plus one
  std::vector<std::unique_ptr<char[]>> arena_;
  std::size_t arena_used_ = 0;                                          // of the last chunk
  std::vector<std::uint32_t> slots_ = std::vector<std::uint32_t>(1024); // newest message, plus one
  std::size_t distinct_ = 0;
  std::string traceparent_; // of the next call
};

} // namespace paymentd::providers
