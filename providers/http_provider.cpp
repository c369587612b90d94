#include "providers/http_provider.hpp"

#include "net/origin.hpp"

#include <algorithm>

namespace paymentd::providers {

std::unexpected<failure> never_sent(std::string reason) {
  return std::unexpected(
      failure{.kind = failure_class::outage, .reason = std::move(reason), .never_written = true});
}

std::function<instant()> clock_or_system(std::function<instant()> now) {
  if (now)
    return now;
  return [] {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
}

std::string
wrong_option(const api_options& options,
             std::initializer_list<std::pair<std::string_view, const std::string&>> texts,
             std::size_t recipients_max) {
  for (const auto& [name, text] : texts)
    if (text.empty() || !net::safe_in_header(text))
      return std::string(name) + (text.empty() ? " is empty" : " has control characters");
  for (const conditional_template& each : options.others)
    if (each.code.empty() || !net::safe_in_header(each.code))
      return "template: a code is empty or has control characters";
  const auto from_nobody = [](const auto& each) {
    return each.fallback && each.fallback->from.empty();
  };
  if (from_nobody(options) || std::ranges::any_of(options.others, from_nobody))
    return "fallback_from is empty";
  if (options.recipients_max == 0 || options.recipients_max > recipients_max)
    return "max_recipients must be 1 to " + std::to_string(recipients_max);
  if (options.connections_max == 0 || options.timeout <= std::chrono::milliseconds{0})
    return "max_in_flight and timeout must be above 0";
  if (std::string wrong = net::wrong_ca_file(options.ca_file); !wrong.empty())
    return "ca_file: " + std::move(wrong);
  return {};
}

net::http_client_options client_options(const api_options& options) {
  net::http_client_options http;
  http.origin = options.base_url;
  http.timeout = options.timeout;
  http.connect_timeout = std::min(http.connect_timeout, options.timeout);
  http.connections_max = options.connections_max;
  http.response_bytes_max = options.response_bytes_max;
  http.ca_file = options.ca_file;
  return http;
}

shown_request shown(net::http_request what, std::string_view base_url, std::string_view secret) {
  for (auto& [name, value] : what.headers)
    if (name == secret)
      value = "***";
  return {.method = std::move(what.method),
          .url = std::string(base_url) + what.target,
          .headers = std::move(what.headers),
          .body = std::move(what.body)};
}

void http_provider::find(call, std::function<void(find_result)> done) {
  done(never_sent(std::string(name()) + " cannot be asked by key"));
}

std::optional<failure> http_provider::refuse_at_once(std::size_t recipients) const {
  if (recipients == 0 || recipients > recipients_max_)
    return never_sent("a call of " + std::to_string(recipients) + " messages; it must be 1 to " +
                      std::to_string(recipients_max_))
        .error();
  if (stopped_)
    return never_sent("stopped").error();
  return std::nullopt;
}

} // namespace paymentd::providers
