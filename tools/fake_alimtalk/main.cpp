// fake-alimtalk: the fake message API as a program, for the demo and the load scripts.
#include "tools/fake_alimtalk/fake_alimtalk.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <system_error>

namespace {

using paymentd::providers::fake_alimtalk;
using paymentd::providers::fake_alimtalk_options;

/// "127.0.0.1:9000", "[::1]:9000"
bool read_address(std::string_view text, fake_alimtalk_options& into) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos)
    return false;
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  into.address = address;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), into.port);
  return error == std::errc{} && end == port.data() + port.size() && !address.empty();
}

/// "100ms", "2s"
bool read_duration(std::string_view text, std::chrono::milliseconds& into) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || number < 0 || number > 86'400'000 || (unit != "ms" && unit != "s"))
    return false;
  into = std::chrono::milliseconds{unit == "s" ? number * 1000 : number};
  return true;
}

} // namespace

int main(int argc, char** argv) {
  // Blocked before the server's thread starts, so that sigwait alone takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  fake_alimtalk_options options;
  std::string listen = "127.0.0.1:9090";
  std::string latency = "0ms";
  CLI::App app{
      "A message API that behaves like NHN Cloud's, and like Solapi's, SENS's and Aligo's\n"
      "(whose api_secret, secret key and API key must be \"secret\"), and fails on demand.\n"
      "GET /received lists what it accepted (?count=1: how many; ?repeated=1: what was\n"
      "accepted more than once); PUT /behaviour changes the failure while it runs:\n"
      R"({"latencyMs":100,"failRate":0.5,"status":500,"hang":true,"dropAnswers":true,)"
      "\n"
      R"("failStatus":503,"garbage":true,"retryAfterSeconds":1,"resultCode":-3003,)"
      "\n"
      R"("acceptFirst":true,"failuresUseKeys":true,"consoleFallback":true,)"
      "\n"
      R"("numberCodes":{"01000000000":-3010},"nullResultCodes":true,)"
      "\n"
      R"("poisonNumbers":["01000000000"],"poisonRefusesCall":true,)"
      "\n"
      R"("unreachableNumbers":["01000000000"]}, {} for healthy.)",
      "fake-alimtalk"};
  app.add_option("--listen", listen, "ADDR:PORT to listen on")->capture_default_str();
  app.add_option("--latency", latency, "time from a call to its answer: 100ms, 2s")
      ->capture_default_str();
  app.add_option("--fail-rate", options.behaviour.fail_rate, "part of the calls that get a 500")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--status", options.behaviour.status, "answer every call with this HTTP status")
      ->check(CLI::Range(200, 599));
  app.add_flag("--hang", options.behaviour.hang, "read calls and never answer");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!read_address(listen, options) || !read_duration(latency, options.behaviour.latency)) {
    std::fprintf(stderr, "fake-alimtalk: bad --listen or --latency\n");
    return 2;
  }
  try {
    fake_alimtalk fake(std::move(options));
    std::printf("fake-alimtalk listens on %s\n", fake.base_url().c_str());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
    fake.stop();
  } catch (const std::system_error& error) {
    std::fprintf(stderr, "fake-alimtalk: cannot listen on %s: %s\n", listen.c_str(),
                 error.code().message().c_str());
    return 1;
  }
  return 0;
}
