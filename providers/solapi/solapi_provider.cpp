#include "providers/solapi/solapi_provider.hpp"

#include "net/digest.hpp"
#include "net/origin.hpp"
#include "net/utc_text.hpp"
#include "providers/http_provider.hpp"
#include "providers/solapi/solapi_json.hpp"
#include "providers/solapi/solapi_outcome.hpp"
#include "providers/traceparent.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace paymentd::providers {
namespace {

constexpr std::size_t solapi_recipients_max = 10'000;
constexpr std::string_view send_path = "/messages/v4/send-many/detail";
constexpr std::string_view list_path = "/messages/v4/list";
constexpr std::string_view signature_header = "Authorization";
constexpr std::size_t list_page_size = 500; // messages come with their whole text

std::string random_salt() {
  std::array<std::uint8_t, 16> bytes{}; // 32 characters, of the 12 to 64 that Solapi wants
  if (RAND_bytes(bytes.data(), bytes.size()) != 1)
    throw std::runtime_error("no random bytes");
  return net::hex_text(bytes);
}

class solapi_provider final : public http_provider {
 public:
  solapi_provider(solapi_options options, std::unique_ptr<net::http_client> client)
      : http_provider(std::move(client), options.recipients_max), options_(std::move(options)) {}
  ~solapi_provider() override { stop(); }
  bool needs_phone() const override { return true; }

  std::string_view name() const override { return "solapi"; }

  void send(call what, std::function<void(call_result)> done) override {
    if (std::optional<failure> refused = refuse_at_once(what.recipients.size()))
      return done(std::unexpected(*std::move(refused)));
    net::http_request post = with_traceparent(post_of(what), what.recipients);
    request(std::move(post),
            [this, what = std::move(what), done = std::move(done)](net::http_result result) {
              done(solapi_call_result(what, std::move(result), options_.others));
            });
  }

  std::optional<shown_request> show(const call& what) const override {
    return shown(post_of(what), options_.base_url, signature_header);
  }

  void results(results_query what, std::function<void(results_answer)> done) override {
    if (stopped())
      return done(never_sent("stopped"));
    net::http_request get{
        .method = "GET",
        .target = std::string(list_path) +
                  "?dateType=UPDATED&startDate=" + net::percent_encoded(net::utc_text(what.from)) +
                  "&endDate=" + net::percent_encoded(net::utc_text(what.to)) +
                  "&limit=" + std::to_string(list_page_size) +
                  (what.cursor.empty() ? "" : "&startKey=") + net::percent_encoded(what.cursor),
        .headers = {{std::string(signature_header), authorization()}},
        .body = {}};
    request(std::move(get), [to = what.to, done = std::move(done)](net::http_result result) {
      done(solapi_results_page(std::move(result), to));
    });
  }
  bool can_tell_results() const override { return true; }

  bool repeats_are_copies() const override { return true; }

 private:
  net::http_request post_of(const call& what) const {
    return {.method = "POST",
            .target = std::string(send_path),
            .headers = {{"Content-Type", "application/json;charset=UTF-8"},
                        {std::string(signature_header), authorization()}},
            .body = solapi_send_body({options_.pf_id, options_.template_id, options_.message,
                                      options_.fallback, options_.others},
                                     what)};
  }

  /// Signed anew each time: a signature works once.
  std::string authorization() const {
    return solapi_authorization(options_.api_key, options_.api_secret, options_.now(),
                                options_.salt());
  }

  const solapi_options options_;
};

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
  if (std::string wrong = wrong_option(options,
                                       {{"api_key", options.api_key},
                                        {"api_secret", options.api_secret},
                                        {"pf_id", options.pf_id},
                                        {"template_id", options.template_id}},
                                       solapi_recipients_max);
      !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (!options.salt)
    options.salt = random_salt;
  return make_http_provider<solapi_provider>(std::move(options), "https://api.solapi.com");
}

provider_kind solapi_kind() {
  return {
      .name = "solapi",
      .sentence = "solapi is Solapi (CoolSMS)",
      .credentials = {{"api_key", false, 100, "solapi: the API key."},
                      {"api_secret", true, 500,
                       "solapi: the secret that goes with api_key; it signs every call."},
                      {"pf_id", false, 100, "solapi: the id of the KakaoTalk channel that sends."},
                      {"template_id", false, 100, "solapi: the id of the approved template."}},
      .template_key = "template_id",
      .make = [](const api_options& common, const credential_values& values) {
        return make_solapi_provider({common, values.at("api_key"), values.at("api_secret"),
                                     values.at("pf_id"), values.at("template_id")});
      }};
}

} // namespace paymentd::providers
