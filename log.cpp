#include "log.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

namespace paymentd {

namespace {

constexpr std::size_t waiting_lines_max = 65536;
constexpr std::chrono::seconds last_line_wait{2};

/// `%*`: the message as a JSON text, quotes included.
class json_message_flag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& to) override {
    const auto text = nlohmann::json(std::string_view(line.payload.data(), line.payload.size()))
                          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    to.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<json_message_flag>();
  }
};

/// `%~`: the level, named as in the settings: spdlog says "warning".
class level_flag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& to) override {
    const std::string_view name = line.level == spdlog::level::warn
                                      ? std::string_view("warn")
                                      : std::string_view(spdlog::level::to_string_view(line.level));
    to.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<level_flag>();
  }
};

std::unique_ptr<spdlog::formatter> formatter_of(config::log_format format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<level_flag>('~');
  if (format == config::log_format::json)
    formatter->add_flag<json_message_flag>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%~","message":%*})");
  else
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %~ %v");
  return formatter;
}

spdlog::level::level_enum level_of(config::log_level level) {
  return spdlog::level::from_str(std::string(to_string(level)));
}

} // namespace

log_guard::log_guard(const config::log_settings& settings) {
  spdlog::init_thread_pool(waiting_lines_max, 1);
  auto logger = std::make_shared<spdlog::async_logger>(
      "paymentd", std::make_shared<spdlog::sinks::stdout_sink_mt>(), spdlog::thread_pool(),
      spdlog::async_overflow_policy::overrun_oldest);
  logger->set_formatter(formatter_of(settings.format));
  logger->set_level(level_of(settings.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

log_guard::~log_guard() {
  spdlog::shutdown();
}

namespace {

/// Whether `what` was done within the time for last lines. It is done by a thread that nobody waits
/// for after that: a console that is stuck blocks whoever writes to it.
template <class What>
bool done_in_time(What what) {
  const auto finished = std::make_shared<std::promise<void>>();
  auto done = finished->get_future();
  std::thread([finished, what = std::move(what)] {
    what();
    finished->set_value();
  }).detach();
  return done.wait_for(last_line_wait) == std::future_status::ready;
}

} // namespace

int log_guard::end(int code) {
  if (!done_in_time([] { spdlog::shutdown(); }))
    std::_Exit(code);
  return code;
}

void log_last(const std::string& line) {
  // A flush of the asynchronous logger only asks its thread for one: its sinks are written to here.
  done_in_time([line, sinks = spdlog::default_logger()->sinks()] {
    spdlog::logger at_once("paymentd", sinks.begin(), sinks.end());
    at_once.critical(line);
    at_once.flush();
  });
}

void print_last(const std::string& text) {
  done_in_time([text] {
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  });
}

} // namespace paymentd
