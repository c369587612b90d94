// Goal: the API's description tells what the server does: its paths, methods, scopes, codes, and
// the shape of every answer. Method: the document is compared with the routes and with the codes,
// and the answers of a real server, good and bad, with the schemas that it has for them.
#include "http/documents/documents.hpp"
#include "http/keys/api_key.hpp"
#include "http/router.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <set>
#include <sstream>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const json& document() {
  static const json parsed = json::parse(openapi_document());
  return parsed;
}

std::string text_of(const std::string& file) {
  std::ostringstream all;
  all << std::ifstream(std::string(PAYMENTD_SOURCE_DIR) + "/http/documents/" + file).rdbuf();
  return all.str();
}

/// The thing that a "$ref" of the document names; anything else itself.
const json& resolved(const json& of) {
  if (!of.is_object() || !of.contains("$ref"))
    return of;
  return document().at(json::json_pointer(of["$ref"].get<std::string>().substr(1)));
}

bool has_type(const json& value, const std::string& type) {
  return (type == "null" && value.is_null()) || (type == "boolean" && value.is_boolean()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "string" && value.is_string()) || (type == "array" && value.is_array()) ||
         (type == "object" && value.is_object());
}

/// The places of `value` that are not as `schema` has them, each with its fault. The part of JSON
/// Schema that the document uses; a word that is not known here is a fault, too.
std::vector<std::string> faults(const json& value, const json& unresolved, const std::string& at) {
  static const std::set<std::string> told{"description",   "format",        "default",
                                          "propertyNames", "maxProperties", "minProperties",
                                          "pattern",       "maxLength",     "minLength"};
  std::vector<std::string> all;
  const json& schema = resolved(unresolved);
  const auto fault = [&](const std::string& what) { all.push_back(at + ": " + what); };
  const auto add = [&](const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (const auto& [word, says] : schema.items()) {
    if (word == "type") {
      const json types = says.is_array() ? says : json::array({says});
      if (std::ranges::none_of(types, [&](const json& each) { return has_type(value, each); }))
        fault("is no " + says.dump());
    } else if (word == "enum") {
      if (std::ranges::find(says, value) == says.end())
        fault(value.dump() + " is none of " + says.dump());
    } else if (word == "const") {
      if (value != says)
        fault(value.dump() + " is not " + says.dump());
    } else if (word == "minimum" || word == "maximum") {
      if (value.is_number() && (word == "minimum" ? value < says : value > says))
        fault(value.dump() + " is beyond " + says.dump());
    } else if (word == "required") {
      for (const json& each : says)
        if (!value.contains(each))
          fault(each.dump() + " is missing");
    } else if (word == "properties" && value.is_object()) {
      for (const auto& [name, member] : value.items()) {
        if (says.contains(name))
          add(faults(member, says[name], at + "/" + name));
        else if (schema.contains("additionalProperties") && schema["additionalProperties"] == false)
          fault(name + " is not in the schema");
      }
    } else if (word == "additionalProperties" && says.is_object() && value.is_object()) {
      for (const auto& [name, member] : value.items())
        add(faults(member, says, at + "/" + name)); // of a map, which has no `properties`
    } else if (word == "items") {
      for (std::size_t n = 0; n < value.size(); ++n)
        add(faults(value[n], says, at + "/" + std::to_string(n)));
    } else if (word == "oneOf") {
      if (std::ranges::count_if(
              says, [&](const json& each) { return faults(value, each, at).empty(); }) != 1)
        fault("fits not one of them");
    } else if (!told.contains(word) && word != "additionalProperties" && word != "minItems" &&
               word != "maxItems" && word != "properties") {
      fault("the test does not know the word " + word);
    }
  }
  return all;
}

std::string documented(std::string_view path) {
  std::string text{path};
  const auto mark = text.find("{name}");
  if (mark != std::string::npos && text.find("notifications") != std::string::npos)
    text.replace(mark, 6, "{id}");
  return text;
}

TEST(openapi, the_document_and_its_page_are_served_as_they_stand_in_the_repository) {
  scripted_server server;
  test_client client{server.port()};
  const auto served = client.get("/openapi.json").value();
  EXPECT_EQ(served.status, 200);
  EXPECT_EQ(served.field("content-type"), "application/json");
  EXPECT_EQ(served.body, text_of("openapi.json"));
  const auto page = client.get("/docs").value();
  EXPECT_EQ(page.field("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.body, text_of("docs.html"));
  EXPECT_THAT(page.body, Not(HasSubstr("://"))); // nothing from another server
}

TEST(openapi, every_path_and_method_of_the_server_is_in_it_with_its_scope_and_no_other) {
  std::set<std::string> served;
  for (const route& each : public_routes()) {
    const std::string path = documented(each.path);
    std::string method{name_of(each.method)};
    std::ranges::transform(method, method.begin(), [](char c) { return std::tolower(c); });
    served.insert(method + " " + path);
    ASSERT_TRUE(document()["paths"].contains(path)) << path;
    ASSERT_TRUE(document()["paths"][path].contains(method)) << path;
    const json& call = document()["paths"][path][method];
    EXPECT_EQ(call.value("x-scope", "none"), name_of(each.needs)) << path;
    EXPECT_EQ(call.contains("requestBody"), each.body != body_rule::ignored) << path;
    if (call.contains("requestBody")) {
      EXPECT_EQ(call["requestBody"]["required"], each.body == body_rule::required) << path;
    }
  }
  std::set<std::string> told;
  for (const auto& [path, methods] : document()["paths"].items())
    for (const auto& [method, call] : methods.items())
      told.insert(method + " " + path);
  EXPECT_EQ(told, served);
}

TEST(openapi, every_code_of_a_problem_is_in_it_and_no_other) {
  std::set<std::string> codes;
  for (int n = 0; n <= static_cast<int>(problem_code::outcome_unknown); ++n)
    codes.emplace(name_of(static_cast<problem_code>(n)));
  const json& told = document()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
  EXPECT_EQ(told.get<std::set<std::string>>(), codes);
}

/// An answer to a call is one of those that the document has for it, in shape as well.
void expect_documented(const test_answer& answer, const std::string& path,
                       const std::string& method) {
  SCOPED_TRACE(method + " " + path + ": " + std::to_string(answer.status) + " " + answer.body);
  const json& call = document()["paths"][path][method];
  ASSERT_TRUE(call["responses"].contains(std::to_string(answer.status)));
  const json& told = resolved(call["responses"][std::to_string(answer.status)]);
  ASSERT_TRUE(told["content"].contains(answer.field("content-type")));
  const json& schema = told["content"][answer.field("content-type")]["schema"];
  EXPECT_THAT(faults(json::parse(answer.body), schema, ""), IsEmpty());
}

std::string body_for(const std::string& path) {
  static const std::map<std::string, std::string> bodies{
      {"/v1/payments", R"({"orderId":3,"userId":4})"},
      {"/v1/payments/bulk", R"({"payments":[{"orderId":3,"userId":4},{"orderId":0,"userId":4}]})"},
      {"/v1/orders", R"({"userId":4,"totalAmount":5,"couponId":9})"},
      {"/v1/orders/bulk", R"({"orders":[{"userId":4,"totalAmount":5}]})"},
      {"/v1/users", R"({"phone":"01012345678","reference":"u","metadata":{"a":"b"}})"},
      {"/v1/users/{id}", R"({"phone":null,"metadata":{"a":"b"}})"},
      {"/v1/orders/{id}", R"({"metadata":{"a":"b"}})"},
      {"/v1/users/{id}/charges", R"({"amount":5,"reason":"a gift"})"},
      {"/v1/users/{id}/withdrawals", R"({"amount":5})"},
      {"/v1/webhooks", R"({"name":"shop","url":"https://shop.example/hook"})"},
      {"/v1/webhooks/{name}", R"({"enabled":false})"},
      {"/v1/webhooks/{name}/replay", R"({"from":"2025-11-22T05:04:03Z"})"},
  };
  const auto found = bodies.find(path);
  return found == bodies.end() ? "{}" : found->second;
}

bool requires_order(const command& what) {
  return std::visit([](const auto& each) { return requires { each.order; }; }, what.what);
}

std::string target_of(std::string path, const std::string& id) {
  if (const auto mark = path.find("{id}"); mark != std::string::npos)
    path.replace(mark, 4, path.find("notifications") != std::string::npos ? "alimtalk-" + id : id);
  if (const auto mark = path.find("{name}"); mark != std::string::npos)
    path.replace(mark, 6, "shop");
  return path;
}

/// As JSON, where a call has another form, too.
std::optional<test_answer> ask(test_client& client, const std::string& target) {
  client.send(get_text(target, "Accept: application/json\r\n"));
  return client.receive();
}

TEST(openapi, every_answer_has_the_shape_that_it_tells) {
  scripted_server server;
  test_client client{server.port()};
  const auto ask_all = [&] {
    for (const auto& [path, methods] : document()["paths"].items())
      for (const auto& [method, call] : methods.items()) {
        if (path == "/docs")
          continue;
        const std::string target = target_of(path, "7");
        const auto answer = method == "get"      ? ask(client, target)
                            : method == "post"   ? client.post(target, body_for(path))
                            : method == "delete" ? client.remove(target)
                                                 : client.patch(target, body_for(path));
        expect_documented(answer.value(), path, method);
      }
  };
  ask_all();
  for (const refused& why :
       {refused{refusal::order_not_found, {}}, refused{refusal::user_not_found, {}},
        refused{refusal::insufficient_balance, {}}, refused{refusal::key_reused, {}},
        refused{.why = refusal::reference_in_use, .status = {}, .existing = 3}}) {
    server.actors.settle = [&](const command& what) -> actors::outcome_reply {
      // Only where the call can have it.
      const bool creates = std::holds_alternative<create_user>(what.what) ||
                           std::holds_alternative<create_order>(what.what);
      if (why.why == refusal::reference_in_use && !creates)
        return plausible(what);
      const bool about_order = requires_order(what);
      if (why.why == refusal::order_not_found && !about_order)
        return plausible(what);
      if (why.why != refusal::order_not_found && why.why != refusal::key_reused && about_order &&
          !std::holds_alternative<pay>(what.what))
        return plausible(what);
      if (std::holds_alternative<create_user>(what.what) && why.why != refusal::key_reused &&
          why.why != refusal::reference_in_use)
        return plausible(what);
      const bool takes = !std::holds_alternative<charge>(what.what) &&
                         !std::holds_alternative<update_user>(what.what);
      if (!takes && why.why == refusal::insufficient_balance)
        return plausible(what);
      return why;
    };
    ask_all();
  }
  for (const auto why : {actors::no_outcome::overloaded, actors::no_outcome::internal_error,
                         actors::no_outcome::outcome_unknown}) {
    server.actors.settle = [why](const command&) -> actors::outcome_reply {
      return std::unexpected(why);
    };
    ask_all();
  }
  for (const paymentd::answer& none :
       {paymentd::answer{not_found{}}, paymentd::answer{webhook_refused{webhook_refusal::exists}},
        paymentd::answer{webhook_refused{webhook_refusal::too_many}},
        paymentd::answer{webhook_refused{webhook_refusal::cannot_work, "url: it is none"}}}) {
    server.actors.ask = [&](const webhook_request& what) -> actors::answer_reply {
      // Only where the call can have it.
      const bool creates = std::holds_alternative<create_webhook>(what);
      const bool missing = std::holds_alternative<not_found>(none);
      if (std::holds_alternative<list_webhooks>(what) || creates == missing)
        return plausible(what);
      return missing || creates ? none : plausible(what);
    };
    ask_all();
  }
  server.actors.look_up = [](const query&) { return paymentd::answer{not_found{}}; };
  for (const auto* path : {"/v1/users/{id}", "/v1/orders/{id}", "/v1/notifications/{id}",
                           "/v1/users/{id}/entries", "/v1/orders/{id}/entries"})
    expect_documented(client.get(target_of(path, "7")).value(), path, "get");
  for (const auto& [path, methods] : document()["paths"].items())
    if (methods.contains("post")) {
      const std::string target = target_of(path, "7");
      expect_documented(client.post(target, "{").value(), path, "post");
      expect_documented(client.post(target, R"({"none":1})").value(), path, "post");
    }
}

TEST(openapi, what_is_no_answer_of_it_is_found) {
  const json order = {{"id", 1}};
  EXPECT_THAT(faults(order, json{{"$ref", "#/components/schemas/Order"}}, ""), Not(IsEmpty()));
  EXPECT_THAT(faults(json{{"entry", 1}}, json{{"$ref", "#/components/schemas/Empty"}}, ""),
              Not(IsEmpty()));
  EXPECT_THAT(faults(json("x"), json{{"$ref", "#/components/schemas/Won"}}, ""), Not(IsEmpty()));
}

} // namespace
} // namespace paymentd::http::testing
