// A request as it comes off the wire: Beast's parser, with the few fields that this server looks at
// picked out as they pass and nothing else kept. One of each a connection, reused.
#pragma once

#include "http/router.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <string>

namespace paymentd::http {

enum class media : std::uint8_t { none, json, other };

struct request {
  http_method method = http_method::other;
  std::string target;
  std::string host;          // as the Host field has it
  std::string origin;        // Origin; only browsers send it
  std::string fetch_site;    // Sec-Fetch-Site; only browsers send it
  std::string authorization; // Authorization, its first bytes; of several, the last one
  std::string key;           // Idempotency-Key, its first bytes; of several, the last one
  std::string accept;        // Accept, its first bytes
  std::string last_event_id; // Last-Event-ID, likewise
  std::string id;            // X-Request-Id where it is fit to be repeated, otherwise empty
  std::string traceparent;   // as it came, its first bytes; empty where there is more than one
  std::string body;          // what was sent, without its chunks
  std::string_view fault;    // why the header was refused, where the parser itself had no objection
  media type = media::none;
  bool encoded = false; // Content-Encoding: anything but identity
  bool http_1_0 = false;
  bool wants_continue = false; // Expect: 100-continue
  bool expects_more = false;   // Expect: anything else
  bool has_host = false;
  bool has_authorization = false;
  bool authorization_repeated = false;
  bool has_key = false;      // Idempotency-Key
  bool unwanted = false;     // the body is read and thrown away
  bool key_repeated = false; // there is more than one
  bool has_traceparent = false;

  void clear();
};

/// Good for one request.
class request_parser final : public boost::beast::http::basic_parser<true> {
 public:
  request_parser(request& into, std::uint32_t header_bytes_max, std::uint64_t body_bytes_max)
      : into_(into) {
    header_limit(header_bytes_max);
    body_limit(body_bytes_max);
    bulk_bytes_max_ = body_bytes_max * bulk_bodies;
  }

  /// Parses as far as `input` goes; gives how many bytes were used up. (It is `put`, which must not
  /// be called beside it.)
  std::size_t take(boost::asio::const_buffer input, boost::beast::error_code& ec) {
    input_end_ = static_cast<const char*>(input.data()) + input.size();
    return put(input, ec);
  }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;
  bool folded(string_view name, string_view value) const;
  void take_other_field(std::string_view name, std::string_view value);
  void on_request_impl(boost::beast::http::verb method, string_view name, string_view target,
                       int version, error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field name, string_view text, string_view value,
                     error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  // No memory for a body before its bytes are there.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view part, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view part, error_code& ec) override;
  void on_finish_impl(error_code&) override {}

  request& into_;
  std::uint64_t bulk_bytes_max_;
  const char* input_end_ = nullptr;
  bool in_trailer_ = false;
};

} // namespace paymentd::http
