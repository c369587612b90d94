#include "http/metrics_page.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace paymentd::http {

namespace {

using subscribers = std::vector<actors::subscriber_metrics>;

metric_families::labels label_of(const actors::subscriber_metrics& of) {
  metric_families::labels labels{{"subscriber", of.name}};
  if (!of.provider.empty())
    labels.emplace_back("provider", of.provider);
  return labels;
}

/// For how long something has been so; 0 where it is not.
std::int64_t ms_since(std::int64_t since_ms, instant now) {
  return since_ms == 0 ? 0 : std::max<std::int64_t>(0, now.time_since_epoch().count() - since_ms);
}

void add_lanes(metric_families& to, const actors::lane_counters& of) {
  to.counter("paymentd_commands_total", "Commands settled, refused ones included.",
             of.commands.load());
  to.counter("paymentd_batches_total", "Transactions that settled commands.", of.batches.load());
  to.counter("paymentd_batches_retried_total", "Batches tried again, nothing having happened.",
             of.batches_retried.load());
  to.counter("paymentd_commits_in_doubt_total", "Commits whose answer was lost.",
             of.in_doubt.load());
  to.histogram("paymentd_batch_size_commands", "Commands of a batch that was settled.");
  to.value({}, of.batch_sizes.read(), 1);
  to.histogram("paymentd_lane_wait_seconds",
               "Time of a command from the gateway until its batch begins.");
  to.value({}, of.waits.read(), microseconds_a_second);
  to.histogram("paymentd_batch_settle_seconds",
               "Time of a batch from its lane until its outcomes are back.");
  to.value({}, of.settles.read(), microseconds_a_second);
}

void add_store_calls(metric_families& to, const actors::store_counters& of) {
  to.histogram("paymentd_store_call_duration_seconds", "Time of a call to the database, by kind.");
  for (std::size_t at = 0; at < of.calls.size(); ++at)
    to.value({{"call", actors::store_call_names[at]}}, of.calls[at].read(), microseconds_a_second);
  to.counter("paymentd_store_calls_failed_total", "Calls to the database that failed, by kind.");
  for (std::size_t at = 0; at < of.failed.size(); ++at)
    to.value({{"call", actors::store_call_names[at]}}, of.failed[at].load());
}

void add_totals(metric_families& to, const subscribers& all) {
  using counters = actors::delivery_counters;
  struct counted {
    std::string_view name;
    std::string_view help;
    std::atomic<std::uint64_t> counters::* value;
  };
  static constexpr std::array totals{
      counted{"paymentd_notification_calls_total", "Calls of the message API.", &counters::calls},
      counted{"paymentd_notification_searches_total",
              "Searches at the message API for the outcome of calls.", &counters::searches},
      counted{"paymentd_notification_sent_total", "Messages in calls, repeats included.",
              &counters::sent},
      counted{"paymentd_notification_accepted_total", "Messages that the message API took.",
              &counters::accepted},
      counted{"paymentd_notification_delivered_total", "Messages stored as DELIVERED.",
              &counters::delivered},
      counted{"paymentd_notification_failed_total", "Messages stored as FAILED.",
              &counters::failed},
      counted{"paymentd_notification_retried_total", "Messages stored to be tried again.",
              &counters::retried},
      counted{"paymentd_notification_unknown_total", "Calls and searches that told nothing.",
              &counters::unknown},
      counted{"paymentd_notification_pruned_total", "Old DELIVERED messages deleted.",
              &counters::pruned},
  };
  for (const counted& each : totals) {
    to.counter(each.name, each.help);
    for (const auto& one : all)
      to.value(label_of(one), ((*one.delivery).*each.value).load());
  }
}

void add_delivery(metric_families& to, const subscribers& all, instant now) {
  add_totals(to, all);
  to.histogram("paymentd_notification_call_duration_seconds",
               "Time of a call or search at the message API until its answer, or its time-out.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->call_times.read(), microseconds_a_second);
  to.gauge("paymentd_notification_calls_in_flight", "Calls and searches under way.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->in_flight.load());
  to.gauge("paymentd_notification_claims_parked", "Claims that wait for a time.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->parked.load());
  to.gauge("paymentd_notification_held_seconds",
           "For how long nothing is sent yet, as the message API asked; 0 where it did not.");
  for (const auto& one : all)
    to.seconds(label_of(one), std::max<std::int64_t>(0, one.delivery->quiet_until_ms.load() -
                                                            now.time_since_epoch().count()));
  to.gauge("paymentd_notification_takes_new",
           "1 where new messages go this way; of several providers they go by one at a time.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->takes_new.load() ? 1 : 0);
  to.gauge("paymentd_notification_backlog_messages",
           "Messages without a final result in the whole database, as far as they are counted.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->backlog.load());
  to.gauge("paymentd_notification_backlog_oldest_seconds",
           "Age of the oldest of the backlog; 0 where there is none.");
  for (const auto& one : all)
    to.seconds(label_of(one), ms_since(one.delivery->backlog_oldest_ms.load(), now));
  to.gauge("paymentd_notification_oldest_seconds",
           "Age of the oldest message that is claimed and has no result; 0 where none is.");
  for (const auto& one : all)
    to.seconds(label_of(one), ms_since(one.delivery->oldest_open_ms.load(), now));
}

void add_supervision(metric_families& to, const subscribers& all) {
  to.counter("paymentd_notification_restarts_total",
             "Restarts of the notification actor after a failure.");
  for (const auto& one : all)
    to.value(label_of(one), one.supervision->restarts.load());
  to.gauge("paymentd_notification_failures_in_a_row", "Failures since the last call that worked.");
  for (const auto& one : all)
    to.value(label_of(one), one.supervision->failures.load());
  to.gauge("paymentd_notification_restart_delay_seconds",
           "Delay of the restart that is waited for; 0 while the actor lives.");
  for (const auto& one : all)
    to.seconds(label_of(one), one.supervision->delay_ms.load());
  to.gauge("paymentd_notification_state",
           "1 for the supervisor's present state, 0 for the others.");
  static constexpr std::array<std::string_view, 3> names{"running", "backing_off", "degraded"};
  for (const auto& one : all)
    for (std::size_t state = 0; state < names.size(); ++state) {
      auto labels = label_of(one);
      labels.emplace_back("state", names[state]);
      to.value(labels, one.supervision->state.load() == static_cast<int>(state) ? 1 : 0);
    }
}

void add_webhooks(metric_families& to, const actors::payment_metrics& of) {
  to.counter(
      "paymentd_webhooks_paused_total",
      "Webhooks that this process paused, since they took nothing for too long or were gone.",
      of.webhooks_paused);
  to.gauge("paymentd_webhooks_disabled", "Webhooks that are paused now.", of.webhooks_disabled);
}

void add_audits(metric_families& to, const actors::payment_metrics& of) {
  to.gauge("paymentd_audit_last_timestamp_seconds",
           "When the last audit that is noted began, in seconds since 1970; 0 where none is.");
  to.seconds({}, of.audit_began_at_ms);
  to.gauge("paymentd_audit_breaches", "Breaches that the last audit found.", of.audit_breaches);
}

void add_health(metric_families& to, const actors::health_report& of) {
  to.gauge("paymentd_ready",
           "1 where the part works, 0 where the database does not let it; /readyz needs all.");
  to.value({{"part", "settlement"}}, of.settlement == actors::condition::ok ? 1 : 0);
  to.value({{"part", "reads"}}, of.reads == actors::condition::ok ? 1 : 0);
}

} // namespace

void add_metrics(metric_families& to, const actors::payment_metrics& of, instant now) {
  add_lanes(to, *of.lanes);
  add_store_calls(to, *of.store);
  to.gauge("paymentd_orders_resident", "Order actors in memory.", of.registries->resident.load());
  add_health(to, of.health);
  add_delivery(to, of.subscribers, now);
  add_supervision(to, of.subscribers);
  add_webhooks(to, of);
  add_audits(to, of);
}

// ---- the HTTP side ------------------------------------------------------------------------------

namespace {

std::string status_label(std::size_t column) {
  const int status = counted_statuses[column];
  return status == 0 ? "other" : std::to_string(status);
}

/// Shown before there was one: a rate needs to see the first, and alerts go by these.
bool shown_from_the_start(std::size_t column) {
  constexpr int servers_fault = 500; // and above
  return counted_statuses[column] >= servers_fault;
}

/// The requests of all threads that serve the same routes, one route after the other; at last those
/// without a route, of clients and operators together.
template <class Each>
void for_each_cell(const http_counters& of, Each each) {
  std::vector<const route*> done;
  for (const auto& first : of.requests) {
    const auto routes = first->routes();
    if (std::ranges::find(done, routes.data()) != done.end())
      continue;
    done.push_back(routes.data());
    for (std::size_t row = 0; row < routes.size(); ++row)
      for (std::size_t column = 0; column < counted_statuses.size(); ++column) {
        histogram_reading sum = first->at(row, column).read();
        for (const auto& other : of.requests)
          if (other != first && other->routes().data() == routes.data())
            sum.add(other->at(row, column).read());
        each(&routes[row], column, sum);
      }
  }
  if (of.requests.empty())
    return;
  for (std::size_t column = 0; column < counted_statuses.size(); ++column) {
    const auto without_route = [column](const auto& thread) {
      return thread->at(thread->routes().size(), column).read();
    };
    histogram_reading sum = without_route(of.requests.front());
    for (std::size_t at = 1; at < of.requests.size(); ++at)
      sum.add(without_route(of.requests[at]));
    each(nullptr, column, sum);
  }
}

void add_requests(metric_families& to, const http_counters& of) {
  const auto labels = [](const route* at, const std::string& status) {
    return metric_families::labels{{"method", at ? name_of(at->method) : "none"},
                                   {"route", at ? at->path : "none"},
                                   {"status", status}};
  };
  to.counter("paymentd_http_requests_total", "Requests that were answered.");
  for_each_cell(of, [&](const route* at, std::size_t column, const histogram_reading& sum) {
    const std::uint64_t count = sum.count();
    if (count > 0 || (at != nullptr && shown_from_the_start(column)))
      to.value(labels(at, status_label(column)), count);
  });
  to.histogram("paymentd_http_request_duration_seconds",
               "Time of a request from its first byte until its answer is ready to be sent.");
  for_each_cell(of, [&](const route* at, std::size_t column, const histogram_reading& sum) {
    if (sum.count() > 0)
      to.value(labels(at, status_label(column)), sum, microseconds_a_second);
  });
}

void add_connections(metric_families& to, const http_counters& of) {
  const std::array both{std::pair{std::string_view{"clients"}, &of.clients},
                        std::pair{std::string_view{"operators"}, &of.operators}};
  to.gauge("paymentd_http_connections", "Connections that are open and served.");
  for (const auto& [name, each] : both)
    to.value({{"listener", name}}, each->open.load());
  to.counter("paymentd_http_connections_opened_total", "Connections that were served.");
  for (const auto& [name, each] : both)
    to.value({{"listener", name}}, each->opened.load());
  to.counter("paymentd_http_connections_refused_total",
             "Connections that were closed, since there were too many.");
  for (const auto& [name, each] : both)
    to.value({{"listener", name}}, each->refused.load());
}

void add_events(metric_families& to, const event_counters& of, instant now) {
  to.gauge("paymentd_event_streams", "Clients that follow the events.", of.clients.load());
  to.counter("paymentd_event_streams_refused_total",
             "Clients that could not follow the events: there were http.max_event_streams.",
             of.refused.load());
  to.counter("paymentd_event_streams_cut_off_total",
             "Clients that were cut off, since they did not take what they were sent.",
             of.cut_off.load());
  to.counter("paymentd_event_bytes_total", "Bytes of events sent to those who follow them.",
             of.bytes.load());
  to.gauge("paymentd_event_lag_seconds",
           "Age of the newest event that all were given, while more wait; 0 where none does.");
  to.seconds({}, ms_since(of.late_since_ms.load(), now));
}

} // namespace

void add_metrics(metric_families& to, const http_counters& of, instant now) {
  add_requests(to, of);
  to.counter("paymentd_commands_shed_total",
             "Commands and queries answered 503 overloaded or database_unavailable.");
  to.value({{"reason", "overloaded"}}, of.shed.overloaded.load());
  to.value({{"reason", "database_unavailable"}}, of.shed.database_unavailable.load());
  add_connections(to, of);
  add_events(to, of.events, now);
}

// ---- the process --------------------------------------------------------------------------------

void add_metrics(metric_families& to, const process_figures& of) {
  // The names that all of Prometheus's own libraries use.
  to.counter("process_cpu_seconds_total", "Processor time of the process, user and system.",
             of.cpu_seconds);
  to.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
           of.started_at);
  to.gauge("process_resident_memory_bytes", "Memory of the process that is in use.",
           of.resident_bytes);
  to.gauge("process_virtual_memory_bytes", "Address space of the process.", of.virtual_bytes);
  to.gauge("process_open_fds", "Files that the process has open.", of.open_files);
  to.gauge("process_max_fds", "Files that the process may have open.", of.open_files_max);
  to.gauge("process_threads", "Threads of the process.", of.threads);
}

void add_metrics(metric_families& to, const embedded_figures& of) {
  to.gauge("paymentd_database_file_bytes", "Size of the embedded database's file.", of.file_bytes);
  to.gauge("paymentd_database_log_bytes", "Size of the embedded database's write-ahead log.",
           of.log_bytes);
  to.gauge("paymentd_database_disk_free_bytes",
           "Room that is left on the disk of the embedded database.", of.disk_free_bytes);
  to.gauge("paymentd_database_disk_size_bytes", "Size of the disk of the embedded database.",
           of.disk_size_bytes);
}

void add_build(metric_families& to, std::string_view version) {
  to.gauge("paymentd_build_info", "1, with the version of the program.");
  to.value({{"version", version}}, 1);
}

} // namespace paymentd::http
