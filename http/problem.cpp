#include "http/problem.hpp"

#include "http/json_text.hpp"

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace {

struct code_facts {
  problem_code code;
  std::string_view name; // the stable `code`
  int status;
  std::string_view title;
  std::string_view detail; // where the problem brings none of its own
  int retry_after_s = 0;
};

/// Every code that a client can see, in the order of the enumeration.
constexpr std::array code_table{
    code_facts{problem_code::invalid_json, "invalid_json", 400, "Invalid JSON",
               "The body is not valid JSON."},
    code_facts{problem_code::invalid_request, "invalid_request", 400, "Invalid request",
               "The request is not as this call takes it."},
    code_facts{problem_code::unauthorized, "unauthorized", 401, "Unauthorized",
               "This server wants an API key."},
    code_facts{problem_code::insufficient_balance, "insufficient_balance", 402,
               "Insufficient balance", "The user's balance does not cover the amount."},
    code_facts{problem_code::forbidden, "forbidden", 403, "Forbidden",
               "A page of another site must not make this call."},
    code_facts{problem_code::not_found, "not_found", 404, "Not found", "There is no such path."},
    code_facts{problem_code::order_not_found, "order_not_found", 404, "Order not found",
               "There is no such order."},
    code_facts{problem_code::user_not_found, "user_not_found", 404, "User not found",
               "There is no such user."},
    code_facts{problem_code::method_not_allowed, "method_not_allowed", 405, "Method not allowed",
               "The path does not take this method; see Allow."},
    code_facts{problem_code::request_timeout, "request_timeout", 408, "Request timeout",
               "The request came too slowly."},
    code_facts{problem_code::order_not_payable, "order_not_payable", 409, "Order not payable",
               "Only a PENDING order can be paid."},
    code_facts{problem_code::order_not_cancellable, "order_not_cancellable", 409,
               "Order not cancellable", "Only a PENDING order can be cancelled."},
    code_facts{problem_code::order_not_refundable, "order_not_refundable", 409,
               "Order not refundable", "Only a PAID order can be refunded."},
    code_facts{problem_code::notification_not_failed, "notification_not_failed", 409,
               "Notification not failed", "Only a FAILED notification can be tried again."},
    code_facts{problem_code::reference_in_use, "reference_in_use", 409, "Reference in use",
               "Another one has this reference."},
    code_facts{problem_code::webhook_exists, "webhook_exists", 409, "Webhook exists",
               "There is a webhook of this name already; its secret was shown when it was made."},
    code_facts{problem_code::too_many_webhooks, "too_many_webhooks", 409, "Too many webhooks",
               "There may be 100 webhooks at the most."},
    code_facts{problem_code::payload_too_large, "payload_too_large", 413, "Payload too large",
               "The body is larger than this server takes."},
    code_facts{problem_code::unsupported_media_type, "unsupported_media_type", 415,
               "Unsupported media type", "The body must be application/json, in UTF-8."},
    code_facts{problem_code::expectation_failed, "expectation_failed", 417, "Expectation failed",
               "The only expectation taken is 100-continue."},
    code_facts{problem_code::misdirected_request, "misdirected_request", 421, "Misdirected request",
               "The Host field names another server than this one; see http.allowed_hosts."},
    code_facts{problem_code::idempotency_key_reused, "idempotency_key_reused", 422,
               "Idempotency key reused", "The Idempotency-Key came with another body before."},
    code_facts{problem_code::rate_limited, "rate_limited", 429, "Rate limited",
               "There were too many requests.", 1},
    code_facts{problem_code::header_too_large, "header_too_large", 431, "Header too large",
               "The request's header is larger than this server takes."},
    code_facts{problem_code::internal_error, "internal_error", 500, "Internal error",
               "Something is wrong with the server; nothing happened."},
    code_facts{problem_code::overloaded, "overloaded", 503, "Overloaded",
               "The server has more to do than it can; nothing happened.", 1},
    code_facts{problem_code::database_unavailable, "database_unavailable", 503,
               "Database unavailable", "The database does not answer; nothing happened.", 2},
    code_facts{problem_code::row_locked, "row_locked", 503, "Row locked",
               "Another transaction at the database holds this order or user; nothing happened.",
               1},
    code_facts{problem_code::shutting_down, "shutting_down", 503, "Shutting down",
               "The server is stopping; nothing happened.", 2},
    code_facts{
        problem_code::outcome_unknown, "outcome_unknown", 504, "Outcome unknown",
        "The request may have taken effect: repeat it under the same Idempotency-Key, or look "
        "it up first."},
};

constexpr bool in_order() {
  for (std::size_t at = 0; at < code_table.size(); ++at)
    if (static_cast<std::size_t>(code_table[at].code) != at)
      return false;
  return true;
}
static_assert(in_order() &&
              code_table.size() == static_cast<std::size_t>(problem_code::outcome_unknown) + 1);

constexpr std::string_view too_large_balance =
    "would raise the balance above the largest one, 9007199254740991";

} // namespace

std::string_view name_of(problem_code code) {
  return code_table[static_cast<std::size_t>(code)].name;
}

problem problem_of(const refused& why, const command& what) {
  switch (why.why) {
  case refusal::order_not_found:
    if (std::holds_alternative<pay>(what.what))
      return {problem_code::order_not_found, "There is no such order of this user.", {}, {}};
    return {problem_code::order_not_found, {}, {}, {}};
  case refusal::user_not_found:
    return {problem_code::user_not_found, {}, {}, {}};
  case refusal::order_not_payable:
    return {problem_code::order_not_payable, {}, {}, why.status};
  case refusal::order_not_cancellable:
    return {problem_code::order_not_cancellable, {}, {}, why.status};
  case refusal::order_not_refundable: {
    problem made{problem_code::order_not_refundable, {}, {}, why.status};
    made.refundable = why.refundable;
    if (why.refundable)
      made.detail = "That is more than is left to be refunded.";
    return made;
  }
  case refusal::insufficient_balance:
    return {problem_code::insufficient_balance, {}, {}, {}};
  case refusal::row_locked: // a lane says so by a no_outcome
    return {problem_code::row_locked, {}, {}, {}};
  case refusal::key_reused:
    return {problem_code::idempotency_key_reused, {}, {}, {}};
  case refusal::reference_in_use: {
    problem made{problem_code::reference_in_use, {}, {}, {}};
    made.existing_id = why.existing;
    return made;
  }
  case refusal::balance_limit:
    if (std::holds_alternative<refund>(what.what))
      return {problem_code::order_not_refundable,
              "The refund " + std::string{too_large_balance} + ".",
              {},
              why.status};
    return {problem_code::invalid_request, {}, {{"amount", std::string{too_large_balance}}}, {}};
  }
  return {};
}

problem problem_of(actors::no_outcome why) {
  using actors::no_outcome;
  switch (why) {
  case no_outcome::overloaded:
    return {problem_code::overloaded, {}, {}, {}};
  case no_outcome::database_unavailable:
    return {problem_code::database_unavailable, {}, {}, {}};
  case no_outcome::row_locked:
    return {problem_code::row_locked, {}, {}, {}};
  case no_outcome::shutting_down:
    return {problem_code::shutting_down, {}, {}, {}};
  case no_outcome::outcome_unknown:
    return {problem_code::outcome_unknown, {}, {}, {}};
  case no_outcome::internal_error:
    break;
  }
  return {};
}

void write_problem(response& answer, const problem& what, std::string_view request_id) {
  const code_facts& facts = code_table[static_cast<std::size_t>(what.code)];
  answer.status = facts.status;
  answer.is_problem = true;
  answer.retry_after = std::max(std::chrono::seconds{facts.retry_after_s}, what.retry_after);
  answer.challenge = what.challenge;
  answer.location.clear();
  std::string& out = answer.body;
  out.clear();
  out += R"({"type":"urn:paymentd:problem:)";
  out += facts.name;
  append_member(out, R"(","title":)", facts.title);
  append_member(out, R"(,"status":)", facts.status);
  append_member(out, R"(,"detail":)",
                what.detail.empty() ? facts.detail : std::string_view{what.detail});
  append_member(out, R"(,"instance":)", request_id);
  out += R"(,"code":")";
  out += facts.name;
  out += '"';
  if (what.status_of_order) {
    append_member(out, R"(,"orderStatus":)", to_string(*what.status_of_order));
  }
  if (what.status_of_notification) {
    append_member(out, R"(,"notificationStatus":)", to_string(*what.status_of_notification));
  }
  if (what.refundable) {
    append_member(out, R"(,"refundableAmount":)", what.refundable->value);
  }
  if (what.existing_id != 0) {
    append_member(out, R"(,"existingId":)", what.existing_id);
  }
  if (what.missing_scope != scope::none)
    out.append(R"(,"missingScope":")").append(name_of(what.missing_scope)).append("\"");
  if (!what.parts.empty())
    out.append(R"(,"parts":)").append(what.parts);
  if (!what.errors.empty()) {
    out += R"(,"errors":[)";
    for (const field_error& error : what.errors) {
      append_member(out, &error == &what.errors.front() ? R"({"field":)" : R"(,{"field":)",
                    error.field);
      append_member(out, R"(,"message":)", error.message);
      out += '}';
    }
    out += ']';
  }
  out += '}';
}

} // namespace paymentd::http
