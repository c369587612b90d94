// The customer's text: a payment event as the parameters of the approved template, and as a
// line of the log. Used by every adapter but the webhook. Pure but for `filled_message`; any
// thread.
#pragma once

#include "domain/event.hpp"
#include "templates/buttons.hpp"
#include "templates/message_plan.hpp"
#include "templates/metadata_condition.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::providers {

/// How messages are made of events.
struct message_options {
  templates::message_plan plan = templates::message_plan::standard();
  std::size_t excess_max = 0; // characters that a value may have beyond its name; 0: no bound
  // Of an API that wants the whole message, both with `#{name}` for the parameters:
  std::string text = {};                       // of the approved template
  std::vector<templates::button> buttons = {}; // of the approved template
};

/// The parameters of one event after another, each of which replaces `#{name}` in the template. It
/// keeps its memory from one to the next: a call has up to a thousand. One thread at a time.
class filled_message {
 public:
  /// `by` must outlive it.
  explicit filled_message(const message_options& by) : by_(by) {}

  void fill(const templates::event_fields& of) { by_.plan.render(of, by_.excess_max, values_); }
  std::size_t size() const { return values_.size(); }
  std::string_view name(std::size_t which) const { return by_.plan.parameters()[which].name; }
  std::string_view value(std::size_t which) const { return values_[which]; }
  /// `text` with each `#{name}` of a parameter replaced by its value.
  std::string in(std::string_view text) const;
  /// The whole text of the message, of whole_text_characters_max at the most.
  std::string whole_text() const;
  /// Those of the template; their links are to be filled in.
  const std::vector<templates::button>& buttons() const { return by_.buttons; }
  /// Appends the values as a JSON object. Its members are named as the parameters, between
  /// `before_name` and `after_name`, which are the same for every event.
  void append_json(std::string& out, std::string_view before_name, std::string_view after_name);

 private:
  const message_options& by_;
  std::vector<std::string> values_;
  std::vector<std::string> json_names_; // with their colons, made once
};

/// The SMS that the provider sends to a customer whom the AlimTalk does not reach.
struct fallback_message {
  bool is_long = false; // an LMS
  std::string from;     // a number registered with the provider
  std::string title;    // of an LMS; may be empty
  std::string text;     // with `#{name}` for the parameters; empty: what the template says
};

/// A template beside the provider's own one, which is for payments: for the payments or refunds of
/// orders that meet its condition.
struct conditional_template {
  std::optional<templates::metadata_condition> when; // nothing: all orders do
  std::string code;                                  // as the provider knows the template
  message_options message;
  std::optional<fallback_message> fallback; // none: as it is set at the provider
  entry_kind about = entry_kind::payment;   // or refund
};

/// The template of an event's message: 0 is the provider's own one, 1 the first of `others`. The
/// first that is for such an event and whose condition holds is taken.
std::size_t template_of(const std::vector<conditional_template>& others,
                        const templates::event_fields& of);

/// Whether there is one: a refund never goes by the provider's own, which says that it was paid.
bool has_template(const std::vector<conditional_template>& others, const payment_event& event);

/// The lengths of an SMS and of an LMS, in bytes of EUC-KR.
inline constexpr std::size_t sms_bytes_max = 90;
inline constexpr std::size_t lms_bytes_max = 2000;

/// The fallback's text for the event that `by` is filled with, cut to `bytes_max` in EUC-KR.
std::string fallback_text(const fallback_message& fallback, const filled_message& by,
                          std::size_t bytes_max);

/// The same, or `content` where the fallback has no text of its own, cut to its SMS or LMS.
std::string fallback_or(std::string content, const fallback_message& fallback,
                        const filled_message& by);

/// Whole won with thousands separators: "12,000원".
std::string amount_text(won amount);

/// The minute of `at` in Korea, which is UTC+9 all the year: "2026-11-22 23:05".
std::string korea_time_text(instant at);

/// Back from that, with or without seconds ("2026-11-22 23:05:10"; what follows them is passed
/// over). Nothing where it is no such time.
std::optional<instant> parse_korea_time(std::string_view text);

/// The line of the `log` adapter: "AlimTalk to 010****5678: order 1 paid, 10,000원 at 2026-11-22
/// 23:05 (Korea) [alimtalk-17]".
std::string log_line(std::string_view delivery_id, const payment_event& event, bool mask_phone);

} // namespace paymentd::providers
