// The body of any of SENS's answers, to each of the readers.
#include "fuzz/provider_bounds.hpp"
#include "fuzz/target.hpp"

#include "domain/delivery.hpp"
#include "providers/sens/sens_outcome.hpp"

#include <spdlog/spdlog.h>

namespace paymentd::fuzz {

int fuzz_sens_answer(std::string_view bytes) {
  spdlog::set_level(spdlog::level::off);
  for (const int status : {202, 400, 401, 500})
    for (const bool by_condition : {false, true})
      look_at(
          providers::sens_call_result(answered_call(), answer_with(status, bytes), by_condition),
          status);
  const instant asked_to{std::chrono::milliseconds{1763787843021}};
  const auto page = providers::sens_results_page(answer_with(200, bytes), asked_to);
  if (!page) {
    look_at(page.error());
    return 0;
  }
  for (const providers::final_result& each : page->results) {
    expect(each.provider_message_id.starts_with(found_by_id), "a result is of a message");
    if (!each.reached)
      look_at(providers::failure{.reason = each.reason});
  }
  return 0;
}

} // namespace paymentd::fuzz
