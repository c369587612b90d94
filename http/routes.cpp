// The calls of the contract as one table, and those that describe it.
#include "http/routes.hpp"

#include "http/documents/documents.hpp"

#include <array>
#include <vector>

namespace paymentd::http {

namespace {

std::expected<step, problem> prepare_openapi(const call_input&, response& answer) {
  answer.body = openapi_document();
  return answered{};
}

std::expected<step, problem> prepare_docs(const call_input&, response& answer) {
  answer.body = docs_page();
  answer.text_type = "text/html; charset=utf-8";
  return answered{};
}

using enum http_method;

constexpr std::array table{
    route{get, "/openapi.json", scope::none, body_rule::ignored, prepare_openapi, nullptr, nullptr},
    route{get, "/docs", scope::none, body_rule::ignored, prepare_docs, nullptr, nullptr},
};

} // namespace

std::span<const route> public_routes() {
  static const std::vector<route> all = [] {
    std::vector<route> joined;
    // The most frequent calls first: the table is searched from the top.
    for (const auto subject :
         {order_routes(), user_routes(), list_routes(), notification_routes(), event_routes()})
      joined.insert(joined.end(), subject.begin(), subject.end());
    joined.insert(joined.end(), table.begin(), table.end());
    return joined;
  }();
  return all;
}

} // namespace paymentd::http
