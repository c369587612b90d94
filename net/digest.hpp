// SHA-256 and HMAC-SHA256, for signed requests and for keys that are kept as their digest, and the
// two ways of writing bytes down. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace paymentd::net {

using digest_bytes = std::array<std::uint8_t, 32>;

// Both throw std::runtime_error where OpenSSL cannot, which only want of memory can cause.
digest_bytes sha256(std::string_view text);
digest_bytes hmac_sha256(std::string_view key, std::string_view text);

/// Lower-case, two digits a byte.
std::string hex_text(std::span<const std::uint8_t> bytes);
/// Back from that, for a digest; nothing where `text` is not exactly that.
std::optional<digest_bytes> digest_from_hex(std::string_view text);

/// Base64 with padding (RFC 4648, section 4), and back; nothing where `text` is not exactly that.
std::string base64_text(std::span<const std::uint8_t> bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace paymentd::net
