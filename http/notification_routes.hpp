// The calls on notifications, for the table of routes. Any thread.
#pragma once

#include "http/router.hpp"

namespace paymentd::http {

std::expected<step, problem> prepare_list_notifications(const call_input& input, response&);
std::expected<void, problem> write_notifications(const answer& what, response& answer);

std::expected<step, problem> prepare_get_notification(const call_input& input, response&);
std::expected<void, problem> write_notification(const answer& what, response& answer);

std::expected<step, problem> prepare_retry_notification(const call_input& input, response&);
std::expected<void, problem> write_retried_notification(const answer& what, response& answer);

} // namespace paymentd::http
