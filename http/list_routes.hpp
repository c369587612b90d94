// The calls that list what a user has. Used by the table of routes; any thread.
#pragma once

#include "http/router.hpp"

namespace paymentd::http {

std::expected<step, problem> prepare_list_orders(const call_input& input, response& answer);
std::expected<void, problem> write_orders(const answer& what, response& answer);
std::expected<step, problem> prepare_list_entries(const call_input& input, response& answer);
std::expected<void, problem> write_entries(const answer& what, response& answer);

} // namespace paymentd::http
