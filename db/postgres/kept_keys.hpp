// Idempotency keys and what is kept for them: used by settlement and by retries, each inside its
// transaction. `Kept` has a `key` and `what` it is kept for.
#pragma once

#include "db/postgres/session.hpp"
#include "db/postgres/settlement_sql.hpp"
#include "domain/model.hpp"

#include <string>
#include <utility>
#include <vector>

namespace paymentd::db::postgres {

inline parameters digests_of(const std::vector<idempotency_key>& keys) {
  return std::move(parameters{}.add_array(element::uuid, keys, &idempotency_key::digest));
}

/// Rows of read_kept or lock_kept; `from_bytes` makes the thing of its bytes. `broken` where one
/// cannot be read.
template <class Kept, class FromBytes>
result<std::vector<Kept>> kept_in(const rows& found, FromBytes from_bytes) {
  std::vector<Kept> kept;
  for (const row_view row : found) {
    auto what = from_bytes(row.text(2));
    if (!what)
      return std::unexpected(error{error_kind::broken,
                                   "database: what is kept for an idempotency key cannot be read"});
    kept.push_back({{row.digest(0), row.integer(1)}, *std::move(what)});
  }
  return kept;
}

/// Adds `kept`, by rising digest, to what the session does next, which is the last that the
/// transaction locks.
template <class Kept>
void add_kept(session& on, const std::vector<Kept>& kept, instant now) {
  if (kept.empty())
    return;
  on.add(sql::add_kept,
         parameters{}
             .add_array(element::uuid, kept, [](const Kept& one) { return one.key.digest; })
             .add_array(element::int8, kept, [](const Kept& one) { return one.key.body; })
             .add_texts(
                 kept, [](const Kept& one) { return to_bytes(one.what); }, element::bytea)
             .add(now));
}

} // namespace paymentd::db::postgres
