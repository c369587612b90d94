// A shop's template whose whole text is sent, for the tests of the adapters that send it.
#pragma once

#include "providers/kind.hpp"

namespace paymentd::providers {

/// "[주문완료] #{고객명}님, 주문번호 #{주문번호}", of the user's metadata and the order's id, with
/// one button.
inline message_options whole_text_options() {
  message_options made;
  templates::message_plan plan;
  static_cast<void>(plan.set("고객명", "{user.metadata.name|고객}"));
  static_cast<void>(plan.set("주문번호", "{order.id}"));
  made.plan = std::move(plan);
  made.text = "[주문완료] #{고객명}님,\n주문번호 #{주문번호}";
  made.buttons = {{.type = templates::button::kind::web_link,
                   .name = "주문 보기",
                   .link = "https://m.shop.example/#{주문번호}",
                   .other_link = "https://shop.example/#{주문번호}"},
                  {.type = templates::button::kind::add_channel, .name = "채널 추가"}};
  return made;
}

/// Another template, for what was given back.
inline conditional_template refund_template() {
  templates::message_plan plan;
  static_cast<void>(plan.set("환불금액", "{refund.amount:won}", entry_kind::refund));
  return {.when = {},
          .code = "BACK",
          .message = {.plan = std::move(plan), .excess_max = 0, .text = "환불 #{환불금액}"},
          .fallback = {},
          .about = entry_kind::refund};
}

/// Another template, for gifts.
inline conditional_template gift_template() {
  return {.when = *templates::metadata_condition::parse("metadata.kind = gift"),
          .code = "GIFT",
          .message = {.plan = templates::message_plan::standard(),
                      .excess_max = 0,
                      .text = "선물 #{orderId}"},
          .fallback = {}};
}

} // namespace paymentd::providers
