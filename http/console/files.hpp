// The files of the console, which the server has in it. They are files of this folder, which the
// build makes part of the program; the browser runs them as they stand. Constants; any thread.
#pragma once

#include <string_view>

namespace paymentd::http {

std::string_view console_page() noexcept;  // index.html
std::string_view console_style() noexcept; // console.css
std::string_view console_icon() noexcept;  // icon.svg
// The modules, by their names.
std::string_view console_main() noexcept;
std::string_view console_api() noexcept;
std::string_view console_text() noexcept;
std::string_view console_dom() noexcept;
std::string_view console_metrics() noexcept;
std::string_view console_audit() noexcept;
std::string_view console_overview() noexcept;
std::string_view console_orders() noexcept;
std::string_view console_users() noexcept;
std::string_view console_notifications() noexcept;
std::string_view console_retries() noexcept;
std::string_view console_webhooks() noexcept;
std::string_view console_search() noexcept;

} // namespace paymentd::http
