// The file of API keys: one JSON document, read by the server and changed by `paymentd keys`. A
// change replaces the file as a whole, so a reader sees the old keys or the new ones. Any thread.
#pragma once

#include "http/keys/api_key.hpp"

#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::http {

/// A larger file is refused.
inline constexpr std::size_t key_file_bytes_max = 1 << 20;

/// The keys that `text` holds, or all of them refused: one line that names what is wrong.
std::expected<std::vector<api_key>, std::string> parse_keys(std::string_view text);
/// The text of a key file, for people to read too: it ends with a line's end.
std::string keys_text(const std::vector<api_key>& keys);

/// The error is one line that names the file.
std::expected<std::vector<api_key>, std::string> read_keys(const std::filesystem::path& file);

/// Reads the file, lets `change` change the keys, and writes them. Where `change` gives an error,
/// nothing is written. A file that is not there counts as one without keys, and is made for its
/// owner alone. Two calls at a time, of two processes as well, go one after the other. The error is
/// one line.
using key_change = std::function<std::expected<void, std::string>(std::vector<api_key>& keys)>;
std::expected<void, std::string> change_keys(const std::filesystem::path& file,
                                             const key_change& change);

} // namespace paymentd::http
