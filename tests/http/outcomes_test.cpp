// Goal: what the actors say becomes the right answer, and what they do not say the right error.
// Method: a real server over real sockets; scripted actors that give, hold or delay outcomes.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <thread>

namespace paymentd::http::testing {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

const std::string payment = R"({"orderId":3,"userId":4})";
const std::string at = "2025-11-22T05:04:03.021Z";

TEST(http_outcomes, a_payment_is_answered_with_its_paid_order) {
  scripted_server server;
  const auto answer = test_client{server.port()}.post("/v1/payments", payment);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->field("content-type"), "application/json");
  EXPECT_EQ(answer->field("location"), "");
  EXPECT_EQ(json::parse(answer->body), json({{"id", 3},
                                             {"userId", 4},
                                             {"couponId", nullptr},
                                             {"totalAmount", 12000},
                                             {"discountAmount", 2000},
                                             {"finalAmount", 10000},
                                             {"refundedAmount", 0},
                                             {"status", "PAID"},
                                             {"reference", nullptr},
                                             {"metadata", json::object()},
                                             {"createdAt", at},
                                             {"updatedAt", at}}));
  const auto sent = server.actors.commands();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(std::get<pay>(sent[0].what).order, order_id{3});
  EXPECT_EQ(std::get<pay>(sent[0].what).user, user_id{4});
}

TEST(http_outcomes, a_created_user_has_its_location) {
  scripted_server server;
  const auto answer =
      test_client{server.port()}.post("/v1/users", R"({"phone":"01012345678","balance":300})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->field("location"), "users/7");
  EXPECT_EQ(json::parse(answer->body), json({{"id", 7},
                                             {"reference", nullptr},
                                             {"phone", "01012345678"},
                                             {"balance", 300},
                                             {"metadata", json::object()},
                                             {"createdAt", at},
                                             {"updatedAt", at}}));
}

TEST(http_outcomes, references_and_metadata_go_in_and_come_out) {
  scripted_server server;
  test_client client{server.port()};
  const auto made = client.post("/v1/users", R"({"reference":"shop-7","phone":"+82 10-1234-5678",)"
                                             R"("metadata":{"name":"김 \"K\"","tier.x":""}})");
  ASSERT_EQ(made->status, 201) << made->body;
  EXPECT_EQ(json::parse(made->body)["reference"], "shop-7");
  EXPECT_EQ(json::parse(made->body)["phone"], "01012345678");
  EXPECT_EQ(json::parse(made->body)["metadata"], json({{"name", "김 \"K\""}, {"tier.x", ""}}));
  const auto nobody = client.post("/v1/users", R"({"phone":null,"metadata":{}})");
  EXPECT_EQ(json::parse(nobody->body)["phone"], nullptr);
  const auto order = client.post(
      "/v1/orders", R"({"userId":1,"totalAmount":9,"reference":"A-17","metadata":{"a":"b"}})");
  EXPECT_EQ(json::parse(order->body)["reference"], "A-17");
  EXPECT_EQ(json::parse(order->body)["metadata"], json({{"a", "b"}}));
}

TEST(http_outcomes, patch_changes_what_it_names_and_null_takes_it_away) {
  scripted_server server;
  test_client client{server.port()};
  const auto patch = [&](const std::string& path, const std::string& body) {
    return client.patch(path, body)->status;
  };
  EXPECT_EQ(patch("/v1/users/7", R"({"phone":"010-9999-8888"})"), 200);
  auto user = std::get<update_user>(server.actors.commands().back().what);
  EXPECT_EQ(user.user, user_id{7});
  EXPECT_EQ(user.phone, "01099998888");
  EXPECT_EQ(user.metadata, std::nullopt);
  EXPECT_EQ(patch("/v1/users/7", R"({"phone":null,"metadata":{"k":"v"}})"), 200);
  user = std::get<update_user>(server.actors.commands().back().what);
  EXPECT_EQ(user.phone, "");
  EXPECT_EQ(user.metadata, R"({"k":"v"})");
  EXPECT_EQ(patch("/v1/orders/3", R"({"metadata":null})"), 200);
  EXPECT_EQ(std::get<update_order>(server.actors.commands().back().what).metadata, "");
  const auto count = server.actors.commands().size();
  for (const auto* body : {"{}", R"({"phone":""})", R"({"phone":"12"})", R"({"metadata":[]})",
                           R"({"balance":5})", R"({"reference":"x"})"})
    EXPECT_EQ(patch("/v1/users/7", body), 400) << body;
  EXPECT_EQ(patch("/v1/orders/3", "{}"), 400);
  EXPECT_EQ(patch("/v1/users", "{}"), 405);
  EXPECT_EQ(server.actors.commands().size(), count);
}

TEST(http_outcomes, metadata_and_references_have_bounds) {
  scripted_server server;
  test_client client{server.port()};
  const auto status = [&](const json& metadata) {
    return client.post("/v1/users", json({{"metadata", metadata}}).dump())->status;
  };
  json most = json::object();
  for (int n = 0; n < 20; ++n)
    most["name" + std::to_string(n)] = "v";
  EXPECT_EQ(status(most), 201);
  most["one.more"] = "v";
  EXPECT_EQ(status(most), 400);
  std::string value; // of three bytes a character
  for (int n = 0; n < 500; ++n)
    value += "값";
  EXPECT_EQ(status({{std::string(40, 'n'), value}}), 201);
  EXPECT_EQ(status({{"n", value + "."}}), 400);
  EXPECT_EQ(status({{std::string(41, 'n'), ""}}), 400);
  EXPECT_EQ(status({{"a", value}, {"b", value}, {"c", value}}), 400); // more than 4,096 bytes
  EXPECT_EQ(status({{"a b", ""}}), 400);
  EXPECT_EQ(status({{"", ""}}), 400);
  EXPECT_EQ(status({{"a", 1}}), 400);
  EXPECT_EQ(status({{"a", nullptr}}), 400);
  EXPECT_EQ(status({{"a", json::object()}}), 400);
  EXPECT_EQ(status("text"), 400);
  EXPECT_EQ(client.post("/v1/users", R"({"metadata":{"a":"1","a":"2"}})")->status, 400);
  EXPECT_EQ(client.post("/v1/users", R"({"metadata":{"a":"x\u0000"}})")->status, 400);
  for (const std::string& reference : {std::string(65, 'r'), std::string("a b"), std::string()})
    EXPECT_EQ(client.post("/v1/users", json({{"reference", reference}}).dump())->status, 400);
  EXPECT_EQ(client.post("/v1/users", json({{"reference", std::string(64, '~')}}).dump())->status,
            201);
}

TEST(http_outcomes, a_reference_in_use_tells_who_has_it) {
  scripted_server server;
  server.actors.settle = [](const command&) -> actors::outcome_reply {
    return refused{.why = refusal::reference_in_use, .status = std::nullopt, .existing = 12};
  };
  const auto answer =
      test_client{server.port()}.post("/v1/users", R"({"phone":"01012345678","reference":"x"})");
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(json::parse(answer->body)["code"], "reference_in_use");
  EXPECT_EQ(json::parse(answer->body)["existingId"], 12);
}

TEST(http_outcomes, a_charge_is_answered_with_its_ledger_entry) {
  scripted_server server;
  const auto answer =
      test_client{server.port()}.post("/v1/users/12/charges", R"({"amount":50000})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(json::parse(answer->body), json({{"id", 99},
                                             {"userId", 12},
                                             {"sequence", 3},
                                             {"orderId", nullptr},
                                             {"kind", "CHARGE"},
                                             {"amount", 50000},
                                             {"balanceAfter", 50001},
                                             {"reason", nullptr},
                                             {"createdBy", nullptr},
                                             {"createdAt", at}}));
}

TEST(http_outcomes, a_reason_goes_with_a_movement_and_has_a_bound) {
  scripted_server server;
  test_client client{server.port()};
  const auto post = [&](const std::string& path, const json& body) {
    return client.post(path, body.dump())->status;
  };
  std::string longest; // 200 characters of three bytes
  for (std::size_t n = 0; n < reason_max; ++n)
    longest += "원";
  EXPECT_EQ(post("/v1/users/12/charges", {{"amount", 5}, {"reason", longest}}), 201);
  EXPECT_EQ(std::get<charge>(server.actors.commands().back().what).reason, longest);
  EXPECT_EQ(post("/v1/users/12/withdrawals", {{"amount", 5}, {"reason", "paid out"}}), 201);
  EXPECT_EQ(std::get<withdraw>(server.actors.commands().back().what).reason, "paid out");
  EXPECT_EQ(post("/v1/users/12/withdrawals", {{"amount", 5}, {"reason", nullptr}}), 201);
  EXPECT_EQ(post("/v1/orders/8/refund", {{"amount", 7}, {"reason", "broken"}}), 200);
  const auto refunded = std::get<refund>(server.actors.commands().back().what);
  EXPECT_EQ(refunded.amount, won{7});
  EXPECT_EQ(refunded.reason, "broken");
  EXPECT_EQ(post("/v1/orders/8/refund", {{"reason", "all of it"}}), 200);
  EXPECT_FALSE(std::get<refund>(server.actors.commands().back().what).amount);
  const auto count = server.actors.commands().size();
  EXPECT_EQ(post("/v1/users/12/charges", {{"amount", 5}, {"reason", longest + "."}}), 400);
  const auto with_nul = client.post("/v1/users/12/charges", R"({"amount":5,"reason":"a\u0000b"})");
  EXPECT_EQ(with_nul->status, 400);
  EXPECT_THAT(with_nul->body, ::testing::HasSubstr("must not hold the character U+0000"));
  EXPECT_EQ(post("/v1/users/12/withdrawals", {{"amount", 0}}), 400);
  EXPECT_EQ(post("/v1/users/12/withdrawals", {{"reason", "x"}}), 400);
  EXPECT_EQ(post("/v1/orders/8/refund", {{"amount", 0}}), 400);
  EXPECT_EQ(post("/v1/orders/8/refund", {{"amount", "7"}}), 400);
  EXPECT_EQ(server.actors.commands().size(), count);
}

TEST(http_outcomes, a_refund_of_more_than_is_left_tells_what_is) {
  scripted_server server;
  server.actors.settle = [](const command&) -> actors::outcome_reply {
    return refused{refusal::order_not_refundable, order_status::paid, won{30}};
  };
  const auto answer = test_client{server.port()}.post("/v1/orders/8/refund", R"({"amount":31})");
  EXPECT_EQ(answer->status, 409);
  const json problem = json::parse(answer->body);
  EXPECT_EQ(problem["code"], "order_not_refundable");
  EXPECT_EQ(problem["orderStatus"], "PAID");
  EXPECT_EQ(problem["refundableAmount"], 30);
}

TEST(http_outcomes, an_order_takes_its_optional_fields) {
  scripted_server server;
  test_client client{server.port()};
  const auto with =
      client.post("/v1/orders", R"({"userId":1,"totalAmount":9,"discountAmount":9,"couponId":7})");
  ASSERT_TRUE(with);
  EXPECT_EQ(with->status, 201);
  EXPECT_EQ(with->field("location"), "orders/5");
  EXPECT_EQ(json::parse(with->body)["couponId"], 7);
  EXPECT_EQ(json::parse(with->body)["finalAmount"], 0);
  const auto without = client.post("/v1/orders", R"({"userId":1,"totalAmount":9,"couponId":null,
      "discountAmount":null,"pay":null,"reference":null,"metadata":null})");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->status, 201);
  EXPECT_EQ(json::parse(without->body)["couponId"], nullptr);
  EXPECT_EQ(json::parse(without->body)["discountAmount"], 0);
}

TEST(http_outcomes, cancel_and_refund_take_no_body_or_an_empty_object) {
  scripted_server server;
  test_client client{server.port()};
  for (const std::string what : {"cancel", "refund"}) {
    const auto path = "/v1/orders/8/" + what;
    client.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(json::parse(answer->body)["status"], what == "cancel" ? "CANCELLED" : "REFUNDED");
    answer = client.post(path, "{}");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    answer = client.post(path, R"({"words":"x"})");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
  }
  EXPECT_EQ(server.actors.commands().size(), 4u);
}

TEST(http_outcomes, things_are_looked_up_and_may_be_missing) {
  scripted_server server;
  test_client client{server.port()};
  auto answer = client.get("/v1/users/1");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(json::parse(answer->body)["balance"], 50000);
  answer = client.get("/v1/orders/2?fresh=1");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(json::parse(answer->body)["id"], 2);
  server.actors.look_up = [](const query&) { return paymentd::answer{not_found{}}; };
  answer = client.get("/v1/users/1");
  ASSERT_TRUE(answer);
  EXPECT_EQ(json::parse(answer->body)["code"], "user_not_found");
  answer = client.get("/v1/orders/2");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(json::parse(answer->body)["code"], "order_not_found");
}

TEST(http_outcomes, every_refusal_has_its_problem) {
  struct expected_problem {
    refused why;
    int status;
    std::string code;
    std::string order_status; // empty: none
  };
  const std::vector<expected_problem> all{
      {{refusal::order_not_found, {}}, 404, "order_not_found", ""},
      {{refusal::user_not_found, {}}, 404, "user_not_found", ""},
      {{refusal::order_not_payable, order_status::paid}, 409, "order_not_payable", "PAID"},
      {{refusal::order_not_cancellable, order_status::refunded},
       409,
       "order_not_cancellable",
       "REFUNDED"},
      {{refusal::order_not_refundable, order_status::pending},
       409,
       "order_not_refundable",
       "PENDING"},
      {{refusal::insufficient_balance, {}}, 402, "insufficient_balance", ""},
  };
  scripted_server server;
  test_client client{server.port()};
  for (const auto& each : all) {
    server.actors.settle = [&](const command&) { return outcome{each.why}; };
    const auto answer = client.post("/v1/payments", payment, "X-Request-Id: r-1\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, each.status);
    EXPECT_EQ(answer->field("content-type"), "application/problem+json");
    EXPECT_EQ(answer->field("x-request-id"), "r-1");
    const auto body = json::parse(answer->body);
    EXPECT_EQ(body["code"], each.code);
    EXPECT_EQ(body["status"], each.status);
    EXPECT_EQ(body["instance"], "r-1");
    EXPECT_EQ(body["type"], "urn:paymentd:problem:" + each.code);
    EXPECT_FALSE(body["title"].get<std::string>().empty());
    EXPECT_FALSE(body["detail"].get<std::string>().empty());
    EXPECT_EQ(body.value("orderStatus", ""), each.order_status);
  }
}

TEST(http_outcomes, a_balance_that_would_grow_too_large_is_bad_input_or_no_refund) {
  scripted_server server;
  test_client client{server.port()};
  server.actors.settle = [](const command&) {
    return outcome{refused{refusal::balance_limit, {}}};
  };
  auto answer = client.post("/v1/users/1/charges", R"({"amount":5})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(json::parse(answer->body)["errors"][0]["field"], "amount");
  answer = client.post("/v1/orders/1/refund", "");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 409);
  EXPECT_EQ(json::parse(answer->body)["code"], "order_not_refundable");
}

TEST(http_outcomes, no_outcome_tells_whether_anything_can_have_happened) {
  using enum actors::no_outcome;
  scripted_server server;
  test_client client{server.port()};
  const std::vector<std::tuple<actors::no_outcome, int, std::string, bool>> all{
      {overloaded, 503, "overloaded", true},
      {database_unavailable, 503, "database_unavailable", true},
      {shutting_down, 503, "shutting_down", true},
      {outcome_unknown, 504, "outcome_unknown", false},
      {internal_error, 500, "internal_error", false},
  };
  for (const auto& [why, status, code, again] : all) {
    server.actors.settle = [why](const command&) -> actors::outcome_reply {
      return std::unexpected(why);
    };
    const auto answer = client.post("/v1/payments", payment);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(json::parse(answer->body)["code"], code);
    EXPECT_EQ(!answer->field("retry-after").empty(), again);
  }
}

TEST(http_outcomes, an_outcome_of_the_wrong_kind_is_an_internal_error) {
  scripted_server server;
  test_client client{server.port()};
  server.actors.settle = [](const command&) { return outcome{user{}}; };
  const auto answer = client.post("/v1/payments", payment);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(json::parse(answer->body)["code"], "internal_error");
}

TEST(http_outcomes, without_an_outcome_in_time_it_is_unknown_and_a_late_one_is_dropped) {
  server_options options;
  options.request_timeout = 50ms;
  scripted_server server{options};
  test_client client{server.port()};
  server.actors.hold();
  auto answer = client.post("/v1/payments", payment);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 504);
  EXPECT_EQ(json::parse(answer->body)["code"], "outcome_unknown");
  // The late outcome comes while the next request waits in the same slot, and just before its own:
  // it must not be taken for it. On a slow machine that one may be late as well; then once more.
  for (std::size_t tries = 2; tries < 20; ++tries) {
    server.actors.hold();
    client.send(post_text("/v1/payments", R"({"orderId":30,"userId":4})"));
    ASSERT_TRUE(server.actors.wait_for_commands(tries));
    server.actors.release();
    ASSERT_TRUE(answer = client.receive());
    if (answer->status != 504)
      break;
  }
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(json::parse(answer->body)["id"], 30);
}

TEST(http_outcomes, a_query_without_an_answer_changed_nothing) {
  server_options options;
  options.request_timeout = 50ms;
  scripted_server server{options};
  server.end_the_actors();
  std::optional<test_answer> answer = test_client{server.port()}.get("/v1/users/1");
  ASSERT_TRUE(answer);
  // database_unavailable where it was sent before the actor's end was known, else internal_error.
  EXPECT_THAT(answer->status, ::testing::AnyOf(500, 503));
}

TEST(http_outcomes, what_nobody_takes_any_more_is_refused_at_once) {
  server_options options;
  options.request_timeout = 100ms;
  scripted_server server{options};
  test_client client{server.port()};
  server.end_the_actors();
  // The first ones may be on their way while the actor ends; they are given up in time.
  for (int tries = 0; tries < 100; ++tries) {
    const auto answer = client.post("/v1/payments", payment);
    ASSERT_TRUE(answer);
    if (answer->status == 500)
      return;
    ASSERT_EQ(answer->status, 504);
  }
  FAIL() << "still sent to an actor that is gone";
}

TEST(http_outcomes, work_may_begin_for_four_fifths_of_the_request_timeout) {
  server_options options;
  options.request_timeout = 10s;
  scripted_server server{options};
  const auto before = std::chrono::steady_clock::now();
  test_client{server.port()}.post("/v1/payments", payment);
  const auto after = std::chrono::steady_clock::now();
  const auto ticket = server.actors.tickets().at(0);
  EXPECT_GE(ticket.begin_by, before + 8s);
  EXPECT_LE(ticket.begin_by, after + 8s);
}

TEST(http_outcomes, more_requests_than_may_wait_are_told_to_come_again) {
  server_options options;
  options.in_flight_max = 2;
  scripted_server server{options};
  server.actors.hold();
  test_client first{server.port()}, second{server.port()}, third{server.port()};
  first.send(post_text("/v1/payments", payment));
  second.send(post_text("/v1/payments", payment));
  ASSERT_TRUE(server.actors.wait_for_commands(2));
  auto answer = third.post("/v1/payments", payment);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(json::parse(answer->body)["code"], "overloaded");
  EXPECT_FALSE(answer->field("retry-after").empty());
  server.actors.release();
  ASSERT_TRUE(answer = first.receive());
  EXPECT_EQ(answer->status, 201);
  ASSERT_TRUE(answer = second.receive());
  EXPECT_EQ(answer->status, 201);
  ASSERT_TRUE(answer = third.post("/v1/payments", payment));
  EXPECT_EQ(answer->status, 201);
}

TEST(http_outcomes, the_admin_listener_says_whether_the_process_lives_and_the_database_answers) {
  server_options options;
  options.request_timeout = 100ms;
  scripted_server server{options};
  test_client client{server.admin_port()};
  auto answer = client.get("/healthz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, R"({"status":"ok"})");
  ASSERT_TRUE(answer = client.get("/readyz"));
  EXPECT_EQ(answer->status, 200);
  server.actors.look_up = [](const query&) -> actors::answer_reply {
    return std::unexpected(actors::no_outcome::database_unavailable);
  };
  ASSERT_TRUE(answer = client.get("/readyz"));
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(json::parse(answer->body)["code"], "database_unavailable");
  ASSERT_TRUE(answer = client.get("/v1/users/1"));
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(test_client{server.port()}.get("/healthz")->status, 404);
}

TEST(http_outcomes, readiness_tells_which_part_is_not_well) {
  scripted_server server;
  actors::condition settlement = actors::condition::ok;
  server.actors.health = [&] { return actors::health_report{.settlement = settlement}; };
  test_client client{server.admin_port()};
  auto answer = client.get("/readyz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, R"({"status":"ok","parts":{"settlement":"ok","reads":"ok"}})");
  EXPECT_EQ(server.actors.checks, 1) << "an idle lane knows nothing of a database that went";
  settlement = actors::condition::unavailable;
  ASSERT_TRUE(answer = client.get("/readyz"));
  EXPECT_EQ(answer->status, 503);
  auto told = json::parse(answer->body);
  EXPECT_EQ(told["code"], "database_unavailable");
  EXPECT_EQ(told["parts"], json({{"settlement", "unavailable"}, {"reads", "ok"}}));
  settlement = actors::condition::starting;
  server.actors.look_up = [](const query&) -> actors::answer_reply {
    return std::unexpected(actors::no_outcome::internal_error);
  };
  ASSERT_TRUE(answer = client.get("/readyz"));
  EXPECT_EQ(answer->status, 500);
  told = json::parse(answer->body);
  EXPECT_EQ(told["parts"], json({{"settlement", "starting"}, {"reads", "unavailable"}}));
}

} // namespace
} // namespace paymentd::http::testing
