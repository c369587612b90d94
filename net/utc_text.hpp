// Instants as RFC 3339 and HTTP write them; our own are in UTC with milliseconds:
// "2026-11-22T05:04:03.021Z". Pure; any thread.
#pragma once

#include <chrono>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::net {

using utc_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Years 0 to 9999.
std::string utc_text(utc_time at);
void append_utc(std::string& out, utc_time at);
/// The same at `to`, which has room for utc_text_size bytes. Gives its end.
char* write_utc(char* to, utc_time at);
inline constexpr std::size_t utc_text_size = sizeof "0000-00-00T00:00:00.000Z" - 1;

/// Back from that; the milliseconds may be missing. Nothing where it is no such time.
std::optional<utc_time> parse_utc(std::string_view text);

/// A time as people and other systems write it: any date-time of RFC 3339, with its offset
/// ("2026-11-22T14:04:03+09:00"; what is finer than a millisecond is cut off), or a date alone,
/// which is its midnight in UTC. Years 0 to 9999. Nothing where it is no such time.
std::optional<utc_time> parse_rfc3339(std::string_view text);

/// "Sun, 06 Nov 1994 08:49:37 GMT", and back; nothing for another text (RFC 9110, 5.6.7).
std::string http_date(std::chrono::sys_seconds at);
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

} // namespace paymentd::net
