// Goal: /metrics is Prometheus's text format, and shows what the actors count. Method: the page of
// a payment system that was not started and whose counters the test sets, read line by line; and
// the admin listener over a real socket.
#include "actors/payment_system.hpp"
#include "http/metrics_page.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace paymentd::http::testing {
namespace {

using ::testing::HasSubstr;

std::string page_of(const std::function<void(actors::notification_supervisor_options&)>& set) {
  caf::actor_system_config config;
  caf::actor_system system(config);
  actors::payment_system_options options;
  options.subscribers.resize(2);
  options.subscribers[0].delivery.subscriber = "alimtalk";
  options.subscribers[1].delivery.subscriber = "webhook-shop";
  set(options.subscribers[0]);
  const actors::payment_system payments(system, options);
  std::string page;
  append_metrics(page, payments.metrics(std::chrono::steady_clock::now()), 5, noon);
  event_counters events;
  events.clients = 3;
  events.late_since_ms = noon.time_since_epoch().count() - 1500;
  append_metrics(page, events, noon);
  return page;
}

TEST(http_metrics, the_page_is_as_prometheus_reads_it) {
  const std::regex comment("# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge))");
  const std::regex value(
      R"re(([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9]+(\.[0-9]{3})?)re");
  std::istringstream lines(page_of([](auto&) {}));
  std::set<std::string> series;
  std::string type;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.starts_with("#")) {
      EXPECT_TRUE(std::regex_match(line, comment)) << line;
      if (line.starts_with("# TYPE "))
        type = line.substr(7, line.find(' ', 7) - 7);
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, value)) << line;
    EXPECT_EQ(match[1], type) << "each value stands behind its type";
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(series.size(), 20u);
}

TEST(http_metrics, those_who_follow_the_events_are_shown) {
  const std::string page = page_of([](auto&) {});
  EXPECT_THAT(page, HasSubstr("\npaymentd_event_streams 3\n"));
  EXPECT_THAT(page, HasSubstr("\npaymentd_event_lag_seconds 1.500\n"));
}

TEST(http_metrics, the_supervisor_and_the_delivery_of_each_subscriber_are_shown) {
  const std::string page = page_of([](actors::notification_supervisor_options& alimtalk) {
    alimtalk.delivery.counters->delivered = 7;
    alimtalk.delivery.counters->failed = 2;
    alimtalk.delivery.counters->oldest_open_ms = noon.time_since_epoch().count() - 61'250;
    alimtalk.gauges->restarts = 3;
    alimtalk.gauges->delay_ms = 30'000;
    alimtalk.gauges->state = static_cast<int>(actors::supervision::degraded);
  });
  for (const auto* line :
       {"paymentd_commands_shed_total 5\n",
        "paymentd_notification_delivered_total{subscriber=\"alimtalk\"} 7\n",
        "paymentd_notification_delivered_total{subscriber=\"webhook-shop\"} 0\n",
        "paymentd_notification_failed_total{subscriber=\"alimtalk\"} 2\n",
        "paymentd_notification_oldest_seconds{subscriber=\"alimtalk\"} 61.250\n",
        "paymentd_notification_oldest_seconds{subscriber=\"webhook-shop\"} 0.000\n",
        "paymentd_notification_restarts_total{subscriber=\"alimtalk\"} 3\n",
        "paymentd_notification_restart_delay_seconds{subscriber=\"alimtalk\"} 30.000\n",
        "paymentd_notification_state{subscriber=\"alimtalk\",state=\"degraded\"} 1\n",
        "paymentd_notification_state{subscriber=\"alimtalk\",state=\"running\"} 0\n"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(http_metrics, the_admin_listener_serves_it_and_no_other) {
  server_options options;
  options.metrics = [](std::string& page) { page += "paymentd_up 1\n"; };
  scripted_server server{options};
  const auto answer = test_client{server.admin_port()}.get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer->body, "paymentd_up 1\n");
  EXPECT_EQ(test_client{server.port()}.get("/metrics")->status, 404);
}

TEST(http_metrics, what_is_answered_503_is_counted_whoever_refused_it) {
  using enum actors::no_outcome;
  std::atomic<std::uint64_t> shed = 0;
  server_options options;
  options.shed = &shed;
  scripted_server server{options};
  test_client client{server.port()};
  const auto refused = [&](actors::no_outcome why) {
    server.actors.settle = [=](const command&) { return std::unexpected(why); };
    server.actors.look_up = [=](const query&) { return std::unexpected(why); };
    server.actors.retry = [=](const delivery_retry&) { return std::unexpected(why); };
    const std::uint64_t before = shed;
    EXPECT_TRUE(client.post("/v1/payments", R"({"orderId":3,"userId":4})"));
    EXPECT_TRUE(client.get("/v1/orders/1"));
    EXPECT_TRUE(client.post("/v1/notifications/alimtalk-1/retry", "{}"));
    return shed - before;
  };
  EXPECT_EQ(refused(overloaded), 3u);
  EXPECT_EQ(refused(database_unavailable), 3u);
  EXPECT_EQ(refused(shutting_down), 0u);
  EXPECT_EQ(refused(outcome_unknown), 0u);
}

} // namespace
} // namespace paymentd::http::testing
