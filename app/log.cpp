#include "app/log.hpp"

#include "domain/log_fields.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

namespace paymentd {

namespace {

constexpr std::size_t waiting_lines_max = 65536;
constexpr std::chrono::seconds last_line_wait{2};

/// A line is no longer than this in bytes: what others say, and is logged, has no bound of its own.
constexpr std::size_t message_bytes_max = 8192;

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// On one line, and nothing in it that moves a terminal's cursor.
std::string plain_text(std::string_view text) {
  constexpr auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7F; };
  constexpr auto is_beyond_ascii = [](unsigned char c) { return c >= 0x80; };
  std::string plain{text};
  if (std::ranges::any_of(plain, is_beyond_ascii))
    plain = nlohmann::json::parse(json_text(plain)).get<std::string>(); // now valid UTF-8
  std::ranges::replace_if(plain, is_control, ' ');
  return plain;
}

std::string_view cut(std::string_view message) {
  return message.substr(0, message_bytes_max);
}

/// `%*`: the message as a JSON text, quotes included, and what it is about as members behind it.
std::string json_message(const spdlog::details::log_msg& line) {
  const log_line parts = split_fields({line.payload.data(), line.payload.size()});
  std::string text = json_text(cut(parts.message));
  for (const log_field& each : parts.fields) {
    text.append(",").append(json_text(each.name)).append(":");
    if (const auto* number = std::get_if<std::int64_t>(&each.value))
      text += std::to_string(*number);
    else if (const auto* decimal = std::get_if<double>(&each.value))
      text += decimal_text(*decimal);
    else
      text += json_text(cut(std::get<std::string_view>(each.value)));
  }
  return text;
}

/// `%*` of the other format: the message for people.
std::string text_message(const spdlog::details::log_msg& line) {
  return plain_text(cut(split_fields({line.payload.data(), line.payload.size()}).message));
}

/// `%~`: the level, named as in the settings: spdlog says "warning".
std::string level_name(const spdlog::details::log_msg& line) {
  const auto level = std::min(line.level, spdlog::level::err); // "critical" is no setting
  return std::string(to_string(static_cast<config::log_level>(static_cast<int>(level))));
}

/// A flag of a pattern that stands for what a function makes of the line.
class flag : public spdlog::custom_flag_formatter {
 public:
  using maker = std::string (*)(const spdlog::details::log_msg& line);
  explicit flag(maker make) : make_(make) {}
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& to) override {
    const std::string text = make_(line);
    to.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<flag>(make_);
  }

 private:
  maker make_;
};

std::unique_ptr<spdlog::formatter> formatter_of(config::log_format format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<flag>('~', level_name);
  if (format == config::log_format::json)
    formatter->add_flag<flag>('*', json_message)
        .set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%~","message":%*})");
  else
    formatter->add_flag<flag>('*', text_message).set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %~ %*");
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
