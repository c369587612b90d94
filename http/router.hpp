// Which route a method and a path mean, and what a route is made of. Each subject has its table in
// a file of its own (routes.hpp). Values and constants; any thread.
#pragma once

#include "actors/health.hpp"
#include "actors/requests.hpp"
#include "http/problem.hpp"
#include "http/response.hpp"

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace paymentd::http {

enum class http_method : std::uint8_t { get, head, post, patch, remove, other };

/// The demand of a route on the actors before it can be answered: nothing more (the answer is
/// written), the outcome of a command, those of many, the answer to a query, a retry or a request
/// about a webhook, or a stream.
struct answered {};
/// Many commands of one request: each is done by itself, or was refused already.
struct bulk_item {
  command what;
  std::string key;  // its Idempotency-Key; empty: that of the request with its index, if any
  std::string body; // its part of the request, in one writing, for that key
};
struct bulk {
  std::vector<std::expected<bulk_item, problem>> items;
};
/// The client wants to follow the events from there on; only the position is asked for first.
struct watch {
  list_events from;
};
using demand = std::variant<answered, command, bulk, query, delivery_retry, failed_retry,
                            webhook_request, watch>;

/// Appends what is measured, in Prometheus's text format.
using metrics_writer = std::function<void(std::string&)>;

/// The payment system's knowledge of the database, part by part.
using health_source = std::function<actors::health_report()>;

/// The part of a request that a route sees.
struct route_input {
  std::int64_t id = 0;                     // what stands for {id} in the path
  std::string_view body = {};              // empty where there was none
  std::string_view name = {};              // what stands for {name} in the path
  std::string_view query = {};             // what stands behind the ?
  std::string_view accept = {};            // the field
  std::string_view last_event_id = {};     // likewise; empty: none
  bool head_only = false;                  // of the answer, only the head is wanted
  const metrics_writer* metrics = nullptr; // of the admin listener, where there are any
  const health_source* health = nullptr;   // likewise
};

enum class body_rule : std::uint8_t { ignored, optional, required };

/// One route. It parses, forwards and writes the answer; the session does the waiting.
struct route {
  http_method method;    // get stands for head, too
  std::string_view path; // with at most one {id}, a number, or {name}, any text
  scope needs;           // of the client's key
  body_rule body;
  std::expected<demand, problem> (*prepare)(const route_input& input, response& answer);
  /// Of a command, or of each of a bulk, that succeeded.
  void (*settled)(const outcome& what, response& answer);
  std::expected<void, problem> (*found)(const answer& what,
                                        response& answer); // of a query or a retry
  /// Instead of `found`, of a query that tells how the system is: its failure is a finding, too.
  std::expected<void, problem> (*judged)(const actors::answer_reply& what, const route_input& input,
                                         response& answer) = nullptr;
};

struct route_match {
  const route* to = nullptr;
  std::int64_t id = 0;
  std::string_view name = {}; // both point into the target
  std::string_view query = {};
};

/// Decodes what a path has percent-encoded without need: letters, digits, - . _ ~ mean the same
/// either way (RFC 3986, 6.2.2.2). All else stays as it is, the query too.
void decode_path(std::string& target);

/// "GET" and so on, for `remove` "DELETE"; empty for `other`.
std::string_view name_of(http_method method);

/// The host that an absolute target names; empty for any other target.
std::string_view host_of_target(std::string_view target);

/// Whether it is a route for many: its body may be larger, and its path ends in /bulk.
bool takes_many(std::string_view target);
inline constexpr std::uint64_t bulk_bodies = 16; // so many times http.max_body_bytes

/// The path of a target, without scheme, host and query.
std::string_view path_of_target(std::string_view target);

/// The route for `method` and `target` (a path, perhaps with a query, or an absolute URI). The
/// problem is not_found, method_not_allowed (then `allow` lists the methods that the path takes) or
/// invalid_request for an id that is none.
std::expected<route_match, problem> find_route(std::span<const route> routes, http_method method,
                                               std::string_view target, std::string& allow);

/// The routes of the contract, and those of the admin listener.
std::span<const route> public_routes();
std::span<const route> admin_routes();

} // namespace paymentd::http
