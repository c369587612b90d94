// Any body, to every call that takes one; and to the reader of bodies, held against nlohmann_json.
#include "fuzz/command_bounds.hpp"
#include "fuzz/target.hpp"

#include "http/json_input.hpp"
#include "http/router.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace paymentd::fuzz {

namespace {

using nlohmann::json;

/// Whether a client can be told of it: valid JSON, however odd the input was.
void look_at(const http::problem& what) {
  expect(what.code == http::problem_code::invalid_json ||
             what.code == http::problem_code::invalid_request,
         "a bad body is invalid_json or invalid_request");
  expect(what.errors.size() <= http::field_errors_max, "the errors that are told are bounded");
  http::response answer;
  http::write_problem(answer, what, "id");
  expect(json::accept(answer.body), "a problem is valid JSON");
}

struct look_at_step {
  void operator()(const http::answered&) const {}
  void operator()(const command& what) const {
    expect(within_bounds(what), "a command is within its bounds");
  }
  void operator()(const http::bulk& many) const {
    expect(!many.items.empty(), "a bulk is of something");
    for (const auto& each : many.items) {
      if (each)
        expect(within_bounds(each->what), "a command of a bulk is within its bounds");
      else
        look_at(each.error());
    }
  }
  void operator()(const http::watch&) const {} // a GET, which takes no body
  void operator()(const query& what) const {
    expect(within_bounds(what), "a query is within its bounds");
  }
  void operator()(const delivery_retry& what) const {
    expect(within_bounds(query{what.which}), "a retry is within its bounds");
  }
  void operator()(const failed_retry& what) const {
    expect(what.subscriber.size() <= subscriber_name_max, "a retry of all is within its bounds");
  }
  void operator()(const webhook_request& what) const {
    expect(within_bounds(what), "a request about a webhook is within its bounds");
  }
};

/// Whether the values of an accepted body are those that another reader finds in it.
void hold_against_another_reader(std::string_view bytes) {
  static constexpr std::array rules{
      http::field_rule{.name = "number", .required = false, .min = -5},
      http::field_rule{.name = "text",
                       .type = http::field_rule::kind::text,
                       .required = false,
                       .characters_max = 20},
      http::field_rule{.name = "flag", .type = http::field_rule::kind::boolean, .required = false},
  };
  std::array<http::field_value, rules.size()> values;
  if (const auto read = http::read_object(bytes, rules, values); !read)
    return look_at(read.error());
  const json other = json::parse(bytes, nullptr, false);
  expect(other.is_object(), "an accepted body is a JSON object");
  const auto& [number, text, flag] = values;
  for (const auto& [name, value] : other.items())
    expect(name == "number" || name == "text" || name == "flag", "no unknown field is accepted");
  if (number.given)
    expect(other.at("number").is_number_integer() && other.at("number") == number.integer,
           "a number is read as it is");
  if (text.given)
    expect(other.at("text") == text.text, "a text is read as it is");
  if (flag.given)
    expect(other.at("flag") == (flag.integer != 0), "a boolean is read as it is");
}

} // namespace

int fuzz_json_body(std::string_view bytes) {
  hold_against_another_reader(bytes);
  for (const http::route& each : http::public_routes()) {
    if (each.body == http::body_rule::ignored)
      continue;
    http::response answer;
    const auto next = each.prepare({.id = 1, .body = bytes, .name = "alimtalk-1"}, answer);
    if (next)
      std::visit(look_at_step{}, *next);
    else
      look_at(next.error());
  }
  return 0;
}

} // namespace paymentd::fuzz
