#include "providers/nhn/nhn_results.hpp"

#include "net/origin.hpp"
#include "providers/message.hpp"
#include "providers/nhn/nhn_outcome.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <memory>
#include <optional>
#include <set>

namespace paymentd::providers {
namespace {

// A page of news, or of a call's messages, which come with their whole text.
constexpr std::size_t page_size = 250;
// Of one call, which has 1,000 messages at the most.
constexpr std::size_t call_pages_max = 8;
constexpr int searches_at_once = 4;

/// Which page of the news comes next, and how many messages all of them had at the first page.
struct place_in_list {
  std::size_t page = 1;
  std::optional<std::uint64_t> total = std::nullopt;
};

/// "2/300"
std::string to_cursor(const place_in_list& place) {
  return std::to_string(place.page) + "/" + std::to_string(place.total.value_or(0));
}

place_in_list read_cursor(std::string_view cursor) {
  place_in_list place;
  const char* const end = cursor.data() + cursor.size();
  const char* const after = std::from_chars(cursor.data(), end, place.page).ptr;
  if (after != end)
    std::from_chars(after + 1, end, place.total.emplace());
  return place;
}

std::string paging(std::size_t page) {
  return "&pageNum=" + std::to_string(page) + "&pageSize=" + std::to_string(page_size);
}

/// One page on its way. It lives in the functions that wait for answers.
class reading : public std::enable_shared_from_this<reading> {
 public:
  reading(nhn_get get, results_query what, std::function<void(results_answer)> done)
      : get_(std::move(get)), what_(std::move(what)), done_(std::move(done)),
        at_(read_cursor(what_.cursor)),
        span_("?startUpdateDate=" + net::percent_encoded(korea_time_text(what_.from)) +
              "&endUpdateDate=" +
              net::percent_encoded(korea_time_text(what_.to + std::chrono::minutes{1}))) {}

  void begin() {
    get_(
        "/message-results" + span_ + paging(at_.page),
        [self = shared_from_this()](net::http_result answer) { self->on_news(std::move(answer)); });
  }

 private:
  struct search {
    std::string request_id;
    std::size_t page = 1;
  };

  void on_news(net::http_result answer) {
    auto news = nhn_news_page(std::move(answer));
    if (!news)
      return fail(std::move(news).error());
    is_full_ = news->size() >= page_size;
    wanted_ = {std::make_move_iterator(news->begin()), std::make_move_iterator(news->end())};
    for (const nhn_news& each : wanted_)
      if (!each.request_id.empty() &&
          (to_search_.empty() || to_search_.back().request_id != each.request_id))
        to_search_.push_back({.request_id = each.request_id});
    if (!is_full_ && at_.page == 1)
      return search_more();
    get_("/message-results/count" + span_, [self = shared_from_this()](net::http_result counted) {
      self->on_count(std::move(counted));
    });
  }

  void on_count(net::http_result answer) {
    const auto total = nhn_news_count(std::move(answer));
    if (!total)
      return fail(total.error());
    // A message that left or joined the list has moved the others from page to page.
    if (at_.total.value_or(*total) != *total)
      return fail({.kind = failure_class::outage,
                   .reason = "NHN's list of results changed while it was read"});
    at_.total = *total;
    search_more();
  }

  void search_more() {
    while (!over_ && open_ < searches_at_once && !to_search_.empty()) {
      search next = std::move(to_search_.front());
      to_search_.pop_front();
      ++open_;
      std::string target =
          "/messages?requestId=" + net::percent_encoded(next.request_id) + paging(next.page);
      get_(std::move(target),
           [self = shared_from_this(), next = std::move(next)](net::http_result answer) mutable {
             self->on_messages(std::move(next), std::move(answer));
           });
    }
    if (open_ == 0 && !over_)
      finish();
  }

  void on_messages(search asked, net::http_result answer) {
    --open_;
    if (over_)
      return;
    auto page = nhn_final_results(std::move(answer), what_.to);
    if (!page)
      return fail(std::move(page).error());
    for (auto& [which, result] : page->results)
      if (wanted_.contains(which))
        page_.results.push_back(std::move(result));
    const bool last =
        page->total ? asked.page * page_size >= *page->total : page->listed < page_size;
    if (!last && page->listed > 0 && asked.page < call_pages_max)
      to_search_.push_front({.request_id = std::move(asked.request_id), .page = asked.page + 1});
    search_more();
  }

  void finish() {
    over_ = true; // nothing comes behind it
    if (is_full_ && at_.page * page_size < at_.total.value_or(0))
      page_.next = to_cursor({.page = at_.page + 1, .total = at_.total});
    done_(std::move(page_));
  }

  void fail(failure why) {
    over_ = true;
    done_(std::unexpected(std::move(why)));
  }

  const nhn_get get_;
  const results_query what_;
  const std::function<void(results_answer)> done_;
  place_in_list at_;
  const std::string span_; // of times, as the queries have it
  bool is_full_ = false;
  std::set<nhn_news> wanted_;
  std::deque<search> to_search_;
  int open_ = 0;
  bool over_ = false; // `done_` was called
  results_page page_;
};

} // namespace

void read_nhn_results(nhn_get get, results_query what, std::function<void(results_answer)> done) {
  std::make_shared<reading>(std::move(get), std::move(what), std::move(done))->begin();
}

} // namespace paymentd::providers
