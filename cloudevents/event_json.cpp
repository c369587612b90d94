#include "cloudevents/event_json.hpp"

#include "net/json_text.hpp"
#include "net/utc_text.hpp"

namespace paymentd::cloudevents {

using net::append_json_string;
using net::append_number;
using net::utc_text;

namespace {

void append_text_or_null(std::string& json, std::string_view text) {
  if (text.empty())
    json.append("null");
  else
    net::append_json_string(json, text);
}

} // namespace

std::string event_json(const payment_event& event, std::string_view instance) {
  const bool refunded = event.kind == entry_kind::refund;
  const std::string at = net::utc_text(event.at);
  std::string json;
  json.reserve(512);
  json.append(R"({"specversion":"1.0","id":")");
  net::append_number(json, event.entry.value);
  json.append(R"(","source":"urn:paymentd:)").append(instance).append(R"(","type":)");
  json.append(refunded ? R"("paymentd.payment.refunded.v1")"
                       : R"("paymentd.payment.succeeded.v1")");
  json.append(R"(,"subject":"orders/)");
  net::append_number(json, event.order.value);
  json.append(R"(","time":")").append(at);
  json.append(R"(","datacontenttype":"application/json","data":{"id":)");
  net::append_number(json, event.order.value);
  json.append(R"(,"reference":)");
  append_text_or_null(json, event.reference);
  json.append(R"(,"userId":)");
  net::append_number(json, event.user.value);
  json.append(R"(,"couponId":)");
  if (event.coupon)
    net::append_number(json, event.coupon->value);
  else
    json.append("null");
  json.append(R"(,"totalAmount":)");
  net::append_number(json, event.total.value);
  json.append(R"(,"discountAmount":)");
  net::append_number(json, event.discount.value);
  json.append(R"(,"finalAmount":)");
  net::append_number(json, event.final_amount().value);
  json.append(R"(,"refundedAmount":)");
  net::append_number(json, event.refunded.value);
  const bool all = refunded && event.refunded == event.final_amount();
  json.append(R"(,"status":)");
  net::append_json_string(json, to_string(all ? order_status::refunded : order_status::paid));
  json.append(R"(,"metadata":)").append(event.metadata.empty() ? "{}" : event.metadata);
  json.append(R"(,"createdAt":")").append(net::utc_text(event.ordered_at));
  json.append(R"(","updatedAt":")").append(at).append("\"");
  if (refunded) {
    json.append(R"(,"refund":{"entryId":)");
    net::append_number(json, event.entry.value);
    json.append(R"(,"amount":)");
    net::append_number(json, event.refund.value);
    json.append(R"(,"reason":)");
    append_text_or_null(json, event.reason);
    json.append("}");
  }
  return json.append("}}");
}

std::string notice_json(const webhook_notice& what) {
  const bool paused = what.of == webhook_notice::kind::paused;
  std::string json(R"({"specversion":"1.0","id":)");
  append_json_string(json, what.id);
  json.append(R"(,"source":"urn:paymentd:)").append(what.instance).append(R"(","type":)");
  json.append(paused ? R"("paymentd.webhook.paused.v1")" : R"("paymentd.webhook.test.v1")");
  json.append(R"(,"subject":)");
  append_json_string(json, "webhooks/" + what.webhook);
  json.append(R"(,"time":")").append(utc_text(what.at));
  json.append(R"(","datacontenttype":"application/json","data":{"name":)");
  append_json_string(json, what.webhook);
  if (paused)
    json.append(R"(,"failingSince":")")
        .append(utc_text(what.failing_since.value_or(what.at)))
        .append("\"");
  return json.append("}}");
}

} // namespace paymentd::cloudevents
