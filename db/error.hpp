// Errors of a database, in the classes that decide what the caller may say and do next.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace paymentd::db {

enum class error_kind : std::uint8_t {
  unavailable, // nothing happened; the same call may succeed later (no connection, locked,
               // deadlock, time-out before the commit, disk full)
  in_doubt,    // the commit was sent and its answer lost: each call of store.hpp that gives it says
               // how its caller learns whether it happened
  fenced, // the lease of a stream, of its deliveries or of a turn at reading results is another's
          // by now: nothing happened
  broken, // nothing happened and trying again will not help: wrong schema, missing rights, a bug
};

struct error {
  error_kind kind = error_kind::broken;
  std::string text; // for the log: one line, no secrets
};

template <class T>
using result = std::expected<T, error>;

} // namespace paymentd::db
