// Measures the HTTP side without a socket: the bytes of POST /v1/payments to a command, and its
// order to the bytes of the answer. items_per_second are requests or answers.
#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"

#include <benchmark/benchmark.h>
#include <boost/asio/buffer.hpp>

#include <array>

namespace {

using namespace paymentd;

constexpr std::string_view body = R"({"orderId":123456,"userId":123457})";
const std::string wire = "POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                         "Content-Type: application/json\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
constexpr std::uint32_t header_bytes_max = 8192;
constexpr std::uint64_t body_bytes_max = 65536;

const order paid{.id = {123456},
                 .owner = {123457},
                 .coupon = std::nullopt,
                 .total = {12'000},
                 .discount = {2'000},
                 .status = order_status::paid,
                 .payment_entry = make_entry_id({1}, 1 << 20),
                 .refund_entry = std::nullopt,
                 .created_at = instant{std::chrono::milliseconds{1'700'000'000'000}},
                 .updated_at = instant{std::chrono::milliseconds{1'700'000'000'123}}};

/// Whether `into` holds the whole request.
bool parse(http::request& into) {
  into.clear();
  http::request_parser parser(into, header_bytes_max, body_bytes_max);
  parser.eager(true);
  boost::beast::error_code ec;
  parser.put(boost::asio::buffer(wire), ec);
  return parser.is_done();
}

void parse_request(benchmark::State& state) {
  http::request into;
  for ([[maybe_unused]] auto _ : state)
    if (!parse(into)) {
      state.SkipWithError("the request does not parse");
      break;
    }
  state.SetItemsProcessed(state.iterations());
}

void request_to_command(benchmark::State& state) {
  http::request into;
  http::response answer;
  for ([[maybe_unused]] auto _ : state) {
    std::string allow;
    if (!parse(into))
      break;
    const auto matched = http::find_route(http::public_routes(), into.method, into.target, allow);
    auto next = matched->to->prepare({matched->id, into.body}, answer);
    if (!next) {
      state.SkipWithError("the body is refused");
      break;
    }
    benchmark::DoNotOptimize(*next);
  }
  state.SetItemsProcessed(state.iterations());
}

void read_json(benchmark::State& state) {
  static constexpr std::array rules{
      http::field_rule{.name = "orderId", .min = 1},
      http::field_rule{.name = "userId", .min = 1},
  };
  for ([[maybe_unused]] auto _ : state) {
    std::array<http::field_value, rules.size()> given;
    if (!http::read_object(body, rules, given)) {
      state.SkipWithError("the body is refused");
      break;
    }
    benchmark::DoNotOptimize(given);
  }
  state.SetItemsProcessed(state.iterations());
}

void write_answer(benchmark::State& state) {
  http::response answer;
  std::string out;
  for ([[maybe_unused]] auto _ : state) {
    answer.clear();
    out.clear();
    answer.status = 201;
    http::append_json(answer.body, paid);
    http::append_http(out, answer, {"0fdf92473a513b8f", "Sun, 06 Nov 1994 08:49:37 GMT"});
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations());
}

} // namespace

BENCHMARK(parse_request);
BENCHMARK(read_json);
BENCHMARK(request_to_command);
BENCHMARK(write_answer);
BENCHMARK_MAIN();
