// HMAC-SHA256 and the two ways of writing its bytes down, for the APIs that want requests signed.
// Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace paymentd::net {

using hmac_bytes = std::array<std::uint8_t, 32>;

/// Throws std::runtime_error where OpenSSL cannot, which only want of memory can cause.
hmac_bytes hmac_sha256(std::string_view key, std::string_view text);

/// Lower-case, two digits a byte.
std::string hex_text(std::span<const std::uint8_t> bytes);

/// Base64 with padding (RFC 4648, section 4), and back; nothing where `text` is not exactly that.
std::string base64_text(std::span<const std::uint8_t> bytes);
std::optional<std::string> from_base64(std::string_view text);

} // namespace paymentd::net
