// A success as a store keeps it, as another release or a damaged database may have left it.
#include "fuzz/target.hpp"

#include "domain/success_bytes.hpp"
#include "http/json_text.hpp"

#include <nlohmann/json.hpp>

namespace paymentd::fuzz {

int fuzz_success_bytes(std::string_view bytes) {
  const auto kept = success_from_bytes(bytes);
  if (!kept)
    return 0;
  const auto again = success_from_bytes(to_bytes(*kept));
  expect(again && *again == *kept, "a success that is kept anew is the same");
  std::string text;
  std::visit([&](const auto& thing) { http::append_json(text, thing); }, *kept);
  expect(nlohmann::json::accept(text), "a success that was kept can be answered again");
  return 0;
}

} // namespace paymentd::fuzz
