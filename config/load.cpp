#include "config/alimtalk_templates.hpp"
#include "config/parameters.hpp"
#include "config/refunds.hpp"
#include "config/registry.hpp"
#include "config/toml_file.hpp"
#include "config/webhooks.hpp"
#include "domain/utf8.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace paymentd::config {

namespace {

constexpr std::size_t secret_bytes_max = 64 * 1024;
constexpr std::size_t shown_length_max = 60; // of a bad value in a line
constexpr std::string_view prefix = "PAYMENTD_";
constexpr std::string_view file_variable = "PAYMENTD_CONFIG";

/// One value as a source gave it.
struct given {
  std::string where; // "paymentd.toml:12", "PAYMENTD_HTTP_LISTEN" or "--set"
  std::string key;
  std::string text;
  bool typed = false;                             // from the file, where the type counts too
  std::optional<toml_type> type = std::nullopt;   // of a typed one
  std::optional<std::string> list = std::nullopt; // of an array of texts, with commas between them
};

std::optional<std::string> joined(const std::optional<std::vector<std::string>>& list) {
  if (!list || list->empty())
    return std::nullopt;
  std::string all = list->front();
  for (std::size_t i = 1; i < list->size(); ++i)
    all.append(",").append((*list)[i]);
  return all;
}

/// How many letters must be put in, left out, changed or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> above(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(above, std::move(row));
  }
  return above.back();
}

/// "; did you mean X?", or nothing where no candidate is near.
std::string did_you_mean(std::string_view unknown, const std::vector<std::string>& candidates) {
  std::size_t nearest = std::min<std::size_t>(4, 2 + unknown.size() / 8);
  std::string_view best;
  const bool bare = unknown.find('.') == unknown.npos; // its section may have been forgotten
  for (const auto& each : candidates)
    if (const auto far = distance(unknown, bare ? each.substr(each.find('.') + 1) : each);
        far < nearest) {
      nearest = far;
      best = each;
    }
  return best.empty() ? std::string{} : "; did you mean " + std::string{best} + "?";
}

/// Every key that may be given, with those of files that hold secrets.
std::vector<std::string> keys() {
  std::vector<std::string> all;
  for (const auto& each : registry()) {
    all.push_back(each.key);
    if (each.is_secret)
      all.push_back(each.key + std::string{file_suffix});
  }
  return all;
}

/// A bad value for a line: quoted, and cut between two characters where it is long.
std::string shown(std::string_view text) {
  return toml_text(cut_between_characters(text, shown_length_max)) +
         (text.size() > shown_length_max ? "..." : "");
}

/// Whether the environment of a container has this variable from Kubernetes itself, which announces
/// a service called paymentd (or paymentd-…) in this way to all that run beside it.
bool is_service_link(std::string_view name, std::string_view value) {
  return name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != name.npos ||
         name.find("_PORT_") != name.npos ||
         (name.ends_with("_PORT") && (value.starts_with("tcp://") || value.starts_with("udp://")));
}

class loader {
 public:
  std::expected<settings, std::vector<std::string>> run(const sources& from) {
    if (const auto path = settings_file(from))
      take_file(*path);
    take_environment(from.environment);
    std::vector<given> sets;
    for (const auto& [key, text] : from.sets)
      sets.push_back({.where = "--set", .key = key, .text = text});
    take(sets);
    values_.alimtalk_templates = read_templates(templates_, file_, values_, errors_);
    if (!file_failed_)
      take_conflicts();
    if (!errors_.empty())
      return std::unexpected{std::move(errors_)};
    return std::move(values_);
  }

 private:
  void take_file(const std::filesystem::path& path) {
    auto contents = read_toml(path, sections());
    file_failed_ = !contents.errors.empty();
    std::ranges::move(contents.errors, std::back_inserter(errors_));
    std::vector<given> values;
    for (auto& each : contents.values) {
      std::string where = path.string() + ":" + std::to_string(each.line);
      if (each.is_section)
        errors_.push_back(where + ": [" + quoted_if_odd(each.key) + "]: " +
                          (each.key == webhook_section
                               ? "each webhook is an [[webhook]] of its own"
                               : "unknown section" + did_you_mean(each.key, sections())));
      else
        values.push_back({std::move(where), std::move(each.key), std::move(each.text), true,
                          each.type, joined(each.list)});
    }
    take(values);
    templates_ = std::move(contents.templates);
    file_ = path.string();
    values_.old_webhooks = read_webhooks(contents.webhooks, file_, errors_);
  }

  void take_environment(const named_texts& environment) {
    std::map<std::string, std::string> key_of;
    std::vector<std::string> variables{std::string{file_variable}};
    for (const auto& key : keys()) {
      variables.push_back(variable_of(key));
      key_of.emplace(variables.back(), key);
    }
    std::vector<given> values;
    for (const auto& [name, text] : environment) {
      if (const auto found = key_of.find(name); found != key_of.end())
        values.push_back({.where = name, .key = found->second, .text = text});
      else if (name.starts_with(prefix) && name != file_variable && !is_service_link(name, text))
        errors_.push_back(name + ": unknown variable" + did_you_mean(name, variables));
    }
    take(values);
  }

  /// Takes what one source gave. A later value wins, but a bad one is an error all the same.
  void take(const std::vector<given>& values) {
    std::map<std::string, const given*> file_of_secret;
    for (const auto& each : values)
      if (const auto* by_file = find_by_file(each.key))
        file_of_secret[by_file->key] = &each;
    for (const auto& each : values) {
      const auto* direct = find(each.key);
      if (each.key.starts_with(parameters_prefix))
        take_named_parameter(each, entry_kind::payment);
      else if (each.key.starts_with(refund_parameters_prefix))
        take_named_parameter(each, entry_kind::refund);
      else if (each.key == template_section)
        errors_.push_back(each.where + ": " + each.key +
                          ": each template is an [[alimtalk.template]] of its own, in the file");
      else if (direct != nullptr && file_of_secret.contains(direct->key))
        fail(*direct, each.where, "must not be given beside " + file_of_secret[direct->key]->key);
      else if (direct != nullptr)
        take_direct(*direct, each);
      else if (const auto* by_file = find_by_file(each.key))
        take_from_file(*by_file, each);
      else
        errors_.push_back(each.where + ": " + quoted_if_odd(each.key) + ": unknown key" +
                          did_you_mean(each.key, keys()));
    }
  }

  void take_named_parameter(const given& value, entry_kind about) {
    const bool refunds = about == entry_kind::refund;
    const std::string_view table = refunds ? refund_parameters_prefix : parameters_prefix;
    auto& into = refunds ? values_.alimtalk.refund_parameters : values_.alimtalk.parameters;
    const std::string name = value.key.substr(table.size());
    std::string fault = "must be a text, not " + value.text;
    if (!value.typed || value.type == toml_type::text) {
      const auto taken = take_parameter(name, value.text, about, into);
      if (taken)
        return;
      fault = taken.error();
    }
    bad_.insert(std::string{refunds ? refund_parameters_section : parameters_section});
    errors_.push_back(value.where + ": " + std::string{table} + quoted_if_odd(name) + ": " + fault);
  }

  void take_direct(const setting& to, const given& value) {
    const bool takes_real = to.type == toml_type::real || to.type == toml_type::text_or_real;
    const bool is_number = value.type == toml_type::whole || value.type == toml_type::real;
    const bool right_type = !value.typed || value.type == to.type || (takes_real && is_number) ||
                            (to.type == toml_type::text_or_real && value.type == toml_type::text);
    const bool is_list = to.takes_list && value.list;
    if ((is_list || right_type) && to.set(values_, is_list ? *value.list : value.text)) {
      where_[to.key] = value.where;
      return;
    }
    std::string line = "must be " + to.takes;
    if (value.typed && !value.type)
      line += ", not " + value.text; // "a boolean"
    // A URL that is refused may be so for the password in it.
    else if (!to.is_secret && value.text.find("://") == std::string::npos)
      line += ", not " +
              (value.typed && value.type != toml_type::text ? value.text : shown(value.text));
    fail(to, value.where, line);
  }

  void take_from_file(const setting& to, const given& value) {
    if (value.typed && value.type != toml_type::text)
      return fail(to, value.where, value.key + " must be the path of a file");
    auto text = read_file(value.text, secret_bytes_max);
    if (!text)
      return fail(to, value.where, "its file " + shown(value.text) + " " + text.error());
    if (text->ends_with('\n'))
      text->pop_back();
    if (text->ends_with('\r'))
      text->pop_back();
    if (!to.set(values_, *text))
      return fail(to, value.where,
                  "the contents of its file " + shown(value.text) + " must be " + to.takes);
    where_[to.key] = value.where;
  }

  void take_conflicts() {
    for (const auto& each : conflicts(values_)) {
      if (std::ranges::any_of(each.keys, [&](const auto& key) { return bad_.contains(key); }))
        continue; // one of them was never taken, so this may not be so
      const auto place = where_.find(each.keys.front());
      std::string line = place == where_.end() ? "" : place->second + ": ";
      line += each.keys.front() + ": " + each.line;
      for (const auto& key : each.keys)
        if (key != each.keys.front() && where_.contains(key))
          line += " (" + where_[key] + ")";
      errors_.push_back(std::move(line));
    }
  }

  void fail(const setting& which, const std::string& where, const std::string& line) {
    bad_.insert(which.key);
    errors_.push_back(where + ": " + which.key + ": " + line);
  }

  /// A key that is none may hold anything: it stays one line.
  static std::string quoted_if_odd(const std::string& key) {
    const bool odd =
        key.empty() || key.size() > shown_length_max ||
        std::ranges::any_of(key, [](char c) { return (c >= 0 && c <= ' ') || c == '\x7f'; });
    return odd ? shown(key) : key;
  }

  settings values_;
  std::string file_;
  std::vector<file_table> templates_; // of the file, read once all that they fall back on is known
  std::map<std::string, std::string> where_; // by key: who gave the value in force
  std::set<std::string> bad_;                // keys with an error
  std::vector<std::string> errors_;
  bool file_failed_ = false;
};

} // namespace

std::optional<std::filesystem::path> settings_file(const sources& from) {
  if (from.file)
    return from.file;
  for (const auto& [name, text] : from.environment)
    if (name == file_variable && !text.empty())
      return std::filesystem::path{text};
  return std::nullopt;
}

std::expected<settings, std::vector<std::string>> load(const sources& from) {
  return loader{}.run(from);
}

named_texts process_environment() {
  named_texts all;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view line{*each};
    const auto equals = line.find('=');
    if (line.starts_with(prefix) && equals != line.npos)
      all.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  std::ranges::sort(all); // so that errors come in the same order everywhere
  return all;
}

std::expected<std::pair<std::string, std::string>, std::string> split_set(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0)
    // Only what looks like a key is shown: the rest may be a secret with its = forgotten.
    return std::unexpected{
        "--set " + shown(text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."))) +
        ": must be section.key=value"};
  return std::pair{std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

} // namespace paymentd::config
