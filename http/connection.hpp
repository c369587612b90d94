// The bytes of one connection: its socket, TLS where that is on, the input that was not parsed yet
// and the answers that were not sent yet. Knows nothing of HTTP. Each session has one; one thread.
#pragma once

#include "http/tls/channel.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace paymentd::http {

/// A socket on an I/O thread, without the type erasure of Asio's default executor.
using stream_socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// The size that a request usually fits in; the buffer of an idle connection is no larger.
inline constexpr std::size_t input_bytes_usual = 4096;

/// Gives memory back where `text` is empty and keeps more than a request usually needs.
void shrink_if_large(std::string& text);

class connection {
 public:
  using error_code = boost::system::error_code;

  /// `input_bytes_max` bounds the input that waits to be parsed. `certificate` null: no TLS.
  connection(stream_socket socket, std::size_t input_bytes_max,
             const certificate_holder* certificate);

  stream_socket& socket() { return socket_; }
  /// The client's address; 0.0.0.0 where the connection had ended before it was first asked for.
  const boost::asio::ip::address& peer();

  bool has_tls() const { return tls_.has_value(); }
  /// Whether TLS's handshake is still to be done.
  bool shakes_hands() const { return tls_ && !tls_->is_open(); }
  /// Gives TLS away, to go on with it elsewhere.
  std::optional<tls_channel> take_tls() { return std::move(tls_); }

  /// The input, decrypted. Commit to it what was read into `room`.
  boost::beast::flat_buffer& input() { return input_; }
  const boost::beast::flat_buffer& input() const { return input_; }
  boost::asio::mutable_buffer room();
  /// Reads what is there without waiting, and decrypts it. `would_block` where nothing had come.
  error_code read_now();
  /// Moves what is decrypted to the input, as far as there is room. Gives whether there was
  /// something, be it the end. Only under TLS.
  bool decrypt(error_code& ec);

  /// Has `write` append plain text to a string, which is then gathered to be sent.
  template <class Write>
  void append(Write write) {
    write(tls_ ? plain_ : output_);
    if (tls_)
      tls_->write(plain_, output_);
    plain_.clear();
  }
  /// The bytes that are gathered and not sent yet, encrypted where TLS is on. Tell with `sent` how
  /// many of them were sent.
  boost::asio::const_buffer unsent() const;
  void sent(std::size_t bytes) { sent_ += bytes; }
  /// Whether all that is gathered is sent, or nobody is there to take it.
  bool send_now();
  /// Tells the client in TLS's own words that nothing more comes, where it is still there.
  void end_tls();

  /// Whether the client takes no more.
  bool gone() const { return gone_; }
  void give_up() { gone_ = true; }
  /// Ends a read or a write that waits.
  void cancel();
  /// Gives memory back that a large request or answer took.
  void shrink();

 private:
  error_code read_encrypted();

  stream_socket socket_;
  boost::beast::flat_buffer input_;
  std::optional<tls_channel> tls_;
  std::string plain_;  // an answer before it is encrypted
  std::string output_; // answers that were not sent yet, in their order; encrypted where TLS is on
  std::size_t sent_ = 0;
  std::optional<boost::asio::ip::address> peer_; // once it was asked for
  bool gone_ = false;
};

} // namespace paymentd::http
