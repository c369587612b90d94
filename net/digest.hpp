// SHA-256 and HMAC-SHA256, for signed requests and for keys that are kept as their digest, and the
// two ways of writing bytes down. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st; // OpenSSL's EVP_MD_CTX

namespace paymentd::net {

using digest_bytes = std::array<std::uint8_t, 32>;

// Both throw std::runtime_error where OpenSSL cannot, which only want of memory can cause.
digest_bytes sha256(std::string_view text);
digest_bytes hmac_sha256(std::string_view key, std::string_view text);

/// SHA-256 of a text that comes piece by piece. Throws as they do.
class running_sha256 {
 public:
  running_sha256();
  void add(std::string_view piece);
  /// Of all pieces. Nothing may be added or asked any more.
  digest_bytes finish();

 private:
  struct deleter {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, deleter> context_;
};

/// Lower-case, two digits a byte.
std::string hex_text(std::span<const std::uint8_t> bytes);
/// Back from that, for a digest; nothing where `text` is not exactly that.
std::optional<digest_bytes> digest_from_hex(std::string_view text);

/// Base64 with padding (RFC 4648, section 4), and back; nothing where `text` is not exactly that.
std::string base64_text(std::span<const std::uint8_t> bytes);
std::optional<std::string> from_base64(std::string_view text);

/// The same with the letters that need no encoding in a URL, and without padding (section 5).
std::string base64url_text(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

} // namespace paymentd::net
