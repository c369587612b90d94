// The meaning of Aligo's answers for delivery: every way that a request can end, in the port's
// classes of failure. Its status is 200 whatever happened. Pure functions; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/aligo/aligo_form.hpp"
#include "providers/provider.hpp"

#include <span>

namespace paymentd::providers {

/// Aligo numbers calls, and names their messages by the number that they go to. The id of a message
/// is therefore made of its call, of its number, and, of several messages to one number, of its
/// place among them (`place` of `places`, from 0). The number itself is not in it: it is a digest
/// that only `secret` can make.
std::string aligo_message_id(std::string_view mid, std::string_view phone, std::size_t place,
                             std::size_t places, std::string_view secret);

/// The result of a send. Where the template of a call is for some messages alone (`by_condition`)
/// and is refused, its messages are tried again, and those of other templates go on.
call_result aligo_call_result(const call& what, net::http_result answer, std::string_view secret,
                              bool by_condition = false);

/// A page of the list of calls; a failure where there is none.
std::expected<aligo_list, failure> aligo_calls(const net::http_result& answer);

/// The final results of the messages of a call, at most 500; `asked_to` stands for times that Aligo
/// does not tell. A message that is still under way is not among them, and nothing is where the
/// call is not known.
std::expected<std::vector<final_result>, failure>
aligo_final_results(const net::http_result& answer, std::string_view mid, std::string_view secret,
                    instant asked_to);

} // namespace paymentd::providers
