// The fuzz targets: each is a function that takes any bytes, does with them what the program does
// with those of a stranger, and looks whether what must hold holds. libFuzzer calls them with bytes
// that it makes up, a test with those that are kept in corpus/. One call at a time.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace paymentd::fuzz {

/// A property that does not hold: it ends the run of the target.
class broken_property : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws where `holds` is false; `what` says in words what must hold.
inline void expect(bool holds, std::string_view what) {
  if (!holds)
    throw broken_property{std::string{what}};
}

// Each gives 0, as libFuzzer wants it, or throws broken_property.

int fuzz_authorization(std::string_view bytes);   // an Authorization field, and an Idempotency-Key
int fuzz_client_answer(std::string_view bytes);   // what a server sends to our HTTP client
int fuzz_http_connection(std::string_view bytes); // what a client sends on one connection
int fuzz_json_body(std::string_view bytes);       // a body, to every call that takes one
int fuzz_key_file(std::string_view bytes);        // the file of API keys
int fuzz_nhn_answer(std::string_view bytes);      // the bodies of NHN's answers
int fuzz_query_string(std::string_view bytes);    // behind the ?, for every call that lists
int fuzz_settings_file(std::string_view bytes);   // paymentd.toml
int fuzz_small_texts(std::string_view bytes);     // dates, origins, base64, secrets, templates
int fuzz_solapi_answer(std::string_view bytes);   // the bodies of Solapi's answers
int fuzz_success_bytes(std::string_view bytes);   // a success as a store keeps it

struct target {
  std::string_view name; // of its folder in corpus/, and of its function
  int (*run)(std::string_view bytes);
};

/// All of them, by name.
std::span<const target> targets();

} // namespace paymentd::fuzz
