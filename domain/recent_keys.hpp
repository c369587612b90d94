// The keys of the newest payments of a store. A payment's key is found in its order; this finds it
// when it comes again with another order, as far as it remembers. Bounded; one thread.
#pragma once

#include "domain/decide.hpp"

#include <deque>
#include <unordered_map>

namespace paymentd {

class recent_keys {
 public:
  static constexpr std::size_t kept_max = 65'536;

  /// Adds to `into.kept` those of the commands' keys that came with another body before.
  void warn(std::span<const command> commands, snapshot& into) const;
  /// Remembers the keys of the payments that were made; `outcomes` are those of the commands.
  void learn(std::span<const command> commands, std::span<const outcome> outcomes);

 private:
  using digest = decltype(idempotency_key::digest);
  struct hash {
    std::size_t operator()(const digest& of) const noexcept;
  };
  std::unordered_map<digest, std::int64_t, hash> bodies_;
  std::deque<digest> by_age_;
};

} // namespace paymentd
