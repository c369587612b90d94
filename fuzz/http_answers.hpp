// The server's answers as a strict client reads them: each is well-formed HTTP with a body of the
// length that it says. Used by the targets of the HTTP side. Pure functions; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace paymentd::fuzz {

struct http_answer {
  int status = 0;
  std::map<std::string, std::string> fields; // by their names as sent
  std::string body;                          // empty for a HEAD
  /// The same for two answers that differ in nothing but their time and in the id that the server
  /// gave the request.
  std::string comparable() const;
};

/// All answers on one connection that has ended. Throws broken_property where anything is not as it
/// should be: the framing, the fields, JSON that is none, a problem without its code, a server's
/// error, or bytes after an answer that ends the connection.
std::vector<http_answer> read_answers(std::string_view bytes);

} // namespace paymentd::fuzz
