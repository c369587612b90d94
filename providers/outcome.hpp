// Every adapter's view of an HTTP exchange before it looks at its API's own words: errors and
// statuses in the port's classes of failure. Pure functions; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

namespace paymentd::providers {

/// A request that got no answer: an outage where not one byte of it was written, else unknown.
failure no_answer(net::http_error error);

/// An answer whose status is not 2xx, by its status alone: throttled (429), unknown (a gateway's
/// 502, 504 and the like: behind it something may have been done), otherwise an outage. Of one with
/// 400, 413 and 422 the content was refused.
failure refused_status(const net::http_response& response);

/// Why a search, or a question for results, has no answer that can be read, if so. It changes
/// nothing, so none of its failures is `unknown`: it can just be made again.
std::optional<failure> failed_search(const net::http_result& result);

/// An API's own words, for one line of a log: short, and without control characters.
std::string printable(std::string text);

} // namespace paymentd::providers
