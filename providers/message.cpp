#include "providers/message.hpp"

#include "net/json_text.hpp"
#include "templates/korean_text.hpp"
#include "templates/length.hpp"
#include "templates/variables.hpp"

#include <algorithm>

namespace paymentd::providers {

std::string filled_message::in(std::string_view text) const {
  return templates::filled_in(text, by_.plan, values_);
}

std::string filled_message::whole_text() const {
  return templates::filled_in_within(by_.text, by_.plan, values_,
                                     templates::whole_text_characters_max);
}

void filled_message::append_json(std::string& out, std::string_view before_name,
                                 std::string_view after_name) {
  for (const auto& all = by_.plan.parameters(); json_names_.size() < all.size();) {
    std::string name{before_name};
    name.append(all[json_names_.size()].name).append(after_name);
    std::string& json = json_names_.emplace_back(json_names_.empty() ? "{" : ",");
    net::append_json_string(json, name);
    json.push_back(':');
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    out.append(json_names_[i]);
    net::append_json_string(out, values_[i]);
  }
  out.append(values_.empty() ? "{}" : "}");
}

std::size_t template_of(const std::vector<conditional_template>& others,
                        const templates::event_fields& of) {
  const auto chosen = std::ranges::find_if(others, [&](const conditional_template& each) {
    return each.about == of.event().kind && (!each.when || each.when->holds(of));
  });
  return chosen == others.end() ? 0 : static_cast<std::size_t>(chosen - others.begin()) + 1;
}

bool has_template(const std::vector<conditional_template>& others, const payment_event& event) {
  return event.kind != entry_kind::refund || template_of(others, event) != 0;
}

std::string fallback_text(const fallback_message& fallback, const filled_message& by,
                          std::size_t bytes_max) {
  std::string text = by.in(fallback.text);
  templates::cut_to_euc_kr(text, bytes_max);
  return text;
}

std::string fallback_or(std::string content, const fallback_message& fallback,
                        const filled_message& by) {
  const std::size_t bytes_max = fallback.is_long ? lms_bytes_max : sms_bytes_max;
  if (!fallback.text.empty())
    return fallback_text(fallback, by, bytes_max);
  templates::cut_to_euc_kr(content, bytes_max);
  return content;
}

std::string amount_text(won amount) {
  std::string text;
  templates::append_grouped(text, amount);
  return text.append("원");
}

std::string korea_time_text(instant at) {
  static const templates::time_pattern minute = *templates::time_pattern::parse("yyyy-MM-dd HH:mm");
  std::string text;
  minute.append_to(text, at);
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
                 std::chrono::minutes{minute} + std::chrono::seconds{second} -
                 templates::korea_offset};
}

std::string log_line(std::string_view delivery_id, const payment_event& event, bool mask_phone) {
  std::string line = "AlimTalk to ";
  line.append(mask_phone ? masked_phone(event.phone) : event.phone).append(": order ");
  net::append_number(line, event.order.value);
  line.append(event.kind == entry_kind::refund ? " refunded, " : " paid, ");
  line.append(amount_text(event.amount())).append(" at ");
  line.append(korea_time_text(event.at)).append(" (Korea) [");
  return line.append(delivery_id).append("]");
}

} // namespace paymentd::providers
