#include "templates/text_template.hpp"

#include "domain/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace paymentd::templates {
namespace {

using piece = text_template::piece;

enum class field_kind : std::uint8_t { text, amount, time };

struct known_field {
  std::string_view name; // one that ends with a dot has a metadata name behind it
  field what;
  field_kind kind;
};

constexpr std::array known_fields{
    known_field{"order.id", field::order_id, field_kind::text},
    known_field{"order.reference", field::order_reference, field_kind::text},
    known_field{"order.userId", field::order_user_id, field_kind::text},
    known_field{"order.couponId", field::order_coupon_id, field_kind::text},
    known_field{"order.totalAmount", field::order_total_amount, field_kind::amount},
    known_field{"order.discountAmount", field::order_discount_amount, field_kind::amount},
    known_field{"order.finalAmount", field::order_final_amount, field_kind::amount},
    known_field{"order.refundedAmount", field::order_refunded_amount, field_kind::amount},
    known_field{"order.createdAt", field::order_created_at, field_kind::time},
    known_field{"order.metadata.", field::order_metadata, field_kind::text},
    known_field{"user.id", field::user_id, field_kind::text},
    known_field{"user.reference", field::user_reference, field_kind::text},
    known_field{"user.phone", field::user_phone, field_kind::text},
    known_field{"user.metadata.", field::user_metadata, field_kind::text},
    known_field{"event.id", field::event_id, field_kind::text},
    known_field{"event.amount", field::event_amount, field_kind::amount},
    known_field{"event.status", field::event_status, field_kind::text},
    known_field{"event.time", field::event_time, field_kind::time},
    known_field{"refund.entryId", field::refund_entry_id, field_kind::text},
    known_field{"refund.amount", field::refund_amount, field_kind::amount},
    known_field{"refund.reason", field::refund_reason, field_kind::text},
};

constexpr std::string_view time_format = "yyyy-MM-dd HH:mm";

/// A part of the settings' text for a line about it: short, without control characters.
std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 60;
  std::string made(cut_between_characters(text, bytes_max));
  std::ranges::replace_if(
      made, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return made.size() < text.size() ? made + "..." : made;
}

std::string field_names() {
  std::string all;
  for (const known_field& each : known_fields)
    all.append(all.empty() ? "" : ", ")
        .append(each.name)
        .append(each.name.ends_with('.') ? "NAME" : "");
  return all;
}

const known_field* find_field(std::string_view name) {
  const auto found = std::ranges::find_if(known_fields, [&](const known_field& each) {
    return each.name.ends_with('.') ? name.starts_with(each.name) : name == each.name;
  });
  return found == known_fields.end() ? nullptr : &*found;
}

void append_integer(std::string& out, std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_amount(std::string& out, won amount, piece::amount_style style) {
  if (style == piece::amount_style::plain)
    return append_integer(out, amount.value);
  append_grouped(out, amount);
  if (style == piece::amount_style::won)
    out.append("원");
}

void append_member(std::string& out, const metadata_view& of, std::string_view name) {
  if (const auto value = of.find(name))
    append_unescaped(out, *value);
}

/// The value of a field, or nothing where it is missing.
void append_value(std::string& out, const piece& one, const event_fields& of) {
  const payment_event& event = of.event();
  switch (one.what) {
  case field::literal:
    out.append(one.text);
    break;
  case field::order_id:
    append_integer(out, event.order.value);
    break;
  case field::order_reference:
    out.append(event.reference);
    break;
  case field::order_user_id:
  case field::user_id:
    append_integer(out, event.user.value);
    break;
  case field::order_coupon_id:
    if (event.coupon)
      append_integer(out, event.coupon->value);
    break;
  case field::order_total_amount:
    append_amount(out, event.total, one.style);
    break;
  case field::order_discount_amount:
    append_amount(out, event.discount, one.style);
    break;
  case field::order_final_amount:
    append_amount(out, event.final_amount(), one.style);
    break;
  case field::order_refunded_amount:
    append_amount(out, event.refunded, one.style);
    break;
  case field::order_created_at:
    one.time.append_to(out, event.ordered_at);
    break;
  case field::order_metadata:
    append_member(out, of.order_metadata(), one.text);
    break;
  case field::user_reference:
    out.append(event.user_reference);
    break;
  case field::user_phone:
    out.append(event.phone);
    break;
  case field::user_metadata:
    append_member(out, of.user_metadata(), one.text);
    break;
  case field::event_id:
    append_integer(out, event.entry.value);
    break;
  case field::event_amount:
    append_amount(out, event.amount(), one.style);
    break;
  case field::event_status:
    out.append(event.kind == entry_kind::refund ? "환불 완료" : "결제 완료");
    break;
  case field::event_time:
    one.time.append_to(out, event.at);
    break;
  case field::refund_entry_id:
    append_integer(out, event.entry.value);
    break;
  case field::refund_amount:
    append_amount(out, event.refund, one.style);
    break;
  case field::refund_reason:
    out.append(event.reason);
    break;
  }
}

std::string unknown_field(std::string_view name) {
  return "unknown field " + shown(name) + "; there are " + field_names();
}

/// `{name:format|default}`, without its braces.
std::expected<piece, std::string> parse_field(std::string_view inside) {
  const std::size_t bar = inside.find('|');
  const std::string_view head = inside.substr(0, bar);
  const std::size_t colon = head.find(':');
  const std::string_view name = head.substr(0, colon);
  const auto format = colon == head.npos ? std::nullopt : std::optional(head.substr(colon + 1));
  const known_field* const known = find_field(name);
  if (known == nullptr)
    return std::unexpected(unknown_field(name));
  piece made{.what = known->what};
  if (bar != inside.npos)
    made.otherwise = inside.substr(bar + 1);
  if (known->name.ends_with('.')) {
    made.text = name.substr(known->name.size());
    if (!valid_metadata_name(made.text))
      return std::unexpected(shown(name) + " must end with a name of metadata, 1 to " +
                             std::to_string(metadata_name_max) + " of [A-Za-z0-9_.-]");
  }
  const std::string whose = "the format " + shown(format.value_or("")) + " of " + shown(name);
  if (known->kind == field_kind::text) {
    if (format)
      return std::unexpected(shown(name) + " takes no format, but has :" + shown(*format));
  } else if (known->kind == field_kind::amount) {
    if (format && *format != "won" && *format != "number")
      return std::unexpected("unknown format " + shown(*format) + " of " + shown(name) +
                             "; an amount takes won or number");
    made.style = !format            ? piece::amount_style::plain
                 : *format == "won" ? piece::amount_style::won
                                    : piece::amount_style::number;
  } else {
    if (format && format->empty())
      return std::unexpected("the format of " + shown(name) + " is empty");
    auto pattern = time_pattern::parse(format.value_or(time_format));
    if (!pattern)
      return std::unexpected(whose + " " + pattern.error());
    made.time = *std::move(pattern);
  }
  return made;
}

} // namespace

class text_template_parser {
 public:
  explicit text_template_parser(std::string_view text) : rest_(text) {}

  std::expected<text_template, std::string> run() {
    while (!rest_.empty()) {
      const std::size_t brace = rest_.find_first_of("{}");
      add_literal(rest_.substr(0, brace));
      rest_.remove_prefix(std::min(brace, rest_.size()));
      if (rest_.starts_with("{{") || rest_.starts_with("}}")) {
        add_literal(rest_.substr(0, 1));
        rest_.remove_prefix(2);
      } else if (rest_.starts_with('}')) {
        return std::unexpected("has a } without its {; a brace itself is written twice: }}");
      } else if (!rest_.empty()) {
        if (std::string wrong = take_field(); !wrong.empty())
          return std::unexpected(std::move(wrong));
      }
    }
    return std::move(made_);
  }

 private:
  void add_literal(std::string_view text) {
    if (text.empty())
      return;
    auto& pieces = made_.pieces_;
    if (pieces.empty() || pieces.back().what != field::literal)
      pieces.emplace_back();
    pieces.back().text.append(text);
  }

  /// Why not, if so.
  std::string take_field() {
    const std::size_t end = rest_.find_first_of("{}", 1);
    if (end == rest_.npos || rest_[end] == '{')
      return "has a { without its }, in " + shown(rest_) + "; a brace itself is written twice: {{";
    if (++fields_ > text_template::fields_max)
      return "has more than " + std::to_string(text_template::fields_max) + " fields";
    auto one = parse_field(rest_.substr(1, end - 1));
    if (!one)
      return std::move(one).error();
    made_.pieces_.push_back(*std::move(one));
    rest_.remove_prefix(end + 1);
    return {};
  }

  std::string_view rest_;
  text_template made_;
  std::size_t fields_ = 0;
};

std::expected<text_template, std::string> text_template::parse(std::string_view text) {
  if (text.size() > bytes_max)
    return std::unexpected("is longer than " + std::to_string(bytes_max) + " bytes");
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f';
  };
  if (std::ranges::any_of(text, is_control))
    return std::unexpected("has control characters");
  return text_template_parser(text).run();
}

std::string_view text_template::refund_field() const {
  for (const piece& each : pieces_)
    for (const known_field& known : known_fields)
      if (known.what == each.what && known.name.starts_with("refund."))
        return known.name;
  return {};
}

void text_template::append_to(std::string& out, const event_fields& of) const {
  for (const piece& each : pieces_) {
    const std::size_t before = out.size();
    append_value(out, each, of);
    if (out.size() == before)
      out.append(each.otherwise);
  }
}

} // namespace paymentd::templates
