#include "providers/sens/sens_provider.hpp"

#include "net/digest.hpp"
#include "net/origin.hpp"
#include "providers/per_template_provider.hpp"
#include "providers/sens/sens_json.hpp"
#include "providers/sens/sens_outcome.hpp"
#include "templates/korean_text.hpp"

#include <algorithm>

namespace paymentd::providers {
namespace {

constexpr std::size_t sens_recipients_max = 100;
constexpr std::string_view list_page_size = "100"; // the most that SENS gives
constexpr std::string_view signature_header = "x-ncp-apigw-signature-v2";

/// The service id within a path: its colons stand there as they are in SENS's documents.
std::string path_part(std::string_view service_id) {
  std::string part = net::percent_encoded(service_id);
  for (std::size_t at = 0; (at = part.find("%3A", at)) != part.npos;)
    part.replace(at, 3, ":");
  return part;
}

/// "2026-11-22 23:05:10", in Korea, encoded for a query.
std::string time_in_query(instant at) {
  static const templates::time_pattern second =
      *templates::time_pattern::parse("yyyy-MM-dd HH:mm:ss");
  std::string text;
  second.append_to(text, at);
  return net::percent_encoded(text);
}

class sens_provider final : public per_template_provider {
 public:
  sens_provider(sens_options options, std::unique_ptr<net::http_client> client)
      : per_template_provider(std::move(client), options.recipients_max),
        options_(std::move(options)),
        messages_path_("/alimtalk/v2/services/" + path_part(options_.service_id) + "/messages") {}
  ~sens_provider() override { stop(); }

  std::string_view name() const override { return "sens"; }

  std::optional<shown_request> show(const call& what) const override {
    return shown(post_of(what, first_template_of(what), what.key), options_.base_url,
                 signature_header);
  }

  void results(results_query what, std::function<void(results_answer)> done) override {
    if (stopped())
      return done(never_sent("stopped"));
    const instant to = what.to + std::chrono::seconds{1}; // of a part of a second nothing is told
    std::string target = messages_path_ +
                         "?plusFriendId=" + net::percent_encoded(options_.channel) +
                         "&completeStartTime=" + time_in_query(what.from) +
                         "&completeEndTime=" + time_in_query(to) + "&pageSize=";
    target.append(list_page_size);
    if (!what.cursor.empty())
      target.append("&nextToken=").append(net::percent_encoded(what.cursor));
    auto headers = signed_headers("GET", target);
    request(
        {.method = "GET", .target = std::move(target), .headers = std::move(headers), .body = {}},
        [to = what.to, done = std::move(done)](net::http_result result) {
          done(sens_results_page(std::move(result), to));
        });
  }
  bool can_tell_results() const override { return true; }

  bool repeats_are_copies() const override { return true; }

 private:
  const api_options& options() const override { return options_; }

  net::http_request post_of(const call& what, std::size_t by, const std::string&) const override {
    const conditional_template* const other = by == 0 ? nullptr : &options_.others[by - 1];
    auto headers = signed_headers("POST", messages_path_);
    headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    return {.method = "POST",
            .target = messages_path_,
            .headers = std::move(headers),
            .body = sens_send_body({options_.channel, other ? other->code : options_.template_code,
                                    other ? other->message : options_.message,
                                    other ? other->fallback : options_.fallback},
                                   what)};
  }

  call_result result_of(const call& what, std::size_t by, net::http_result answer) const override {
    return sens_call_result(what, std::move(answer), by != 0);
  }

  /// SENS refuses a time that is five minutes off its own: it is told by its clock, as soon as an
  /// answer has shown that.
  std::vector<std::pair<std::string, std::string>> signed_headers(std::string_view method,
                                                                  std::string_view target) const {
    const instant at = options_.now() + ahead().value_or(std::chrono::milliseconds{0});
    std::string timestamp = std::to_string(at.time_since_epoch().count());
    std::string signature =
        sens_signature(method, target, timestamp, options_.access_key, options_.secret_key);
    return {{"x-ncp-apigw-timestamp", std::move(timestamp)},
            {"x-ncp-iam-access-key", options_.access_key},
            {std::string(signature_header), std::move(signature)}};
  }

  const sens_options options_;
  const std::string messages_path_;
};

} // namespace

std::string sens_signature(std::string_view method, std::string_view target,
                           std::string_view timestamp, std::string_view access_key,
                           std::string_view secret_key) {
  std::string text(method);
  text.append(" ").append(target).append("\n").append(timestamp).append("\n").append(access_key);
  return net::base64_text(net::hmac_sha256(secret_key, text));
}

std::expected<std::unique_ptr<provider>, std::string> make_sens_provider(sens_options options) {
  options.recipients_max = std::min(options.recipients_max, sens_recipients_max);
  if (std::string wrong = wrong_option(options,
                                       {{"sens_access_key", options.access_key},
                                        {"sens_secret_key", options.secret_key},
                                        {"sens_service_id", options.service_id},
                                        {"sens_channel", options.channel},
                                        {"sens_template_code", options.template_code}},
                                       sens_recipients_max);
      !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (std::string wrong = missing_text(options); !wrong.empty())
    return std::unexpected(std::move(wrong));
  return make_http_provider<sens_provider>(std::move(options), "https://sens.apigw.ntruss.com");
}

provider_kind sens_kind() {
  return {.name = "sens",
          .sentence = "sens is Naver Cloud's SENS",
          .credentials =
              {{"sens_access_key", false, 100, "sens: the access key of the account."},
               {"sens_secret_key", true, 500,
                "sens: the secret that goes with sens_access_key; it signs every call."},
               {"sens_service_id", false, 200,
                "sens: the id of the Biz Message service, such as ncp:kkobizmsg:kr:1234567:shop.",
                true},
               {"sens_channel", false, 100, "sens: the KakaoTalk channel that sends, with its @.",
                true},
               {"sens_template_code", false, 100, "sens: the code of the approved template."}},
          .template_key = "sens_template_code",
          .whole_text = true,
          .make = [](const api_options& common, const credential_values& values) {
            return make_sens_provider({common, values.at("sens_access_key"),
                                       values.at("sens_secret_key"), values.at("sens_service_id"),
                                       values.at("sens_channel"), values.at("sens_template_code")});
          }};
}

} // namespace paymentd::providers
