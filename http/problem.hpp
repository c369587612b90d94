// Faults of a request, and how a client is told: RFC 9457 problem details, with the
// stable `code` that clients decide by. The one table of codes stands in problem.cpp. Values; any
// thread.
#pragma once

#include "actors/requests.hpp"
#include "domain/command.hpp"
#include "http/keys/api_key.hpp"
#include "http/response.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

enum class problem_code : std::uint8_t {
  invalid_json,
  invalid_request,
  unauthorized,
  insufficient_balance,
  forbidden,
  not_found,
  order_not_found,
  user_not_found,
  method_not_allowed,
  request_timeout,
  order_not_payable,
  order_not_cancellable,
  order_not_refundable,
  notification_not_failed,
  reference_in_use,
  payload_too_large,
  unsupported_media_type,
  expectation_failed,
  misdirected_request,
  idempotency_key_reused,
  rate_limited,
  header_too_large,
  internal_error,
  overloaded,
  database_unavailable,
  row_locked,
  shutting_down,
  outcome_unknown,
};

/// One thing that is wrong with the input. An empty field means the body as a whole.
struct field_error {
  std::string field;
  std::string message;
};

struct problem {
  problem_code code = problem_code::internal_error;
  std::string detail = {};              // for people; empty: the code's own sentence
  std::vector<field_error> errors = {}; // all that is wrong with the input at once
  std::optional<order_status> status_of_order = std::nullopt;
  std::optional<delivery_status> status_of_notification = std::nullopt;
  std::string parts = {}; // a JSON object: how each part of the system is; empty: not asked for
  std::chrono::seconds retry_after{0};          // 0: what the code says
  std::string challenge = {};                   // WWW-Authenticate; empty: none
  std::optional<won> refundable = std::nullopt; // of an order, in `refundableAmount`
  std::int64_t existing_id = 0;                 // in `existingId`; 0: none
  scope missing_scope = scope::none;            // what the API key lacks, in `missingScope`
  std::string api_key = {}; // the name of the one that came, for the log alone; empty: not known
};

/// The stable `code` that clients decide by.
std::string_view name_of(problem_code code);

/// Why a command was refused, as a client sees it. A charge that would pass the largest balance is
/// bad input; a refund that would is an order that cannot be refunded now.
problem problem_of(const refused& why, const command& what);

/// Why there is no outcome.
problem problem_of(actors::no_outcome why);

/// Makes `answer` the problem document. `request_id` becomes its `instance`. The order's status
/// stands in `orderStatus`, a notification's in `notificationStatus`, since RFC 9457 keeps `status`
/// for the HTTP status.
void write_problem(response& answer, const problem& what, std::string_view request_id);

} // namespace paymentd::http
