// Any text behind the ? of a path, for every call that is a GET; and the reader of such texts and
// of cursors by itself.
#include "fuzz/command_bounds.hpp"
#include "fuzz/target.hpp"

#include "http/page_cursor.hpp"
#include "http/query_input.hpp"
#include "http/router.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace paymentd::fuzz {

namespace {

/// Every byte encoded, needed or not.
std::string encoded(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, '%').append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
  }
  return out;
}

void read_twice(std::string_view bytes) {
  std::array<http::query_value, 2> values{{{.name = "status"}, {.name = "limit"}}};
  if (!http::read_query(bytes, values))
    return;
  std::string text;
  for (const http::query_value& each : values)
    if (each.text)
      text.append(text.empty() ? "" : "&")
          .append(each.name)
          .append("=")
          .append(encoded(*each.text));
  std::array<http::query_value, 2> again{{{.name = "status"}, {.name = "limit"}}};
  expect(http::read_query(text, again).has_value(), "a query that is written anew is read");
  for (std::size_t at = 0; at < values.size(); ++at)
    expect(again[at].text == values[at].text, "a query that is written anew says the same");
}

} // namespace

int fuzz_query_string(std::string_view bytes) {
  read_twice(bytes);
  if (const auto positions = http::from_cursor(bytes))
    expect(http::to_cursor(*positions) == bytes, "a cursor has one text");
  for (const http::route& each : http::public_routes()) {
    if (each.method != http::http_method::get || each.needs == http::scope::none)
      continue; // what needs no key is a document, and takes no input
    http::response answer;
    const auto next = each.prepare({.id = 1, .name = "alimtalk-1", .query = bytes}, answer);
    if (!next) {
      http::write_problem(answer, next.error(), "id");
      expect(answer.status == 400 && nlohmann::json::accept(answer.body),
             "a bad query is 400, in valid JSON");
    } else if (const auto* asked = std::get_if<query>(&*next)) {
      expect(within_bounds(*asked), "a query is within its bounds");
    }
  }
  return 0;
}

} // namespace paymentd::fuzz
