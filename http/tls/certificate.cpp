#include "http/tls/certificate.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <string_view>

namespace paymentd::http {

namespace {

constexpr std::string_view spoken = "\x08http/1.1"; // as ALPN writes a list: each behind its length

/// The first reason of OpenSSL's queue, which it empties.
std::string reason() {
  const char* const text = ::ERR_reason_error_string(::ERR_peek_error());
  ::ERR_clear_error();
  return text != nullptr ? text : "OpenSSL gives no reason";
}

std::unexpected<std::string> fault(const std::filesystem::path& file, const std::string& what) {
  return std::unexpected(file.string() + ": " + what);
}

/// A client that names protocols and not ours is told so, rather than left to guess (RFC
/// 7301, 3.2).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*) {
  unsigned char* chosen = nullptr;
  const auto* const ours = reinterpret_cast<const unsigned char*>(spoken.data());
  if (::SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned>(spoken.size()), in,
                              in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// A key with a passphrase would have the server ask for it on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

} // namespace

std::expected<tls_settings, std::string> load_certificate(const certificate_files& from) {
  ::ERR_clear_error();
  const tls_settings made{::SSL_CTX_new(::TLS_server_method()), &::SSL_CTX_free};
  if (!made)
    return std::unexpected("TLS cannot be set up: " + reason());
  SSL_CTX* const to = made.get();
  ::SSL_CTX_set_min_proto_version(to, TLS1_2_VERSION);
  ::SSL_CTX_set_options(to, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection keeps no buffers, and a write may go on from a string that has moved.
  ::SSL_CTX_set_mode(to, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_alpn_select_cb(to, choose_protocol, nullptr);
  ::SSL_CTX_set_default_passwd_cb(to, no_passphrase);
  const auto chain = from.certificate.string();
  const auto key = from.private_key.string();
  if (::SSL_CTX_use_certificate_chain_file(to, chain.c_str()) != 1)
    return fault(from.certificate, "is no certificate in PEM: " + reason());
  if (::SSL_CTX_use_PrivateKey_file(to, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fault(from.private_key, "is no private key in PEM without a passphrase: " + reason());
  if (::SSL_CTX_check_private_key(to) != 1)
    return fault(from.private_key, "does not belong to the certificate: " + reason());
  return made;
}

bool same_certificate(const tls_settings& one, const tls_settings& other) {
  if (::X509_cmp(::SSL_CTX_get0_certificate(one.get()), ::SSL_CTX_get0_certificate(other.get())) !=
      0)
    return false;
  STACK_OF(X509)* signers = nullptr;
  STACK_OF(X509)* other_signers = nullptr;
  SSL_CTX_get0_chain_certs(one.get(), &signers);
  SSL_CTX_get0_chain_certs(other.get(), &other_signers);
  if (sk_X509_num(signers) != sk_X509_num(other_signers))
    return false;
  for (int at = 0; at < sk_X509_num(signers); ++at)
    if (::X509_cmp(sk_X509_value(signers, at), sk_X509_value(other_signers, at)) != 0)
      return false;
  return true;
}

int days_left(const tls_settings& of) {
  const X509* const certificate = ::SSL_CTX_get0_certificate(of.get());
  int days = 0;
  int seconds = 0;
  // From now (a null pointer) to its end.
  if (certificate == nullptr ||
      ::ASN1_TIME_diff(&days, &seconds, nullptr, ::X509_get0_notAfter(certificate)) != 1)
    return 0;
  return seconds < 0 ? days - 1 : days;
}

} // namespace paymentd::http
