// The file of API keys, as an operator or an accident may have left it.
#include "fuzz/target.hpp"

#include "config/values.hpp"
#include "domain/utf8.hpp"
#include "http/keys/key_file.hpp"

namespace paymentd::fuzz {

int fuzz_key_file(std::string_view bytes) {
  const auto keys = http::parse_keys(bytes);
  if (!keys) {
    expect(!keys.error().empty() && keys.error().find('\n') == std::string::npos &&
               is_utf8(keys.error()),
           "an error is one line");
    return 0;
  }
  for (const http::api_key& each : *keys)
    expect(http::valid_key_name(each.name) && !each.scopes.empty() && each.rate >= 0 &&
               each.rate <= http::key_rate_max,
           "a key that is taken is within its bounds");
  const auto again = http::parse_keys(http::keys_text(*keys));
  expect(again && *again == *keys, "keys that are written anew are the same");
  return 0;
}

} // namespace paymentd::fuzz
