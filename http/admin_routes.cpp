// The routes for operators and their machinery, on a listener of their own.
#include "http/routes.hpp"

#include <array>
#include <vector>

namespace paymentd::http {

namespace {

constexpr std::string_view ok_body = R"({"status":"ok"})";

/// The process lives.
std::expected<demand, problem> prepare_healthz(const route_input&, response& answer) {
  answer.body = ok_body;
  return answered{};
}

/// Whether the database has a user 1 does not matter, only that it answers.
std::expected<demand, problem> prepare_readyz(const route_input&, response&) {
  return query{get_user{user_id{1}}};
}

std::string_view name_of(actors::condition of) {
  switch (of) {
  case actors::condition::ok:
    return "ok";
  case actors::condition::starting:
    return "starting";
  case actors::condition::unavailable:
    break;
  }
  return "unavailable";
}

/// Ready where all that a payment needs is well. Why a part is not, stands in the log alone.
std::expected<void, problem> write_ready(const actors::answer_reply& read, const route_input& input,
                                         response& answer) {
  actors::health_report parts{.settlement = actors::condition::ok};
  if (input.health != nullptr && *input.health)
    parts = (*input.health)();
  // The newest of what is known: it has just been asked.
  parts.reads = read ? actors::condition::ok : actors::condition::unavailable;
  std::string told = R"({"settlement":")";
  told.append(name_of(parts.settlement)).append(R"(","reads":")");
  told.append(name_of(parts.reads)).append(R"("})");
  if (read && parts.settlement == actors::condition::ok) {
    answer.body.append(R"({"status":"ok","parts":)").append(told).append("}");
    return {};
  }
  problem why =
      read ? problem{problem_code::database_unavailable, "Payments cannot be settled now.", {}, {}}
           : problem_of(read.error());
  why.parts = std::move(told);
  return std::unexpected(std::move(why));
}

/// Prometheus's text format, as its documentation has it.
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::expected<demand, problem> prepare_metrics(const route_input& input, response& answer) {
  if (input.metrics == nullptr || !*input.metrics)
    return std::unexpected(problem{problem_code::not_found, {}, {}, {}});
  (*input.metrics)(answer.body);
  answer.text_type = metrics_type;
  return answered{};
}

constexpr std::array table{
    route{http_method::get, "/healthz", scope::none, body_rule::ignored, prepare_healthz, nullptr,
          nullptr},
    route{http_method::get, "/readyz", scope::none, body_rule::ignored, prepare_readyz, nullptr,
          nullptr, write_ready},
    route{http_method::get, "/metrics", scope::none, body_rule::ignored, prepare_metrics, nullptr,
          nullptr},
};

} // namespace

std::span<const route> admin_routes() {
  static const std::vector<route> all = [] {
    std::vector<route> joined(table.begin(), table.end());
    const auto console = console_routes();
    joined.insert(joined.end(), console.begin(), console.end());
    return joined;
  }();
  return all;
}

} // namespace paymentd::http
