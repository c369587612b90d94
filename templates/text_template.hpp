// A text with fields, such as `{order.finalAmount:won}`, as [alimtalk.parameters] has them: parsed
// once at the start, rendered for every message. Immutable; any thread.
//
//   text    = *( character / "{{" / "}}" / field )      "{{" and "}}" stand for one brace
//   field   = "{" name [ ":" format ] [ "|" default ] "}"
//   format  = for an amount `won` or `number`, for a time a time_pattern, for others none
//   default = what stands in the place of a missing or empty value; no braces
#pragma once

#include "domain/event.hpp"
#include "templates/korean_text.hpp"
#include "templates/metadata_view.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::templates {

/// An event, and the metadata of its order and of its user: each is looked through once, and only
/// where somebody asks for it. Refers to the event. One thread at a time.
class event_fields {
 public:
  event_fields(const payment_event& event) : event_(event) {}

  const payment_event& event() const { return event_; }
  const metadata_view& order_metadata() const {
    return order_metadata_ ? *order_metadata_ : order_metadata_.emplace(event_.metadata);
  }
  const metadata_view& user_metadata() const {
    return user_metadata_ ? *user_metadata_ : user_metadata_.emplace(event_.user_metadata);
  }

 private:
  const payment_event& event_;
  mutable std::optional<metadata_view> order_metadata_;
  mutable std::optional<metadata_view> user_metadata_;
};

enum class field : std::uint8_t {
  literal,
  order_id,
  order_reference,
  order_user_id,
  order_coupon_id,
  order_total_amount,
  order_discount_amount,
  order_final_amount,
  order_created_at,
  order_metadata,
  user_id,
  user_reference,
  user_phone,
  user_metadata,
  event_id,
  event_amount,
  event_status,
  event_time,
};

class text_template {
 public:
  static constexpr std::size_t bytes_max = 1000;
  static constexpr std::size_t fields_max = 20;

  struct piece {
    field what = field::literal;
    std::string text = {}; // of a literal; of metadata its member's name
    enum class amount_style : std::uint8_t { plain, number, won } style = amount_style::plain;
    time_pattern time = {};
    std::string otherwise = {}; // the default
  };

  /// An error is one line about `text`, to be read behind the name of the setting.
  static std::expected<text_template, std::string> parse(std::string_view text);

  /// Appends the text for an event. No event makes it fail.
  void append_to(std::string& out, const event_fields& of) const;

  const std::vector<piece>& pieces() const { return pieces_; }

 private:
  friend class text_template_parser;
  std::vector<piece> pieces_;
};

} // namespace paymentd::templates
