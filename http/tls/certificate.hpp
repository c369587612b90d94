// The certificate that clients are shown: read from files, and exchanged while the server runs. The
// thread that reads the files puts a new one in; each new connection takes the present one.
#pragma once

#include <openssl/ssl.h>

#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace paymentd::http {

/// The settings of TLS that connections are made with, and share; any thread.
using tls_settings = std::shared_ptr<SSL_CTX>;

struct certificate_files {
  std::filesystem::path certificate; // PEM: the server's own first, then those that signed it
  std::filesystem::path private_key; // PEM, without a passphrase; belongs to the certificate
};

/// Settings for TLS 1.2 and 1.3 that speak HTTP/1.1 alone (by ALPN). The error is one line that
/// names the file and what is wrong with it.
std::expected<tls_settings, std::string> load_certificate(const certificate_files& from);

/// Whether both show the same certificate and the same signers of it.
bool same_certificate(const tls_settings& one, const tls_settings& other);

/// Days until the certificate ends; below 0 where it has.
int days_left(const tls_settings& of);

class certificate_holder {
 public:
  void put(tls_settings next) {
    const std::lock_guard lock{guard_};
    present_ = std::move(next);
  }
  tls_settings present() const {
    const std::lock_guard lock{guard_};
    return present_;
  }

 private:
  mutable std::mutex guard_;
  tls_settings present_;
};

} // namespace paymentd::http
