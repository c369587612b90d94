// The part of a session that asks something and, where the answer is a stream of events, hands its
// connection over to the hub.
#include "http/events/event_hub.hpp"
#include "http/io_thread.hpp"
#include "http/session.hpp"

#include <unistd.h>

namespace paymentd::http {

namespace asio = boost::asio;

/// The question of a step that asks one.
std::optional<gateway::inquiry> session::asking(const step& next) {
  if (const auto* asked = std::get_if<query>(&next))
    return owner_.to_actors().look_up(*asked);
  if (const auto* again = std::get_if<delivery_retry>(&next))
    return owner_.to_actors().retry(*again);
  if (const auto* watched = std::get_if<watch>(&next))
    return owner_.to_actors().look_up(query{watched->from});
  return std::nullopt;
}

/// Answers with the reply, or hands the connection over: true where that was done.
bool session::shows_or_streams(const step& next, const actors::answer_reply& reply) {
  if (const auto* watched = std::get_if<watch>(&next))
    return streams(*watched, reply);
  show(reply);
  return false;
}

/// Hands the connection over to follow the events from `start` on. False where that is not
/// possible: the answer says why.
bool session::streams(const watch& what, const actors::answer_reply& start) {
  if (!start) {
    fail(problem_of(start.error()));
    return false;
  }
  event_hub* const hub = owner_.options().events;
  if (hub == nullptr || owner_.draining()) {
    fail({problem_code::shutting_down, {}, {}, {}});
    return false;
  }
  if (!hub->enter()) {
    fail({problem_code::overloaded, "As many clients follow the events as may.", {}, {}});
    return false;
  }
  error_code ec;
  const auto protocol = socket_.local_endpoint(ec).protocol();
  event_socket socket(hub->context());
  if (!ec) {
    const auto descriptor = socket_.release(ec);
    if (!ec && socket.assign(protocol, descriptor, ec))
      ::close(descriptor);
  }
  if (!ec)
    socket.non_blocking(true, ec);
  std::string head;
  append_stream_head(head, {.request_id = request_id(), .date = owner_.date()});
  // Where something failed, the hub finds that out at once, and counts the connection out.
  hub->adopt({.socket = std::move(socket),
              .tls = std::move(tls_),
              .head = std::move(head),
              .from = std::get<event_page>(*start).next,
              .kinds = {what.from.payments, what.from.refunds},
              .key = key_.key});
  return true;
}

} // namespace paymentd::http
