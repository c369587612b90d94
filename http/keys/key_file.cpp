#include "http/keys/key_file.hpp"

#include "http/json_text.hpp"
#include "net/utc_text.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>

namespace paymentd::http {

using nlohmann::json;

namespace {

constexpr int file_version = 1;
/// How long a change waits for another one, which takes milliseconds, and how often it looks.
constexpr std::chrono::seconds lock_time{10};
constexpr std::chrono::milliseconds lock_poll{5};

/// A descriptor that is closed at the end.
class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  ~descriptor() {
    if (number_ >= 0)
      ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  bool open() const { return number_ >= 0; }
  int get() const { return number_; }

 private:
  int number_;
};

std::unexpected<std::string> fault_of(const std::filesystem::path& file, std::string_view what) {
  return std::unexpected(file.string() + ": " + std::string{what});
}

/// errno as a line about `file`.
std::unexpected<std::string> system_fault(const std::filesystem::path& file,
                                          std::string_view what) {
  return fault_of(file, std::string{what} + ": " + std::system_category().message(errno));
}

/// The whole of it; an error for one that cannot be read, or is too large.
std::expected<std::string, std::string> text_of(const std::filesystem::path& file) {
  const descriptor open{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about{};
  if (!open.open() || ::fstat(open.get(), &about) != 0)
    return system_fault(file, "cannot be read");
  if (!S_ISREG(about.st_mode))
    return fault_of(file, "is not a file");
  std::string text(key_file_bytes_max + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const auto n = ::read(open.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return system_fault(file, "cannot be read");
    size += static_cast<std::size_t>(n);
    if (n == 0 || size == text.size())
      break;
  }
  if (size > key_file_bytes_max)
    return fault_of(file, "is larger than 1 MiB");
  text.resize(size);
  return text;
}

std::optional<instant> time_in(const json& of, const char* member) {
  const auto found = of.find(member);
  if (found == of.end() || found->is_null())
    return std::nullopt;
  if (const auto at = net::parse_utc(found->get<std::string>()))
    return *at;
  throw std::invalid_argument(std::string{member} + " is no time, such as 2026-01-31T00:00:00Z");
}

/// Throws std::exception with what is wrong.
api_key key_of(const json& from) {
  static const std::set<std::string> known{"name",      "scopes",    "sha256",   "rate",
                                           "createdAt", "expiresAt", "revokedAt"};
  // A member that is misspelt could leave a key without its limit.
  for (const auto& [member, value] : from.items())
    if (!known.contains(member))
      throw std::invalid_argument("it has an unknown member " + quoted_echo(member));
  api_key made;
  made.name = from.at("name").get<std::string>();
  if (!valid_key_name(made.name))
    throw std::invalid_argument("its name must be 1 to 40 of a-z, 0-9, - and _");
  if (!from.at("scopes").is_array())
    throw std::invalid_argument("its scopes must be a list");
  for (const json& each : from.at("scopes")) {
    const auto scopes = parse_scopes(each.get<std::string>());
    if (!scopes)
      throw std::invalid_argument(scopes.error());
    for (const scope one : all_scopes)
      if (scopes->holds(one))
        made.scopes.add(one);
  }
  if (made.scopes.empty())
    throw std::invalid_argument("it has no scope");
  const auto hash = net::digest_from_hex(from.at("sha256").get<std::string>());
  if (!hash)
    throw std::invalid_argument("its sha256 must be 64 digits of 0-9 and a-f");
  made.hash = *hash;
  if (const auto rate = from.find("rate"); rate != from.end() && !rate->is_null()) {
    const bool whole = rate->is_number_integer();
    if (!whole || *rate < 1 || *rate > key_rate_max)
      throw std::invalid_argument("its rate must be a whole number from 1 to 1000000");
    made.rate = rate->get<int>();
  }
  const auto created = time_in(from, "createdAt");
  if (!created)
    throw std::invalid_argument("it has no createdAt");
  made.created_at = *created;
  made.expires_at = time_in(from, "expiresAt");
  made.revoked_at = time_in(from, "revokedAt");
  return made;
}

/// Writes `text` to a new file beside `file`, and puts it in its place.
std::expected<void, std::string> replace(const std::filesystem::path& file, std::string_view text,
                                         const struct stat* before) {
  const std::filesystem::path next = file.string() + ".new";
  {
    constexpr mode_t owner_alone = 0600;
    const descriptor out{
        ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, owner_alone)};
    if (!out.open())
      return system_fault(next, "cannot be written");
    // The server may run as another user, who reads the file by its group.
    if (before != nullptr && (::fchown(out.get(), before->st_uid, before->st_gid) != 0 ||
                              ::fchmod(out.get(), before->st_mode & 07777) != 0))
      return system_fault(next, "cannot be given the owner and the rights of the file before");
    while (!text.empty()) {
      const auto n = ::write(out.get(), text.data(), text.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return system_fault(next, "cannot be written");
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(out.get()) != 0)
      return system_fault(next, "cannot be written");
  }
  if (::rename(next.c_str(), file.c_str()) != 0)
    return system_fault(file, "cannot be replaced");
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
  const descriptor of_folder{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!of_folder.open() || ::fsync(of_folder.get()) != 0)
    return system_fault(folder, "cannot be written");
  return {};
}

} // namespace

std::expected<std::vector<api_key>, std::string> parse_keys(std::string_view text) {
  std::vector<api_key> keys;
  try {
    const json all = json::parse(text);
    if (all.at("version") != file_version)
      return std::unexpected("its version must be 1: another release of paymentd wrote it");
    const json& list = all.at("keys");
    if (!list.is_array() || list.size() > keys_max)
      return std::unexpected("its keys must be a list of at most 1000");
    std::set<std::string> names;
    std::set<net::digest_bytes> hashes;
    for (const json& each : list) {
      try {
        keys.push_back(key_of(each));
      } catch (const std::exception& error) {
        return std::unexpected("key " + std::to_string(keys.size() + 1) + ": " + error.what());
      }
      if (!names.insert(keys.back().name).second || !hashes.insert(keys.back().hash).second)
        return std::unexpected("key " + std::to_string(keys.size()) +
                               ": an earlier one has its name or its sha256");
    }
  } catch (const json::parse_error& error) { // whose words repeat the file's bytes
    return std::unexpected("it is no JSON: the error is at byte " + std::to_string(error.byte));
  } catch (const std::exception& error) {
    return std::unexpected(std::string{"it is no key file: "} + error.what());
  }
  return keys;
}

std::string keys_text(const std::vector<api_key>& keys) {
  using ordered = nlohmann::ordered_json;
  ordered list = ordered::array();
  for (const api_key& each : keys) {
    ordered scopes = ordered::array();
    for (const scope one : all_scopes)
      if (each.scopes.holds(one))
        scopes.push_back(name_of(one));
    ordered key{{"name", each.name}, {"scopes", scopes}, {"sha256", net::hex_text(each.hash)}};
    if (each.rate > 0)
      key["rate"] = each.rate;
    key["createdAt"] = net::utc_text(each.created_at);
    if (each.expires_at)
      key["expiresAt"] = net::utc_text(*each.expires_at);
    if (each.revoked_at)
      key["revokedAt"] = net::utc_text(*each.revoked_at);
    list.push_back(std::move(key));
  }
  return ordered{{"version", file_version}, {"keys", std::move(list)}}.dump(2) + "\n";
}

std::expected<std::vector<api_key>, std::string> read_keys(const std::filesystem::path& file) {
  const auto text = text_of(file);
  if (!text)
    return std::unexpected(text.error());
  auto keys = parse_keys(*text);
  if (!keys)
    return fault_of(file, keys.error());
  return keys;
}

std::expected<void, std::string> change_keys(const std::filesystem::path& file,
                                             const key_change& change) {
  // The file itself is replaced, so a lock on it would hold nobody up: one beside it does.
  const std::filesystem::path lock_file = file.string() + ".lock";
  constexpr mode_t owner_alone = 0600;
  const descriptor lock{::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_alone)};
  if (!lock.open())
    return system_fault(lock_file, "cannot be written");
  const auto until = std::chrono::steady_clock::now() + lock_time;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK)
      return system_fault(lock_file, "cannot be locked");
    if (std::chrono::steady_clock::now() >= until)
      return fault_of(lock_file, "is locked by another process");
    std::this_thread::sleep_for(lock_poll);
  }
  struct stat about{};
  const bool there = ::stat(file.c_str(), &about) == 0;
  std::vector<api_key> keys;
  if (there) {
    auto read = read_keys(file);
    if (!read)
      return std::unexpected(read.error());
    keys = std::move(*read);
  } else if (errno != ENOENT) {
    return system_fault(file, "cannot be read");
  }
  if (auto changed = change(keys); !changed)
    return changed;
  return replace(file, keys_text(keys), there ? &about : nullptr);
}

} // namespace paymentd::http
