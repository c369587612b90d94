#include "domain/webhook.hpp"

#include <charconv>

namespace paymentd {

bool valid_webhook_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= webhook_name_max &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == text.npos;
}

bool valid_webhook_url(std::string_view text) noexcept {
  const std::string_view scheme = text.starts_with("https://") ? "https://" : "http://";
  const std::string_view host = text.substr(std::min(scheme.size(), text.size()));
  return text.starts_with(scheme) && text.size() <= webhook_url_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }) && !host.empty() &&
         host.front() != '/' && host.front() != '?' && text.find_first_of("#\"\\") == text.npos &&
         host.substr(0, host.find_first_of("/?")).find('@') == host.npos;
}

std::string webhook_subscriber(std::string_view webhook_name) {
  return "webhook-" + std::string(webhook_name);
}

std::vector<std::string> secrets_at(const webhook& of, instant now) {
  std::vector<std::string> all{of.secret};
  for (const old_secret& each : of.old_secrets)
    if (now < each.until)
      all.push_back(each.text);
  return all;
}

std::string to_text(const std::vector<old_secret>& secrets) {
  std::string text;
  for (const old_secret& each : secrets) {
    text.append(text.empty() ? "" : " ")
        .append(std::to_string(each.until.time_since_epoch().count()));
    text.append(":").append(each.text);
  }
  return text;
}

std::vector<old_secret> old_secrets_from(std::string_view text) {
  std::vector<old_secret> all;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    std::int64_t until = 0;
    const char* const end = word.data() + word.size();
    const auto read = std::from_chars(word.data(), end, until);
    if (read.ec == std::errc{} && read.ptr != end && *read.ptr == ':')
      all.push_back({.text = std::string(read.ptr + 1, end),
                     .until = instant{std::chrono::milliseconds{until}}});
  }
  return all;
}

} // namespace paymentd
