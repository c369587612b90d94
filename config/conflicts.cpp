#include "config/registry.hpp"

namespace paymentd::config {

std::vector<conflict> conflicts(const settings& of) {
  std::vector<conflict> found;
  const auto& backoff = of.notification.backoff;
  if (!is_loopback(of.http.listen))
    found.push_back({{"http.listen"},
                     "must be a loopback address (127.0.0.1 or [::1]), not " +
                         toml_text(to_string(of.http.listen)) +
                         ": other addresses need API keys, which are not supported yet"});
  if (of.http.listen == of.admin.listen && of.admin.listen.port != 0)
    found.push_back({{"admin.listen", "http.listen"}, "must not be the same as http.listen"});
  if (of.database.max_batch > of.database.max_pending)
    found.push_back({{"database.max_batch", "database.max_pending"},
                     "must be at most database.max_pending, " +
                         std::to_string(of.database.max_pending) + ", not " +
                         std::to_string(of.database.max_batch)});
  if (backoff.min > backoff.max)
    found.push_back({{"notification.backoff_min", "notification.backoff_max"},
                     "must be at most notification.backoff_max, " + to_string(backoff.max) +
                         ", not " + to_string(backoff.min)});
  if (of.alimtalk.provider == alimtalk_provider::nhn) {
    const auto need = [&](std::string key, bool empty) {
      if (empty)
        found.push_back({{std::move(key), "alimtalk.provider"},
                         "must be given, because alimtalk.provider is nhn"});
    };
    need("alimtalk.app_key", of.alimtalk.app_key.empty());
    need("alimtalk.secret_key", of.alimtalk.secret_key.empty());
    need("alimtalk.sender_key", of.alimtalk.sender_key.empty());
    need("alimtalk.template_code", of.alimtalk.template_code.empty());
  }
  return found;
}

} // namespace paymentd::config
