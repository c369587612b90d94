#include "http/metrics_page.hpp"

#include "http/json_text.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

class page {
 public:
  explicit page(std::string& out) : out_(out) {}

  /// Begins a metric: `type` is counter or gauge.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help);
    out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  /// `labels` as they are written, between the braces. Names of subscribers need no escapes.
  void value(std::string_view labels, std::int64_t value) {
    begin(labels);
    append_number(out_, value);
    out_ += '\n';
  }
  void seconds(std::string_view labels, std::int64_t ms) {
    begin(labels);
    append_number(out_, ms / 1000);
    out_ += '.';
    const auto rest = std::to_string(1000 + ms % 1000);
    out_.append(rest, 1).append("\n");
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    metric(name, "counter", help);
    this->value({}, static_cast<std::int64_t>(value));
  }

 private:
  void begin(std::string_view labels) {
    out_ += name_;
    if (!labels.empty())
      out_.append("{").append(labels).append("}");
    out_ += ' ';
  }
  std::string& out_;
  std::string_view name_;
};

std::string label_of(const actors::subscriber_metrics& of) {
  return "subscriber=\"" + of.name + "\"";
}

void append_delivery(page& to, const std::vector<actors::subscriber_metrics>& all, instant now) {
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
    to.metric(each.name, "counter", each.help);
    for (const auto& one : all)
      to.value(label_of(one), static_cast<std::int64_t>(((*one.delivery).*each.value).load()));
  }
  to.metric("paymentd_notification_calls_in_flight", "gauge", "Calls and searches under way.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->in_flight.load());
  to.metric("paymentd_notification_claims_parked", "gauge", "Claims that wait for a time.");
  for (const auto& one : all)
    to.value(label_of(one), one.delivery->parked.load());
  to.metric("paymentd_notification_held_seconds", "gauge",
            "For how long nothing is sent yet, as the message API asked; 0 where it did not.");
  for (const auto& one : all)
    to.seconds(label_of(one), std::max<std::int64_t>(0, one.delivery->held_until_ms.load() -
                                                            now.time_since_epoch().count()));
  to.metric("paymentd_notification_oldest_seconds", "gauge",
            "Age of the oldest message that is claimed and has no result; 0 where none is.");
  for (const auto& one : all) {
    const std::int64_t since = one.delivery->oldest_open_ms.load();
    to.seconds(label_of(one),
               since == 0 ? 0 : std::max<std::int64_t>(0, now.time_since_epoch().count() - since));
  }
}

void append_supervision(page& to, const std::vector<actors::subscriber_metrics>& all) {
  to.metric("paymentd_notification_restarts_total", "counter",
            "Restarts of the notification actor after a failure.");
  for (const auto& one : all)
    to.value(label_of(one), static_cast<std::int64_t>(one.supervision->restarts.load()));
  to.metric("paymentd_notification_failures_in_a_row", "gauge",
            "Failures since the last call that worked.");
  for (const auto& one : all)
    to.value(label_of(one), one.supervision->failures.load());
  to.metric("paymentd_notification_restart_delay_seconds", "gauge",
            "Delay of the restart that is waited for; 0 while the actor lives.");
  for (const auto& one : all)
    to.seconds(label_of(one), one.supervision->delay_ms.load());
  to.metric("paymentd_notification_state", "gauge",
            "1 for the supervisor's present state, 0 for the others.");
  static constexpr std::array names{"running", "backing_off", "degraded"};
  for (const auto& one : all)
    for (int state = 0; state < std::ssize(names); ++state)
      to.value(label_of(one) + ",state=\"" + names[static_cast<std::size_t>(state)] + "\"",
               one.supervision->state.load() == state ? 1 : 0);
}

void append_health(page& to, const actors::health_report& of) {
  to.metric("paymentd_ready", "gauge",
            "1 where the part works, 0 where the database does not let it; /readyz needs all.");
  const auto value = [&to](std::string_view labels, actors::condition what) {
    to.value(labels, what == actors::condition::ok ? 1 : 0);
  };
  value("part=\"settlement\"", of.settlement);
  value("part=\"reads\"", of.reads);
}

} // namespace

void append_metrics(std::string& out, const actors::payment_metrics& of, std::uint64_t shed,
                    instant now) {
  page to(out);
  const auto& lanes = *of.lanes;
  to.counter("paymentd_commands_total", "Commands settled, refused ones included.",
             lanes.commands.load());
  to.counter("paymentd_batches_total", "Transactions that settled commands.", lanes.batches.load());
  to.counter("paymentd_batches_retried_total", "Batches tried again, nothing having happened.",
             lanes.retries.load());
  to.counter("paymentd_commits_in_doubt_total", "Commits whose answer was lost.",
             lanes.in_doubt.load());
  to.counter("paymentd_commands_shed_total",
             "Commands and queries answered 503 overloaded or database_unavailable.", shed);
  to.metric("paymentd_orders_resident", "gauge", "Order actors in memory.");
  to.value({}, of.registries->resident.load());
  append_health(to, of.health);
  append_delivery(to, of.subscribers, now);
  append_supervision(to, of.subscribers);
}

void append_metrics(std::string& out, const event_counters& of, instant now) {
  page to(out);
  to.metric("paymentd_event_streams", "gauge", "Clients that follow the events.");
  to.value({}, of.clients.load());
  to.counter("paymentd_event_streams_refused_total",
             "Clients that could not follow the events: there were http.max_event_streams.",
             of.refused.load());
  to.counter("paymentd_event_streams_cut_off_total",
             "Clients that were cut off, since they did not take what they were sent.",
             of.cut_off.load());
  to.counter("paymentd_event_bytes_total", "Bytes of events sent to those who follow them.",
             of.bytes.load());
  to.metric("paymentd_event_lag_seconds", "gauge",
            "Age of the newest event that all were given, while more wait; 0 where none does.");
  const std::int64_t since = of.late_since_ms.load();
  to.seconds({},
             since == 0 ? 0 : std::max<std::int64_t>(0, now.time_since_epoch().count() - since));
}

} // namespace paymentd::http
