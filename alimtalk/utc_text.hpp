// An instant as RFC 3339 writes it, in UTC with milliseconds: "2026-11-22T05:04:03.021Z". Pure; any
// thread.
#pragma once

#include "domain/types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace paymentd::alimtalk {

std::string utc_text(instant at);

/// Back from that; the milliseconds may be missing. Nothing where it is no such time.
std::optional<instant> parse_utc(std::string_view text);

} // namespace paymentd::alimtalk
