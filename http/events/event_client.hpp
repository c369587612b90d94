// One client that follows the events: its connection, and how far it has come. It writes what the
// ring has, or pages that the hub reads for it where it is behind, and never holds more than one
// text. Lives on the hub's thread, which shares it with the operations under way on its socket.
#pragma once

#include "domain/query.hpp"
#include "http/events/event_ring.hpp"
#include "http/keys/key_ring.hpp"
#include "http/tls/channel.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace paymentd::http {

class event_hub;

/// A socket on the hub's thread.
using event_socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// A connection whose client asked for the events, as its session hands it over.
struct event_reader {
  event_socket socket; // on the hub's context; does not block
  std::optional<tls_channel> tls;
  std::string head;    // of the answer; is sent first
  event_position from; // where it begins
  event_kinds kinds;
  std::shared_ptr<const held_key> key; // null: it needs none
};

class event_client : public std::enable_shared_from_this<event_client> {
 public:
  event_client(event_hub& hub, event_reader from);

  /// Listens for the end of the connection. Call it once it is shared.
  void start();

  /// Writes what there is for it: some tens of KB in one go. Called by the hub.
  void write_more();
  /// A page for it, which the hub has read.
  void take_page(const event_page& page);

  /// Whether it takes what it is given, as far as is known.
  bool has_room() const { return !blocked_; }
  /// Whether it follows the ring, and is not at its end.
  bool lags() const;
  /// Where it is, and which events it wants.
  event_position position() const;
  event_kinds kinds() const { return kinds_; }
  const held_key* key() const { return key_.get(); }

  /// Says something where it was silent for long; ends it where it does not take what it gets.
  void check(steady_instant now);
  /// Ends the connection: whoever reads on resumes from the last event that came whole.
  void end() { end(false); }
  bool over() const { return over_; }

  // Whether it stands in the hub's queues.
  bool queued = false;     // to write
  bool wants_page = false; // a page is to be read, or under way
  bool holds_page = false; // a page is not written yet

 private:
  using error_code = boost::system::error_code;
  void listen();
  bool hear();
  bool find_text();
  bool take_chunk();
  std::string_view text() const;
  void drop_text();
  std::size_t write_some(std::size_t most, error_code& ec);
  void wait_for_room();
  void end(bool cut_off);

  event_hub& hub_;
  event_socket socket_;
  std::optional<tls_channel> tls_;
  event_kinds kinds_;
  std::shared_ptr<const held_key> key_;

  std::string own_;         // a text of its own; goes before the shared one
  shared_text shared_;      // one that others write, too
  std::size_t written_ = 0; // of the text
  std::string wire_;        // a part of the text, encrypted
  std::size_t wire_written_ = 0;

  event_position at_;  // behind all texts that it was given; where it has no chunk
  shared_chunk chunk_; // the last one that it was given, where it stands exactly at its end
  std::optional<std::uint64_t> next_; // the chunk that it takes next; nothing: it has to find out

  steady_instant heard_from_us_;            // when it was written to last
  std::optional<steady_instant> blocked_;   // since when it has taken nothing
  steady_instant::duration blocked_for_{0}; // before that, over the present text
  std::size_t heard_ = 0;                   // bytes that came; nobody asked for them
  bool over_ = false;
};

} // namespace paymentd::http
