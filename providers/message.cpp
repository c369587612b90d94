#include "providers/message.hpp"

#include "net/json_text.hpp"

#include <algorithm>

namespace paymentd::providers {
namespace {

constexpr std::chrono::hours korea_offset{9}; // no summer time since 1988

/// The amount that was moved.
won amount_of(const payment_event& event) {
  return event.kind == entry_kind::refund ? event.refund : event.final_amount();
}

void append_two_digits(std::string& out, unsigned number) {
  out.push_back(static_cast<char>('0' + number / 10 % 10));
  out.push_back(static_cast<char>('0' + number % 10));
}

} // namespace

std::array<template_parameter, 4> template_parameters(const payment_event& event) {
  return {{{"orderId", std::to_string(event.order.value)},
           {"amount", amount_text(amount_of(event))},
           {"time", korea_time_text(event.at)},
           {"status", event.kind == entry_kind::refund ? "환불 완료" : "결제 완료"}}};
}

std::string filled_in(std::string_view text, const payment_event& event) {
  const auto parameters = template_parameters(event);
  std::string filled;
  while (!text.empty()) {
    const std::size_t open = text.find("#{");
    filled.append(text.substr(0, open));
    if (open == text.npos)
      break;
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const std::string_view name =
        close == text.npos ? std::string_view{} : text.substr(2, close - 2);
    const auto known = std::ranges::find(parameters, name, &template_parameter::name);
    // A name that is no parameter stands as it is written.
    const std::size_t taken = known == parameters.end() ? 2 : close + 1;
    filled.append(known == parameters.end() ? text.substr(0, taken)
                                            : std::string_view(known->value));
    text.remove_prefix(taken);
  }
  return filled;
}

std::string amount_text(won amount) {
  constexpr std::string_view unit = "원";
  const std::string digits = std::to_string(amount.value);
  const std::size_t sign = digits.front() == '-' ? 1 : 0;
  std::string text;
  text.reserve(digits.size() + digits.size() / 3 + unit.size());
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0)
      text.push_back(',');
    text.push_back(digits[i]);
  }
  return text.append(unit);
}

std::string korea_time_text(instant at) {
  const auto local = at + korea_offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{day};
  const auto minutes = std::chrono::floor<std::chrono::minutes>(local - day).count();
  std::string text;
  text.reserve(sizeof "2026-11-22 23:05");
  net::append_number(text, static_cast<int>(date.year()));
  text.push_back('-');
  append_two_digits(text, static_cast<unsigned>(date.month()));
  text.push_back('-');
  append_two_digits(text, static_cast<unsigned>(date.day()));
  text.push_back(' ');
  append_two_digits(text, static_cast<unsigned>(minutes / 60));
  text.push_back(':');
  append_two_digits(text, static_cast<unsigned>(minutes % 60));
  return text;
}

std::optional<instant> parse_korea_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = -1;
    if (text.size() >= at + digits) {
      const auto end = std::from_chars(&text[at], &text[at] + digits, value).ptr;
      value = end == &text[at] + digits ? value : -1;
    }
    return value;
  };
  const bool with_seconds = text.size() > 16;
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = with_seconds ? number(17, 2) : 0;
  if (text.size() < 16 || !date.ok() || number(0, 4) < 0 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59)
    return std::nullopt;
  return instant{std::chrono::sys_days{date} + std::chrono::hours{hour} +
                 std::chrono::minutes{minute} + std::chrono::seconds{second} - korea_offset};
}

std::string masked_phone(std::string_view phone) {
  constexpr std::size_t shown_before = 3;
  constexpr std::size_t shown_after = 4;
  std::string masked(phone);
  const bool hide_all = phone.size() <= shown_before + shown_after;
  const std::size_t begin = hide_all ? 0 : shown_before;
  const std::size_t end = hide_all ? phone.size() : phone.size() - shown_after;
  for (std::size_t i = begin; i < end; ++i)
    masked[i] = '*';
  return masked;
}

std::string log_line(std::string_view delivery_id, const payment_event& event, bool mask_phone) {
  std::string line = "AlimTalk to ";
  line.append(mask_phone ? masked_phone(event.phone) : event.phone).append(": order ");
  net::append_number(line, event.order.value);
  line.append(event.kind == entry_kind::refund ? " refunded, " : " paid, ");
  line.append(amount_text(amount_of(event))).append(" at ");
  line.append(korea_time_text(event.at)).append(" (Korea) [");
  return line.append(delivery_id).append("]");
}

} // namespace paymentd::providers
