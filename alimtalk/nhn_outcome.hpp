// What NHN's answers mean for delivery: every way that a request can end, in the port's classes of
// failure. Pure functions; any thread.
#pragma once

#include "alimtalk/http_client.hpp"
#include "alimtalk/provider.hpp"

#include <map>

namespace paymentd::alimtalk {

/// What became of a send. `falls_back`: it asked for an SMS where the AlimTalk is refused, so some
/// refusals mean that the SMS went.
call_result nhn_call_result(const call& what, http_result answer, bool falls_back = false);

/// A message of a search. Its number tells it from another one that bears the same key, as after a
/// restored backup.
struct nhn_found {
  std::string phone; // empty: not listed
  found_message message;
};
/// One page of a search by grouping key.
struct nhn_page {
  std::map<std::string, nhn_found, std::less<>> found; // by recipient grouping key
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
