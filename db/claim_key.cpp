#include "db/claim_key.hpp"

#include <charconv>

namespace paymentd::db {
namespace {

void append(std::string& to, std::int64_t number, int base) {
  char digits[24];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

} // namespace

std::string claim_key(std::string_view instance, claim_id id, int generation, instant since) {
  constexpr int shortest_base = 36;
  std::string key(instance);
  append(key += '-', since.time_since_epoch().count(), shortest_base);
  append(key += '-', id.value, 10);
  append(key += '.', generation, 10);
  return key;
}

claim make_claim(std::string_view instance, claim_id id, int generation, instant since,
                 std::vector<message> messages, std::string provider) {
  return {.id = id,
          .generation = generation,
          .key = claim_key(instance, id, generation, since),
          .since = since,
          .messages = std::move(messages),
          .provider = std::move(provider)};
}

} // namespace paymentd::db
