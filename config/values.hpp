// The types of values that settings have beyond numbers and text, and how each is read and written.
// Used by the settings' registry and by whoever takes a setting. Plain values and pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::config {

/// The mark in the place of a secret wherever settings are shown.
inline constexpr std::string_view hidden_mark = "***";

/// A text that is never shown: nothing prints it, and taking it out is a call that can be searched.
class secret {
 public:
  secret() = default;
  explicit secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  /// The mark, or nothing where there is no secret.
  std::string shown() const { return empty() ? std::string{} : std::string{hidden_mark}; }

 private:
  std::string text_;
};

/// A URL that may hold a password. `shown` hides it, rather more than less where the URL is odd.
class secret_url {
 public:
  secret_url() = default;
  explicit secret_url(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  std::string shown() const;

 private:
  std::string text_;
};

/// Where to listen: an IP address as text, without brackets, and a port (0: the system chooses).
struct address {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const address&, const address&) = default;
};

// Each parser takes the whole text or gives nothing.

/// "127.0.0.1:8080", "[::1]:8080", or "localhost:8080", which stands for 127.0.0.1.
std::optional<address> parse_address(std::string_view text);
std::string to_string(const address& of);
bool is_loopback(const address& of);

/// "200ms", "5s", "1m", "24h": a whole number of one unit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// With the largest unit that leaves a whole number.
std::string to_string(std::chrono::milliseconds of);

std::optional<std::int64_t> parse_whole(std::string_view text);
/// A decimal number; neither infinite nor "nan".
std::optional<double> parse_real(std::string_view text);
/// The shortest text that gives the same number, always with a point or an exponent.
std::string to_string(double of);

/// Which requests have a line of the log: those that were answered 4xx or 5xx, and a part of the
/// others, from 0 to 1.
struct request_lines {
  bool errors = false;
  double part = 0.0;
  friend bool operator==(const request_lines&, const request_lines&) = default;
};
/// "off", "errors", "all", or a part: "0.01", which includes the errors.
std::optional<request_lines> parse_request_lines(std::string_view text);
/// As TOML: a quoted word, or a number.
std::string toml_of(const request_lines& of);

/// `text` as a TOML string, quoted and escaped: always one line.
std::string toml_text(std::string_view text);

} // namespace paymentd::config
