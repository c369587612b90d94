#include "tools/fake_alimtalk/received_log.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace paymentd::providers {
namespace {

constexpr std::string_view request_prefix = "fake-";
constexpr std::size_t chunk_shift = 20;
constexpr std::size_t chunk_bytes = std::size_t{1} << chunk_shift;

} // namespace

void received_log::begin_call(std::string_view sender_grouping_key, instant at,
                              std::string_view sender, std::string_view by) {
  calls_.push_back({.sender_key = std::string(sender_grouping_key),
                    .sender = std::string(sender),
                    .by = std::string(by),
                    .traceparent = traceparent_,
                    .at = at,
                    .first_message = static_cast<std::uint32_t>(messages_.size()),
                    .earlier = none});
  if (sender_grouping_key.empty())
    return;
  std::uint32_t& newest = newest_call_[calls_.back().sender_key];
  calls_.back().earlier = newest;
  newest = static_cast<std::uint32_t>(calls_.size());
}

void received_log::append(std::string_view key, std::string_view phone, int recipient_seq,
                          bool with_fallback, bool as_sms) {
  message added{.key_begin = 0,
                .call = static_cast<std::uint32_t>(calls_.size() - 1),
                .earlier = none,
                .phone = 0,
                .recipient_seq = static_cast<std::uint16_t>(recipient_seq),
                .key_size = static_cast<std::uint8_t>(key.size() & 0x7f),
                .with_fallback = with_fallback,
                .as_sms = as_sms};
  std::from_chars(phone.data(), phone.data() + phone.size(), added.phone);
  if (!key.empty()) {
    if (distinct_ * 3 >= slots_.size() * 2)
      grow_slots();
    std::uint32_t& newest = slots_[slot_of(key)];
    if (newest == none) {
      added.key_begin = store(key);
      ++distinct_;
    } else {
      added.key_begin = messages_[newest - 1].key_begin;
    }
    added.earlier = newest;
    newest = static_cast<std::uint32_t>(messages_.size() + 1);
  }
  messages_.push_back(added);
}

std::uint64_t received_log::times_accepted(std::string_view key) const {
  std::uint64_t times = 0;
  for (std::uint32_t at = slots_[slot_of(key)]; at != none; at = messages_[at - 1].earlier)
    ++times;
  return times;
}

fake_message received_log::at(std::size_t index) const {
  const message& found = messages_[index];
  return {.recipient_grouping_key = std::string(key_of(found)),
          .sender_grouping_key = calls_[found.call].sender_key,
          .phone = "0" + std::to_string(found.phone),
          .request_id = request_id(found.call),
          .recipient_seq = found.recipient_seq,
          .with_fallback = found.with_fallback,
          .as_sms = found.as_sms,
          .traceparent = calls_[found.call].traceparent};
}

std::vector<std::size_t> received_log::with_recipient_key(std::string_view key) const {
  std::vector<std::size_t> found;
  for (std::uint32_t at = slots_[slot_of(key)]; at != none; at = messages_[at - 1].earlier)
    found.push_back(at - 1);
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<std::size_t> received_log::with_sender_key(std::string_view key) const {
  std::vector<std::size_t> found;
  const auto newest = newest_call_.find(key);
  for (std::uint32_t at = newest == newest_call_.end() ? none : newest->second; at != none;
       at = calls_[at - 1].earlier) {
    const std::size_t end = at < calls_.size() ? calls_[at].first_message : messages_.size();
    for (std::size_t i = end; i > calls_[at - 1].first_message; --i)
      found.push_back(i - 1);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<std::size_t> received_log::with_request_id(std::string_view id) const {
  std::vector<std::size_t> found;
  std::size_t number = 0;
  if (id.starts_with(request_prefix))
    std::from_chars(id.data() + request_prefix.size(), id.data() + id.size(), number);
  if (number == 0 || number > calls_.size() || request_id(number - 1) != id)
    return found;
  const std::size_t end = number < calls_.size() ? calls_[number].first_message : messages_.size();
  for (std::size_t i = calls_[number - 1].first_message; i < end; ++i)
    found.push_back(i);
  return found;
}

std::size_t received_log::find(std::string_view request_id, int recipient_seq) const {
  for (const std::size_t index : with_request_id(request_id))
    if (messages_[index].recipient_seq == recipient_seq)
      return index;
  return messages_.size();
}

std::string received_log::request_id(std::size_t call_index) {
  return std::string(request_prefix) + std::to_string(call_index + 1);
}

std::uint64_t received_log::store(std::string_view key) {
  if (arena_.empty() || arena_used_ + key.size() > chunk_bytes) {
    arena_.push_back(std::make_unique_for_overwrite<char[]>(chunk_bytes));
    arena_used_ = 0;
  }
  std::memcpy(arena_.back().get() + arena_used_, key.data(), key.size());
  const std::uint64_t begin = (arena_.size() - 1) << chunk_shift | arena_used_;
  arena_used_ += key.size();
  return begin;
}

std::string_view received_log::key_of(const message& of) const {
  if (of.key_size == 0)
    return {};
  return {arena_[of.key_begin >> chunk_shift].get() + (of.key_begin & (chunk_bytes - 1)),
          of.key_size};
}

/// Where `key` is, or where it belongs: open addressing, at most two thirds full. An empty key is
/// never put in, so looking for it finds an empty slot.
std::size_t received_log::slot_of(std::string_view key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(key)&mask;
  while (slots_[slot] != none && key_of(messages_[slots_[slot] - 1]) != key)
    slot = (slot + 1) & mask;
  return slot;
}

void received_log::grow_slots() {
  const std::vector<std::uint32_t> before =
      std::exchange(slots_, std::vector<std::uint32_t>(slots_.size() * 2));
  for (const std::uint32_t newest : before)
    if (newest != none)
      slots_[slot_of(key_of(messages_[newest - 1]))] = newest;
}

} // namespace paymentd::providers
