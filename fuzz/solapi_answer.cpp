// The body of any of Solapi's answers, to each of the readers.
#include "fuzz/provider_bounds.hpp"
#include "fuzz/target.hpp"

#include "providers/solapi/solapi_outcome.hpp"

#include <spdlog/spdlog.h>

namespace paymentd::fuzz {

int fuzz_solapi_answer(std::string_view bytes) {
  spdlog::set_level(spdlog::level::off);
  for (const int status : {200, 400, 500})
    look_at(providers::solapi_call_result(answered_call(), answer_with(status, bytes)), status);
  const instant asked_to{std::chrono::milliseconds{1763787843021}};
  const auto page = providers::solapi_results_page(answer_with(200, bytes), asked_to);
  if (!page) {
    look_at(page.error());
    return 0;
  }
  for (const providers::final_result& each : page->results) {
    expect(!each.delivery_id.empty(), "a result is of a delivery");
    if (!each.reached)
      look_at(providers::failure{.reason = each.reason});
  }
  return 0;
}

} // namespace paymentd::fuzz
