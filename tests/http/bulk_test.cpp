// Goal: many payments or orders in one request are done each by itself, and answered in their
// order. Method: bodies with every kind of fault, to actors that play; a real socket.
#include "http/idempotency.hpp"
#include "http/json_input.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

/// The fault of a body as a whole: its code and, where there is one, the field and message.
std::string fault_of(const std::string& body) {
  static constexpr std::array rules{field_rule{.name = "n"}};
  const auto read = read_list(body, "list", rules, 3);
  if (read)
    return "none";
  std::string text{name_of(read.error().code)};
  for (const auto& each : read.error().errors)
    text += " " + each.field + " " + each.message;
  return text;
}

TEST(read_list, a_body_is_one_list_of_objects_and_nothing_else) {
  EXPECT_EQ(fault_of(R"({"list":[{"n":1}]})"), "none");
  EXPECT_EQ(fault_of(R"( { "list" : [ {"n":1} , {"x":[[]]} , {} ] } )"), "none");
  const std::string not_objects = "invalid_request list must be a list of JSON objects";
  const std::string count = "invalid_request list must hold 1 to 3 elements";
  for (const auto& [body, fault] : std::vector<std::pair<std::string, std::string>>{
           {"", "invalid_json"},
           {"{", "invalid_json"},
           {R"({"list":[{"n":1}]} x)", "invalid_json"},
           {R"({"list":[{"n":1},]})", "invalid_json"},
           {R"({"list":[{"n":1})", "invalid_json"},
           {"\xEF\xBB\xBF{}", "invalid_json"},
           {R"({"list":[{"n":)" + std::string(100, '['), "invalid_json"},
           {"[]", "invalid_request  must be a JSON object"},
           {"5", "invalid_request  must be a JSON object"},
           {"{}", "invalid_request list is missing"},
           {R"({"other":[]})", "invalid_request other is not a field of this call"},
           {R"({"list":[{"n":1}],"list":[]})", "invalid_request list is given more than once"},
           {R"({"list":{}})", not_objects},
           {R"({"list":null})", not_objects},
           {R"({"list":"[]"})", not_objects},
           {R"({"list":[1]})", not_objects},
           {R"({"list":[[]]})", not_objects},
           {R"({"list":[null]})", not_objects},
           {R"({"list":[]})", count},
           {R"({"list":[{},{},{},{}]})", count},
           {R"({"list":[{"n":1e400}]})",
            "invalid_request list holds a number that no field takes"}})
    EXPECT_EQ(fault_of(body), fault) << body;
}

TEST(read_list, each_element_has_its_values_or_its_own_problem) {
  static constexpr std::array rules{
      field_rule{.name = "n"},
      field_rule{.name = "b", .type = field_rule::kind::boolean, .required = false}};
  const auto read =
      read_list(R"({"list":[{"n":1,"b":true},{"n":"1"},{"n":2,"n":3},{"b":1,"n":4},{"n":5}]})",
                "list", rules, 10);
  ASSERT_TRUE(read);
  ASSERT_THAT(*read, SizeIs(5));
  EXPECT_EQ((*read)[0]->at(0).integer, 1);
  EXPECT_EQ((*read)[0]->at(1).integer, 1);
  EXPECT_EQ((*read)[1].error().errors[0].field, "n");
  EXPECT_THAT((*read)[2].error().errors[0].message, HasSubstr("more than once"));
  EXPECT_EQ((*read)[3].error().errors[0].message, "must be true or false");
  EXPECT_EQ((*read)[4]->at(0).integer, 5);
  EXPECT_FALSE((*read)[4]->at(1).given);
}

class http_bulk : public ::testing::Test {
 protected:
  json results(const std::string& path, const std::string& body, const std::string& fields = {}) {
    const auto answer = client.post(path, body, fields).value();
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body)["results"];
  }
  static std::vector<int> statuses(const json& results) {
    std::vector<int> all;
    for (const json& each : results)
      all.push_back(each["status"]);
    return all;
  }
  scripted_server server;
  test_client client{server.port()};
};

TEST_F(http_bulk, payments_are_answered_each_in_its_place) {
  server.actors.settle = [](const command& what) -> actors::outcome_reply {
    const auto order = std::get<pay>(what.what).order.value;
    if (order == 2)
      return refused{refusal::order_not_payable, order_status::paid};
    if (order == 3)
      return std::unexpected(actors::no_outcome::overloaded);
    return plausible(what);
  };
  const json got = results("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9},
      {"orderId":2,"userId":9},{"orderId":0,"userId":9},{"orderId":3,"userId":9},
      {"orderId":4,"userId":9}]})");
  EXPECT_THAT(statuses(got), ElementsAre(201, 409, 400, 503, 201));
  EXPECT_EQ(got[0]["order"]["id"], 1);
  EXPECT_EQ(got[0]["order"]["status"], "PAID");
  EXPECT_EQ(got[1]["problem"]["code"], "order_not_payable");
  EXPECT_EQ(got[1]["problem"]["orderStatus"], "PAID");
  EXPECT_EQ(got[2]["problem"]["errors"][0]["field"], "orderId");
  EXPECT_EQ(got[4]["order"]["id"], 4);
  EXPECT_THAT(server.actors.commands(), SizeIs(4));
}

TEST_F(http_bulk, orders_may_be_paid_at_once) {
  const json got = results("/v1/orders/bulk", R"({"orders":[{"userId":1,"totalAmount":5,"pay":true},
      {"userId":1,"totalAmount":5,"discountAmount":6},{"userId":1,"totalAmount":7,"couponId":3}]})");
  EXPECT_THAT(statuses(got), ElementsAre(201, 400, 201));
  const auto sent = server.actors.commands();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_TRUE(std::get<create_order>(sent[0].what).pays);
  EXPECT_FALSE(std::get<create_order>(sent[1].what).pays);
  EXPECT_EQ(std::get<create_order>(sent[1].what).coupon, coupon_id{3});
}

TEST_F(http_bulk, each_has_its_own_key_or_the_requests_with_its_place) {
  results("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9,"idempotencyKey":"a"},
      {"orderId":2,"userId":9},{"userId":9,"orderId":2},{"idempotencyKey":"a b","orderId":3,"userId":9}]})",
          "Idempotency-Key: whole\r\n");
  auto sent = server.actors.commands();
  ASSERT_THAT(sent, SizeIs(4)); // the first notes the request's own key
  sent.erase(sent.begin());
  const std::string path = "/v1/payments/bulk";
  EXPECT_EQ(sent[0].key, digest_key({"", "POST", path, "a", "orderId=1;userId=9;"}));
  ASSERT_TRUE(sent[1].key && sent[2].key);
  EXPECT_NE(sent[1].key->digest, sent[2].key->digest);
  EXPECT_EQ(sent[1].key->body, sent[2].key->body); // however it was written
  results("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9}]})");
  EXPECT_FALSE(server.actors.commands().back().key);
}

TEST_F(http_bulk, the_requests_key_belongs_to_one_body_and_nothing_is_done_for_another) {
  const std::string path = "/v1/payments/bulk";
  const std::string body = R"({"payments":[{"orderId":1,"userId":9},{"orderId":2,"userId":9}]})";
  results(path, body, "Idempotency-Key: whole\r\n");
  auto sent = server.actors.commands();
  ASSERT_THAT(sent, SizeIs(3));
  EXPECT_TRUE(std::holds_alternative<note_request>(sent[0].what));
  EXPECT_EQ(sent[0].key, digest_key({"", "POST", path, std::string("whole") + '\0', body}));
  server.actors.settle = [](const command& what) -> actors::outcome_reply {
    if (std::holds_alternative<note_request>(what.what))
      return refused{refusal::key_reused, std::nullopt};
    return plausible(what);
  };
  const auto reused = client.post(path, body, "Idempotency-Key: whole\r\n").value();
  EXPECT_EQ(reused.status, 422);
  EXPECT_EQ(json::parse(reused.body)["code"], "idempotency_key_reused");
  EXPECT_THAT(server.actors.commands(), SizeIs(4)); // the second note alone
  server.actors.settle = [](const command&) -> actors::outcome_reply {
    return std::unexpected(actors::no_outcome::overloaded);
  };
  EXPECT_EQ(client.post(path, body, "Idempotency-Key: whole\r\n")->status, 503);
  EXPECT_THAT(server.actors.commands(), SizeIs(5));
}

TEST_F(http_bulk, elements_that_have_keys_of_their_own_need_no_note) {
  results("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9,"idempotencyKey":"a"}]})",
          "Idempotency-Key: whole\r\n");
  EXPECT_THAT(server.actors.commands(), SizeIs(1));
}

TEST_F(http_bulk, an_element_may_have_the_key_of_the_request_for_its_own) {
  results("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9,"idempotencyKey":"whole"},
      {"orderId":2,"userId":9}]})",
          "Idempotency-Key: whole\r\n");
  const auto sent = server.actors.commands();
  ASSERT_THAT(sent, SizeIs(3));
  ASSERT_TRUE(sent[0].key && sent[1].key && sent[2].key);
  EXPECT_NE(sent[0].key->digest,
            sent[1].key->digest); // else it is refused as used for another body
  EXPECT_NE(sent[0].key->digest, sent[2].key->digest);
}

TEST_F(http_bulk, one_of_which_every_success_was_given_before_says_so) {
  const std::string path = "/v1/payments/bulk";
  const std::string body = R"({"payments":[{"orderId":1,"userId":9},{"orderId":2,"userId":9}]})";
  bool all = true;
  server.actors.settle = [&all](const command& what) -> actors::outcome_reply {
    const auto* payment = std::get_if<pay>(&what.what);
    if (payment == nullptr || (!all && payment->order == order_id{2}))
      return plausible(what);
    return replayed{std::get<order>(*plausible(what))};
  };
  const auto mark = [&] {
    return client.post(path, body, "Idempotency-Key: k\r\n").value().field("idempotent-replayed");
  };
  EXPECT_EQ(mark(), "true");
  all = false;
  EXPECT_EQ(mark(), "");
}

TEST_F(http_bulk, a_thousand_fit_and_one_more_does_not) {
  const auto body_of = [](int count) {
    json all = json::array();
    for (int n = 1; n <= count; ++n)
      all.push_back({{"orderId", n},
                     {"userId", 9'000'000'000'000'000},
                     {"idempotencyKey", std::string(255, 'k')}});
    return json{{"payments", all}}.dump();
  };
  const json got = results("/v1/payments/bulk", body_of(1000));
  ASSERT_THAT(got, SizeIs(1000));
  for (int n = 1; n <= 1000; ++n)
    EXPECT_EQ(got[static_cast<std::size_t>(n - 1)]["order"]["id"], n);
  EXPECT_EQ(client.post("/v1/payments/bulk", body_of(1001))->status, 400);
  EXPECT_EQ(client.post("/v1/payments/bulk", std::string(1'100'000, ' '))->status, 413);
  EXPECT_THAT(server.actors.commands(), SizeIs(1000));
}

TEST_F(http_bulk, a_body_that_is_no_list_is_refused_as_a_whole) {
  EXPECT_EQ(client.post("/v1/payments/bulk", R"({"payments":[]})")->status, 400);
  EXPECT_EQ(client.post("/v1/orders/bulk", R"({"payments":[{}]})")->status, 400);
  EXPECT_THAT(server.actors.commands(), IsEmpty());
}

TEST(http_bulk_limits, what_finds_no_room_is_overloaded_by_itself) {
  scripted_server server{{.in_flight_max = 2}};
  server.actors.hold();
  test_client client{server.port()};
  client.send(post_text("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9},
      {"orderId":2,"userId":9},{"orderId":3,"userId":9}]})"));
  ASSERT_TRUE(server.actors.wait_for_commands(2));
  for (const auto& each : server.actors.tickets())
    EXPECT_TRUE(each.bulk);
  server.actors.release();
  const json got = json::parse(client.receive().value().body)["results"];
  EXPECT_EQ(got[0]["status"], 201);
  EXPECT_EQ(got[2]["problem"]["code"], "overloaded");
}

TEST(http_bulk_limits, what_has_no_outcome_in_time_is_told_by_itself) {
  scripted_server server{{.request_timeout = 100ms}};
  server.actors.settle = [](const command& what) { return plausible(what); };
  server.actors.hold();
  test_client client{server.port()};
  client.send(post_text("/v1/payments/bulk", R"({"payments":[{"orderId":1,"userId":9},
      {"orderId":0,"userId":9}]})"));
  const json got = json::parse(client.receive().value().body)["results"];
  EXPECT_EQ(got[0]["problem"]["code"], "outcome_unknown");
  EXPECT_EQ(got[1]["status"], 400);
  server.actors.release();
}

} // namespace
} // namespace paymentd::http::testing
