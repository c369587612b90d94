// Goal: a traceparent is read exactly as W3C's standard has it, so that no broken one gets into the
// log or into the database, and each command has the trace of its request. Method: the standard's
// own examples, and each of its rules broken once; then requests over a real socket to actors that
// play.
#include "http/trace_context.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gtest/gtest.h>

namespace paymentd::http {
namespace {

using testing::scripted_server;
using testing::test_client;

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(trace_context, a_traceparent_gives_its_trace_and_the_span_that_asked) {
  const auto read = parse_traceparent(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(read->parent_id, "00f067aa0ba902b7");
}

TEST(trace_context, a_later_version_is_read_by_the_parts_that_are_known) {
  for (const std::string more : {"", "-", "-what-the-future-brings"})
    EXPECT_TRUE(parse_traceparent("cc" + good.substr(2) + more)) << more;
  EXPECT_FALSE(parse_traceparent("cc" + good.substr(2) + "x"));
  EXPECT_FALSE(parse_traceparent("cc" + good.substr(2, 40)));
}

TEST(trace_context, a_traceparent_that_breaks_a_rule_is_none) {
  const auto changed = [](std::size_t at, std::string_view to) {
    std::string text = good;
    return text.replace(at, to.size(), to);
  };
  for (const std::string& broken :
       {std::string{}, good.substr(1), good + "-", good + "0", changed(0, "ff"), changed(0, "0x"),
        changed(0, "0A"), changed(2, "_"), changed(35, "0"), changed(52, "_"), changed(3, "4BF9"),
        changed(3, "g"), changed(3, std::string(32, '0')), changed(36, "Z"),
        changed(36, std::string(16, '0')), changed(53, "0G"), changed(53, " 1")})
    EXPECT_FALSE(parse_traceparent(broken)) << broken;
}

TEST(trace_context, a_trace_is_its_id_and_the_flags_that_the_standard_knows) {
  const trace_context trace = trace_of(good);
  EXPECT_EQ(trace_id_text(trace), good.substr(3, 32));
  EXPECT_EQ(trace.flags, 1);
  EXPECT_EQ(trace_of(good.substr(0, 53) + "00").flags, 0);
  EXPECT_EQ(trace_of(good.substr(0, 53) + "ff").flags, 3);
  EXPECT_EQ(trace_of("cc" + good.substr(2) + "-more"), trace);
}

const std::string payment = R"({"orderId":1,"userId":9})";

/// The trace of the command that a payment with these fields becomes.
trace_context trace_of_payment(const std::string& fields) {
  scripted_server server;
  test_client client{server.port()};
  const auto answer = client.post("/v1/payments", payment, fields);
  EXPECT_TRUE(answer && answer->status == 201);
  return server.actors.commands().at(0).trace;
}

TEST(trace_context, a_command_has_that_of_its_request) {
  EXPECT_EQ(trace_of_payment("traceparent: " + good + "\r\n"), trace_of(good));
  EXPECT_EQ(trace_of_payment("TraceParent: " + good + "\r\ntracestate: a=b\r\n"), trace_of(good));
}

TEST(trace_context, a_field_that_is_no_traceparent_is_ignored) {
  const std::string zeros(32, '0');
  std::string upper = good;
  upper[3 + 1] = 'B';
  for (const std::string& value : {std::string{}, std::string{"00-xyz"}, "ff" + good.substr(2),
                                   upper, "00-" + zeros + good.substr(35),
                                   good.substr(0, 36) + zeros.substr(0, 16) + good.substr(52)})
    EXPECT_TRUE(trace_of_payment("traceparent: " + value + "\r\n").empty()) << value;
  EXPECT_TRUE(trace_of_payment({}).empty());
  EXPECT_TRUE(
      trace_of_payment("traceparent: " + good + "\r\ntraceparent: " + good + "\r\n").empty())
      << "of two none can be told to be the right one";
}

TEST(trace_context, each_command_of_one_request_has_it) {
  scripted_server server;
  test_client client{server.port()};
  const std::string field = "traceparent: " + good + "\r\n";
  const auto answer = client.post(
      "/v1/payments/bulk", R"({"payments":[)" + payment + R"(,{"orderId":2,"userId":9}]})", field);
  ASSERT_TRUE(answer && answer->status == 200);
  ASSERT_TRUE(client.post("/v1/orders/1/refund", "{}")); // over the same connection
  const auto commands = server.actors.commands();
  ASSERT_EQ(commands.size(), 3u);
  EXPECT_EQ(commands[0].trace, trace_of(good));
  EXPECT_EQ(commands[1].trace, trace_of(good));
  EXPECT_TRUE(commands[2].trace.empty());
}

} // namespace
} // namespace paymentd::http
