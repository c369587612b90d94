// An instant as RFC 3339 writes it, in UTC with milliseconds: "2026-11-22T05:04:03.021Z". Pure; any
// thread.
#pragma once

#include <chrono>

#include <optional>
#include <string>
#include <string_view>

namespace paymentd::net {

using utc_time = std::chrono::sys_time<std::chrono::milliseconds>;

std::string utc_text(utc_time at);

/// Back from that; the milliseconds may be missing. Nothing where it is no such time.
std::optional<utc_time> parse_utc(std::string_view text);

} // namespace paymentd::net
