// The calls that list users, orders and ledger entries. Used by the table of routes; any thread.
#pragma once

#include "http/router.hpp"

namespace paymentd::http {

std::expected<step, problem> prepare_list_users(const call_input& input, response& answer);
std::expected<void, problem> write_users(const answer& what, response& answer);
std::expected<step, problem> prepare_list_orders(const call_input& input, response& answer);
std::expected<void, problem> write_orders(const answer& what, response& answer);
/// All entries, those of a user, and those of an order, which may not be there.
std::expected<step, problem> prepare_list_entries(const call_input& input, response& answer);
std::expected<step, problem> prepare_list_user_entries(const call_input& input, response& answer);
std::expected<step, problem> prepare_list_order_entries(const call_input& input, response& answer);
std::expected<void, problem> write_user_entries(const answer& what, response& answer);
std::expected<void, problem> write_order_entries(const answer& what, response& answer);

} // namespace paymentd::http
