// Which requests have a line of the log. A value.
#pragma once

namespace paymentd::http {

/// Requests that have a line, beside those that always have one: those that were answered 4xx or
/// 5xx, and a part of the others by chance, from 0 to 1. With 1, all, without a bound.
struct request_lines {
  bool errors = false;
  double part = 0.0;
};

} // namespace paymentd::http
