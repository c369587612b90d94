#include "http/router.hpp"

#include "http/ascii.hpp"
#include "http/json_input.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace paymentd::http {

namespace {

constexpr std::string_view id_mark = "{id}";

constexpr std::array<std::string_view, 2> schemes{"http://", "https://"};

/// A request target without scheme and host (RFC 9112, 3.2.2): its path, perhaps with a query. A
/// scheme is written either way (RFC 3986, 3.1), and a proxy may have taken TLS off.
std::string_view local_part(std::string_view target) {
  if (target.starts_with('/')) // nearly always
    return target;
  for (const std::string_view scheme : schemes) {
    if (!begins_with_word(target, scheme))
      continue;
    target.remove_prefix(scheme.size());
    return target.substr(std::min(target.find_first_of("/?"), target.size()));
  }
  return target;
}

/// Whether `path` is as `pattern`; gives what stands for {id} or {name}.
bool matches(std::string_view pattern, std::string_view path, std::string_view& id) {
  const auto mark = pattern.find('{');
  if (mark == std::string_view::npos)
    return pattern == path;
  const std::string_view before = pattern.substr(0, mark);
  const std::string_view after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after))
    return false;
  id = path.substr(mark, path.size() - before.size() - after.size());
  return id.find('/') == std::string_view::npos;
}

/// Ids are decimal numbers from 1 without sign and leading zeros, so each has one path only.
std::optional<std::int64_t> parse_id(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.front() == '0' ||
      text.front() == '-' || value > safe_integer_max)
    return std::nullopt;
  return value;
}

/// The character that "%31" at the begin of `text` stands for, where it needs no encoding.
std::optional<char> needlessly_encoded(std::string_view text) {
  constexpr std::string_view others = "-._~";
  unsigned char value = 0;
  const char* const digits = text.data() + 1;
  if (text.size() < 3 || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2)
    return std::nullopt;
  const char c = static_cast<char>(value);
  const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     others.find(c) != others.npos;
  return plain ? std::optional(c) : std::nullopt;
}

} // namespace

void decode_path(std::string& target) {
  std::size_t path_end = std::min(target.find('?'), target.size());
  for (std::size_t at = target.find('%'); at < path_end; at = target.find('%', at + 1)) {
    const auto decoded = needlessly_encoded(std::string_view(target).substr(at, path_end - at));
    if (!decoded)
      continue;
    target.replace(at, 3, 1, *decoded);
    path_end -= 2;
  }
}

std::string_view host_of_target(std::string_view target) {
  for (const std::string_view scheme : schemes)
    if (begins_with_word(target, scheme)) {
      target.remove_prefix(scheme.size());
      return target.substr(0, target.find_first_of("/?"));
    }
  return {};
}

std::string_view path_of_target(std::string_view target) {
  const std::string_view local = local_part(target);
  return local.substr(0, local.find('?'));
}

std::string_view name_of(http_method method) {
  static constexpr std::string_view names[] = {"GET", "HEAD", "POST", "PATCH", "DELETE", ""};
  static_assert(std::size(names) == static_cast<std::size_t>(http_method::other) + 1);
  return names[static_cast<std::size_t>(method)];
}

bool takes_many(std::string_view target) {
  return path_of_target(target).ends_with("/bulk");
}

std::expected<route_match, problem> find_route(std::span<const route> routes, http_method method,
                                               std::string_view target, std::string& allow) {
  const std::string_view local = local_part(target);
  const std::string_view path = local.substr(0, local.find('?'));
  const std::string_view query = local.substr(std::min(path.size() + 1, local.size()));
  const http_method wanted = method == http_method::head ? http_method::get : method;
  for (const route& candidate : routes) {
    std::string_view id;
    if (!matches(candidate.path, path, id))
      continue;
    if (candidate.method != wanted) {
      if (!allow.empty())
        allow += ", ";
      allow += candidate.method == http_method::get ? "GET, HEAD" : name_of(candidate.method);
      continue;
    }
    allow.clear();
    if (id.empty())
      return route_match{.to = &candidate, .query = query};
    if (candidate.path.find(id_mark) == std::string_view::npos)
      return route_match{.to = &candidate, .name = id, .query = query};
    const auto number = parse_id(id);
    if (!number)
      return std::unexpected(
          invalid_field("id", "must be a whole number from 1 to 9007199254740991"));
    return route_match{.to = &candidate, .id = *number, .query = query};
  }
  return std::unexpected(problem{
      allow.empty() ? problem_code::not_found : problem_code::method_not_allowed, {}, {}, {}});
}

} // namespace paymentd::http
