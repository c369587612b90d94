#include "providers/aligo/aligo_results.hpp"

#include "providers/aligo/aligo_outcome.hpp"
#include "providers/message.hpp"
#include "templates/korean_text.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

namespace paymentd::providers {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::chrono::minutes, 3> looks{0min, 10min, 60min}; // after a call's own time
constexpr std::size_t page_size = 500;     // the most that Aligo gives
constexpr std::size_t pages_max = 200;     // of one look
constexpr std::size_t results_max = 1'000; // of a page of the port
constexpr std::size_t messages_max = 500;  // of a call

/// Which look, which page of its list, and how many of that page's calls were looked at.
struct place_in_list {
  std::size_t look = 0;
  std::size_t page = 1;
  std::size_t seen = 0;
};

/// "1/2/300"
std::string to_cursor(const place_in_list& place) {
  return std::to_string(place.look) + "/" + std::to_string(place.page) + "/" +
         std::to_string(place.seen);
}

place_in_list read_cursor(std::string_view cursor) {
  place_in_list place;
  const char* at = cursor.data();
  const char* const end = at + cursor.size();
  for (std::size_t* const part : {&place.look, &place.page, &place.seen}) {
    at = std::from_chars(at, end, *part).ptr;
    at += at != end ? 1 : 0;
  }
  return place;
}

/// "20261122", in Korea.
std::string day_text(instant at) {
  static const templates::time_pattern day = *templates::time_pattern::parse("yyyyMMdd");
  std::string text;
  day.append_to(text, at);
  return text;
}

/// One page on its way. It lives in the functions that wait for answers.
class reading : public std::enable_shared_from_this<reading> {
 public:
  reading(aligo_post post, const aligo_account& account, std::chrono::milliseconds patience,
          results_query what, std::function<void(results_answer)> done)
      : post_(std::move(post)), account_(account), what_(std::move(what)), done_(std::move(done)),
        until_(std::chrono::steady_clock::now() + patience), at_(read_cursor(what_.cursor)) {}

  void next_list() {
    if (at_.look >= looks.size())
      return finish(false);
    const instant from = what_.from - looks[at_.look];
    const instant to = what_.to - looks[at_.look];
    post_("/akv10/history/list/",
          aligo_list_body(account_, day_text(from), day_text(to), at_.page, page_size),
          [self = shared_from_this(), from, to](net::http_result answer) {
            self->on_list(std::move(answer), from, to);
          });
  }

 private:
  void on_list(net::http_result answer, instant from, instant to) {
    auto list = aligo_calls(answer);
    if (!list)
      return done_(std::unexpected(std::move(list).error()));
    mids_.clear();
    bool older = false; // than anything that is looked for
    for (aligo_listed_call& each : list->calls) {
      const auto at = parse_korea_time(each.requested_at);
      older |= at && *at < from;
      // Times are told without parts of a second. A call without a time is looked at.
      const bool in_span = !at || (*at > from - 1s && *at <= to);
      if (in_span && !each.mid.empty() && (each.type.empty() || each.type == "AT"))
        mids_.push_back(std::move(each.mid));
    }
    is_last_ = older || list->calls.empty() || at_.page >= list->pages || at_.page >= pages_max;
    if (at_.page >= pages_max && !older)
      spdlog::warn("Aligo lists too many calls for one day, the rest is passed by");
    next_call();
  }

  void next_call() {
    if (at_.seen >= mids_.size()) {
      at_ = is_last_ ? place_in_list{.look = at_.look + 1}
                     : place_in_list{.look = at_.look, .page = at_.page + 1};
      goes_on_ = true;
      return at_.look < looks.size() && is_late() ? finish(true) : next_list();
    }
    if (page_.results.size() + messages_max > results_max || (goes_on_ && is_late()))
      return finish(true);
    const std::string& mid = mids_[at_.seen];
    post_("/akv10/history/detail/", aligo_detail_body(account_, mid, messages_max),
          [self = shared_from_this()](net::http_result answer) {
            self->on_messages(std::move(answer));
          });
  }

  void on_messages(net::http_result answer) {
    auto results = aligo_final_results(answer, mids_[at_.seen], account_.api_key, what_.to);
    if (!results)
      return done_(std::unexpected(std::move(results).error()));
    for (final_result& each : *results)
      page_.results.push_back(std::move(each));
    ++at_.seen;
    goes_on_ = true;
    next_call();
  }

  bool is_late() const { return std::chrono::steady_clock::now() >= until_; }

  void finish(bool goes_on) {
    if (goes_on)
      page_.next = to_cursor(at_);
    done_(std::move(page_));
  }

  const aligo_post post_;
  const aligo_account account_;
  const results_query what_;
  const std::function<void(results_answer)> done_;
  const std::chrono::steady_clock::time_point until_;
  place_in_list at_;
  std::vector<std::string> mids_; // of the page of the list that are looked at
  bool is_last_ = false;          // page of this look
  bool goes_on_ = false;          // the place has moved, so the next page is no repeat of this one
  results_page page_;
};

} // namespace

void read_aligo_results(aligo_post post, const aligo_account& account,
                        std::chrono::milliseconds patience, results_query what,
                        std::function<void(results_answer)> done) {
  std::make_shared<reading>(std::move(post), account, patience, std::move(what), std::move(done))
      ->next_list();
}

} // namespace paymentd::providers
