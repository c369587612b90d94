#include "http/request.hpp"

#include "http/ascii.hpp"

#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <functional>

namespace paymentd::http {

namespace beast_http = boost::beast::http;

namespace {

constexpr std::string_view request_id_field = "X-Request-Id";
/// One that is longer, or not visible ASCII, is not repeated.
constexpr std::size_t request_id_max = 128;
/// More of an Idempotency-Key field than any key has, even with each character escaped.
constexpr std::size_t key_kept_max = 1024;
/// Of an Accept field: the two types that are looked for come first with all who send them.
constexpr std::size_t accept_kept_max = 512;
/// More of an Authorization field than any API key has.
constexpr std::size_t authorization_kept_max = 512;

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos)
    return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// application/json, and no charset but UTF-8; other parameters mean nothing here.
media media_of(std::string_view value) {
  auto end = value.find(';');
  if (!same_word(trimmed(value.substr(0, end)), "application/json"))
    return media::other;
  while (end != std::string_view::npos) {
    value.remove_prefix(end + 1);
    end = value.find(';');
    const auto parameter = trimmed(value.substr(0, end));
    const auto equals = parameter.find('=');
    if (!same_word(parameter.substr(0, equals), "charset"))
      continue;
    if (equals == std::string_view::npos)
      return media::other;
    const auto charset = parameter.substr(equals + 1);
    if (!same_word(charset, "utf-8") && !same_word(charset, "\"utf-8\""))
      return media::other;
  }
  return media::json;
}

} // namespace

void request::clear() {
  // The strings keep their memory.
  method = http_method::other;
  target.clear();
  host.clear();
  origin.clear();
  fetch_site.clear();
  authorization.clear();
  key.clear();
  accept.clear();
  last_event_id.clear();
  id.clear();
  body.clear();
  fault = {};
  type = media::none;
  encoded = http_1_0 = wants_continue = expects_more = has_host = has_key = false;
  has_authorization = authorization_repeated = key_repeated = unwanted = false;
}

void request_parser::on_request_impl(beast_http::verb method, string_view, string_view target,
                                     int version, error_code&) {
  switch (method) {
  case beast_http::verb::get:
    into_.method = http_method::get;
    break;
  case beast_http::verb::head:
    into_.method = http_method::head;
    break;
  case beast_http::verb::post:
    into_.method = http_method::post;
    break;
  case beast_http::verb::patch:
    into_.method = http_method::patch;
    break;
  default:
    into_.method = http_method::other;
    break;
  }
  into_.target.assign(target.data(), target.size());
  into_.http_1_0 = version == 10;
  if (takes_many(into_.target))
    body_limit(bulk_bytes_max_);
}

/// Whether the value went over several lines, which Beast joins: then it stands in a buffer of
/// Beast's, or behind the end of the line that its name stands in.
bool request_parser::folded(string_view name, string_view value) const {
  const std::less<const char*> before;
  const char* const name_end = name.data() + name.size();
  return before(value.data(), name_end) || before(input_end_, value.data() + value.size()) ||
         std::find(name_end, value.data(), '\n') != value.data();
}

void request_parser::on_field_impl(beast_http::field name, string_view name_text, string_view given,
                                   error_code& ec) {
  // Others on the way may read such a field otherwise; a server refuses it (RFC 9112, 5.2).
  if (folded(name_text, given)) {
    into_.fault = "a header field goes over several lines";
    ec = beast_http::error::bad_value;
  }
  if (in_trailer_)
    return;
  const std::string_view value{given.data(), given.size()};
  switch (name) {
  case beast_http::field::host:
    if (into_.has_host) {
      into_.fault = "there is more than one Host field";
      ec = beast_http::error::bad_field;
    }
    into_.has_host = true;
    into_.host = value;
    break;
  case beast_http::field::origin:
    into_.origin = value;
    break;
  case beast_http::field::authorization:
    into_.authorization_repeated = into_.has_authorization;
    into_.has_authorization = true;
    into_.authorization = value.substr(0, authorization_kept_max);
    break;
  case beast_http::field::accept:
    // Several are one list (RFC 9110, 5.3).
    if (!into_.accept.empty())
      into_.accept += ", ";
    into_.accept.append(
        value.substr(0, accept_kept_max - std::min(accept_kept_max, into_.accept.size())));
    break;
  case beast_http::field::content_type:
    // Of several, the worst counts.
    into_.type = into_.type == media::other ? media::other : media_of(value);
    break;
  case beast_http::field::content_encoding:
    into_.encoded = into_.encoded || !(value.empty() || same_word(value, "identity"));
    break;
  case beast_http::field::expect:
    if (!same_word(value, "100-continue"))
      into_.expects_more = true;
    else if (!into_.http_1_0) // which knows no answers in between (RFC 9110, 10.1.1)
      into_.wants_continue = true;
    break;
  case beast_http::field::transfer_encoding:
    // One that forwards HTTP/1.0 may not know of it, so where the body ends is open (RFC
    // 9112, 6.1).
    if (into_.http_1_0) {
      into_.fault = "HTTP/1.0 has no transfer encoding";
      ec = beast_http::error::bad_transfer_encoding;
    } else if (!same_word(value, "chunked")) {
      into_.fault = "the only transfer encoding taken is chunked";
      ec = beast_http::error::bad_transfer_encoding;
    }
    break;
  default:
    take_other_field({name_text.data(), name_text.size()}, value);
    break;
  }
}

/// Those that Beast has no number for.
void request_parser::take_other_field(std::string_view name, std::string_view value) {
  if (same_word(name, request_id_field)) {
    if (!value.empty() && value.size() <= request_id_max && is_visible(value))
      into_.id = value;
  } else if (same_word(name, "Sec-Fetch-Site")) {
    into_.fetch_site = value;
  } else if (same_word(name, "Idempotency-Key")) {
    into_.key_repeated = into_.has_key;
    into_.has_key = true;
    into_.key = value.substr(0, key_kept_max);
  } else if (same_word(name, "Last-Event-ID")) {
    into_.last_event_id = value; // as long as a header may be
  }
}

void request_parser::on_header_impl(error_code& ec) {
  in_trailer_ = true;
  if (!into_.has_host && !into_.http_1_0) {
    into_.fault = "HTTP/1.1 needs a Host field";
    ec = beast_http::error::bad_field;
  }
}

std::size_t request_parser::on_body_impl(string_view part, error_code&) {
  if (!into_.unwanted)
    into_.body.append(part.data(), part.size());
  return part.size();
}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t, string_view part, error_code&) {
  if (!into_.unwanted)
    into_.body.append(part.data(), part.size());
  return part.size();
}

} // namespace paymentd::http
