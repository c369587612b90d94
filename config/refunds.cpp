#include "config/refunds.hpp"

#include "config/parameters.hpp"
#include "providers/kind.hpp"

#include <algorithm>

namespace paymentd::config {

const std::string_view refund_parameters_example = R"(
# The same of the template for messages about refunds, which has the fields of refunds, too. Without
# this table: as [alimtalk.parameters].
#
#   [alimtalk.refund_parameters]
#   "주문번호" = "{order.reference}"
#   "환불금액" = "{refund.amount:won}"
#   "환불사유" = "{refund.reason|고객 요청}"
)";

namespace {

/// The key of the template of the provider in use; empty where it knows no templates.
std::string_view template_key_of(const alimtalk_settings& of) {
  const auto& kinds = providers::provider_kinds();
  const auto kind = std::ranges::find(kinds, of.provider, &providers::provider_kind::name);
  return kind == kinds.end() ? std::string_view{} : kind->template_key;
}

} // namespace

std::string refund_key_of(std::string_view key) {
  return "refund_" + std::string{key};
}

bool has_refund_template(const alimtalk_settings& of) {
  const std::string_view key = template_key_of(of);
  const auto code = of.credentials.find(refund_key_of(key));
  return key.empty() || (code != of.credentials.end() && !code->second.empty());
}

bool tells_refunds(const alimtalk_settings& of) {
  if (of.refunds == refund_messages::automatic)
    return !template_key_of(of).empty() && has_refund_template(of);
  return of.refunds == refund_messages::on;
}

alimtalk_settings refund_settings(const alimtalk_settings& of) {
  alimtalk_settings made = of;
  for (const auto& kind : providers::provider_kinds()) {
    if (kind.template_key.empty())
      continue;
    const auto code = of.credentials.find(refund_key_of(kind.template_key));
    made.credentials.insert_or_assign(std::string{kind.template_key},
                                      code == of.credentials.end() ? secret{} : code->second);
  }
  if (!of.refund_parameters.parameters().empty())
    made.parameters = of.refund_parameters;
  made.fallback_title = of.refund_fallback_title;
  made.fallback_text = of.refund_fallback_text;
  return made;
}

std::vector<conflict> refund_conflicts(const alimtalk_settings& of) {
  std::vector<conflict> found;
  if (of.refunds == refund_messages::on && !has_refund_template(of))
    found.push_back(
        {{"alimtalk." + refund_key_of(template_key_of(of)), "alimtalk.refunds"},
         "must be given, because alimtalk.refunds is on and alimtalk.provider is " + of.provider});
  const std::string_view parameters =
      of.refund_parameters.parameters().empty() ? parameters_section : refund_parameters_section;
  for (conflict each : fallback_conflicts(refund_settings(of), "alimtalk.fallback", parameters)) {
    if (each.keys.front() == "alimtalk.fallback_from")
      continue; // told of messages about payments
    for (std::string& key : each.keys)
      if (key == "alimtalk.fallback_title" || key == "alimtalk.fallback_text")
        key.replace(0, std::string_view("alimtalk.").size(), "alimtalk.refund_");
      else if (key == parameters_section)
        key = parameters;
    found.push_back(std::move(each));
  }
  return found;
}

} // namespace paymentd::config
