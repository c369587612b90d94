// The call that tells events: as a stream, or as pages for those who poll.
#include "cloudevents/event_json.hpp"
#include "http/ascii.hpp"
#include "http/events/event_token.hpp"
#include "http/page.hpp"
#include "http/routes.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

constexpr std::string_view payment_type = "paymentd.payment.succeeded.v1";
constexpr std::string_view refund_type = "paymentd.payment.refunded.v1";
constexpr std::string_view no_position =
    "must be start, now, or a position: an `id:` line of the stream, or the nextCursor of a page";

bool mentions(std::string_view field, std::string_view lower_case) {
  return !std::ranges::search(field, lower_case, {}, lower).empty();
}

/// A stream is what is meant where nothing is said.
bool wants_pages(std::string_view accept) {
  return mentions(accept, "application/json") && !mentions(accept, "text/event-stream");
}

/// "a,b" as kinds; false where there is another name, or none.
bool read_types(std::string_view text, list_events& into) {
  into.payments = into.refunds = false;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    if (name == payment_type)
      into.payments = true;
    else if (name == refund_type)
      into.refunds = true;
    else
      return false;
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return true;
}

bool read_from(std::string_view text, list_events& into) {
  if (text == "start") {
    into.from = event_start::oldest;
  } else if (text == "now") {
    into.from = event_start::now;
  } else {
    auto position = from_token(text);
    if (!position)
      return false;
    into.from = *std::move(position);
  }
  return true;
}

void read_start(const call_input& input, bool pages, const query_value& from,
                const query_value& cursor, list_events& asked, problem& wrong) {
  if (from.text && cursor.text)
    wrong.errors.push_back({"cursor", "cannot stand beside from: both say where to begin"});
  else if (cursor.text && !read_from(*cursor.text, asked))
    wrong.errors.push_back({"cursor", std::string{no_position}});
  else if (from.text && !read_from(*from.text, asked))
    wrong.errors.push_back({"from", std::string{no_position}});
  // A browser that comes again sends the address that it had at first, and where it was.
  if (!pages && !input.last_event_id.empty() && !read_from(input.last_event_id, asked))
    wrong.errors.push_back({"Last-Event-ID", "must be a position: an `id:` line of the stream"});
}

std::expected<step, problem> prepare_events(const call_input& input, response& answer) {
  std::array<query_value, 4> given{
      {{.name = "types"}, {.name = "from"}, {.name = "limit"}, {.name = "cursor"}}};
  problem wrong = read_all(input.query, given);
  const auto& [types, from, limit, cursor] = given;
  const bool pages = wants_pages(input.accept);
  list_events asked;
  if (types.text && !read_types(*types.text, asked))
    wrong.errors.push_back({"types", "must be " + std::string{payment_type} + ", " +
                                         std::string{refund_type} + ", or both with a comma"});
  read_start(input, pages, from, cursor, asked, wrong);
  if (limit.text && !pages)
    wrong.errors.push_back({"limit", "is for pages alone (Accept: application/json)"});
  else
    read_limit(limit, asked.limit, wrong);
  if (!wrong.errors.empty())
    return std::unexpected(std::move(wrong));
  if (pages)
    return query{std::move(asked)};
  if (input.head_only) {
    answer.text_type = event_stream_type;
    return answered{};
  }
  asked.limit = 0;
  return watch{std::move(asked)};
}

std::expected<void, problem> write_events(const answer& what, response& answer) {
  const auto& page = std::get<event_page>(what);
  append_page(answer.body, page.items, page.more, to_token(page.next),
              [&](std::string& out, const payment_event& each) {
                out += cloudevents::event_json(each, page.instance);
              });
  return {};
}

using enum http_method;

constexpr std::array table{
    route{get, "/v1/events", scope::read, body_rule::ignored, prepare_events, nullptr,
          write_events},
};

} // namespace

std::span<const route> event_routes() {
  return table;
}

} // namespace paymentd::http
