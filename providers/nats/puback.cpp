#include "providers/nats/puback.hpp"

#include "providers/outcome.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace paymentd::nats {

using nlohmann::json;
using providers::accepted;
using providers::call_result;
using providers::failure;
using providers::failure_class;
using providers::recipient_result;

namespace {

/// nats-server's JSStreamMessageExceedsMaximumErr: more than the stream's max_msg_size. Every other
/// error is of the stream, the account or the cluster, and not of one event.
constexpr std::int64_t message_exceeds_maximum = 10054;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

failure unclear(std::string reason) {
  return {.kind = failure_class::unknown, .reason = std::move(reason)};
}

failure refused(const json& error) {
  const std::int64_t code = number_of(error, "err_code");
  std::string said = providers::printable(text_of(error, "description"));
  if (said.empty())
    said = "an error without a description";
  return {.kind = failure_class::outage,
          .reason = "JetStream: " + said + " (" + std::to_string(code) + ")",
          .refused_content = code == message_exceeds_maximum};
}

} // namespace

call_result puback_result(std::string_view answer, std::string_view stream) {
  const json parsed = json::parse(answer, nullptr, false);
  if (!parsed.is_object())
    return std::unexpected(unclear("the answer is no PubAck"));
  if (const auto error = parsed.find("error"); error != parsed.end())
    return std::unexpected(error->is_object() ? refused(*error)
                                              : unclear("the answer is no PubAck"));
  const std::string by = text_of(parsed, "stream");
  const std::int64_t sequence = number_of(parsed, "seq");
  if (by != stream || sequence <= 0)
    return std::unexpected(unclear("the PubAck is not of the stream " + std::string(stream)));
  return std::vector<recipient_result>(1, accepted{by + ":" + std::to_string(sequence)});
}

failure no_stream() {
  return {.kind = failure_class::outage, .reason = "no JetStream stream takes the subject"};
}

failure no_puback(std::string_view said) {
  std::string reason = "JetStream did not say in time that it stored the event";
  if (!said.empty())
    reason += "; NATS says: " + providers::printable(std::string(said));
  return {
      .kind = failure_class::outage, .reason = std::move(reason), .may_follow_acceptance = true};
}

failure connection_lost(std::string_view why) {
  std::string reason = "the connection to NATS was lost";
  if (!why.empty())
    reason += ": " + providers::printable(std::string(why));
  return {
      .kind = failure_class::outage, .reason = std::move(reason), .may_follow_acceptance = true};
}

failure too_large(std::size_t bytes, std::size_t bytes_max) {
  return {.kind = failure_class::outage,
          .reason = "an event of " + std::to_string(bytes) +
                    " bytes with its headers; the server's max_payload is " +
                    std::to_string(bytes_max),
          .never_written = true,
          .refused_content = true};
}

} // namespace paymentd::nats
