#include "providers/webhook/signature.hpp"

#include "net/digest.hpp"

#include <optional>

namespace paymentd::webhooks {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t key_bytes_min = 24; // the bounds of the specification
constexpr std::size_t key_bytes_max = 64;

} // namespace

std::expected<std::string, std::string> key_of(std::string_view secret) {
  if (!secret.starts_with(secret_prefix))
    return std::unexpected("must begin with whsec_");
  std::optional<std::string> key = net::from_base64(secret.substr(secret_prefix.size()));
  if (!key || key->size() < key_bytes_min || key->size() > key_bytes_max)
    return std::unexpected("must be 24 to 64 bytes in base64 after whsec_");
  return *std::move(key);
}

std::string signature(const std::vector<std::string>& keys, std::string_view id,
                      std::chrono::sys_seconds at, std::string_view body) {
  std::string content(id);
  content.append(".").append(std::to_string(at.time_since_epoch().count())).append(".");
  content.append(body);
  std::string all;
  for (const std::string& key : keys) {
    all.append(all.empty() ? "v1," : " v1,");
    all.append(net::base64_text(net::hmac_sha256(key, content)));
  }
  return all;
}

} // namespace paymentd::webhooks
