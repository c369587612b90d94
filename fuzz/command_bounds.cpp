#include "fuzz/command_bounds.hpp"

#include "config/values.hpp"
#include "domain/utf8.hpp"

#include <algorithm>

namespace paymentd::fuzz {

namespace {

template <class Tag>
bool is_id(strong_id<Tag> id) {
  return id.value >= 1 && id.value <= safe_integer_max;
}

bool is_amount(won amount) {
  return amount.value >= 1 && amount <= won_max;
}

bool is_reason(std::string_view text) {
  const auto characters = std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return is_utf8(text) && static_cast<std::size_t>(characters) <= reason_max;
}

bool is_phone(std::string_view text) {
  return text.empty() || valid_phone(text);
}

bool is_reference(std::string_view text) {
  return text.empty() || valid_reference(text);
}

bool is_metadata(std::string_view text) {
  return text.size() <= metadata_bytes_max && is_utf8(text) &&
         (text.empty() || (text.starts_with('{') && text.ends_with('}')));
}

struct bounds_of_action {
  bool operator()(const note_request&) const { return true; }
  bool operator()(const create_user& what) const {
    return is_phone(what.phone) && what.balance >= won{0} && what.balance <= won_max &&
           is_reference(what.reference) && is_metadata(what.metadata);
  }
  bool operator()(const update_user& what) const {
    return is_id(what.user) && (what.phone || what.metadata) &&
           (!what.phone || is_phone(*what.phone)) &&
           (!what.metadata || is_metadata(*what.metadata));
  }
  bool operator()(const update_order& what) const {
    return is_id(what.order) && is_metadata(what.metadata);
  }
  bool operator()(const charge& what) const {
    return is_id(what.user) && is_amount(what.amount) && is_reason(what.reason);
  }
  bool operator()(const withdraw& what) const {
    return is_id(what.user) && is_amount(what.amount) && is_reason(what.reason);
  }
  bool operator()(const create_order& what) const {
    return is_id(what.user) && what.discount >= won{0} && what.discount <= what.total &&
           what.total <= won_max && (!what.coupon || is_id(*what.coupon)) &&
           is_reference(what.reference) && is_metadata(what.metadata);
  }
  bool operator()(const pay& what) const { return is_id(what.order) && is_id(what.user); }
  bool operator()(const cancel& what) const { return is_id(what.order); }
  bool operator()(const refund& what) const {
    return is_id(what.order) && (!what.amount || is_amount(*what.amount)) && is_reason(what.reason);
  }
};

struct bounds_of_query {
  bool operator()(const get_user& what) const { return is_id(what.id); }
  bool operator()(const get_order& what) const { return is_id(what.id); }
  bool operator()(const get_delivery& what) const { return is_id(what.entry); }
  bool operator()(const list_deliveries& what) const {
    return what.limit >= 1 && (!what.order || is_id(*what.order)) &&
           (!what.after || std::ranges::all_of(*what.after, [](const list_position& each) {
             return is_id(each.subscriber) && is_id(each.stream) && each.below >= 1;
           }));
  }
  bool operator()(const list_users& what) const {
    return is_page(what) && is_reference(what.reference) && is_phone(what.phone);
  }
  bool operator()(const list_orders& what) const {
    return is_page(what) && (!what.user || is_id(*what.user)) && is_reference(what.reference);
  }
  bool operator()(const list_entries& what) const {
    return is_page(what) && (!what.user || is_id(*what.user)) &&
           (!what.order || is_id(*what.order));
  }
  bool operator()(const list_events& what) const { return what.limit >= 0; }
  bool operator()(const get_audits&) const { return true; }

  static bool is_page(const auto& what) { return what.limit >= 1 && what.below.number >= 1; }
};

struct bounds_of_webhook_request {
  bool operator()(const list_webhooks&) const { return true; }
  bool operator()(const create_webhook& what) const {
    const webhook& made = what.what;
    return valid_webhook_name(made.name) && valid_webhook_url(made.url) &&
           (made.payments || made.refunds) && in_bounds(made.max_in_flight, made.max_per_second);
  }
  bool operator()(const update_webhook& what) const {
    return valid_webhook_name(what.name) && (!what.url || valid_webhook_url(*what.url)) &&
           what.payments.has_value() == what.refunds.has_value() &&
           in_bounds(what.max_in_flight.value_or(1), what.max_per_second.value_or(0));
  }
  bool operator()(const judge_webhook&) const { return false; } // no client's
  bool operator()(const auto& what) const { return valid_webhook_name(what.name); }

  static bool in_bounds(int in_flight, int per_second) {
    return in_flight >= 1 && in_flight <= webhook_in_flight_max && per_second >= 0 &&
           per_second <= webhook_per_second_max;
  }
};

} // namespace

bool within_bounds(const webhook_request& what) {
  return std::visit(bounds_of_webhook_request{}, what);
}

bool within_bounds(const command& what) {
  return std::visit(bounds_of_action{}, what.what);
}

bool within_bounds(const query& what) {
  return std::visit(bounds_of_query{}, what);
}

} // namespace paymentd::fuzz
