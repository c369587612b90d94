// The part of a session that hands its connection over to the hub, where the answer is a stream of
// events.
#include "domain/check.hpp"
#include "http/events/event_hub.hpp"
#include "http/io_thread.hpp"
#include "http/session.hpp"

#include <unistd.h>

namespace paymentd::http {

/// Answers with the reply, or hands the connection over: true where that was done.
bool session::answers_or_streams(const step& next, const actors::answer_reply& reply) {
  if (const auto* watched = std::get_if<watch>(&next))
    return streams(*watched, reply);
  handler_.answer_with(reply);
  return false;
}

/// Hands the connection over to follow the events from `start` on. False where that is not
/// possible: the answer says why.
bool session::streams(const watch& what, const actors::answer_reply& start) {
  if (!start) {
    handler_.fail(problem_of(start.error()));
    return false;
  }
  event_hub* const hub = owner_.options().events;
  if (hub == nullptr || owner_.draining()) {
    handler_.fail({problem_code::shutting_down, {}, {}, {}});
    return false;
  }
  if (!hub->enter()) {
    handler_.fail({problem_code::overloaded, "As many clients follow the events as may.", {}, {}});
    return false;
  }
  check(connection_.unsent().size() == 0, "all is sent before a connection is handed over");
  stream_socket& own = connection_.socket();
  error_code ec;
  const auto protocol = own.local_endpoint(ec).protocol();
  event_socket socket(hub->context());
  if (!ec) {
    const auto descriptor = own.release(ec);
    if (!ec && socket.assign(protocol, descriptor, ec))
      ::close(descriptor);
  }
  if (!ec)
    socket.non_blocking(true, ec);
  std::string head;
  append_stream_head(head, {.request_id = handler_.request_id(), .date = owner_.date()});
  // Where something failed, the hub finds that out at once, and counts the connection out.
  hub->adopt({.socket = std::move(socket),
              .tls = connection_.take_tls(),
              .head = std::move(head),
              .from = std::get<event_page>(*start).next,
              .kinds = {what.from.payments, what.from.refunds},
              .key = handler_.key()});
  return true;
}

} // namespace paymentd::http
