// An answer, before it is bytes and as bytes. Filled by the routes, written by the session of the
// same connection, which keeps one and reuses its memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace paymentd::http {

struct response {
  int status = 200;
  bool is_problem = false;           // application/problem+json instead of application/json
  std::string_view text_type = {};   // sent instead of JSON's where not empty
  bool replayed = false;             // it was given before, under the same idempotency key
  bool identity_only = false;        // the body came encoded: Accept-Encoding says what is taken
  std::string_view more_fields = {}; // each begins with the end of a line; sent as they are
  std::string body;
  std::string location;                // sent where not empty
  std::string allow;                   // likewise
  std::string challenge;               // WWW-Authenticate, likewise
  std::chrono::seconds retry_after{0}; // likewise where above 0

  void clear();
};

/// The part of an answer's head that depends on the connection and the request.
struct exchange {
  std::string_view request_id;
  std::string_view date;                   // as HTTP writes it
  std::string_view keep_alive_fields = {}; // of a connection that is kept, each after a line's end
  bool keep_alive = true;
  bool http_1_0 = false;
  bool head_only = false; // the request was HEAD: no body, yet its length
};

/// Appends the answer as HTTP/1.1 writes it.
void append_http(std::string& out, const response& answer, const exchange& of);

/// The type of a stream of server-sent events.
inline constexpr std::string_view event_stream_type = "text/event-stream";
/// Appends the head of an answer that is such a stream and ends with the connection.
void append_stream_head(std::string& out, const exchange& of);

} // namespace paymentd::http
