// Trying out the message that customers get: `paymentd alimtalk preview` and `paymentd alimtalk
// test`. Each prints what it found, and gives the exit code. Used by main.cpp, on the main thread.
#pragma once

#include "config/settings.hpp"
#include "domain/types.hpp"

#include <string>

namespace paymentd {

/// Prints the values of the template's variables for an order, and the request that would send
/// them, secrets hidden. Sends and changes nothing. Failed where there is no such order.
int preview_message(const config::settings& settings, order_id order);

/// Sends one message with sample values, whatever stands in the database, and prints what the
/// message API answered. It goes by the template of that code among [[alimtalk.template]]; empty:
/// by that of [alimtalk]. Failed unless the API accepted it within `alimtalk.timeout`.
int send_test_message(const config::settings& settings, const std::string& phone,
                      const std::string& code);

} // namespace paymentd
