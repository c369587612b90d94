// The answer to an event that was published, whoever gave it.
#include "fuzz/provider_bounds.hpp"
#include "fuzz/target.hpp"

#include "providers/nats/puback.hpp"

namespace paymentd::fuzz {

int fuzz_nats_answer(std::string_view bytes) {
  const providers::call_result result = nats::puback_result(bytes, "PAYMENTD");
  if (!result) {
    look_at(result.error());
    return 0;
  }
  expect(result->size() == 1 && result->front(), "an answer accepts its one event");
  expect(result->front()->provider_message_id.starts_with("PAYMENTD:"),
         "only the stream that was asked for accepts");
  return 0;
}

} // namespace paymentd::fuzz
