// The kinds of message APIs: each folder of providers/ but webhook/ declares its own, by the name
// that settings give it, with the credentials that it needs. The settings and the start go by this
// list, so a new API is a folder and one word in kinds.cpp. Immutable; any thread.
#pragma once

#include "providers/message.hpp"

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::providers {

class provider;

/// A setting that one kind needs beside those of all.
struct credential {
  std::string_view key;      // "app_key", for alimtalk.app_key
  bool is_secret = false;    // shown as ***, and may come from a file
  std::size_t length_max;    // in bytes
  std::string_view sentence; // what it is, for the example file
};

/// Options of every provider that calls an API.
struct api_options {
  std::string base_url; // empty: the API's own
  message_options message;
  std::optional<fallback_message> fallback; // none: as it is set at the provider
  std::vector<conditional_template> others; // templates beside the provider's own one
  std::chrono::milliseconds timeout{5000};  // of a request, from `send` to its answer
  std::size_t connections_max = 8;
  std::size_t recipients_max = 1000;                // of a call
  std::size_t response_bytes_max = 4 * 1024 * 1024; // an answer to 1000 recipients has some 300 kB
  std::string ca_file;          // PEM, trusted besides the system's certificates; empty: none
  std::function<instant()> now; // the wall clock; empty: the system's
};

/// All credentials of a kind by their keys.
using credential_values = std::map<std::string, std::string, std::less<>>;

struct provider_kind {
  std::string_view name; // "nhn"
  std::vector<credential> credentials;
  std::string_view template_key = {}; // of them, the one that names the template: "template_code"
  /// An error is one line that begins with the setting that cannot be used.
  std::expected<std::unique_ptr<provider>, std::string> (*make)(const api_options& options,
                                                                const credential_values& values);
};

/// All kinds, in the order in which they are shown.
const std::vector<provider_kind>& provider_kinds();

} // namespace paymentd::providers
