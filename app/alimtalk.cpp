#include "app/alimtalk.hpp"

#include "actors/clock.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/subscribers.hpp"
#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <fmt/format.h>

#include <array>
#include <future>
#include <random>

namespace paymentd {
namespace {

/// The database's answer to one question.
template <class Found, class Query>
db::result<std::optional<Found>> ask(db::reader& of, Query what) {
  const std::array<query, 1> asked{std::move(what)};
  auto answers = of.read(asked);
  if (!answers)
    return std::unexpected(answers.error());
  auto* found = std::get_if<Found>(&answers->front());
  return found == nullptr ? std::nullopt : std::optional(std::move(*found));
}

/// The event of an order's payment, and the order's own state; of one that is not paid, as if it
/// were paid now.
struct order_event {
  payment_event event;
  order_status status = order_status::pending;
  bool paid = false;
};

db::result<std::optional<order_event>> read_event(db::reader& from, order_id id) {
  const auto found = ask<order>(from, get_order{id});
  if (!found)
    return std::unexpected(found.error());
  if (!*found)
    return std::nullopt;
  const order& of = **found;
  const auto owner = ask<user>(from, get_user{of.owner});
  if (!owner)
    return std::unexpected(owner.error());
  const auto entries =
      ask<entry_page>(from, list_entries{.order = id, .kind = entry_kind::payment, .limit = 1});
  if (!entries)
    return std::unexpected(entries.error());
  order_event made{.event = {.entry = {},
                             .order = of.id,
                             .user = of.owner,
                             .phone = {},
                             .coupon = of.coupon,
                             .total = of.total,
                             .discount = of.discount,
                             .ordered_at = of.created_at,
                             .at = actors::system_wall_clock(),
                             .reference = of.reference,
                             .metadata = of.metadata},
                   .status = of.status};
  if (*owner) {
    made.event.phone = (*owner)->phone;
    made.event.user_reference = (*owner)->reference;
    made.event.user_metadata = (*owner)->metadata;
  }
  if (*entries && !(*entries)->items.empty()) {
    made.event.entry = (*entries)->items.front().id;
    made.event.at = (*entries)->items.front().created_at;
    made.paid = true;
  }
  return made;
}

void print_values(const providers::message_options& message, const payment_event& event) {
  providers::filled_message filled(message);
  filled.fill(event);
  for (std::size_t i = 0; i < filled.size(); ++i) {
    fmt::print("#{{{}}} = {}\n", filled.name(i), config::toml_text(filled.value(i)));
    if (filled.value(i).empty())
      complain(fine, fmt::format("#{{{}}} is empty, which message APIs may refuse; give its field "
                                 "a default: {{NAME|DEFAULT}}",
                                 filled.name(i)));
  }
}

void print_request(const providers::shown_request& what) {
  fmt::print("\n{} {}\n", what.method, what.url);
  for (const auto& [name, value] : what.headers)
    fmt::print("{}: {}\n", name, value);
  fmt::print("\n{}\n", what.body);
}

/// Metadata with a sample for every name.
std::string sample_metadata(const std::vector<std::string>& names) {
  std::string json;
  for (const std::string& each : names) // names need no escapes
    json.append(json.empty() ? "{" : ",").append("\"").append(each).append("\":\"예시\"");
  return json.empty() ? json : json + "}";
}

payment_event sample_event(const templates::message_plan& plan, std::string phone) {
  const instant now = actors::system_wall_clock();
  return {.entry = {1},
          .order = {1},
          .user = {1},
          .phone = std::move(phone),
          .coupon = coupon_id{1},
          .total = {12'000},
          .discount = {2'000},
          .ordered_at = now,
          .at = now,
          .reference = "SAMPLE-1",
          .metadata = sample_metadata(plan.metadata_names(templates::field::order_metadata)),
          .user_reference = "SAMPLE-USER-1",
          .user_metadata = sample_metadata(plan.metadata_names(templates::field::user_metadata))};
}

std::string_view verdict(providers::failure_class kind) {
  using enum providers::failure_class;
  switch (kind) {
  case permanent:
    return "the message was refused";
  case transient:
    return "the message was refused for now";
  case throttled:
    return "the message API asks for fewer calls";
  case outage:
    return "the call failed";
  case unknown:
    return "the message may have been accepted";
  case seen:
    return "the call's key was seen before";
  }
  return "the call failed";
}

int tell(const providers::failure& why) {
  return complain(failed, fmt::format("{}: {}", verdict(why.kind), why.reason));
}

/// The answer to a call; a failure where there is none in time, which no provider should let
/// happen.
providers::call_result send(providers::provider& to, providers::call what,
                            std::chrono::milliseconds time) {
  const auto promise = std::make_shared<std::promise<providers::call_result>>();
  auto answer = promise->get_future();
  to.send(std::move(what),
          [promise](providers::call_result given) { promise->set_value(std::move(given)); });
  if (answer.wait_for(time) == std::future_status::ready)
    return answer.get();
  return std::unexpected(providers::failure{.reason = "no answer in time"});
}

providers::message_options message_options_of(const config::alimtalk_settings& settings) {
  return {.plan = message_plan_of(settings),
          .excess_max = static_cast<std::size_t>(settings.max_excess)};
}

} // namespace

int preview_message(const config::settings& settings, order_id id) {
  const auto provider = make_alimtalk_provider(settings.alimtalk);
  if (!provider)
    return complain(bad_usage, provider.error());
  auto database = open_database(settings);
  if (!database)
    return complain(failed, database.error().text);
  // Where there is no database yet, none is made.
  if (const auto ready = (*database)->check_schema(); !ready)
    return complain(failed, ready.error().text);
  auto reader = (*database)->connect_reader();
  if (!reader)
    return complain(failed, reader.error().text);
  const auto found = read_event(**reader, id);
  if (!found)
    return complain(failed, found.error().text);
  if (!*found)
    return complain(failed, fmt::format("there is no order {}", id.value));
  const order_event& of = **found;
  if (!of.paid)
    complain(fine, fmt::format("order {} is {}: no message goes out until it is paid", id.value,
                               paymentd::to_string(of.status)));
  if (of.event.phone.empty())
    complain(fine, "its user has no phone: the message would be FAILED, not sent");
  print_values(message_options_of(settings.alimtalk), of.event);
  if (!*provider)
    return complain(fine, "alimtalk.provider is none: nothing is sent");
  // The key is made when the message is claimed, and with it the instance in the message's own id.
  const std::string id_of_message = fmt::format("alimtalk-INSTANCE-{}", of.event.entry.value);
  const auto request = (*provider)->show({.key = "KEY", .recipients = {{id_of_message, of.event}}});
  if (!request)
    return complain(fine,
                    fmt::format("alimtalk.provider is {}: no call is made", (*provider)->name()));
  print_request(*request);
  return fine;
}

int send_test_message(const config::settings& settings, const std::string& phone) {
  constexpr std::chrono::seconds patience{5}; // beyond the provider's own time-out
  auto digits = read_phone(phone);
  if (!digits)
    return complain(bad_usage, "PHONE: must be a Korean mobile number, such as 010-1234-5678");
  const auto provider = make_alimtalk_provider(settings.alimtalk);
  if (!provider)
    return complain(bad_usage, provider.error());
  if (!*provider)
    return complain(bad_usage, "alimtalk.provider is none: there is no message API to send by");
  const auto message = message_options_of(settings.alimtalk);
  const payment_event event = sample_event(message.plan, *std::move(digits));
  print_values(message, event);
  // Never an id of a notification: no result that comes later is taken for one's.
  const std::string id =
      fmt::format("test-{:08x}{:08x}", std::random_device{}(), std::random_device{}());
  const auto sent = send(**provider, {.key = id, .recipients = {{id, event}}},
                         settings.alimtalk.timeout + patience);
  (*provider)->stop();
  if (!sent)
    return tell(sent.error());
  if (const auto& one = sent->front(); !one)
    return tell(one.error());
  fmt::print("accepted by {}: {}\n", (*provider)->name(), sent->front()->provider_message_id);
  return fine;
}

} // namespace paymentd
