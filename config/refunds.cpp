#include "config/refunds.hpp"

#include "config/parameters.hpp"
#include "providers/kind.hpp"

#include <algorithm>
#include <iterator>

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

/// A template without its text, or a text without its template.
std::vector<conflict> missing_halves(const alimtalk_settings& of) {
  const std::string code = "alimtalk." + refund_key_of(template_key_of(of));
  const std::string text = "alimtalk.refund_template_text";
  const bool has_code = has_refund_template(of);
  const bool has_text = !of.refund_template_text.empty();
  if (of.refunds == refund_messages::on && !has_code)
    return {{{code, "alimtalk.refunds"},
             "must be given, because alimtalk.refunds is on and alimtalk.provider is " +
                 named_providers(of)}};
  if (!wants_whole_text(of) || has_code == has_text)
    return {};
  if (has_code)
    return {{{text, code}, "must be given, because " + code + " is"}};
  return {{{code, text}, "must be given, because " + text + " is"}};
}

/// A template of one provider that another one has not: whichever sends has to have it.
std::vector<conflict> missing_beside_others(const alimtalk_settings& of) {
  std::vector<conflict> found;
  std::string given; // the key of one that there is
  std::vector<std::string> missing;
  for (const auto& kind : providers::provider_kinds()) {
    if (!names_provider(of, kind.name) || kind.template_key.empty())
      continue;
    std::string key = refund_key_of(kind.template_key);
    const auto code = of.credentials.find(key);
    if (code == of.credentials.end() || code->second.empty())
      missing.push_back("alimtalk." + std::move(key));
    else
      given = "alimtalk." + std::move(key);
  }
  if (!given.empty())
    for (std::string& each : missing)
      found.push_back({{std::move(each), given, "alimtalk.provider"},
                       "must be given, because " + given + " is and alimtalk.provider is " +
                           named_providers(of)});
  return found;
}

/// A contradiction in `refund_settings` by the names that its settings have in [alimtalk].
conflict by_refund_names(conflict of, std::string_view parameters) {
  constexpr std::string_view section = "alimtalk.";
  for (std::string& key : of.keys)
    if (key == parameters_section)
      key = parameters;
    else if (find(std::string{section} + refund_key_of(key.substr(section.size()))) != nullptr)
      key.insert(section.size(), refund_key_of(""));
  return of;
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
  made.template_text = of.refund_template_text;
  made.template_buttons = of.refund_template_buttons;
  made.fallback_title = of.refund_fallback_title;
  made.fallback_text = of.refund_fallback_text;
  return made;
}

std::vector<conflict> refund_conflicts(const alimtalk_settings& of) {
  std::vector<conflict> found = missing_halves(of);
  std::ranges::move(missing_beside_others(of), std::back_inserter(found));
  const alimtalk_settings refunds = refund_settings(of);
  const bool own_parameters = !of.refund_parameters.parameters().empty();
  const std::string_view parameters =
      own_parameters ? refund_parameters_section : parameters_section;
  for (conflict& each : text_conflicts(refunds, parameters, own_parameters))
    if (each.keys.front() != "alimtalk.template_text" || !refunds.template_text.empty())
      found.push_back(by_refund_names(std::move(each), parameters)); // else see missing_halves
  for (conflict& each : fallback_conflicts(refunds, "alimtalk.fallback", parameters))
    if (each.keys.front() != "alimtalk.fallback_from") // told of messages about payments
      found.push_back(by_refund_names(std::move(each), parameters));
  return found;
}

} // namespace paymentd::config
