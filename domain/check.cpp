#include "domain/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace paymentd {

void end_by_failed_check(std::string_view what, const std::source_location& where) {
  std::fprintf(stderr, "paymentd: %s:%u: this must hold and does not: %.*s\n", where.file_name(),
               static_cast<unsigned>(where.line()), static_cast<int>(what.size()), what.data());
  std::abort();
}

} // namespace paymentd
