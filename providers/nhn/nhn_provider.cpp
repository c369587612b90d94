#include "providers/nhn/nhn_provider.hpp"

#include "net/origin.hpp"
#include "providers/http_provider.hpp"
#include "providers/nhn/nhn_json.hpp"
#include "providers/nhn/nhn_outcome.hpp"
#include "providers/nhn/nhn_parts.hpp"
#include "providers/nhn/nhn_results.hpp"

#include <algorithm>
#include <functional>

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

class nhn_provider final : public http_provider {
 public:
  nhn_provider(nhn_options options, std::unique_ptr<net::http_client> client)
      : http_provider(std::move(client), options.recipients_max), options_(std::move(options)),
        app_path_("/alimtalk/v2.3/appkeys/" + net::percent_encoded(options_.app_key)),
        messages_path_(app_path_ + "/messages") {}
  ~nhn_provider() override { stop(); }

  std::string_view name() const override { return "nhn"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
      return done(std::unexpected(*std::move(refused)));
    std::vector<std::size_t> templates = templates_of(what);
    if (std::ranges::adjacent_find(templates, std::not_equal_to{}) != templates.end())
      return next_part(std::make_shared<send_in_parts>(
          send_in_parts{{std::move(what), templates}, std::move(done), now_by_both()}));
    const std::size_t by = templates.empty() ? 0 : templates.front();
    net::http_request post = post_of(what, by, what.key);
    request(std::move(post),
            [this, by, what = std::move(what), done = std::move(done)](net::http_result result) {
              done(nhn_call_result(what, std::move(result), said_with(by)));
            });
  }

  std::optional<shown_request> show(const call& what) const override {
    const std::vector<std::size_t> templates = templates_of(what);
    return shown(post_of(what, templates.empty() ? 0 : templates.front(), what.key),
                 options_.base_url, secret_header);
  }

  void find(call what, std::function<void(find_result)> done) override {
    if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
      return done(std::unexpected(*std::move(refused)));
    auto begun = std::make_shared<search>();
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

  bool can_find() const override { return true; }
  bool needs_phone() const override { return true; }
  std::chrono::milliseconds key_window() const override { return nhn_key_window; }

 private:
  struct search {
    call what;
    std::function<void(find_result)> done;
    std::string window; // of dates, as the query has it
    std::size_t page = 0;
    std::map<std::string, nhn_found, std::less<>> found; // by delivery id
  };

  /// The wall's clock, which goes on while the machine sleeps, and the one that nobody sets.
  struct both_clocks {
    instant wall;
    std::chrono::steady_clock::time_point steady;
  };
  both_clocks now_by_both() const { return {options_.now(), std::chrono::steady_clock::now()}; }

  struct send_in_parts {
    nhn_parts parts;
    std::function<void(call_result)> done;
    both_clocks begun;
  };

  /// The template of each message; empty: all go by the provider's own.
  std::vector<std::size_t> templates_of(const call& what) const {
    std::vector<std::size_t> all;
    if (options_.others.empty())
      return all;
    all.reserve(what.recipients.size());
    for (const recipient& one : what.recipients)
      all.push_back(template_of(options_.others, one.event));
    return all;
  }

  /// All messages of `what` go by the template `by`.
  net::http_request post_of(const call& what, std::size_t by, const std::string& key) const {
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

  nhn_said_with said_with(std::size_t by) const {
    return {.falls_back =
                (by == 0 ? options_.fallback : options_.others[by - 1].fallback).has_value(),
            .by_condition = by != 0};
  }

  void next_part(std::shared_ptr<send_in_parts> on) {
    const nhn_parts::part& part = on->parts.now();
    request(post_of(part.what, part.of_template, part.key), [this, on](net::http_result result) {
      const nhn_parts::part& sent = on->parts.now();
      auto over = on->parts.answered(
          nhn_call_result(sent.what, std::move(result), said_with(sent.of_template)));
      // Somebody may by now think that the call is over, and send its messages again.
      if (!over && has_taken_long(on->begun))
        over = on->parts.result();
      if (over)
        return on->done(*std::move(over));
      next_part(on);
    });
  }

  bool has_taken_long(const both_clocks& since) const {
    const both_clocks now = now_by_both();
    return now.wall - since.wall >= options_.timeout ||
           now.steady - since.steady >= options_.timeout;
  }

  void next_page(std::shared_ptr<search> on) {
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

  static std::vector<found_message> in_order(const search& over) {
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
  if (options.base_url.empty())
    options.base_url = "https://kakaotalk-bizmessage.api.nhncloudservice.com";
  options.now = clock_or_system(std::move(options.now));
  auto client = net::http_client::create(client_options(options));
  if (!client)
    return std::unexpected("base_url: " + std::move(client).error());
  return std::make_unique<nhn_provider>(std::move(options), *std::move(client));
}

provider_kind nhn_kind() {
  return {.name = "nhn",
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
