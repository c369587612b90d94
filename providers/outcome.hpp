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

/// A result that tells nothing of a message, or of a call.
std::unexpected<failure> unknown(std::string reason);

/// An answer of `api` with a good status whose body is not as documented: it may have accepted all.
std::unexpected<failure> unreadable(std::string_view api, const net::http_response& answer);

std::unexpected<failure> outage(std::string reason);

/// A refusal of a whole call by an API that takes one template a request, for what may be of us all
/// or of one of its messages. `by_condition`: the template is for some messages alone, so that
/// those of others go on.
failure refused_content(std::string reason, bool by_condition);

/// "SENS refused the message: 1030 no such channel": `code` and `more` are the API's own, and
/// either may be empty.
std::string words(std::string_view what, const std::string& code, const std::string& more);

/// An API's own words, for one line of a log: short, and without control characters.
std::string printable(std::string text);

} // namespace paymentd::providers
