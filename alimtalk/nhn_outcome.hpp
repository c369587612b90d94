// What NHN's answers mean for delivery: every way that a request can end, in the port's classes of
// failure. Pure functions; any thread.
#pragma once

#include "alimtalk/http_client.hpp"
#include "alimtalk/provider.hpp"

#include <map>

namespace paymentd::alimtalk {

/// What became of a send.
call_result nhn_call_result(const call& what, http_result answer);

/// One page of a search by grouping key.
struct nhn_page {
  std::map<std::string, std::string, std::less<>> ids; // message ids by recipient grouping key
  std::size_t listed = 0;                              // messages on the page
  std::optional<std::uint64_t> total;                  // messages on all pages
};

/// A search changes nothing, so none of its failures is `unknown`: it can just be made again.
std::expected<nhn_page, failure> nhn_search_page(http_result answer);

/// One page of final results by the time at which they became known; `asked_to` stands for times
/// that NHN does not tell. A message that may still arrive is not in it.
struct nhn_final_page {
  std::vector<final_result> results;
  std::size_t listed = 0;             // messages on the page
  std::optional<std::uint64_t> total; // messages on all pages
};
std::expected<nhn_final_page, failure> nhn_results_page(http_result answer, instant asked_to);

} // namespace paymentd::alimtalk
