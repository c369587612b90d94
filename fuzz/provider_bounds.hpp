// Whether the results that came out of a message API's answer are as delivery takes them. Used by
// the targets of the providers. Throw broken_property; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

namespace paymentd::fuzz {

/// The call that every answer is held to be an answer to: two messages.
const providers::call& answered_call();
/// An answer with this status and body.
net::http_result answer_with(int status, std::string_view body);

/// One short line of UTF-8 text for the log and the delivery's lastError.
void look_at(const providers::failure& what);
/// `status`: of the answer; only a success can accept anything.
void look_at(const providers::call_result& result, int status);

} // namespace paymentd::fuzz
