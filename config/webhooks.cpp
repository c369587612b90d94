#include "config/webhooks.hpp"

#include "domain/utf8.hpp"
#include "domain/webhook.hpp"

#include <algorithm>

namespace paymentd::config {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t webhooks_max = 16;
constexpr std::size_t path_length_max = 1000;
constexpr std::size_t secret_length_max = 200;
constexpr std::size_t secret_file_bytes_max = 4096;
constexpr std::string_view secret_prefix = "whsec_";

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_url(std::string_view text) {
  return valid_webhook_url(text) && text.find(hidden_mark) == text.npos;
}

bool is_path(std::string_view text) {
  return text.size() <= path_length_max && is_utf8(text) &&
         std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool is_secret(std::string_view text) {
  return text.starts_with(secret_prefix) && text.size() <= secret_length_max && is_visible(text);
}

/// Reads one table, key by key.
class table_reader {
 public:
  table_reader(const file_table& table, const std::string& file, std::vector<std::string>& errors)
      : table_(table), file_(file), errors_(errors) {}

  webhook_settings read() {
    for (const file_value& each : table_.values)
      if (!take(each))
        fail(each.line, each.key, wanted_);
    webhook_.where = file_ + ":" + std::to_string(table_.line);
    need("name", webhook_.name.empty());
    need("url", webhook_.url.empty());
    need("secret", webhook_.signing_secret.empty() && !has("secret_file"));
    return std::move(webhook_);
  }

 private:
  /// False where the value is not what `wanted_` then says.
  bool take(const file_value& value) {
    const bool is_text = value.type == toml_type::text;
    if (value.key == "name") {
      wanted_ = "must be 1 to 40 of a-z, 0-9, - and _";
      return is_text && valid_webhook_name(value.text) && (webhook_.name = value.text, true);
    }
    if (value.key == "url") {
      wanted_ = "must be a URL that begins with http:// or https:// and has no user and no #";
      return is_text && is_url(value.text) && (webhook_.url = value.text, true);
    }
    if (value.key == "secret" || value.key == "secret_file")
      return take_secret(value, webhook_.signing_secret);
    if (value.key == "old_secret" || value.key == "old_secret_file")
      return (is_text && value.text.empty()) || take_secret(value, webhook_.old_secret);
    if (value.key == "events")
      return take_events(value);
    if (value.key == "allow_private_network") {
      wanted_ = "must be true or false";
      return value.flag && (webhook_.allow_private_network = *value.flag, true);
    }
    if (value.key == "ca_file") {
      wanted_ = "must be the path of a PEM file";
      return is_text && is_path(value.text) && (webhook_.ca_file = value.text, true);
    }
    if (value.key == "content_type") {
      wanted_ = "must be \"application/cloudevents+json\" or \"application/json\"";
      return is_text &&
             (value.text == "application/cloudevents+json" || value.text == "application/json") &&
             (webhook_.content_type = value.text, true);
    }
    if (value.key == "timeout") {
      wanted_ = "must be a duration from 10ms to 5m";
      const auto timeout = is_text ? parse_duration(value.text) : std::nullopt;
      return timeout && *timeout >= 10ms && *timeout <= 5min && (webhook_.timeout = *timeout, true);
    }
    if (value.key == "max_in_flight") {
      wanted_ = "must be a whole number from 1 to 256";
      const auto most = value.type == toml_type::whole ? parse_whole(value.text) : std::nullopt;
      return most && *most >= 1 && *most <= 256 &&
             (webhook_.max_in_flight = static_cast<int>(*most), true);
    }
    wanted_ = "unknown key";
    return false;
  }

  bool take_secret(const file_value& value, secret& into) {
    wanted_ = "must be whsec_ and 24 to 64 bytes in base64";
    if (value.type != toml_type::text)
      return false;
    const bool by_file = value.key.ends_with("_file");
    std::string text = value.text;
    if (by_file) {
      auto read = read_file(value.text, secret_file_bytes_max);
      if (!read) {
        wanted_ = "its file " + toml_text(value.text) + " " + read.error();
        return false;
      }
      text = *std::move(read);
      text.resize(text.find_last_not_of("\r\n") + 1);
    }
    if (!into.empty()) {
      wanted_ = "must be given once, itself or as a file";
      return false;
    }
    if (!is_secret(text))
      return false;
    into = secret{std::move(text)};
    return true;
  }

  bool take_events(const file_value& value) {
    wanted_ = R"(must be a list of "payments", "refunds" or both)";
    if (!value.list || value.list->empty())
      return false;
    webhook_.payments = webhook_.refunds = false;
    for (const std::string& each : *value.list) {
      bool& wants = each == "refunds" ? webhook_.refunds : webhook_.payments;
      if (wants || (each != "payments" && each != "refunds"))
        return false;
      wants = true;
    }
    return true;
  }

  bool has(std::string_view key) const {
    return std::ranges::find(table_.values, key, &file_value::key) != table_.values.end();
  }

  void need(const std::string& key, bool missing) {
    if (missing && !has(key))
      fail(table_.line, key, "must be given");
  }

  void fail(int line, const std::string& key, const std::string& why) {
    const std::string shown = is_visible(key) && key.size() <= webhook_name_max ? key : "a key";
    errors_.push_back(file_ + ":" + std::to_string(line) + ": webhook." + shown + ": " + why);
  }

  const file_table& table_;
  const std::string& file_;
  std::vector<std::string>& errors_;
  webhook_settings webhook_;
  std::string wanted_;
};

} // namespace

std::vector<webhook_settings> read_webhooks(const std::vector<file_table>& tables,
                                            const std::string& file,
                                            std::vector<std::string>& errors) {
  std::vector<webhook_settings> read;
  for (const file_table& table : tables) {
    webhook_settings next = table_reader{table, file, errors}.read();
    const std::string where = file + ":" + std::to_string(table.line) + ": webhook";
    if (!next.name.empty() &&
        std::ranges::find(read, next.name, &webhook_settings::name) != read.end())
      errors.push_back(where + ".name: there is another webhook called " + next.name);
    read.push_back(std::move(next));
    if (read.size() == webhooks_max + 1)
      errors.push_back(where + ": there may be 16 at the most");
  }
  return read;
}

std::string webhook_toml(const webhook_settings& of) {
  std::string url = of.url;
  if (const auto query = url.find('?'); query != url.npos)
    url.replace(query + 1, url.npos, hidden_mark);
  std::string toml = "[[webhook]]\nname = " + toml_text(of.name) + "\nurl = " + toml_text(url) +
                     "\nsecret = " + toml_text(of.signing_secret.shown()) +
                     "\nold_secret = " + toml_text(of.old_secret.shown()) + "\nevents = [";
  toml += of.payments ? R"("payments")" : "";
  toml += of.payments && of.refunds ? ", " : "";
  toml += of.refunds ? R"("refunds")" : "";
  toml += "]\nallow_private_network = ";
  toml += of.allow_private_network ? "true" : "false";
  toml += "\nca_file = " + toml_text(of.ca_file) + "\ncontent_type = " + toml_text(of.content_type);
  toml += "\ntimeout = " + toml_text(to_string(of.timeout)) +
          "\nmax_in_flight = " + std::to_string(of.max_in_flight) + "\n";
  return toml;
}

} // namespace paymentd::config
