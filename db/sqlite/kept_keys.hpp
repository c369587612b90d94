// Idempotency keys and what is kept for them: used by settlement and by retries, each inside the
// caller's write transaction, on the one connection that writes.
#pragma once

#include "db/sqlite/connection.hpp"
#include "domain/model.hpp"

#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace paymentd::db::sqlite {

/// The digest, as the database has it. Valid as long as `key`.
blob as_blob(const idempotency_key& key);

class kept_keys {
 public:
  explicit kept_keys(connection& on);

  /// A key that is kept, with the body that it first came with, and the thing that `from_bytes`
  /// reads in its bytes. Throws where they cannot be read.
  template <class Kept, class FromBytes>
  std::optional<Kept> find(const idempotency_key& key, FromBytes from_bytes) {
    auto row = get_.query(as_blob(key));
    if (!row.next())
      return std::nullopt;
    auto what = from_bytes(row.text(1));
    if (!what)
      throw std::runtime_error("what is kept for an idempotency key cannot be read");
    return Kept{{key.digest, row.integer(0)}, *std::move(what)};
  }
  /// Precondition: the key is not there.
  void add(const idempotency_key& key, std::string_view bytes, instant now);
  /// At most `most` keys from before `before`; gives how many.
  std::int64_t forget(instant before, std::int64_t most) { return forget_.run(before, most); }

 private:
  statement get_;
  statement add_;
  statement forget_;
};

} // namespace paymentd::db::sqlite
