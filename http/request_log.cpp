#include "http/request_log.hpp"

#include "domain/log_fields.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <limits>
#include <vector>

namespace paymentd::http {

namespace {

constexpr int clients_fault = 400; // and above

double milliseconds_of(std::chrono::nanoseconds took) {
  return std::chrono::duration<double, std::milli>(took).count();
}

/// The sentence for people.
std::string text_of(const request_record& of, std::string_view peer) {
  using kind = request_record::kind;
  if (of.what == kind::failure)
    return fmt::format("request {}: {} {} for {}", of.id, of.status, of.code,
                       of.path.empty() ? "a connection" : of.path);
  if (of.what == kind::refusal)
    return fmt::format("request {}: {} {} from {}{}{}: {}", of.id, of.status, of.code, peer,
                       of.api_key.empty() ? "" : " with the API key ", of.api_key, of.detail);
  std::string text = fmt::format(
      "request {}: {}{}{} {} in {:.3f} ms", of.id, of.method, of.method.empty() ? "" : " ",
      of.path.empty() ? "no route" : of.path, of.status, milliseconds_of(of.took));
  if (of.order > 0)
    text += fmt::format(", order {}", of.order);
  if (!of.api_key.empty())
    text += fmt::format(", API key {}", of.api_key);
  return text;
}

/// 2^64 - 1 for all.
std::uint64_t bound_of(double part) {
  constexpr auto all = std::numeric_limits<std::uint64_t>::max();
  if (part >= 1.0)
    return all;
  return part <= 0.0 ? 0 : static_cast<std::uint64_t>(std::ldexp(part, 64));
}

} // namespace

request_log::request_log(request_lines lines, std::uint64_t seed)
    : lines_(lines), chosen_below_(bound_of(lines.part)), drawn_(seed) {}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
std::uint64_t request_log::chance() {
  drawn_ += 0x9E3779B97F4A7C15ull;
  std::uint64_t x = drawn_;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

std::optional<std::uint64_t> request_log::take(request_record::kind what, int status,
                                               steady_instant now) {
  if (what == request_record::kind::failure)
    return failures_.take(now);
  if (what == request_record::kind::refusal)
    return refusals_.take(now);
  if (lines_.part >= 1.0)
    return 0;
  if (lines_.errors && status >= clients_fault)
    return errors_.take(now);
  if (chosen_below_ > 0 && chance() < chosen_below_)
    return 0;
  return std::nullopt;
}

std::string request_line(const request_record& of, std::uint64_t left_out, std::string_view peer,
                         std::uint64_t span) {
  std::string text = text_of(of, peer);
  if (left_out > 0)
    text += fmt::format(" ({} such lines before it were left out)", left_out);
  std::vector<log_field> fields{
      {"request", of.id}, {"status", std::int64_t{of.status}}, {"ms", milliseconds_of(of.took)}};
  if (!of.path.empty()) {
    fields.emplace_back("method", of.method);
    fields.emplace_back("route", of.path);
  }
  if (!of.api_key.empty())
    fields.emplace_back("api_key", of.api_key);
  if (of.order > 0)
    fields.emplace_back("order", of.order);
  const auto trace = parse_traceparent(of.traceparent);
  const std::string span_id = span_id_of(span);
  if (trace) {
    fields.emplace_back("trace_id", trace->trace_id);
    fields.emplace_back("span_id", std::string_view{span_id});
    fields.emplace_back("parent_span_id", trace->parent_id);
  }
  return with_fields(text, fields);
}

void request_log::write(const request_record& of, std::uint64_t left_out, std::string_view peer) {
  const auto level =
      of.what == request_record::kind::usual ? spdlog::level::info : spdlog::level::warn;
  if (spdlog::should_log(level))
    spdlog::log(level, "{}", request_line(of, left_out, peer, chance()));
}

} // namespace paymentd::http
