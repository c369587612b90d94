// Goal: a request has one line of the log, as often as the settings want, with all that it is about
// and nothing that it holds. Method: the lines and their choice alone, on a clock and with a seed
// of the test's; and a server over real sockets whose log the test keeps.
#include "http/request_log.hpp"

#include "domain/log_fields.hpp"
#include "http/keys/key_ring.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace paymentd::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using kind = request_record::kind;

std::map<std::string, std::string> fields_of(const std::string& line) {
  std::map<std::string, std::string> all;
  for (const log_field& each : split_fields(line).fields) {
    std::string& text = all[std::string{each.name}];
    if (const auto* number = std::get_if<std::int64_t>(&each.value))
      text = std::to_string(*number);
    else if (const auto* decimal = std::get_if<double>(&each.value))
      text = decimal_text(*decimal);
    else
      text = std::get<std::string_view>(each.value);
  }
  return all;
}

request_record paid() {
  return {.id = "r-1",
          .method = "POST",
          .path = "/v1/payments",
          .status = 201,
          .took = 8'214us,
          .api_key = "shop",
          .order = 7,
          .code = {},
          .detail = {},
          .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
}

TEST(request_log, a_line_has_what_the_request_was_about) {
  const std::string line = request_line(paid(), 0, {}, 255);
  EXPECT_EQ(split_fields(line).message,
            "request r-1: POST /v1/payments 201 in 8.214 ms, order 7, API key shop");
  EXPECT_EQ(fields_of(line),
            (std::map<std::string, std::string>{{"request", "r-1"},
                                                {"method", "POST"},
                                                {"route", "/v1/payments"},
                                                {"status", "201"},
                                                {"ms", "8.214"},
                                                {"api_key", "shop"},
                                                {"order", "7"},
                                                {"trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"},
                                                {"span_id", "00000000000000ff"},
                                                {"parent_span_id", "00f067aa0ba902b7"}}));
}

TEST(request_log, a_line_has_no_field_for_what_there_is_not) {
  request_record bad = paid();
  bad.method = bad.path = bad.api_key = {};
  bad.order = 0;
  bad.status = 400;
  bad.traceparent = "00-xyz";
  const std::string line = request_line(bad, 3, {}, 255);
  EXPECT_EQ(split_fields(line).message,
            "request r-1: no route 400 in 8.214 ms (3 such lines before it were left out)");
  const auto fields = fields_of(line);
  for (const auto* absent : {"method", "route", "api_key", "order", "trace_id", "span_id"})
    EXPECT_FALSE(fields.contains(absent)) << absent;
}

TEST(request_log, failures_and_refusals_always_have_a_line_within_their_bound) {
  request_log off({}, 1);
  EXPECT_EQ(off.take(kind::usual, 201, {}), std::nullopt);
  EXPECT_EQ(off.take(kind::usual, 404, {}), std::nullopt);
  for (const auto what : {kind::failure, kind::refusal}) {
    steady_instant now{1h};
    for (int line = 0; line < request_log::failures_a_second; ++line)
      EXPECT_EQ(off.take(what, 503, now), 0u);
    EXPECT_EQ(off.take(what, 503, now), std::nullopt);
    EXPECT_EQ(off.take(what, 503, now + 1s), 1u);
  }
}

TEST(request_log, errors_have_a_line_within_their_bound_and_successes_none) {
  request_log errors({.errors = true}, 1);
  const steady_instant now{1h};
  int lines = 0;
  for (int request = 0; request < 1000; ++request) {
    lines += errors.take(kind::usual, 409, now) ? 1 : 0;
    EXPECT_EQ(errors.take(kind::usual, 201, now), std::nullopt);
  }
  EXPECT_EQ(lines, request_log::errors_a_second);
  EXPECT_EQ(errors.take(kind::usual, 409, now + 1s), 1000u - request_log::errors_a_second);
}

TEST(request_log, a_part_of_the_successes_is_chosen_by_chance) {
  const auto chosen = [](double part) {
    request_log log({.errors = true, .part = part}, 12345);
    int lines = 0;
    for (int request = 0; request < 100'000; ++request)
      lines += log.take(kind::usual, 200, {}) ? 1 : 0;
    return lines;
  };
  EXPECT_NEAR(chosen(0.01), 1000, 150);
  EXPECT_NEAR(chosen(0.5), 50'000, 1000);
  EXPECT_EQ(chosen(0.0), 0);
}

TEST(request_log, all_is_without_a_bound) {
  request_log all({.errors = true, .part = 1.0}, 1);
  for (int request = 0; request < 1000; ++request) {
    EXPECT_EQ(all.take(kind::usual, 201, {}), 0u);
    EXPECT_EQ(all.take(kind::usual, 404, {}), 0u);
  }
}

/// Keeps what is logged while it lives.
class kept_log {
 public:
  kept_log() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("kept", std::move(sink));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~kept_log() { spdlog::set_default_logger(before_); }
  kept_log(const kept_log&) = delete;
  kept_log& operator=(const kept_log&) = delete;
  /// Only once nobody writes any more.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST(request_log, phones_keys_and_metadata_are_in_no_line) {
  const std::string phone = "01098765432";
  const std::string secret = "pmd_planted0secret";
  const std::string note = "planted-metadata";
  key_ring keys;
  keys.put({{.name = "shop",
             .scopes = parse_scopes("charge,pay,read").value(),
             .hash = net::sha256(secret),
             .rate = 0,
             .created_at = testing::noon,
             .expires_at = std::nullopt,
             .revoked_at = std::nullopt}});
  kept_log log;
  {
    server_options options;
    options.keys = &keys;
    options.request_lines = {.errors = true, .part = 1.0};
    testing::scripted_server server{options};
    testing::test_client client{server.port()};
    const std::string with = "Authorization: Bearer " + secret + "\r\nIdempotency-Key: " + phone +
                             "\r\ntraceparent: 00-" + std::string(32, 'a') + "-" +
                             std::string(16, 'b') + "-00\r\n";
    const auto ask = [&](const std::string& bytes) {
      client.send(bytes);
      return client.receive().value().status;
    };
    using testing::get_text;
    using testing::post_text;
    EXPECT_EQ(
        ask(post_text("/v1/users",
                      R"({"phone":")" + phone + R"(","metadata":{"a":")" + note + R"("}})", with)),
        201);
    EXPECT_EQ(ask(get_text("/v1/users?phone=" + phone, with)), 200);
    EXPECT_EQ(ask(post_text("/v1/payments", R"({"orderId":3,"userId":4})", with)), 201);
    EXPECT_EQ(ask(post_text("/v1/payments", R"({"orderId":")" + phone + R"("})", with)), 400);
    EXPECT_EQ(ask(get_text("/v1/nothing/" + phone, with)), 404);
    EXPECT_EQ(ask(get_text("/v1/orders/3", "Authorization: Bearer " + secret + "0\r\n")), 401);
    EXPECT_EQ(ask(get_text("/v1/orders/3", with)), 200);
  }
  const std::string text = log.text();
  for (const auto& planted : {phone, secret, note})
    EXPECT_THAT(text, Not(HasSubstr(planted)));
  for (const auto* line :
       {": POST /v1/users 201 in ", ": GET /v1/users 200 in ", ", order 3, API key shop",
        ": POST /v1/payments 400 in ", ": no route 404 in ", ": 401 unauthorized from ",
        ": GET /v1/orders/{id} 200 in "})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, HasSubstr(std::string(32, 'a')));
}

} // namespace
} // namespace paymentd::http
