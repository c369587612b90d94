#include "http/response.hpp"

#include "http/json_text.hpp"
#include "net/text_parts.hpp"

namespace paymentd::http {

namespace {

/// A proxy is asked not to gather what comes (nginx).
constexpr std::string_view no_gathering = "\r\nX-Accel-Buffering: no";

constexpr std::string_view reason_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 402:
    return "Payment Required";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 421:
    return "Misdirected Request";
  case 422:
    return "Unprocessable Content";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  default:
    return "Unknown";
  }
}

} // namespace

void response::clear() {
  status = 200;
  is_problem = replayed = identity_only = false;
  text_type = more_fields = {};
  body.clear();
  location.clear();
  allow.clear();
  challenge.clear();
  retry_after = std::chrono::seconds{0};
}

void append_http(std::string& out, const response& answer, const exchange& of) {
  const std::string_view type = answer.is_problem          ? "application/problem+json"
                                : answer.text_type.empty() ? "application/json"
                                                           : answer.text_type;
  net::append_parts(out, "HTTP/1.1 ", answer.status, " ", reason_of(answer.status),
                    "\r\nContent-Type: ", type);
  if (answer.text_type == event_stream_type) // to HEAD: a stream has no length
    out += no_gathering;
  else
    net::append_parts(out, "\r\nContent-Length: ", answer.body.size());
  net::append_parts(out, "\r\nDate: ", of.date, "\r\nX-Request-Id: ", of.request_id,
                    "\r\nCache-Control: no-store", answer.more_fields);
  if (!answer.location.empty()) {
    out += "\r\nLocation: ";
    out += answer.location;
  }
  if (!answer.allow.empty()) {
    out += "\r\nAllow: ";
    out += answer.allow;
  }
  if (!answer.challenge.empty()) {
    out += "\r\nWWW-Authenticate: ";
    out += answer.challenge;
  }
  if (answer.replayed)
    out += "\r\nIdempotent-Replayed: true";
  if (answer.identity_only)
    out += "\r\nAccept-Encoding: identity";
  if (answer.retry_after.count() > 0) {
    out += "\r\nRetry-After: ";
    append_number(out, answer.retry_after.count());
  }
  std::string_view connection;
  if (!of.keep_alive)
    connection = "\r\nConnection: close";
  else if (!of.keep_alive_fields.empty())
    connection = of.keep_alive_fields;
  else if (of.http_1_0)
    connection = "\r\nConnection: keep-alive";
  net::append_parts(out, connection, "\r\n\r\n",
                    of.head_only ? std::string_view{} : std::string_view{answer.body});
}

void append_stream_head(std::string& out, const exchange& of) {
  out.append("HTTP/1.1 200 OK\r\nContent-Type: ").append(event_stream_type);
  out.append("\r\nDate: ").append(of.date);
  out.append("\r\nX-Request-Id: ").append(of.request_id);
  out.append("\r\nCache-Control: no-store").append(no_gathering);
  out += "\r\nConnection: close\r\n\r\n";
}

} // namespace paymentd::http
