#include "http/request_handler.hpp"

#include "domain/check.hpp"
#include "http/http_counters.hpp"
#include "http/idempotency.hpp"
#include "http/io_thread.hpp"
#include "http/json_input.hpp"
#include "http/json_text.hpp"
#include "http/trace_context.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace paymentd::http {

namespace {

/// Whether a request may come under an Idempotency-Key.
bool takes_key(http_method method) {
  return method == http_method::post || method == http_method::patch;
}

/// The fault of an Idempotency-Key, which loses its quotes.
std::optional<problem> unfit_key(request& of) {
  if (!of.has_key || !takes_key(of.method) || (!of.key_repeated && unquote_key(of.key)))
    return std::nullopt;
  return invalid_field("Idempotency-Key", "must be one field of 1 to 255 visible ASCII "
                                          "characters, bare or as a quoted string");
}

/// The order that a command names; 0 where it names none.
std::int64_t order_of(const command& what) {
  return std::visit(
      [](const auto& each) -> std::int64_t {
        if constexpr (requires { each.order; })
          return each.order.value;
        else
          return 0;
      },
      what.what);
}

/// The order that an outcome is; 0 where it is none.
std::int64_t order_of(const actors::outcome_reply& reply) {
  if (!reply)
    return 0;
  const auto* made = std::get_if<order>(&*reply);
  return made == nullptr ? 0 : made->id.value;
}

std::optional<problem> unfit_body(const request& of) {
  if (of.encoded)
    return problem{
        problem_code::unsupported_media_type, "The body must not be compressed.", {}, {}};
  if (of.type != media::json)
    return problem{problem_code::unsupported_media_type, {}, {}, {}};
  return std::nullopt;
}

} // namespace

request_handler::request_handler(io_thread& owner, connection& from)
    : owner_(owner), from_(from), admission_(owner.options(), from) {}

void request_handler::begin() {
  request_.clear();
  answer_.clear();
  objection_.reset();
  matched_ = {};
  kind_ = request_record::kind::usual;
  code_ = {};
  order_ = 0;
  shrink_if_large(request_.body);
  shrink_if_large(answer_.body);
}

std::string_view request_handler::request_id() {
  if (request_.id.empty())
    owner_.append_request_id(request_.id);
  return request_.id;
}

bool request_handler::judge_head(bool has_body) {
  decode_path(request_.target);
  const auto found = find_route(owner_.routes(), request_.method, request_.target, answer_.allow);
  if (found)
    matched_ = *found;
  else
    objection_ = found.error();
  if (auto turned_away = admission_.objection_to(request_, matched_.to))
    objection_ = std::move(turned_away); // before it learns which paths there are
  if (!objection_)
    objection_ = unfit_key(request_);
  if (!objection_ && has_body && matched_.to->body != body_rule::ignored) {
    answer_.identity_only = request_.encoded;
    objection_ = unfit_body(request_);
  }
  if (!objection_ && request_.expects_more)
    objection_ = problem{problem_code::expectation_failed, {}, {}, {}};
  request_.unwanted = objection_.has_value();
  return !objection_;
}

route_input request_handler::input() const {
  return {.id = matched_.id,
          .body = request_.body,
          .name = matched_.name,
          .query = matched_.query,
          .accept = request_.accept,
          .last_event_id = request_.last_event_id,
          .head_only = request_.method == http_method::head,
          .metrics = &owner_.options().metrics,
          .health = &owner_.options().health};
}

demand request_handler::prepare() {
  if (objection_) {
    refuse();
    return answered{};
  }
  check(matched_.to != nullptr, "a request that is served has a route");
  try {
    if (matched_.to->judged)
      owner_.to_actors().check_stores(); // what they find is told the next time
    auto next = matched_.to->prepare(input(), answer_);
    if (next) {
      if (auto* what = std::get_if<command>(&*next)) {
        what->created_by = key_name();
        what->trace = trace_of(request_.traceparent);
        if (request_.has_key)
          what->key = key_of(request_.key, request_.body);
      } else if (auto* again = std::get_if<delivery_retry>(&*next); again && request_.has_key) {
        again->key = key_of(request_.key, request_.body);
      } else if (auto* all = std::get_if<failed_retry>(&*next); all && request_.has_key) {
        all->key = key_of(request_.key, request_.body);
      } else if (auto* about = std::get_if<webhook_request>(&*next); about && request_.has_key) {
        set_key(*about, key_of(request_.key, request_.body));
      }
      return std::move(*next);
    }
    fail(next.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
  return answered{};
}

/// The name of the client's API key; empty where it has none.
std::string_view request_handler::key_name() const {
  return key() ? std::string_view{key()->key.name} : std::string_view{};
}

idempotency_key request_handler::key_of(std::string_view key, std::string_view body) const {
  return digest_key({.api_key = key_name(),
                     .method = name_of(request_.method),
                     .path = path_of_target(request_.target),
                     .key = key,
                     .body = body});
}

/// Writes a success to `answer`. Gives what is wrong instead, where something is.
std::optional<problem> request_handler::write_outcome(const command& what,
                                                      const actors::outcome_reply& reply,
                                                      response& answer) const {
  if (!reply)
    return problem_of(reply.error());
  if (const auto* why = std::get_if<refused>(&*reply))
    return problem_of(*why, what);
  check(matched_.to->settled != nullptr, "a route that gives commands writes their outcomes");
  if (const auto* before = std::get_if<replayed>(&*reply)) {
    answer.replayed = true;
    std::visit([&](const auto& thing) { matched_.to->settled(thing, answer); }, before->what);
  } else {
    matched_.to->settled(*reply, answer);
  }
  return std::nullopt;
}

void request_handler::answer_with(const command& what, const actors::outcome_reply& reply) {
  order_ = order_of(what);
  if (order_ == 0)
    order_ = order_of(reply);
  try {
    if (const auto wrong = write_outcome(what, reply, answer_))
      fail(*wrong);
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

void request_handler::answer_with(const actors::answer_reply& reply) {
  if (!reply && !matched_.to->judged)
    return fail(problem_of(reply.error()));
  check(matched_.to->judged != nullptr || matched_.to->found != nullptr,
        "a route that gives queries writes their answers");
  try {
    const auto shown = matched_.to->judged ? matched_.to->judged(reply, input(), answer_)
                                           : matched_.to->found(*reply, answer_);
    if (!shown)
      fail(shown.error());
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

// ---- many commands in one request ---------------------------------------------------------------

std::optional<command> request_handler::note_of(const bulk& many) const {
  const auto under_it = [](const auto& item) { return item && item->key.empty(); };
  if (!request_.has_key || std::ranges::none_of(many.items, under_it))
    return std::nullopt;
  command note{note_request{}};
  // An item may have the key of the request for its own: the 0 keeps the two apart.
  note.key = key_of(request_.key + '\0', request_.body);
  return note;
}

bool request_handler::is_noted(const command& note, const actors::outcome_reply& reply) {
  if (!reply)
    fail(problem_of(reply.error()));
  else if (const auto* why = std::get_if<refused>(&*reply))
    fail(problem_of(*why, note));
  else
    return true;
  return false;
}

std::vector<command> request_handler::commands_of(const bulk& many) const {
  std::vector<command> all;
  all.reserve(many.items.size());
  const trace_context trace = trace_of(request_.traceparent);
  for (std::size_t index = 0; index < many.items.size(); ++index) {
    const auto& item = many.items[index];
    if (!item)
      continue;
    command& what = all.emplace_back(item->what);
    what.created_by = key_name();
    what.trace = trace;
    if (!item->key.empty())
      what.key = key_of(item->key, item->body);
    else if (request_.has_key)
      what.key = key_of(request_.key + '\0' + std::to_string(index), item->body);
  }
  return all;
}

/// {"results":[{"status":201,"order":{…}},{"status":409,"problem":{…}}]}, in the order of the
/// items.
void request_handler::answer_with(const bulk& many,
                                  const std::vector<actors::outcome_reply>& replies) {
  const auto asked = std::ranges::count_if(many.items, [](const auto& item) { return !!item; });
  check(std::ssize(replies) == asked, "a bulk has one reply for each of its commands");
  try {
    std::string& out = answer_.body;
    out += R"({"results":[)";
    response part;
    auto reply = replies.begin();
    answer_.replayed = true;
    for (const auto& item : many.items) {
      part.clear();
      const auto wrong =
          item ? write_outcome(item->what, *reply++, part) : std::optional(item.error());
      if (wrong)
        write_problem(part, *wrong, request_id());
      answer_.replayed = answer_.replayed && part.replayed;
      out += &item == &many.items.front() ? R"({"status":)" : R"(,{"status":)";
      append_number(out, part.status);
      out += wrong ? R"(,"problem":)" : R"(,"order":)";
      out.append(part.body).append("}");
    }
    out += "]}";
  } catch (const std::exception& error) {
    fail_internally(error.what());
  }
}

// ---- failures -----------------------------------------------------------------------------------

void request_handler::fail(const problem& what) {
  write_problem(answer_, what, request_id());
  constexpr int servers_fault = 500; // and above
  code_ = name_of(what.code);
  kind_ = request_record::kind::usual;
  const bool is_asked_how_it_is = matched_.to != nullptr && matched_.to->judged != nullptr;
  if (answer_.status >= servers_fault && !is_asked_how_it_is)
    kind_ = request_record::kind::failure;
  const bool lacks_scope = what.missing_scope != scope::none;
  if (lacks_scope || what.code == problem_code::unauthorized ||
      what.code == problem_code::rate_limited) {
    kind_ = request_record::kind::refusal;
    detail_ = what.detail;
    refused_key_ = what.api_key;
  }
}

void request_handler::fail_internally(const char* why) {
  spdlog::error("request {}: {}", request_id(), why);
  fail({});
}

// ---- the end ------------------------------------------------------------------------------------

void request_handler::end(std::chrono::nanoseconds took, steady_instant now) {
  if (request_counts* const counts = owner_.options().counts)
    counts->count(matched_.to, answer_.status, took);
  log_end(took, now);
}

/// The name of the key that the request came with: where it was refused, the one that is known.
std::string_view request_handler::logged_key() const {
  if (kind_ == request_record::kind::refusal)
    return refused_key_;
  const bool needs_one = matched_.to != nullptr && matched_.to->needs != scope::none;
  return needs_one ? key_name() : std::string_view{};
}

void request_handler::log_end(std::chrono::nanoseconds took, steady_instant now) {
  const auto left_out = owner_.requests_log().take(kind_, answer_.status, now);
  if (!left_out)
    return;
  const bool is_refusal = kind_ == request_record::kind::refusal;
  request_record record{.what = kind_,
                        .id = request_id(),
                        .method = {},
                        .path = {},
                        .status = answer_.status,
                        .took = took,
                        .api_key = logged_key(),
                        .order = order_,
                        .code = code_,
                        .detail = detail_,
                        .traceparent = request_.traceparent};
  if (matched_.to != nullptr) {
    record.method = name_of(request_.method);
    record.path = matched_.to->path;
    if (order_ == 0 && record.path.starts_with("/v1/orders/{id}"))
      record.order = matched_.id;
  }
  owner_.requests_log().write(record, *left_out,
                              is_refusal ? from_.peer().to_string() : std::string{});
}

} // namespace paymentd::http
