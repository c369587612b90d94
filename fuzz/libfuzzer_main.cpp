// One program a target: libFuzzer's entrance, which ends the process where a property is broken.
#include "fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  return paymentd::fuzz::PAYMENTD_FUZZ_FUNCTION({reinterpret_cast<const char*>(bytes), size});
}
