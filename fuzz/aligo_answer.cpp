// The body of any of Aligo's answers, to each of the readers, since all of them have the status
// 200.
#include "fuzz/provider_bounds.hpp"
#include "fuzz/target.hpp"

#include "domain/delivery.hpp"
#include "providers/aligo/aligo_outcome.hpp"

#include <spdlog/spdlog.h>

namespace paymentd::fuzz {

int fuzz_aligo_answer(std::string_view bytes) {
  spdlog::set_level(spdlog::level::off);
  for (const int status : {200, 500})
    for (const bool by_condition : {false, true})
      look_at(providers::aligo_call_result(answered_call(), answer_with(status, bytes), "secret",
                                           by_condition),
              status);
  if (const auto calls = providers::aligo_calls(answer_with(200, bytes)); !calls)
    look_at(calls.error());
  const instant asked_to{std::chrono::milliseconds{1763787843021}};
  const auto results =
      providers::aligo_final_results(answer_with(200, bytes), "7", "secret", asked_to);
  if (!results) {
    look_at(results.error());
    return 0;
  }
  expect(results->size() <= 500, "a call has 500 messages at the most");
  for (const providers::final_result& each : *results) {
    expect(each.provider_message_id.starts_with(std::string(1, found_by_id) + "7/"),
           "a result is of a message of the call");
    if (!each.reached)
      look_at(providers::failure{.reason = each.reason});
  }
  return 0;
}

} // namespace paymentd::fuzz
