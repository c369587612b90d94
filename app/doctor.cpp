#include "app/doctor.hpp"

#include "actors/clock.hpp"
#include "app/exit_code.hpp"
#include "app/subscribers.hpp"
#include "db/examination.hpp"
#include "http/keys/key_file.hpp"
#include "http/tls/certificate.hpp"
#include "providers/provider.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <memory>

namespace paymentd {
namespace {

using findings = std::vector<db::finding>;

/// A certificate that ends within so many days should have been renewed by now.
constexpr int days_left_min = 14;
/// Beyond the provider's own time-out.
constexpr std::chrono::seconds patience{5};
/// The date of an answer has whole seconds, and an answer takes some.
constexpr std::chrono::seconds clock_error_max{30};

/// A file that is not there is found by whatever reads it.
void look_at_rights(const std::string& setting, const std::filesystem::path& file,
                    findings& found) {
  struct stat about{};
  if (::stat(file.c_str(), &about) == 0 && (about.st_mode & (S_IROTH | S_IWOTH)) != 0)
    found.push_back(
        {fmt::format("{}: everybody on this machine may read {}", setting, file.string()),
         fmt::format("chmod o= {}", file.string())});
}

void look_at_keys(const std::filesystem::path& file, findings& found) {
  if (file.empty())
    return;
  const auto keys = http::read_keys(file);
  if (!keys) {
    found.push_back({"http.api_keys_file: " + keys.error(),
                     "make a key with paymentd keys create, as the user that serves"});
    return;
  }
  look_at_rights("http.api_keys_file", file, found);
  const instant now = actors::system_wall_clock();
  if (std::ranges::none_of(*keys, [now](const http::api_key& each) {
        return !each.revoked_at && (!each.expires_at || now < *each.expires_at);
      }))
    found.push_back({"http.api_keys_file: no key is in force, so every call is refused",
                     "make one with paymentd keys create"});
}

void look_at_certificate(const config::http_settings& of, findings& found) {
  if (of.tls_certificate.empty())
    return;
  look_at_rights("http.tls_private_key", of.tls_private_key, found);
  const auto loaded = http::load_certificate({of.tls_certificate, of.tls_private_key});
  if (!loaded) {
    found.push_back({"http.tls_certificate: " + loaded.error(),
                     "give it the certificate and the private key that belongs to it"});
    return;
  }
  const int days = http::days_left(*loaded);
  if (days < days_left_min)
    found.push_back({days < 0 ? "http.tls_certificate has ended"
                              : fmt::format("http.tls_certificate ends in {} days", days),
                     "renew it; a running server takes the new one by itself"});
}

/// A question that changes nothing: what became of messages in the last minute. Only an API that
/// knows the credentials answers it.
providers::results_answer ask(providers::provider& of, std::chrono::milliseconds time) {
  const auto promise = std::make_shared<std::promise<providers::results_answer>>();
  auto answer = promise->get_future();
  const instant now = actors::system_wall_clock();
  of.results({.from = now - std::chrono::minutes{1}, .to = now, .cursor = {}},
             [promise](providers::results_answer given) { promise->set_value(std::move(given)); });
  if (answer.wait_for(time) == std::future_status::ready)
    return answer.get();
  return std::unexpected(providers::failure{.reason = "no answer in time"});
}

void look_at_provider(providers::provider& of, std::chrono::milliseconds timeout, findings& found) {
  if (!of.can_tell_results())
    return;
  if (const auto answer = ask(of, timeout + patience); !answer)
    found.push_back({fmt::format("alimtalk.provider: {}: {}", of.name(), answer.error().reason),
                     "look at alimtalk.base_url and at the credentials, and at the way there"});
  const auto ahead = of.ahead().value_or(std::chrono::milliseconds{0});
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ahead);
  if (std::chrono::abs(seconds) > clock_error_max)
    found.push_back(
        {fmt::format("this machine's clock is {} s {} that of {}", std::abs(seconds.count()),
                     seconds.count() > 0 ? "behind" : "ahead of", of.name()),
         "set the clock right, by NTP"});
}

void look_at_subscribers(const config::settings& settings, findings& found) {
  const auto subscribers = make_subscribers(settings);
  if (!subscribers) {
    found.push_back({subscribers.error(), "set it right in the settings"});
    return;
  }
  for (const auto& each : *subscribers) {
    if (each.delivery.subscriber == "alimtalk")
      look_at_provider(*each.delivery.provider, settings.alimtalk.timeout, found);
    each.delivery.provider->stop();
  }
}

void look_at_database(const config::settings& settings, findings& found) {
  const auto of_database =
      db::examine({.url = settings.database.url.reveal(),
                   .lease = settings.notification.lease,
                   .migrates = settings.database.migrations == config::migration_mode::automatic,
                   .now = actors::system_wall_clock});
  found.insert(found.end(), of_database.begin(), of_database.end());
}

} // namespace

int examine(const config::settings& settings, const config::sources& from) {
  findings found;
  for (const config::secret_file& each : config::secret_files(from))
    look_at_rights(each.setting, each.file, found);
  look_at_keys(settings.http.api_keys_file, found);
  look_at_certificate(settings.http, found);
  look_at_database(settings, found);
  look_at_subscribers(settings, found);
  for (const db::finding& each : found)
    fmt::print("{}; {}\n", each.wrong, each.remedy);
  if (found.empty())
    fmt::print("nothing is wrong\n");
  return found.empty() ? fine : failed;
}

} // namespace paymentd
