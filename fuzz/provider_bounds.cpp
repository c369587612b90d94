#include "fuzz/provider_bounds.hpp"

#include "domain/utf8.hpp"
#include "fuzz/target.hpp"

#include "config/values.hpp"
#include "tests/providers/example_call.hpp"

#include <algorithm>

namespace paymentd::fuzz {

const providers::call& answered_call() {
  static const providers::call what =
      providers::example_call("k", 2, instant{std::chrono::milliseconds{1763787843021}});
  return what;
}

net::http_result answer_with(int status, std::string_view body) {
  return net::http_response{.status = status, .retry_after = {}, .body = std::string{body}};
}

void look_at(const providers::failure& what) {
  constexpr std::size_t reason_bytes_max = 1000;
  expect(!what.reason.empty() && what.reason.size() <= reason_bytes_max, "a reason is short");
  expect(is_utf8(what.reason), "a reason is UTF-8");
  expect(
      std::ranges::none_of(what.reason, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }),
      "a reason is one line");
}

void look_at(const providers::call_result& result, int status) {
  if (!result)
    return look_at(result.error());
  expect(result->size() == answered_call().recipients.size(), "each recipient has a result");
  for (const providers::recipient_result& each : *result) {
    if (!each)
      look_at(each.error());
    else
      expect(status >= 200 && status <= 299, "only a success accepts a message");
  }
}

} // namespace paymentd::fuzz
