#include "providers/kind.hpp"

// Every kind, each declared in its own folder: a new one is a word here.
#define PAYMENTD_PROVIDERS(each) each(log) each(nhn) each(solapi) each(sens) each(aligo)

namespace paymentd::providers {

#define PAYMENTD_DECLARE(name) provider_kind name##_kind();
PAYMENTD_PROVIDERS(PAYMENTD_DECLARE)
#undef PAYMENTD_DECLARE

const std::vector<provider_kind>& provider_kinds() {
#define PAYMENTD_LIST(name) name##_kind(),
  static const std::vector<provider_kind> all{PAYMENTD_PROVIDERS(PAYMENTD_LIST)};
#undef PAYMENTD_LIST
  return all;
}

} // namespace paymentd::providers
