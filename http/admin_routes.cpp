// The calls that operators and their machinery make, on a listener of their own.
#include "http/router.hpp"

#include <array>

namespace paymentd::http {

namespace {

constexpr std::string_view ok_body = R"({"status":"ok"})";

/// The process lives.
std::expected<step, problem> prepare_healthz(const call_input&, response& answer) {
  answer.body = ok_body;
  return answered{};
}

/// The database answers: whether it has a user 1 does not matter.
std::expected<step, problem> prepare_readyz(const call_input&, response&) {
  return db::query{db::get_user{user_id{1}}};
}

std::expected<void, problem> write_ready(const db::answer&, response& answer) {
  answer.body = ok_body;
  return {};
}

/// Prometheus's text format, as its documentation has it.
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

std::expected<step, problem> prepare_metrics(const call_input& input, response& answer) {
  if (input.metrics == nullptr || !*input.metrics)
    return std::unexpected(problem{problem_code::not_found, {}, {}, {}});
  (*input.metrics)(answer.body);
  answer.text_type = metrics_type;
  return answered{};
}

constexpr std::array table{
    route{http_method::get, "/healthz", body_rule::ignored, prepare_healthz, nullptr, nullptr},
    route{http_method::get, "/readyz", body_rule::ignored, prepare_readyz, nullptr, write_ready},
    route{http_method::get, "/metrics", body_rule::ignored, prepare_metrics, nullptr, nullptr},
};

} // namespace

std::span<const route> admin_routes() {
  return table;
}

} // namespace paymentd::http
