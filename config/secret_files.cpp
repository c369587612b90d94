// Which files hold secrets, as the sources of settings name them.
#include "config/registry.hpp"
#include "config/toml_file.hpp"

#include <algorithm>

namespace paymentd::config {
namespace {

/// Whether a value that stands for itself gives a secret away. A URL does so only with a password.
bool is_telling(std::string_view key, const std::string& text) {
  const setting* const of = find(key);
  if (of == nullptr || !of->is_secret || text.empty())
    return false;
  return key != "database.url" || secret_url(text).shown() != text;
}

/// The secrets of a webhook, of which a registry knows nothing.
bool is_telling_of_webhook(const file_value& value) {
  return (value.key == "secret" || value.key == "old_secret") && !value.text.empty();
}

class collector {
 public:
  void take(const std::string& key, const std::string& text) {
    if (find_by_file(key) != nullptr && !text.empty())
      found_.push_back({key, text});
  }

  void take_file(const std::filesystem::path& path) {
    const file_contents contents = read_toml(path, sections());
    bool tells = false;
    for (const file_value& each : contents.values) {
      tells = tells || is_telling(each.key, each.text);
      take(each.key, each.text);
    }
    for (const file_table& table : contents.webhooks)
      for (const file_value& each : table.values) {
        tells = tells || is_telling_of_webhook(each);
        if ((each.key == "secret_file" || each.key == "old_secret_file") && !each.text.empty())
          found_.push_back({"webhook." + each.key, each.text});
      }
    if (tells)
      found_.insert(found_.begin(), {"--config", path});
  }

  std::vector<secret_file> result() { return std::move(found_); }

 private:
  std::vector<secret_file> found_;
};

} // namespace

std::vector<secret_file> secret_files(const sources& from) {
  collector all;
  if (const auto path = settings_file(from))
    all.take_file(*path);
  for (const setting& each : registry())
    for (const auto& [name, text] : from.environment)
      if (name == each.variable() + "_FILE")
        all.take(each.key + std::string{file_suffix}, text);
  for (const auto& [key, text] : from.sets)
    all.take(key, text);
  return all.result();
}

} // namespace paymentd::config
