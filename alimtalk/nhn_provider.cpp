#include "alimtalk/nhn_provider.hpp"

#include "alimtalk/message.hpp"
#include "alimtalk/nhn_json.hpp"
#include "alimtalk/nhn_outcome.hpp"
#include "alimtalk/nhn_results.hpp"
#include "net/http_client.hpp"
#include "net/origin.hpp"

#include <algorithm>
#include <atomic>

namespace paymentd::alimtalk {
namespace {

constexpr std::chrono::minutes nhn_key_window{10};
constexpr std::size_t nhn_recipients_max = 1000;
constexpr std::size_t nhn_template_code_max = 20;
// A search's page: messages come with their whole text, so a page of NHN's 1000 could be megabytes.
constexpr std::size_t page_size = 250;
constexpr std::size_t pages_max = 2 * nhn_recipients_max / page_size;
// NHN searches 30 days at the most; less, for the margins on either side.
constexpr std::chrono::days search_window_max{27};
// Our clock, now or when the event happened, may be wrong by that much. A message that is not found
// is sent again, and the grouping key lets in no other message, however wide the window is.
constexpr std::chrono::days search_margin{1};

class nhn_provider final : public provider {
 public:
  nhn_provider(nhn_options options, std::unique_ptr<net::http_client> client)
      : options_(std::move(options)),
        app_path_("/alimtalk/v2.3/appkeys/" + net::percent_encoded(options_.app_key)),
        messages_path_(app_path_ + "/messages"), client_(std::move(client)) {}

  std::string_view name() const override { return "nhn"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
      return done(std::unexpected(*std::move(refused)));
    net::http_request request{
        .method = "POST",
        .target = messages_path_,
        .headers = {{"Content-Type", "application/json;charset=UTF-8"},
                    {"X-Secret-Key", options_.secret_key},
                    {"X-NC-API-IDEMPOTENCY-KEY", what.key}},
        .body =
            nhn_send_body({options_.sender_key, options_.template_code, options_.fallback}, what)};
    client_->request(std::move(request),
                     [what = std::move(what), falls_back = options_.fallback.has_value(),
                      done = std::move(done)](net::http_result result) {
                       done(nhn_call_result(what, std::move(result), falls_back));
                     });
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
    if (stopped_)
      return done(std::unexpected(stopped()));
    read_nhn_results(
        [this](std::string below_app_key, std::function<void(net::http_result)> then) {
          client_->request({.method = "GET",
                            .target = app_path_ + std::move(below_app_key),
                            .headers = {{"X-Secret-Key", options_.secret_key}},
                            .body = {}},
                           std::move(then));
        },
        std::move(what), std::move(done));
  }
  std::optional<std::chrono::milliseconds> ahead() const override {
    return client_->server_ahead();
  }
  bool can_tell_results() const override { return true; }

  bool can_find() const override { return true; }
  std::chrono::milliseconds key_window() const override { return nhn_key_window; }
  std::size_t recipients_max() const override { return options_.recipients_max; }
  void stop() override {
    stopped_ = true;
    client_->stop();
  }

 private:
  struct search {
    call what;
    std::function<void(find_result)> done;
    std::string window; // of dates, as the query has it
    std::size_t page = 0;
    std::map<std::string, nhn_found, std::less<>> found; // by delivery id
  };

  void next_page(std::shared_ptr<search> on) {
    ++on->page;
    net::http_request request{.method = "GET",
                              .target = messages_path_ +
                                        "?senderGroupingKey=" + net::percent_encoded(on->what.key) +
                                        on->window + "&pageNum=" + std::to_string(on->page) +
                                        "&pageSize=" + std::to_string(page_size),
                              .headers = {{"X-Secret-Key", options_.secret_key}},
                              .body = {}};
    client_->request(std::move(request), [this, on](net::http_result result) {
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

  static failure stopped() {
    return {.kind = failure_class::outage, .reason = "stopped", .never_written = true};
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

  std::optional<failure> refuse_at_once(std::size_t recipients) const {
    failure refused = stopped();
    if (recipients == 0 || recipients > options_.recipients_max)
      refused.reason = "a call of " + std::to_string(recipients) + " messages; it must be 1 to " +
                       std::to_string(options_.recipients_max);
    else if (!stopped_)
      return std::nullopt;
    return refused;
  }

  const nhn_options options_;
  const std::string app_path_;
  const std::string messages_path_;
  std::atomic<bool> stopped_ = false;
  const std::unique_ptr<net::http_client> client_; // the last member: its callbacks use the others
};

/// The first option that cannot be used, as a line; empty where all can.
std::string wrong_option(const nhn_options& options) {
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"app_key", options.app_key},
      {"secret_key", options.secret_key},
      {"sender_key", options.sender_key},
      {"template_code", options.template_code}};
  for (const auto& [name, text] : texts)
    if (text.empty() || !net::safe_in_header(text))
      return std::string(name) + (text.empty() ? " is empty" : " has control characters");
  if (options.template_code.size() > nhn_template_code_max)
    return "template_code is longer than 20 characters";
  if (options.fallback && options.fallback->from.empty())
    return "fallback_from is empty";
  if (options.recipients_max == 0 || options.recipients_max > nhn_recipients_max)
    return "max_recipients must be 1 to 1000";
  if (options.connections_max == 0 || options.timeout <= std::chrono::milliseconds{0})
    return "max_in_flight and timeout must be above 0";
  if (std::string wrong = net::wrong_ca_file(options.ca_file); !wrong.empty())
    return "ca_file: " + std::move(wrong);
  return {};
}

} // namespace

std::expected<std::unique_ptr<provider>, std::string> make_nhn_provider(nhn_options options) {
  if (std::string wrong = wrong_option(options); !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (!options.now)
    options.now = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  net::http_client_options http;
  http.origin = options.base_url;
  http.timeout = options.timeout;
  http.connect_timeout = std::min(http.connect_timeout, options.timeout);
  http.connections_max = options.connections_max;
  http.response_bytes_max = options.response_bytes_max;
  http.ca_file = options.ca_file;
  auto client = net::http_client::create(std::move(http));
  if (!client)
    return std::unexpected("base_url: " + std::move(client).error());
  return std::make_unique<nhn_provider>(std::move(options), *std::move(client));
}

} // namespace paymentd::alimtalk
