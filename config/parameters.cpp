#include "config/parameters.hpp"

#include "domain/utf8.hpp"

namespace paymentd::config {

const std::string_view parameters_example = R"(
# How the variables of the approved template are filled in: the name of each, without #{ and }, and
# a text with fields, {NAME:FORMAT|DEFAULT}. docs/templates.md has the fields and formats. The file
# and --set alone have them, at most 40. Without this table: orderId, amount, time and status.
#
#   [alimtalk.parameters]
#   "주문번호" = "{order.reference}"
#   "고객명" = "{user.metadata.name|고객}"
#   "상품명" = "{order.metadata.title|상품}"
#   "결제금액" = "{order.finalAmount:won}"
#   "결제시각" = "{event.time:yyyy-MM-dd HH:mm}"
)";

std::expected<void, std::string> take_parameter(std::string_view name, std::string_view text,
                                                entry_kind about, templates::message_plan& into) {
  if (!is_utf8(name) || !is_utf8(text))
    return std::unexpected("must be UTF-8");
  return into.set(name, text, about);
}

std::string parameters_toml(std::string_view section, const templates::message_plan& of) {
  if (of.parameters().empty())
    return {};
  std::string toml = "[" + std::string{section} + "]\n";
  for (const templates::parameter& each : of.parameters())
    toml += toml_text(each.name) + " = " + toml_text(each.text) + "\n";
  return toml;
}

} // namespace paymentd::config
