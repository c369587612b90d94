// The customer's text: a payment event as the parameters of the approved template, and as a
// line of the log. Used by every adapter but the webhook. Pure functions; any thread.
#pragma once

#include "domain/event.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::providers {

/// A parameter, which replaces `#{name}` in the template.
struct template_parameter {
  std::string_view name;
  std::string value;
};

/// The parameters of an event, for payments and refunds alike: `orderId` ("1"), `amount`
/// ("12,000원"), `time` ("2026-11-22 23:05", in Korea) and `status` ("결제 완료" for a payment,
/// "환불 완료" for a refund).
std::array<template_parameter, 4> template_parameters(const payment_event& event);

/// The SMS that the provider sends to a customer whom the AlimTalk does not reach.
struct fallback_message {
  bool is_long = false; // an LMS
  std::string from;     // a number registered with the provider
  std::string title;    // of an LMS; may be empty
  std::string text;     // with `#{name}` for the parameters; empty: what the template says
};

/// `text` with each `#{name}` of a parameter replaced by its value.
std::string filled_in(std::string_view text, const payment_event& event);

/// Whole won with thousands separators: "12,000원".
std::string amount_text(won amount);

/// The minute of `at` in Korea, which is UTC+9 all the year: "2026-11-22 23:05".
std::string korea_time_text(instant at);

/// Back from that, with or without seconds ("2026-11-22 23:05:10"; what follows them is passed
/// over). Nothing where it is no such time.
std::optional<instant> parse_korea_time(std::string_view text);

/// Enough of a phone number to recognise it, not enough to call it: "010****5678". A number of
/// seven characters or fewer is hidden wholly.
std::string masked_phone(std::string_view phone);

/// The line of the `log` adapter: "AlimTalk to 010****5678: order 1 paid, 10,000원 at 2026-11-22
/// 23:05 (Korea) [alimtalk-17]".
std::string log_line(std::string_view delivery_id, const payment_event& event, bool mask_phone);

} // namespace paymentd::providers
