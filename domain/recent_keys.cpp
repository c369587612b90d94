#include "domain/recent_keys.hpp"

#include <algorithm>
#include <cstring>

namespace paymentd {

std::size_t recent_keys::hash::operator()(const digest& of) const noexcept {
  std::size_t value = 0; // a digest's bytes are as random as any hash of them
  std::memcpy(&value, of.data(), sizeof value);
  return value;
}

void recent_keys::warn(std::span<const command> commands, snapshot& into) const {
  const auto digest_of = [](const kept_success& of) -> const auto& { return of.key.digest; };
  const std::size_t before = into.kept.size();
  for (const command& asked : commands) {
    if (!asked.key || !std::holds_alternative<pay>(asked.what))
      continue;
    const auto known = bodies_.find(asked.key->digest);
    if (known != bodies_.end() && known->second != asked.key->body)
      into.kept.push_back({{known->first, known->second}, {}});
  }
  if (into.kept.size() == before)
    return;
  std::ranges::sort(into.kept, {}, digest_of);
  const auto repeated = std::ranges::unique(into.kept, {}, digest_of);
  into.kept.erase(repeated.begin(), repeated.end());
}

void recent_keys::learn(std::span<const command> commands, std::span<const outcome> outcomes) {
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const command& asked = commands[i];
    if (!asked.key || !std::holds_alternative<pay>(asked.what) ||
        !std::holds_alternative<order>(outcomes[i]))
      continue;
    if (!bodies_.emplace(asked.key->digest, asked.key->body).second)
      continue;
    by_age_.push_back(asked.key->digest);
    if (by_age_.size() > kept_max) {
      bodies_.erase(by_age_.front());
      by_age_.pop_front();
    }
  }
}

} // namespace paymentd
