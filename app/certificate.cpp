#include "app/certificate.hpp"

#include <spdlog/spdlog.h>

namespace paymentd {
namespace {

/// A certificate that ends within so many days should have been renewed by now.
constexpr int days_left_min = 14;

void say_when_it_ends(const http::tls_settings& of) {
  const int days = http::days_left(of);
  if (days < 0)
    spdlog::warn("http.tls_certificate has ended: clients will refuse it");
  else if (days < days_left_min)
    spdlog::warn("http.tls_certificate ends in {} days", days);
}

} // namespace

std::expected<void, std::string> certificate_loader::load() {
  if (files_.certificate.empty())
    return {};
  auto loaded = http::load_certificate(files_);
  if (!loaded)
    return std::unexpected(loaded.error());
  say_when_it_ends(*loaded);
  holder_.put(*std::move(loaded));
  return {};
}

void certificate_loader::reload() {
  auto loaded = http::load_certificate(files_);
  if (!loaded) {
    if (loaded.error() != fault_)
      spdlog::error("the certificate stays as it was: {}", loaded.error());
    fault_ = loaded.error();
    return;
  }
  if (fault_.empty() && http::same_certificate(*loaded, holder_.present()))
    return;
  fault_.clear();
  spdlog::info("the certificate was read anew: it is good for {} days", http::days_left(*loaded));
  say_when_it_ends(*loaded);
  holder_.put(*std::move(loaded));
}

} // namespace paymentd
