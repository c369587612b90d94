#include "alimtalk/solapi_provider.hpp"

#include "alimtalk/solapi_json.hpp"
#include "alimtalk/solapi_outcome.hpp"
#include "net/hmac.hpp"
#include "net/http_client.hpp"
#include "net/origin.hpp"
#include "net/utc_text.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

namespace paymentd::alimtalk {
namespace {

constexpr std::size_t solapi_recipients_max = 10'000;
constexpr std::string_view send_path = "/messages/v4/send-many/detail";
constexpr std::string_view list_path = "/messages/v4/list";
constexpr std::size_t list_page_size = 500; // messages come with their whole text

std::string random_salt() {
  std::array<std::uint8_t, 16> bytes{}; // 32 characters, of the 12 to 64 that Solapi wants
  if (RAND_bytes(bytes.data(), bytes.size()) != 1)
    throw std::runtime_error("no random bytes");
  return net::hex_text(bytes);
}

class solapi_provider final : public provider {
 public:
  solapi_provider(solapi_options options, std::unique_ptr<net::http_client> client)
      : options_(std::move(options)), client_(std::move(client)) {}

  std::string_view name() const override { return "solapi"; }

  void send(call what, std::function<void(call_result)> done) override {
    const std::size_t recipients = what.recipients.size();
    if (recipients == 0 || recipients > options_.recipients_max)
      return done(never_sent("a call of " + std::to_string(recipients) +
                             " messages; it must be 1 to " +
                             std::to_string(options_.recipients_max)));
    if (stopped_)
      return done(never_sent("stopped"));
    net::http_request request{
        .method = "POST",
        .target = std::string(send_path),
        .headers = {{"Content-Type", "application/json;charset=UTF-8"},
                    {"Authorization", authorization()}},
        .body = solapi_send_body({options_.pf_id, options_.template_id, options_.fallback}, what)};
    client_->request(std::move(request),
                     [what = std::move(what), done = std::move(done)](net::http_result result) {
                       done(solapi_call_result(what, std::move(result)));
                     });
  }

  void find(call, std::function<void(find_result)> done) override {
    done(never_sent("Solapi cannot be asked by key"));
  }

  void results(results_query what, std::function<void(results_answer)> done) override {
    if (stopped_)
      return done(never_sent("stopped"));
    net::http_request request{
        .method = "GET",
        .target = std::string(list_path) +
                  "?dateType=UPDATED&startDate=" + net::percent_encoded(net::utc_text(what.from)) +
                  "&endDate=" + net::percent_encoded(net::utc_text(what.to)) +
                  "&limit=" + std::to_string(list_page_size) +
                  (what.cursor.empty() ? "" : "&startKey=") + net::percent_encoded(what.cursor),
        .headers = {{"Authorization", authorization()}},
        .body = {}};
    client_->request(std::move(request),
                     [to = what.to, done = std::move(done)](net::http_result result) {
                       done(solapi_results_page(std::move(result), to));
                     });
  }
  std::optional<std::chrono::milliseconds> ahead() const override {
    return client_->server_ahead();
  }
  bool can_tell_results() const override { return true; }

  bool can_find() const override { return false; }
  std::chrono::milliseconds key_window() const override { return {}; }
  bool repeats_are_copies() const override { return true; }
  std::size_t recipients_max() const override { return options_.recipients_max; }
  void stop() override {
    stopped_ = true;
    client_->stop();
  }

 private:
  /// Signed anew each time: a signature works once.
  std::string authorization() const {
    return solapi_authorization(options_.api_key, options_.api_secret, options_.now(),
                                options_.salt());
  }

  static std::unexpected<failure> never_sent(std::string reason) {
    return std::unexpected(
        failure{.kind = failure_class::outage, .reason = std::move(reason), .never_written = true});
  }

  const solapi_options options_;
  std::atomic<bool> stopped_ = false;
  const std::unique_ptr<net::http_client> client_; // the last member: its callbacks use the others
};

/// The first option that cannot be used, as a line; empty where all can.
std::string wrong_option(const solapi_options& options) {
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"api_key", options.api_key},
      {"api_secret", options.api_secret},
      {"pf_id", options.pf_id},
      {"template_id", options.template_id}};
  for (const auto& [name, text] : texts)
    if (text.empty() || !net::safe_in_header(text))
      return std::string(name) + (text.empty() ? " is empty" : " has control characters");
  if (options.fallback && options.fallback->from.empty())
    return "fallback_from is empty";
  if (options.recipients_max == 0 || options.recipients_max > solapi_recipients_max)
    return "max_recipients must be 1 to 10000";
  if (options.connections_max == 0 || options.timeout <= std::chrono::milliseconds{0})
    return "max_in_flight and timeout must be above 0";
  if (std::string wrong = net::wrong_ca_file(options.ca_file); !wrong.empty())
    return "ca_file: " + std::move(wrong);
  return {};
}

} // namespace

std::string solapi_authorization(std::string_view api_key, std::string_view api_secret, instant at,
                                 std::string_view salt) {
  const std::string date = net::utc_text(at);
  std::string header = "HMAC-SHA256 apiKey=";
  header.append(api_key).append(", date=").append(date).append(", salt=").append(salt);
  return header.append(", signature=")
      .append(net::hex_text(net::hmac_sha256(api_secret, date + std::string(salt))));
}

std::expected<std::unique_ptr<provider>, std::string> make_solapi_provider(solapi_options options) {
  if (std::string wrong = wrong_option(options); !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (!options.now)
    options.now = [] {
      return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    };
  if (!options.salt)
    options.salt = random_salt;
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
  return std::make_unique<solapi_provider>(std::move(options), *std::move(client));
}

} // namespace paymentd::alimtalk
