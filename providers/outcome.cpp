#include "providers/outcome.hpp"

#include "domain/utf8.hpp"

#include <algorithm>

namespace paymentd::providers {

failure no_answer(net::http_error error) {
  if (error.written || error.what == net::http_error::kind::stopped)
    return {.kind = failure_class::unknown, .reason = std::move(error.reason)};
  return {.kind = failure_class::outage, .reason = std::move(error.reason), .never_written = true};
}

failure refused_status(const net::http_response& response) {
  const int status = response.status;
  failure refused{.kind = failure_class::outage, .reason = "HTTP " + std::to_string(status)};
  if (response.retry_after)
    refused.retry_after = *response.retry_after;
  if (status == 429) {
    refused.kind = failure_class::throttled;
  } else if (status >= 500) {
    // These say that nothing was done; behind the others (a gateway's) something may have been.
    const bool nothing_done = status == 500 || status == 501 || status == 503 || status == 505;
    refused.kind = nothing_done ? failure_class::outage : failure_class::unknown;
  } else if (status >= 400) {
    refused.refused_content = status == 400 || status == 413 || status == 422;
  } else {
    refused.reason.append(", a redirect, which is not followed");
  }
  return refused;
}

std::optional<failure> failed_search(const net::http_result& result) {
  if (!result)
    return failure{.kind = failure_class::outage,
                   .reason = result.error().reason,
                   .never_written = !result.error().written};
  if (result->status >= 200 && result->status <= 299)
    return std::nullopt;
  failure failed{.kind = failure_class::outage, .reason = "HTTP " + std::to_string(result->status)};
  if (result->status == 429)
    failed.kind = failure_class::throttled;
  if (result->retry_after)
    failed.retry_after = *result->retry_after;
  return failed;
}

std::unexpected<failure> unknown(std::string reason) {
  return std::unexpected(failure{.kind = failure_class::unknown, .reason = std::move(reason)});
}

std::unexpected<failure> unreadable(std::string_view api, const net::http_response& answer) {
  return unknown(std::string(api) + "'s answer cannot be read (" +
                 std::to_string(answer.body.size()) + " bytes)");
}

std::unexpected<failure> outage(std::string reason) {
  return std::unexpected(failure{.kind = failure_class::outage, .reason = std::move(reason)});
}

failure refused_content(std::string reason, bool by_condition) {
  return {.kind = by_condition ? failure_class::transient : failure_class::outage,
          .reason = std::move(reason),
          .refused_content = !by_condition};
}

std::string words(std::string_view what, const std::string& code, const std::string& more) {
  std::string reason(what);
  if (!code.empty())
    reason.append(": ").append(printable(code));
  if (!more.empty())
    reason.append(code.empty() ? ": " : " ").append(printable(more));
  return reason;
}

std::string printable(std::string text) {
  constexpr std::size_t bytes_max = 200;
  text.resize(cut_between_characters(text, bytes_max).size());
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

} // namespace paymentd::providers
