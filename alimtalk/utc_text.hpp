// An instant as RFC 3339 writes it, in UTC with milliseconds: "2026-11-22T05:04:03.021Z". Pure; any
// thread.
#pragma once

#include "domain/types.hpp"

#include <string>

namespace paymentd::alimtalk {

std::string utc_text(instant at);

} // namespace paymentd::alimtalk
