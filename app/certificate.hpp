// The server's certificate, as its files have it. Used by serve.cpp, and by the thread that sees
// that they have changed.
#pragma once

#include "http/tls/certificate.hpp"

#include <expected>
#include <string>

namespace paymentd {

class certificate_loader {
 public:
  /// Empty paths: there is no TLS.
  explicit certificate_loader(http::certificate_files files) : files_(std::move(files)) {}

  const http::certificate_files& files() const { return files_; }
  /// Null where there is no TLS.
  const http::certificate_holder* holder() const {
    return files_.certificate.empty() ? nullptr : &holder_;
  }

  /// Reads the files for the first time; the error is one line that names the file.
  std::expected<void, std::string> load();
  /// Reads them again. Files that do not belong together, or are broken, stay out of force: the log
  /// says so once, and the certificate before them stays. One thread at a time.
  void reload();

 private:
  http::certificate_files files_;
  http::certificate_holder holder_;
  std::string fault_; // of the last reading; empty: none
};

} // namespace paymentd
