// The opaque text that a client gives to get the next page. Used by the routes of pages; any
// thread.
#pragma once

#include "actors/requests.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

/// Letters, digits, - and _ alone, so it needs no encoding in a URL.
std::string to_cursor(const std::vector<list_position>& positions);

/// Nothing where the text is no cursor of this server.
std::optional<std::vector<list_position>> from_cursor(std::string_view text);

} // namespace paymentd::http
