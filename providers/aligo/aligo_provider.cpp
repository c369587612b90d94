#include "providers/aligo/aligo_provider.hpp"

#include "providers/aligo/aligo_form.hpp"
#include "providers/aligo/aligo_outcome.hpp"
#include "providers/aligo/aligo_results.hpp"
#include "providers/per_template_provider.hpp"

#include <algorithm>

namespace paymentd::providers {
namespace {

constexpr std::size_t aligo_recipients_max = 500;
// A list has the whole text of each of its 500 messages.
constexpr std::size_t answer_bytes_max = 8 * 1024 * 1024;

net::http_request form_post(std::string path, std::string form) {
  return {.method = "POST",
          .target = std::move(path),
          .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
          .body = std::move(form)};
}

class aligo_provider final : public per_template_provider {
 public:
  aligo_provider(aligo_options options, std::unique_ptr<net::http_client> client)
      : per_template_provider(std::move(client), options.recipients_max),
        options_(std::move(options)), account_{options_.api_key, options_.user_id} {}
  ~aligo_provider() override { stop(); }

  std::string_view name() const override { return "aligo"; }

  std::optional<shown_request> show(const call& what) const override {
    net::http_request post = post_of(what, first_template_of(what), what.key);
    post.body.replace(0, post.body.find('&'), "apikey=***"); // it stands first
    return shown(std::move(post), options_.base_url, "");
  }

  void results(results_query what, std::function<void(results_answer)> done) override {
    if (stopped())
      return done(never_sent("stopped"));
    read_aligo_results(
        [this](std::string path, std::string form, std::function<void(net::http_result)> then) {
          request(form_post(std::move(path), std::move(form)), std::move(then));
        },
        account_, options_.timeout, std::move(what), std::move(done));
  }
  bool can_tell_results() const override { return true; }

  bool repeats_are_copies() const override { return true; }

 private:
  const api_options& options() const override { return options_; }

  net::http_request post_of(const call& what, std::size_t by, const std::string&) const override {
    const conditional_template* const other = by == 0 ? nullptr : &options_.others[by - 1];
    return form_post("/akv10/alimtalk/send/",
                     aligo_send_body({account_, options_.sender_key,
                                      other ? other->code : options_.template_code, options_.sender,
                                      other ? other->message : options_.message,
                                      other ? other->fallback : options_.fallback},
                                     what));
  }

  call_result result_of(const call& what, std::size_t by, net::http_result answer) const override {
    return aligo_call_result(what, std::move(answer), options_.api_key, by != 0);
  }

  const aligo_options options_;
  const aligo_account account_; // views of options_
};

} // namespace

std::expected<std::unique_ptr<provider>, std::string> make_aligo_provider(aligo_options options) {
  options.recipients_max = std::min(options.recipients_max, aligo_recipients_max);
  options.response_bytes_max = std::max(options.response_bytes_max, answer_bytes_max);
  if (std::string wrong = wrong_option(options,
                                       {{"aligo_api_key", options.api_key},
                                        {"aligo_user_id", options.user_id},
                                        {"aligo_sender_key", options.sender_key},
                                        {"aligo_sender", options.sender},
                                        {"aligo_template_code", options.template_code}},
                                       aligo_recipients_max);
      !wrong.empty())
    return std::unexpected(std::move(wrong));
  if (options.sender.find_first_not_of("0123456789") != std::string::npos)
    return std::unexpected("aligo_sender must be digits");
  if (std::string wrong = missing_text(options); !wrong.empty())
    return std::unexpected(std::move(wrong));
  return make_http_provider<aligo_provider>(std::move(options), "https://kakaoapi.aligo.in");
}

provider_kind aligo_kind() {
  return {.name = "aligo",
          .sentence = "aligo is Aligo",
          .credentials = {{"aligo_api_key", true, 500, "aligo: the API key."},
                          {"aligo_user_id", false, 100, "aligo: the account's user id."},
                          {"aligo_sender_key", false, 100,
                           "aligo: the key of the KakaoTalk channel that sends."},
                          {"aligo_sender", false, 15,
                           "aligo: a registered number, as digits, which every call has to name."},
                          {"aligo_template_code", false, 100,
                           "aligo: the code of the approved template."}},
          .template_key = "aligo_template_code",
          .whole_text = true,
          .make = [](const api_options& common, const credential_values& values) {
            return make_aligo_provider({common, values.at("aligo_api_key"),
                                        values.at("aligo_user_id"), values.at("aligo_sender_key"),
                                        values.at("aligo_sender"),
                                        values.at("aligo_template_code")});
          }};
}

} // namespace paymentd::providers
