// Goal: /metrics is Prometheus's text format, shows what is counted, and is what docs/metrics.md
// and the dashboard and alerts in packaging/ say. Method: the page of a payment system that was not
// started and whose counters the test sets, read line by line and by promtool; and listeners over
// real sockets.
#include "actors/payment_system.hpp"
#include "http/metrics_page.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace paymentd::http::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

using options_of_alimtalk = std::function<void(actors::notification_supervisor_options&)>;

/// The page of a whole process, as serve.cpp puts it together.
std::string page_of(const options_of_alimtalk& set = [](auto&) {}) {
  caf::actor_system_config config;
  caf::actor_system system(config);
  actors::payment_system_options options;
  options.subscribers.resize(2);
  options.subscribers[0].delivery.subscriber = "alimtalk";
  options.subscribers[1].delivery.subscriber = "webhook-shop";
  set(options.subscribers[0]);
  const actors::payment_system payments(system, options);
  http_counters counters;
  counters.shed.overloaded = 5;
  counters.events.clients = 3;
  counters.events.late_since_ms = noon.time_since_epoch().count() - 1500;
  for (int thread = 0; thread < 2; ++thread)
    counters.add_thread(public_routes())->count(&public_routes()[0], 201, 12ms);
  counters.requests[0]->count(nullptr, 418, 1ms);
  counters.add_thread(admin_routes())->count(&admin_routes()[0], 200, 100us);
  counters.requests[0]->count(nullptr, 404, 1ms);
  counters.requests[2]->count(nullptr, 404, 1ms); // of operators
  metric_families all;
  add_build(all, "1.2.3");
  add_metrics(all, payments.metrics(std::chrono::steady_clock::now()), noon);
  add_metrics(all, counters, noon);
  add_metrics(all, process_figures{.cpu_seconds = 1.25, .open_files = 7});
  add_metrics(all, embedded_figures{.file_bytes = 4096, .disk_free_bytes = 123'456'789'012});
  return all.text();
}

/// The type of each family on a page, and the names of its labels.
struct family {
  std::string type;
  std::set<std::string> labels;
};
std::map<std::string, family> families_on(const std::string& page) {
  const std::regex label("([a-z_]+)=\"");
  std::map<std::string, family> all;
  std::istringstream lines(page);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark, word;
    if (words >> mark >> word; mark == "#" && word == "TYPE") {
      words >> name;
      words >> all[name].type;
    } else if (mark != "#") {
      const auto end = line.find('}');
      const std::string within = end == line.npos ? "" : line.substr(0, end);
      for (std::sregex_iterator at(within.begin(), within.end(), label), none; at != none; ++at)
        if ((*at)[1] != "le")
          all[name].labels.insert((*at)[1]);
    }
  }
  return all;
}

std::string text_of(const std::string& path) {
  std::ifstream file{std::string{PAYMENTD_SOURCE_DIR "/"} + path};
  std::stringstream all;
  all << file.rdbuf();
  EXPECT_FALSE(all.str().empty()) << path;
  return all.str();
}

TEST(http_metrics, the_page_is_as_prometheus_reads_it) {
  const std::regex comment("# (HELP [a-z_]+ .+[.]|TYPE [a-z_]+ (counter|gauge|histogram))");
  const std::regex value(R"re(([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+)re");
  std::istringstream lines(page_of());
  std::set<std::string> series;
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (line.starts_with("#")) {
      EXPECT_TRUE(std::regex_match(line, comment)) << line;
      if (line.starts_with("# TYPE "))
        name = line.substr(7, line.find(' ', 7) - 7);
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, value)) << line;
    EXPECT_TRUE(match[1].str().starts_with(name)) << "each value stands behind its type";
    EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(series.size(), 200u);
}

TEST(http_metrics, promtool_finds_no_fault_in_the_page) {
  const support::temporary_file page{page_of()};
  const std::string check = PAYMENTD_PROMTOOL " check metrics < '" + page.path() + "'";
  EXPECT_EQ(std::system(check.c_str()), 0);
}

TEST(http_metrics, docs_metrics_lists_each_with_its_type_and_labels_and_no_others) {
  std::map<std::string, family> documented;
  const std::string text = text_of("docs/metrics.md");
  const std::regex row(
      R"re(\n\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*)\| [^|]+ \|)re");
  const std::regex word("`([a-z_]+)`");
  for (std::sregex_iterator at(text.begin(), text.end(), row), none; at != none; ++at) {
    family& one = documented[(*at)[1]];
    one.type = (*at)[2];
    const std::string labels = (*at)[3];
    for (std::sregex_iterator name(labels.begin(), labels.end(), word); name != none; ++name)
      one.labels.insert((*name)[1]);
  }
  const auto shown = families_on(page_of());
  for (const auto& [name, one] : shown) {
    EXPECT_TRUE(documented.contains(name)) << name << " is not in docs/metrics.md";
    EXPECT_EQ(documented[name].type, one.type) << name;
    EXPECT_EQ(documented[name].labels, one.labels) << name;
  }
  for (const auto& [name, one] : documented)
    EXPECT_TRUE(shown.contains(name)) << name << " is in docs/metrics.md alone";
}

TEST(http_metrics, dashboard_and_alerts_name_metrics_that_there_are) {
  const auto shown = families_on(page_of());
  const std::regex name("\\b(paymentd|process)_[a-z_]+\\b");
  const std::regex part("_(bucket|sum|count)$");
  for (const auto* file : {"packaging/grafana/paymentd.json", "packaging/prometheus/alerts.yml"}) {
    const std::string text = text_of(file);
    int named = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), name), none; at != none; ++at) {
      const std::string whole = at->str();
      EXPECT_TRUE(shown.contains(whole) || shown.contains(std::regex_replace(whole, part, "")))
          << file << ": " << whole;
      ++named;
    }
    EXPECT_GT(named, 5) << file;
  }
}

TEST(http_metrics, requests_are_shown_by_route_and_status_over_all_threads) {
  const std::string page = page_of();
  const std::string pay = R"re({method="POST",route="/v1/payments",status=)re";
  ASSERT_EQ(public_routes()[0].path, "/v1/payments");
  for (const std::string& line :
       {"paymentd_http_requests_total" + pay + "\"201\"} 2\n",
        "paymentd_http_requests_total" + pay + "\"503\"} 0\n",
        "paymentd_http_request_duration_seconds_count" + pay + "\"201\"} 2\n",
        "paymentd_http_request_duration_seconds_sum" + pay + "\"201\"} 0.024\n",
        "paymentd_http_request_duration_seconds_bucket" + pay + "\"201\",le=\"0.01\"} 0\n",
        "paymentd_http_request_duration_seconds_bucket" + pay + "\"201\",le=\"0.015\"} 2\n",
        "paymentd_http_request_duration_seconds_bucket" + pay + "\"201\",le=\"+Inf\"} 2\n"})
    EXPECT_THAT(page, HasSubstr("\n" + line));
  EXPECT_THAT(page, HasSubstr(R"re({method="none",route="none",status="other"} 1)re"));
  EXPECT_THAT(page, HasSubstr(R"re({method="none",route="none",status="404"} 2)re"));
  EXPECT_THAT(page, HasSubstr(R"re({method="GET",route="/healthz",status="200"} 1)re"));
  EXPECT_THAT(page, Not(HasSubstr(pay + "\"409\"")));
}

TEST(http_metrics, process_and_database_are_shown) {
  const std::string page = page_of();
  for (const auto* line :
       {"paymentd_build_info{version=\"1.2.3\"} 1\n", "process_cpu_seconds_total 1.25\n",
        "process_open_fds 7\n", "paymentd_database_file_bytes 4096\n",
        "paymentd_database_disk_free_bytes 123456789012\n"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(http_metrics, those_who_follow_the_events_are_shown) {
  const std::string page = page_of();
  EXPECT_THAT(page, HasSubstr("\npaymentd_event_streams 3\n"));
  EXPECT_THAT(page, HasSubstr("\npaymentd_event_lag_seconds 1.5\n"));
}

TEST(http_metrics, the_supervisor_and_the_delivery_of_each_subscriber_are_shown) {
  const std::string page = page_of([](actors::notification_supervisor_options& alimtalk) {
    alimtalk.delivery.counters->delivered = 7;
    alimtalk.delivery.counters->failed = 2;
    alimtalk.delivery.counters->call_times.observe(80ms);
    alimtalk.delivery.counters->oldest_open_ms = noon.time_since_epoch().count() - 61'250;
    alimtalk.delivery.counters->backlog = 42;
    alimtalk.delivery.counters->backlog_oldest_ms = noon.time_since_epoch().count() - 90'000;
    alimtalk.gauges->restarts = 3;
    alimtalk.gauges->delay_ms = 30'000;
    alimtalk.gauges->state = static_cast<int>(actors::supervision::degraded);
  });
  for (const auto* line :
       {"paymentd_commands_shed_total{reason=\"overloaded\"} 5\n",
        "paymentd_notification_delivered_total{subscriber=\"alimtalk\"} 7\n",
        "paymentd_notification_delivered_total{subscriber=\"webhook-shop\"} 0\n",
        "paymentd_notification_failed_total{subscriber=\"alimtalk\"} 2\n",
        "paymentd_notification_call_duration_seconds_sum{subscriber=\"alimtalk\"} 0.08\n",
        "paymentd_notification_oldest_seconds{subscriber=\"alimtalk\"} 61.25\n",
        "paymentd_notification_backlog_messages{subscriber=\"alimtalk\"} 42\n",
        "paymentd_notification_backlog_oldest_seconds{subscriber=\"alimtalk\"} 90\n",
        "paymentd_notification_oldest_seconds{subscriber=\"webhook-shop\"} 0\n",
        "paymentd_notification_restarts_total{subscriber=\"alimtalk\"} 3\n",
        "paymentd_notification_restart_delay_seconds{subscriber=\"alimtalk\"} 30\n",
        "paymentd_notification_state{subscriber=\"alimtalk\",state=\"degraded\"} 1\n",
        "paymentd_notification_state{subscriber=\"alimtalk\",state=\"running\"} 0\n"})
    EXPECT_THAT(page, HasSubstr(line));
}

TEST(http_metrics, the_last_audit_is_shown_with_its_time) {
  EXPECT_THAT(page_of(), HasSubstr("\npaymentd_audit_last_timestamp_seconds 0\n"));
  const actors::payment_metrics all{.lanes = std::make_shared<actors::lane_counters>(),
                                    .store = std::make_shared<actors::store_counters>(),
                                    .registries = std::make_shared<actors::registry_counters>(),
                                    .subscribers = {},
                                    .health = {},
                                    .audit_began_at_ms = noon.time_since_epoch().count(),
                                    .audit_breaches = 3};
  metric_families page;
  add_metrics(page, all, noon);
  EXPECT_THAT(page.text(), HasSubstr("\npaymentd_audit_last_timestamp_seconds 1763787843.021\n"));
  EXPECT_THAT(page.text(), HasSubstr("\npaymentd_audit_breaches 3\n"));
}

TEST(http_metrics, each_of_several_providers_of_a_subscriber_is_shown_by_its_name) {
  const auto delivery = std::make_shared<actors::delivery_counters>();
  delivery->takes_new = false;
  delivery->delivered = 7;
  const actors::payment_metrics all{
      .lanes = std::make_shared<actors::lane_counters>(),
      .store = std::make_shared<actors::store_counters>(),
      .registries = std::make_shared<actors::registry_counters>(),
      .subscribers = {{"alimtalk", "nhn", delivery, std::make_shared<actors::supervision_gauges>()},
                      {"alimtalk", "solapi", std::make_shared<actors::delivery_counters>(),
                       std::make_shared<actors::supervision_gauges>()}},
      .health = {}};
  metric_families page;
  add_metrics(page, all, noon);
  for (const auto* line :
       {"paymentd_notification_delivered_total{subscriber=\"alimtalk\",provider=\"nhn\"} 7\n",
        "paymentd_notification_takes_new{subscriber=\"alimtalk\",provider=\"nhn\"} 0\n",
        "paymentd_notification_takes_new{subscriber=\"alimtalk\",provider=\"solapi\"} 1\n",
        "paymentd_notification_state{subscriber=\"alimtalk\",provider=\"nhn\",state=\"running\"} "
        "0\n"})
    EXPECT_THAT(page.text(), HasSubstr(line));
}

TEST(http_metrics, a_request_is_counted_before_its_answer_is_there) {
  http_counters counters;
  server_options options;
  options.counters = &counters;
  scripted_server server{options};
  test_client client{server.port()};
  const auto count = [&](const char* path, std::size_t status) {
    std::uint64_t all = 0;
    for (const auto& thread : counters.requests)
      for (std::size_t at = 0; at < thread->routes().size(); ++at)
        if (thread->routes()[at].path == path)
          all += thread->at(at, status).read().count();
    return all;
  };
  const auto column = [](int status) {
    return static_cast<std::size_t>(std::ranges::find(counted_statuses, status) -
                                    counted_statuses.begin());
  };
  ASSERT_EQ(client.post("/v1/payments", R"({"orderId":3,"userId":4})")->status, 201);
  EXPECT_EQ(count("/v1/payments", column(201)), 1u);
  ASSERT_EQ(client.post("/v1/payments", "{}")->status, 400);
  ASSERT_EQ(client.get("/v1/orders/7")->status, 200);
  EXPECT_EQ(count("/v1/payments", column(400)), 1u);
  EXPECT_EQ(count("/v1/orders/{id}", column(200)), 1u);
  EXPECT_EQ(counters.clients.open, 1);
  EXPECT_EQ(counters.clients.opened, 1u);
  EXPECT_EQ(test_client{server.admin_port()}.get("/healthz")->status, 200);
  EXPECT_EQ(count("/healthz", column(200)), 1u);
}

TEST(http_metrics, every_status_of_a_problem_is_told_apart) {
  for (int code = 0; code <= static_cast<int>(problem_code::outcome_unknown); ++code) {
    response answer;
    write_problem(answer, {static_cast<problem_code>(code), {}, {}, {}}, "r");
    EXPECT_TRUE(std::ranges::count(counted_statuses, answer.status) == 1) << answer.status;
  }
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
  http_counters counters;
  const auto shed = [&] {
    return counters.shed.overloaded.load() + counters.shed.database_unavailable.load();
  };
  server_options options;
  options.counters = &counters;
  scripted_server server{options};
  test_client client{server.port()};
  const auto refused = [&](actors::no_outcome why) {
    server.actors.settle = [=](const command&) { return std::unexpected(why); };
    server.actors.look_up = [=](const query&) { return std::unexpected(why); };
    server.actors.retry = [=](const delivery_retry&) { return std::unexpected(why); };
    const std::uint64_t before = shed();
    EXPECT_TRUE(client.post("/v1/payments", R"({"orderId":3,"userId":4})"));
    EXPECT_TRUE(client.get("/v1/orders/1"));
    EXPECT_TRUE(client.post("/v1/notifications/alimtalk-1/retry", "{}"));
    return shed() - before;
  };
  EXPECT_EQ(refused(overloaded), 3u);
  EXPECT_EQ(counters.shed.overloaded, 3u);
  EXPECT_EQ(refused(database_unavailable), 3u);
  EXPECT_EQ(counters.shed.database_unavailable, 3u);
  EXPECT_EQ(refused(shutting_down), 0u);
  EXPECT_EQ(refused(outcome_unknown), 0u);
}

} // namespace
} // namespace paymentd::http::testing
