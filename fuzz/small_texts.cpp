// The small readers of texts that others write. Each gives nothing, or a value whose own text reads
// back to it.
#include "domain/utf8.hpp"
#include "fuzz/target.hpp"

#include "config/values.hpp"
#include "net/digest.hpp"
#include "net/http_client.hpp"
#include "net/origin.hpp"
#include "net/public_address.hpp"
#include "net/utc_text.hpp"
#include "providers/message.hpp"
#include "providers/webhook/signature.hpp"
#include "templates/length.hpp"
#include "templates/message_plan.hpp"
#include "templates/metadata_condition.hpp"

namespace paymentd::fuzz {

namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void read_times(std::string_view text) {
  net::parse_http_date(text);
  providers::parse_korea_time(text);
  const instant now{std::chrono::milliseconds{1763787843021}};
  if (const auto wait = net::parse_retry_after(text, now))
    expect(wait->count() >= 0 && *wait <= std::chrono::days{1}, "a wait is at most a day");
  if (const auto time = net::parse_utc(text))
    expect(net::parse_utc(net::utc_text(*time)) == time, "a time is read as it is written");
  if (const auto duration = config::parse_duration(text))
    expect(config::parse_duration(config::to_string(*duration)) == duration,
           "a duration is read as it is written");
}

void read_encodings(std::string_view text) {
  if (const auto decoded = net::from_base64(text))
    expect(net::base64_text(bytes_of(*decoded)) == text, "base64 has one text");
  if (const auto digest = net::digest_from_hex(text))
    expect(net::hex_text(*digest) == text, "a digest has one text");
  if (const auto key = webhooks::key_of(text))
    expect(key->size() >= 24 && key->size() <= 64, "a webhook's key has 24 to 64 bytes");
  expect(net::safe_in_header(net::percent_encoded(text)), "what is encoded is safe in a header");
  if (const auto real = config::parse_real(text))
    expect(config::parse_real(config::to_string(*real)) == real, "a number is read as written");
}

void read_addresses(std::string_view text) {
  if (const auto origin = net::parse_origin(text)) {
    expect(!origin->host.empty() && !origin->port.empty() && net::safe_in_header(origin->authority),
           "an origin has a host and a port");
    const auto again =
        net::parse_origin((origin->tls ? "https://" : "http://") + origin->authority);
    expect(again && again->host == origin->host && again->port == origin->port,
           "an origin is read as it is written");
  }
  if (const auto address = config::parse_address(text))
    expect(config::parse_address(config::to_string(*address)) == address,
           "an address is read as it is written");
  boost::system::error_code none;
  const auto address = boost::asio::ip::make_address(std::string{text}, none);
  if (!none)
    net::is_public(address);
}

/// The text as one with fields, and as the metadata that they stand for.
void read_templates(std::string_view text) {
  payment_event event;
  event.metadata = event.user_metadata = text;
  event.reference = text;
  templates::message_plan plan;
  static_cast<void>(plan.set("text", text));
  for (const auto& [name, field] :
       {std::pair{"order", "{order.metadata.a}"}, std::pair{"user", "{user.metadata.a|b}"},
        std::pair{"reference", "{order.reference}"}})
    expect(plan.set(name, field).has_value(), "a text that is well-formed is taken");
  std::vector<std::string> values;
  plan.render(event, 14, values);
  std::size_t all = 0;
  for (const std::string& each : values) {
    expect(!is_utf8(text) || is_utf8(each), "a value stays UTF-8");
    all += templates::characters(each);
  }
  expect(all <= templates::message_characters_max, "all values fit a message");
  if (const auto condition = templates::metadata_condition::parse(text)) {
    condition->holds(event);
    const auto again = templates::metadata_condition::parse(condition->text());
    expect(again && *again == *condition, "a condition is read as it is written");
  }
}

} // namespace

int fuzz_small_texts(std::string_view bytes) {
  read_times(bytes);
  read_encodings(bytes);
  read_addresses(bytes);
  read_templates(bytes);
  expect(is_utf8(config::toml_text(bytes)) == is_utf8(bytes), "a text that is quoted stays UTF-8");
  return 0;
}

} // namespace paymentd::fuzz
