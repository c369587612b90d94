// The meaning of NHN's answers for delivery: every way that a request can end, in the port's
// classes of failure. Pure functions; any thread.
#pragma once

#include "net/http_client.hpp"
#include "providers/provider.hpp"

#include <map>

namespace paymentd::providers {

/// Facts of a request by which its answer is judged.
struct nhn_said_with {
  bool falls_back = false; // it asked for an SMS where the AlimTalk is refused: some refusals mean
                           // that the SMS went
  bool by_condition = false; // its template is not the provider's own, but one for some messages
};

/// The result of a send, all of whose messages go by one template. Where a template that is for
/// some messages is refused, they are tried again, and others go on; the provider's own is an
/// outage.
call_result nhn_call_result(const call& what, net::http_result answer, nhn_said_with with = {});

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
std::expected<nhn_page, failure> nhn_search_page(net::http_result answer);

/// A message of which something became known: its call's requestId, and its place in the call.
struct nhn_news {
  std::string request_id;
  std::int64_t seq = 0;
  friend auto operator<=>(const nhn_news&, const nhn_news&) = default;
};
/// One page of `message-results`, which names messages by nothing else.
std::expected<std::vector<nhn_news>, failure> nhn_news_page(net::http_result answer);
/// How many such messages there are on all pages.
std::expected<std::uint64_t, failure> nhn_news_count(net::http_result answer);

/// One page of a search by requestId: what finally became of those messages that may not change any
/// more; `asked_to` stands for times that NHN does not tell.
struct nhn_final_page {
  std::vector<std::pair<nhn_news, final_result>> results;
  std::size_t listed = 0;             // messages on the page
  std::optional<std::uint64_t> total; // messages on all pages
};
std::expected<nhn_final_page, failure> nhn_final_results(net::http_result answer, instant asked_to);

} // namespace paymentd::providers
