#include "app/alimtalk.hpp"

#include "actors/clock.hpp"
#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/subscribers.hpp"
#include "providers/message.hpp"
#include "providers/provider.hpp"

#include <fmt/format.h>

#include <algorithm>
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

/// The log takes messages of templates that have no code.
std::string shown_code(const providers::conditional_template& of) {
  return of.code.empty() ? "without a code" : of.code;
}

/// Prints which template the message goes by, where there are several, and what is filled in.
void print_values(const providers::api_options& options, const payment_event& event) {
  const std::size_t by = providers::template_of(options.others, event);
  if (by > 0)
    fmt::print("template {}, because {}\n", shown_code(options.others[by - 1]),
               options.others[by - 1].when.text());
  else if (!options.others.empty())
    fmt::print("the template of [alimtalk]: no other one's condition holds\n");
  providers::filled_message filled(by > 0 ? options.others[by - 1].message : options.message);
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

/// A member of an object of texts, behind those that are there.
void add_member(std::string& json, std::string_view name, std::string_view value) {
  json.append(json.empty() ? "{\"" : ",\"").append(name).append("\":\""); // names need no escapes
  for (const char c : value) {
    if (c == '"' || c == '\\')
      json.push_back('\\');
    json.push_back(c);
  }
  json.push_back('"');
}

/// Metadata that meet `when`, if any, with a sample for every other name.
std::string sample_metadata(const std::vector<std::string>& names,
                            const templates::metadata_condition* when = nullptr) {
  std::string json;
  if (when != nullptr)
    add_member(json, when->name(), when->value());
  for (const std::string& each : names)
    if (when == nullptr || each != when->name())
      add_member(json, each, "예시");
  return json.empty() ? json : json + "}";
}

/// An order that goes by that template; by that of [alimtalk] where there is none.
payment_event sample_event(const providers::api_options& options,
                           const providers::conditional_template* by, std::string phone) {
  const instant now = actors::system_wall_clock();
  const templates::message_plan& plan = by == nullptr ? options.message.plan : by->message.plan;
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
          .metadata = sample_metadata(plan.metadata_names(templates::field::order_metadata),
                                      by == nullptr ? nullptr : &by->when),
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

} // namespace

int preview_message(const config::settings& settings, order_id id) {
  const auto provider = make_alimtalk_provider(settings);
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
  print_values(api_options_of(settings), of.event);
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

int send_test_message(const config::settings& settings, const std::string& phone,
                      const std::string& code) {
  constexpr std::chrono::seconds patience{5}; // beyond the provider's own time-out
  auto digits = read_phone(phone);
  if (!digits)
    return complain(bad_usage, "PHONE: must be a Korean mobile number, such as 010-1234-5678");
  const auto provider = make_alimtalk_provider(settings);
  if (!provider)
    return complain(bad_usage, provider.error());
  if (!*provider)
    return complain(bad_usage, "alimtalk.provider is none: there is no message API to send by");
  const providers::api_options options = api_options_of(settings);
  const auto by = std::ranges::find(options.others, code, &providers::conditional_template::code);
  if (!code.empty() && by == options.others.end())
    return complain(bad_usage,
                    fmt::format("--template {}: no [[alimtalk.template]] has that code", code));
  const payment_event event =
      sample_event(options, code.empty() ? nullptr : &*by, *std::move(digits));
  print_values(options, event);
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
