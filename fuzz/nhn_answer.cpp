// The body of any of NHN's answers, to each of the readers, since an API in disorder mixes them up.
#include "fuzz/provider_bounds.hpp"
#include "fuzz/target.hpp"

#include "providers/nhn/nhn_outcome.hpp"

#include <spdlog/spdlog.h>

namespace paymentd::fuzz {

int fuzz_nhn_answer(std::string_view bytes) {
  spdlog::set_level(spdlog::level::off);
  for (const int status : {200, 400, 500})
    for (const bool given : {false, true})
      look_at(providers::nhn_call_result(answered_call(), answer_with(status, bytes),
                                         {.falls_back = given, .by_condition = given}),
              status);
  if (const auto page = providers::nhn_search_page(answer_with(200, bytes)); !page)
    look_at(page.error());
  else
    expect(page->found.size() <= page->listed, "no more is found than is listed");
  if (const auto page = providers::nhn_news_page(answer_with(200, bytes)); !page)
    look_at(page.error());
  if (const auto count = providers::nhn_news_count(answer_with(200, bytes)); !count)
    look_at(count.error());
  const instant asked_to{std::chrono::milliseconds{1763787843021}};
  if (const auto page = providers::nhn_final_results(answer_with(200, bytes), asked_to); !page)
    look_at(page.error());
  else
    for (const auto& [message, result] : page->results)
      if (!result.reached)
        look_at(providers::failure{.reason = result.reason});
  return 0;
}

} // namespace paymentd::fuzz
