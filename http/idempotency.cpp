#include "http/idempotency.hpp"

#include "http/ascii.hpp"
#include "net/digest.hpp"

#include <algorithm>
#include <cstring>

namespace paymentd::http {

bool unquote_key(std::string& key) {
  if (key.starts_with('"')) {
    if (key.size() < 2 || !key.ends_with('"'))
      return false;
    std::string bare;
    for (std::size_t at = 1; at + 1 < key.size(); ++at) {
      if (key[at] == '"')
        return false;
      if (key[at] == '\\' && (++at + 1 >= key.size() || (key[at] != '"' && key[at] != '\\')))
        return false;
      bare += key[at];
    }
    key = std::move(bare);
  }
  return valid_key(key);
}

bool valid_key(std::string_view key) {
  return !key.empty() && key.size() <= idempotency_key_max && is_visible(key);
}

idempotency_key digest_key(const keyed_request& of) {
  std::string scoped;
  scoped.reserve(of.api_key.size() + of.method.size() + of.path.size() + of.key.size() + 3);
  // None of these parts holds a 0, and the key stands last (that of a bulk may hold one), so
  // that no two requests make the same text.
  for (const std::string_view part : {of.api_key, of.method, of.path})
    scoped.append(part).push_back('\0');
  scoped.append(of.key);
  const net::digest_bytes whole = net::sha256(scoped);
  const net::digest_bytes body = net::sha256(of.body);
  idempotency_key made;
  std::copy_n(whole.begin(), made.digest.size(), made.digest.begin());
  std::memcpy(&made.body, body.data(), sizeof made.body);
  return made;
}

} // namespace paymentd::http
