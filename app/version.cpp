#include "app/version.hpp"

// The commit is given to this file alone, so that a new one compiles no other.
namespace paymentd {

std::string release_number() {
  return PAYMENTD_VERSION;
}

std::string version_text() {
  return PAYMENTD_VERSION " (commit " PAYMENTD_COMMIT ")";
}

} // namespace paymentd
