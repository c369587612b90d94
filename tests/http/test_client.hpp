// A small blocking HTTP client over plain sockets, for tests: it sends exactly the bytes that it is
// given and reads whole answers. Every wait has a bound.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http::testing {

struct test_answer {
  int status = 0;
  std::map<std::string, std::string> fields; // names in lower case
  std::string body;
  std::string field(const std::string& name) const {
    const auto at = fields.find(name);
    return at == fields.end() ? std::string{} : at->second;
  }
};

class test_client {
 public:
  explicit test_client(std::uint16_t port);
  ~test_client();
  test_client(test_client&& other) noexcept : socket_(other.socket_), input_(other.input_) {
    other.socket_ = -1;
  }
  test_client(const test_client&) = delete;

  /// False where the server has closed the connection.
  bool send(std::string_view bytes);
  /// Says that nothing more will be sent.
  void half_close();
  /// The next answer; nothing where the connection ended first or `time` was up. `to_head`: the
  /// answer has no body, whatever its length says.
  std::optional<test_answer> receive(bool to_head = false,
                                     std::chrono::milliseconds time = std::chrono::seconds{10});
  /// All that comes up to `mark`, with it; nothing where the connection ended first or `time` was
  /// up.
  std::optional<std::string> read_until(std::string_view mark,
                                        std::chrono::milliseconds time = std::chrono::seconds{10});
  /// Whether the server closes the connection within `time`, with nothing more sent before.
  bool closed(std::chrono::milliseconds time = std::chrono::seconds{10});
  /// The same, whatever came before and was not read: a server that is killed may leave half an
  /// event.
  bool ended(std::chrono::milliseconds time);

  std::optional<test_answer> get(const std::string& path);
  std::optional<test_answer> post(const std::string& path, const std::string& body,
                                  const std::string& more_fields = {});
  std::optional<test_answer> patch(const std::string& path, const std::string& body);
  std::optional<test_answer> remove(const std::string& path);

 private:
  enum class got { bytes, end, nothing };
  got fill(std::chrono::steady_clock::time_point until);

  int socket_ = -1;
  std::string input_;
};

/// The head and body of a POST, or a PATCH, of JSON.
std::string post_text(const std::string& path, const std::string& body,
                      const std::string& more_fields = {}, const std::string& method = "POST");
std::string get_text(const std::string& path, const std::string& more_fields = {});

} // namespace paymentd::http::testing
