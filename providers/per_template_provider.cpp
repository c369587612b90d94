#include "providers/per_template_provider.hpp"

#include "providers/traceparent.hpp"

#include <algorithm>
#include <functional>

namespace paymentd::providers {

void per_template_provider::send(call what, std::function<void(call_result)> done) {
  if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
    return done(std::unexpected(*std::move(refused)));
  std::vector<std::size_t> templates = templates_of(what);
  if (std::ranges::adjacent_find(templates, std::not_equal_to{}) != templates.end())
    return next_part(std::make_shared<send_in_parts>(
        send_in_parts{{std::move(what), templates}, std::move(done), now_by_both()}));
  const std::size_t by = templates.empty() ? 0 : templates.front();
  net::http_request post = with_traceparent(post_of(what, by, what.key), what.recipients);
  request(std::move(post),
          [this, by, what = std::move(what), done = std::move(done)](net::http_result answer) {
            done(result_of(what, by, std::move(answer)));
          });
}

std::size_t per_template_provider::first_template_of(const call& what) const {
  return options().others.empty() || what.recipients.empty()
             ? 0
             : template_of(options().others, what.recipients.front().event);
}

/// The template of each message; empty: all go by the provider's own.
std::vector<std::size_t> per_template_provider::templates_of(const call& what) const {
  std::vector<std::size_t> all;
  if (options().others.empty())
    return all;
  all.reserve(what.recipients.size());
  for (const recipient& one : what.recipients)
    all.push_back(template_of(options().others, one.event));
  return all;
}

void per_template_provider::next_part(std::shared_ptr<send_in_parts> on) {
  const call_parts::part& part = on->parts.now();
  net::http_request post =
      with_traceparent(post_of(part.what, part.of_template, part.key), part.what.recipients);
  request(std::move(post), [this, on](net::http_result answer) {
    const call_parts::part& sent = on->parts.now();
    auto over = on->parts.answered(result_of(sent.what, sent.of_template, std::move(answer)));
    // Somebody may by now think that the call is over, and send its messages again.
    if (!over && has_taken_long(on->begun))
      over = on->parts.result();
    if (over)
      return on->done(*std::move(over));
    next_part(on);
  });
}

per_template_provider::both_clocks per_template_provider::now_by_both() const {
  return {options().now(), std::chrono::steady_clock::now()};
}

bool per_template_provider::has_taken_long(const both_clocks& since) const {
  const both_clocks now = now_by_both();
  return now.wall - since.wall >= options().timeout ||
         now.steady - since.steady >= options().timeout;
}

} // namespace paymentd::providers
