// JSON as it is written: appenders to a string, by hand because answers are small and flat and are
// made forty thousand times a second. Any thread.
#pragma once

#include "actors/requests.hpp"
#include "domain/model.hpp"
#include "net/json_text.hpp"

#include <string>
#include <string_view>

namespace paymentd::http {

using net::append_number;
/// Quotes, backslashes and control characters are escaped; what is not UTF-8 becomes U+FFFD, so the
/// JSON is valid whatever a client or a provider sent.
void append_quoted(std::string& out, std::string_view text);
/// A client's text, as it is repeated to it: at most 64 bytes, whole characters, then "...".
std::string echoed(std::string_view text);
/// The same as one quoted word of a line.
std::string quoted_echo(std::string_view text);
/// "2025-11-22T05:04:03.021Z", in quotes. Years 0 to 9999.
void append_time(std::string& out, instant at);

/// A member: `name_and_colon` as it stands, and the value as above.
void append_member(std::string& out, std::string_view name_and_colon, std::int64_t value);
void append_member(std::string& out, std::string_view name_and_colon, std::string_view text);
void append_member(std::string& out, std::string_view name_and_colon, instant at);

void append_json(std::string& out, const user& what);
void append_json(std::string& out, const order& what);
void append_json(std::string& out, const ledger_entry& what);
/// As pages have it: without its tries.
void append_json(std::string& out, const delivery& what);
/// As it is shown alone.
void append_json_with_tries(std::string& out, const delivery& what);

/// "PENDING", "DELIVERED" or "FAILED".
std::string_view to_string(delivery_status of) noexcept;

} // namespace paymentd::http
