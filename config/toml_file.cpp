#include "config/toml_file.hpp"
#include "config/alimtalk_templates.hpp"
#include "config/parameters.hpp"
#include "config/webhooks.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace paymentd::config {

namespace {

constexpr std::size_t toml_bytes_max = 1024 * 1024;

file_value value_of(std::string key, const toml::node& node) {
  file_value value;
  value.key = std::move(key);
  value.line = static_cast<int>(node.source().begin.line);
  if (const auto* text = node.as_string()) {
    value.type = toml_type::text;
    value.text = text->get();
  } else if (const auto* whole = node.as_integer()) {
    value.type = toml_type::whole;
    value.text = std::to_string(whole->get());
  } else if (const auto* real = node.as_floating_point()) {
    value.type = toml_type::real;
    value.text = to_string(real->get());
  } else {
    value.text = node.is_boolean() ? "a boolean"
                 : node.is_array() ? "an array"
                 : node.is_table() ? "a table"
                                   : "a date or time";
  }
  if (const auto* flag = node.as_boolean())
    value.flag = flag->get();
  if (const auto* array = node.as_array()) {
    value.list.emplace();
    for (const toml::node& each : *array)
      if (const auto* text = each.as_string())
        value.list->push_back(text->get());
    if (value.list->size() != array->size())
      value.list.reset();
  }
  return value;
}

/// A value, or of a table of parameters each of its values.
void add_values(const std::string& key, const toml::node& node, std::vector<file_value>& to) {
  const auto* table = node.as_table();
  if (table == nullptr || (key != parameters_section && key != parameters_key))
    return to.push_back(value_of(key, node));
  for (const auto& [name, value] : *table)
    to.push_back(value_of(key + "." + std::string{name.str()}, value));
}

/// The tables of [[webhook]] or [[alimtalk.template]]; nothing where it is something else.
std::optional<std::vector<file_table>> tables_of(const toml::node& node) {
  const auto* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables())
    return std::nullopt;
  std::vector<file_table> tables;
  for (const toml::node& each : *array) {
    file_table& table = tables.emplace_back();
    table.line = static_cast<int>(each.source().begin.line);
    for (const auto& [key, value] : *each.as_table())
      add_values(std::string{key.str()}, value, table.values);
    std::ranges::stable_sort(table.values, {}, &file_value::line);
  }
  return tables;
}

} // namespace

std::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                  std::size_t bytes_max) {
  const auto failed = [&] {
    return std::unexpected{"cannot be read: " + std::string{std::strerror(errno)}};
  };
  errno = EIO; // where the library sets nothing
  std::ifstream file{path, std::ios::binary};
  if (!file)
    return failed();
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.gcount() == 0 && std::filesystem::is_directory(path)))
    return failed();
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > bytes_max)
    return std::unexpected{"cannot be read: it is longer than " + std::to_string(bytes_max) +
                           " bytes"};
  return text;
}

file_contents read_toml(const std::filesystem::path& path,
                        const std::vector<std::string>& sections) {
  file_contents contents;
  const auto text = read_file(path, toml_bytes_max);
  if (!text) {
    contents.errors.push_back(path.string() + ": " + text.error());
    return contents;
  }
  try {
    const toml::table root = toml::parse(*text);
    for (const auto& [section, node] : root) {
      const std::string name{section.str()};
      if (auto tables = name == webhook_section ? tables_of(node) : std::nullopt) {
        contents.webhooks = *std::move(tables);
        continue;
      }
      const auto* table = node.as_table();
      if (table == nullptr || std::ranges::find(sections, name) == sections.end()) {
        contents.values.push_back(value_of(name, node));
        contents.values.back().is_section = table != nullptr;
        continue;
      }
      for (const auto& [key, value] : *table) {
        const std::string whole = name + "." + std::string{key.str()};
        if (auto tables = whole == template_section ? tables_of(value) : std::nullopt)
          contents.templates = *std::move(tables);
        else
          add_values(whole, value, contents.values);
      }
    }
  } catch (const toml::parse_error& error) {
    contents.errors.push_back(path.string() + ":" + std::to_string(error.source().begin.line) +
                              ": " + std::string{error.description()});
  }
  // In the order of the file, which toml++ does not keep.
  std::ranges::stable_sort(contents.values, {}, &file_value::line);
  return contents;
}

} // namespace paymentd::config
