// The routes of the contract and of the console, a table a subject. Each stands in a file of its
// own name, with the functions that read its requests and write its answers; routes.cpp joins them.
// Any thread.
#pragma once

#include "http/router.hpp"

namespace paymentd::http {

std::span<const route> order_routes();        // and payments
std::span<const route> user_routes();         // and their balances
std::span<const route> list_routes();         // of users, orders and ledger entries
std::span<const route> notification_routes(); // list, look at, retry
std::span<const route> event_routes();        // a stream or pages
std::span<const route> webhook_routes();
std::span<const route> console_routes(); // of the admin listener; its calls are some of those above

} // namespace paymentd::http
