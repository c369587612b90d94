#include "net/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <stdexcept>

namespace paymentd::net {

digest_bytes sha256(std::string_view text) {
  digest_bytes bytes{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha256(), nullptr) != 1 ||
      size != bytes.size())
    throw std::runtime_error("SHA-256 failed");
  return bytes;
}

digest_bytes hmac_sha256(std::string_view key, std::string_view text) {
  digest_bytes bytes{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(),
           &size) == nullptr ||
      size != bytes.size())
    throw std::runtime_error("HMAC-SHA256 failed");
  return bytes;
}

running_sha256::running_sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 failed");
}

void running_sha256::deleter::operator()(evp_md_ctx_st* context) const noexcept {
  EVP_MD_CTX_free(context);
}

void running_sha256::add(std::string_view piece) {
  if (EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) != 1)
    throw std::runtime_error("SHA-256 failed");
}

digest_bytes running_sha256::finish() {
  digest_bytes bytes{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_.get(), bytes.data(), &size) != 1 || size != bytes.size())
    throw std::runtime_error("SHA-256 failed");
  return bytes;
}

std::string hex_text(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(hex[byte >> 4]);
    text.push_back(hex[byte & 15]);
  }
  return text;
}

std::optional<digest_bytes> digest_from_hex(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  digest_bytes bytes{};
  if (text.size() != bytes.size() * 2)
    return std::nullopt;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto high = hex.find(text[2 * at]);
    const auto low = hex.find(text[2 * at + 1]);
    if (high == hex.npos || low == hex.npos)
      return std::nullopt;
    bytes[at] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

std::string base64_text(std::span<const std::uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // and the 0 that OpenSSL puts behind it
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0)
    return std::nullopt;
  for (std::string_view rest = text; rest.ends_with('=') && !bytes.empty(); rest.remove_suffix(1))
    bytes.pop_back();
  // OpenSSL passes over white space and odd padding: only what it would have written counts.
  if (base64_text({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}) != text)
    return std::nullopt;
  return bytes;
}

std::string base64url_text(std::string_view bytes) {
  std::string text =
      base64_text({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  text.erase(std::min(text.find('='), text.size()));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != text.npos)
    return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  return from_base64(padded);
}

} // namespace paymentd::net
