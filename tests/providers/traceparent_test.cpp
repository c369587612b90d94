// Goal: each provider continues the trace of its messages in a span of the call's own, and a call
// of several traces names none. Method: the rule by hand; then each provider over real sockets, to
// a server that keeps the fields that come, and to fake-alimtalk where a call is several requests.
#include "providers/traceparent.hpp"

#include "providers/aligo/aligo_provider.hpp"
#include "providers/nhn/nhn_provider.hpp"
#include "providers/sens/sens_provider.hpp"
#include "providers/solapi/solapi_provider.hpp"
#include "tests/providers/example_call.hpp"
#include "tests/providers/whole_text_options.hpp"
#include "tests/support/canned_server.hpp"
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

namespace paymentd::providers {
namespace {

using testing::IsEmpty;
using testing::MatchesRegex;

constexpr std::chrono::seconds long_time{10};
constexpr instant evening =
    std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + std::chrono::hours{14};
constexpr std::size_t span_begin = 36;

trace_context trace(std::uint8_t byte, std::uint8_t flags = 1) {
  trace_context made{.id = {}, .flags = flags};
  made.id.fill(byte);
  return made;
}

/// A call of messages with these traces.
call traced(const std::vector<trace_context>& traces) {
  call what = example_call("k.1", static_cast<int>(traces.size()), evening);
  for (std::size_t i = 0; i < traces.size(); ++i)
    what.recipients[i].event.trace = traces[i];
  return what;
}

/// The field that goes on with `trace(byte)`.
std::string field_of(const std::string& byte, const std::string& flags) {
  std::string id;
  for (int i = 0; i < 16; ++i)
    id += byte;
  return "00-" + id + "-[0-9a-f]{16}-" + flags;
}

void send(provider& to, call what) {
  auto promise = std::make_shared<std::promise<void>>();
  auto answered = promise->get_future();
  to.send(std::move(what), [promise](const call_result&) { promise->set_value(); });
  if (answered.wait_for(2 * long_time) != std::future_status::ready)
    throw std::runtime_error("no answer at all");
}

TEST(traceparent, messages_of_one_trace_share_it) {
  EXPECT_EQ(shared_trace(traced({trace(1)}).recipients), trace(1));
  EXPECT_EQ(shared_trace(traced({trace(1), trace(1), trace(1)}).recipients), trace(1));
  EXPECT_EQ(shared_trace(traced({trace(1, 0), trace(1, 3)}).recipients), trace(1, 3))
      << "one of its requests is sampled";
}

TEST(traceparent, messages_of_several_traces_or_of_none_share_none) {
  const trace_context none;
  EXPECT_EQ(shared_trace({}), none);
  for (const auto& traces : std::vector<std::vector<trace_context>>{
           {none}, {trace(1), trace(2)}, {trace(1), trace(1), none}, {none, trace(1)}}) {
    EXPECT_EQ(shared_trace(traced(traces).recipients), none);
    EXPECT_EQ(new_traceparent(traced(traces).recipients), "");
  }
}

TEST(traceparent, each_request_has_a_span_of_its_own) {
  const call what = traced({trace(0xab)});
  const std::string first = new_traceparent(what.recipients);
  const std::string second = new_traceparent(what.recipients);
  EXPECT_THAT(first, MatchesRegex(field_of("ab", "01")));
  EXPECT_EQ(first.substr(0, span_begin), second.substr(0, span_begin));
  EXPECT_NE(first, second);
}

template <class Options>
Options with_common(Options made, const std::string& origin) {
  made.base_url = origin;
  made.message = whole_text_options();
  made.timeout = long_time;
  made.now = [] { return evening; };
  return made;
}

nhn_options nhn_to(const std::string& origin) {
  nhn_options made = with_common(nhn_options{}, origin);
  made.app_key = "app";
  made.secret_key = "secret";
  made.sender_key = "sender";
  made.template_code = "PAID";
  return made;
}

std::vector<std::unique_ptr<provider>> all_providers(const std::string& origin) {
  solapi_options solapi = with_common(solapi_options{}, origin);
  solapi.api_key = solapi.api_secret = solapi.pf_id = solapi.template_id = "x";
  sens_options sens = with_common(sens_options{}, origin);
  sens.access_key = sens.secret_key = sens.service_id = sens.channel = sens.template_code = "x";
  aligo_options aligo = with_common(aligo_options{}, origin);
  aligo.api_key = aligo.user_id = aligo.sender_key = aligo.template_code = "x";
  aligo.sender = "0212345678";
  std::vector<std::unique_ptr<provider>> all;
  all.push_back(make_nhn_provider(nhn_to(origin)).value());
  all.push_back(make_solapi_provider(std::move(solapi)).value());
  all.push_back(make_sens_provider(std::move(sens)).value());
  all.push_back(make_aligo_provider(std::move(aligo)).value());
  return all;
}

TEST(traceparent, every_message_api_gets_it_and_nothing_where_traces_differ) {
  std::mutex guard;
  std::vector<std::string> fields; // of each request; "-" where there is none
  const net::canned_server server([&](net::canned_connection& connection) {
    while (const auto request = connection.read_request()) {
      {
        const std::lock_guard lock(guard);
        const auto found = request->headers.find("traceparent");
        fields.push_back(found == request->headers.end() ? "-" : found->second);
        EXPECT_FALSE(request->headers.contains("tracestate"));
      }
      connection.write(net::http_answer("{}", 500));
    }
  });
  for (const auto& each : all_providers(server.origin())) {
    SCOPED_TRACE(each->name());
    {
      const std::lock_guard lock(guard);
      fields.clear();
    }
    send(*each, traced({trace(0xab), trace(0xab)}));
    send(*each, traced({trace(0xab), trace(0xcd)}));
    send(*each, traced({{}, {}}));
    const std::lock_guard lock(guard);
    ASSERT_EQ(fields.size(), 3u);
    EXPECT_THAT(fields[0], MatchesRegex(field_of("ab", "01")));
    EXPECT_EQ(fields[1], "-");
    EXPECT_EQ(fields[2], "-");
    EXPECT_EQ(each->show(traced({trace(0xab)}))->headers.size(),
              each->show(traced({{}}))->headers.size())
        << "a preview has none";
  }
}

TEST(traceparent, the_parts_of_a_call_by_several_templates_go_each_by_its_own_messages) {
  const fake_alimtalk api({.now = [] { return evening; }});
  nhn_options with = nhn_to(api.base_url());
  with.others = {gift_template()};
  const auto nhn = make_nhn_provider(std::move(with)).value();
  call what = traced({trace(0xab), trace(0xcd), trace(0xab)});
  what.recipients[1].event.metadata = R"({"kind":"gift"})";
  send(*nhn, what);
  const auto received = api.received();
  ASSERT_EQ(received.size(), 3u);
  EXPECT_THAT(received[0].traceparent, MatchesRegex(field_of("ab", "01")));
  EXPECT_EQ(received[1].traceparent, received[0].traceparent) << "one request";
  EXPECT_THAT(received[2].traceparent, MatchesRegex(field_of("cd", "01")));
}

} // namespace
} // namespace paymentd::providers
