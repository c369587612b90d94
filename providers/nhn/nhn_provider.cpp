#include "providers/nhn/nhn_provider.hpp"

#include "net/origin.hpp"
#include "providers/nhn/nhn_json.hpp"
#include "providers/nhn/nhn_outcome.hpp"
#include "providers/nhn/nhn_results.hpp"
#include "providers/per_template_provider.hpp"

#include <algorithm>

namespace paymentd::providers {
namespace {

constexpr std::chrono::minutes nhn_key_window{10};
constexpr std::size_t nhn_recipients_max = 1000;
constexpr std::size_t nhn_template_code_max = 20;
constexpr std::string_view secret_header = "X-Secret-Key";
// A search's page: messages come with their whole text, so a page of NHN's 1000 could be megabytes.
constexpr std::size_t page_size = 250;
constexpr std::size_t pages_max = 2 * nhn_recipients_max / page_size;
// NHN searches 30 days at the most; less, for the margins on either side.
constexpr std::chrono::days search_window_max{27};
// Our clock, now or when the event happened, may be wrong by that much. A message that is not found
// is sent again, and the grouping key lets in no other message, however wide the window is.
constexpr std::chrono::days search_margin{1};

class nhn_provider final : public per_template_provider {
 public:
  nhn_provider(nhn_options options, std::unique_ptr<net::http_client> client)
      : per_template_provider(std::move(client), options.recipients_max),
        options_(std::move(options)),
        app_path_("/alimtalk/v2.3/appkeys/" + net::percent_encoded(options_.app_key)),
        messages_path_(app_path_ + "/messages") {}
  ~nhn_provider() override { stop(); }

  std::string_view name() const override { return "nhn"; }

  std::optional<shown_request> show(const call& what) const override {
    return shown(post_of(what, first_template_of(what), what.key), options_.base_url,
                 secret_header);
  }

  void search(call what, std::function<void(search_result)> done) override {
    if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
      return done(std::unexpected(*std::move(refused)));
    auto begun = std::make_shared<open_search>();
    begun->what = std::move(what);
    begun->done = std::move(done);
    begun->window = search_window(begun->what);
    next_page(std::move(begun));
  }

  void results(results_query what, std::function<void(results_answer)> done) override {
    if (stopped())
      return done(never_sent("stopped"));
    read_nhn_results(
        [this](std::string below_app_key, std::function<void(net::http_result)> then) {
          request({.method = "GET",
                   .target = app_path_ + std::move(below_app_key),
                   .headers = {{"X-Secret-Key", options_.secret_key}},
                   .body = {}},
                  std::move(then));
        },
        std::move(what), std::move(done));
  }
  bool can_tell_results() const override { return true; }

  bool can_search() const override { return true; }
  std::chrono::milliseconds key_window() const override { return nhn_key_window; }

 private:
  struct open_search {
    call what;
    std::function<void(search_result)> done;
    std::string window; // of dates, as the query has it
    std::size_t page = 0;
    std::map<std::string, nhn_found, std::less<>> found; // by delivery id
  };

  const api_options& options() const override { return options_; }

  net::http_request post_of(const call& what, std::size_t by,
                            const std::string& key) const override {
    const conditional_template* const other = by == 0 ? nullptr : &options_.others[by - 1];
    const nhn_sender from{options_.sender_key, other ? other->code : options_.template_code,
                          other ? other->message : options_.message,
                          other ? other->fallback : options_.fallback};
    return {.method = "POST",
            .target = messages_path_,
            .headers = {{"Content-Type", "application/json;charset=UTF-8"},
                        {std::string(secret_header), options_.secret_key},
                        {"X-NC-API-IDEMPOTENCY-KEY", key}},
            .body = nhn_send_body(from, what)};
  }

  call_result result_of(const call& what, std::size_t by, net::http_result answer) const override {
    return nhn_call_result(what, std::move(answer), said_with(by));
  }

  nhn_said_with said_with(std::size_t by) const {
    return {.falls_back =
                (by == 0 ? options_.fallback : options_.others[by - 1].fallback).has_value(),
            .by_condition = by != 0};
  }

  void next_page(std::shared_ptr<open_search> on) {
    ++on->page;
    net::http_request get{.method = "GET",
                          .target = messages_path_ +
                                    "?senderGroupingKey=" + net::percent_encoded(on->what.key) +
                                    on->window + "&pageNum=" + std::to_string(on->page) +
                                    "&pageSize=" + std::to_string(page_size),
                          .headers = {{"X-Secret-Key", options_.secret_key}},
                          .body = {}};
    request(std::move(get), [this, on](net::http_result result) {
      std::expected<nhn_page, failure> page = nhn_search_page(std::move(result));
      if (!page)
        return on->done(std::unexpected(std::move(page).error()));
      on->found.merge(page->found);
      const bool last =
          page->total ? on->page * page_size >= *page->total : page->listed < page_size;
      if (last || page->listed == 0)
        return on->done(in_order(*on));
      if (on->page == pages_max)
        return on->done(std::unexpected(failure{
            .kind = failure_class::outage, .reason = "NHN lists too many messages for one call"}));
      next_page(on);
    });
  }

  static std::vector<found_message> in_order(const open_search& over) {
    std::vector<found_message> all;
    all.reserve(over.what.recipients.size());
    for (const recipient& one : over.what.recipients) {
      const auto at = found_of(one, over.found);
      all.push_back(at != over.found.end() ? at->second.message : found_message{});
    }
    return all;
  }

  using found_messages = std::map<std::string, nhn_found, std::less<>>;

  static found_messages::const_iterator found_of(const recipient& one,
                                                 const found_messages& found) {
    // Of a message whose order or user is gone the id is known, and neither amount nor number.
    if (one.event.phone.empty()) {
      const auto at = found.lower_bound(one.delivery_id);
      return at != found.end() && delivery_id_of(at->first) == one.delivery_id ? at : found.end();
    }
    auto at = found.find(nhn_grouping_key(one));
    if (at == found.end())
      at = found.find(one.delivery_id); // sent by a release before
    const bool is_it =
        at != found.end() && (at->second.phone.empty() || at->second.phone == one.event.phone);
    return is_it ? at : found.end();
  }

  /// From the first event of the call, which is before any message about it, until now.
  std::string search_window(const call& what) const {
    const instant now = options_.now();
    instant from = std::ranges::min(what.recipients, {}, [](const recipient& one) {
                     return one.event.at;
                   }).event.at;
    from = std::clamp<instant>(from, now - search_window_max, now);
    return "&startRequestDate=" + net::percent_encoded(korea_time_text(from - search_margin)) +
           "&endRequestDate=" + net::percent_encoded(korea_time_text(now + search_margin));
  }

  const nhn_options options_;
  const std::string app_path_;
  const std::string messages_path_;
};

} // namespace

std::expected<std::unique_ptr<provider>, std::string> make_nhn_provider(nhn_options options) {
  if (std::string wrong = wrong_option(options,
                                       {{"app_key", options.app_key},
                                        {"secret_key", options.secret_key},
                                        {"sender_key", options.sender_key},
                                        {"template_code", options.template_code}},
                                       nhn_recipients_max);
      !wrong.empty())
    return std::unexpected(std::move(wrong));
  const auto is_too_long = [](const std::string& code) {
    return code.size() > nhn_template_code_max;
  };
  if (is_too_long(options.template_code) ||
      std::ranges::any_of(options.others, is_too_long, &conditional_template::code))
    return std::unexpected("template_code is longer than 20 characters");
  return make_http_provider<nhn_provider>(std::move(options),
                                          "https://kakaotalk-bizmessage.api.nhncloudservice.com");
}

provider_kind nhn_kind() {
  return {.name = "nhn",
          .sentence = "nhn is NHN Cloud's KakaoTalk Bizmessage",
          .credentials = {{"app_key", false, 100, "nhn: the application's key."},
                          {"secret_key", true, 500, "nhn: the secret that goes with app_key."},
                          {"sender_key", false, 100,
                           "nhn: the key of the KakaoTalk channel that sends."},
                          {"template_code", false, nhn_template_code_max,
                           "nhn: the code of the approved template."}},
          .template_key = "template_code",
          .make = [](const api_options& common, const credential_values& values) {
            return make_nhn_provider({common, values.at("app_key"), values.at("secret_key"),
                                      values.at("sender_key"), values.at("template_code")});
          }};
}

} // namespace paymentd::providers
