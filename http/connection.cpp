#include "http/connection.hpp"

#include "domain/check.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>

namespace paymentd::http {

namespace asio = boost::asio;

namespace {

/// Memory that is kept from one request to the next, at the most.
constexpr std::size_t kept_bytes_max = 16384;
/// Encrypted input that is read in one go: a whole record and its head (RFC 8446, 5.2).
constexpr std::size_t encrypted_bytes_max = 16384 + 1024;

} // namespace

void shrink_if_large(std::string& text) {
  if (text.empty() && text.capacity() > kept_bytes_max)
    text.shrink_to_fit();
}

connection::connection(stream_socket socket, std::size_t input_bytes_max,
                       const certificate_holder* certificate)
    : socket_(std::move(socket)), input_(input_bytes_max) {
  if (certificate != nullptr)
    tls_.emplace(certificate->present());
}

const asio::ip::address& connection::peer() {
  error_code unconnected; // then the address is 0.0.0.0
  if (!peer_)
    peer_ = socket_.remote_endpoint(unconnected).address();
  return *peer_;
}

asio::mutable_buffer connection::room() {
  return input_.prepare(std::min(input_bytes_usual, input_.max_size() - input_.size()));
}

connection::error_code connection::read_now() {
  if (tls_)
    return read_encrypted();
  error_code ec;
  input_.commit(socket_.read_some(room(), ec));
  return ec;
}

connection::error_code connection::read_encrypted() {
  std::array<char, encrypted_bytes_max> wire;
  error_code ec;
  const std::size_t size = socket_.read_some(asio::buffer(wire), ec);
  if (ec)
    return ec;
  tls_->take({wire.data(), size});
  decrypt(ec);
  return ec;
}

bool connection::decrypt(error_code& ec) {
  const auto to = room();
  std::size_t size = 0;
  const auto got = tls_->read({static_cast<char*>(to.data()), to.size()}, size);
  input_.commit(size);
  tls_->flush(output_);
  if (got == tls_channel::state::ended)
    ec = asio::error::eof;
  if (got == tls_channel::state::failed) {
    ec = asio::error::connection_aborted;
    send_now(); // the alert
  }
  return got != tls_channel::state::more;
}

asio::const_buffer connection::unsent() const {
  check(sent_ <= output_.size(), "no more is sent than was gathered");
  return asio::buffer(output_.data() + sent_, output_.size() - sent_);
}

bool connection::send_now() {
  while (!gone_ && sent_ < output_.size()) {
    error_code ec;
    sent(socket_.write_some(unsent(), ec));
    if (ec == asio::error::would_block)
      return false;
    if (ec)
      gone_ = true;
  }
  output_.clear();
  sent_ = 0;
  return true;
}

void connection::end_tls() {
  if (!tls_ || gone_)
    return;
  tls_->close(output_);
  send_now();
}

void connection::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void connection::shrink() {
  shrink_if_large(plain_);
  shrink_if_large(output_);
  if (input_.size() == 0 && input_.capacity() > kept_bytes_max)
    input_.shrink_to_fit();
}

} // namespace paymentd::http
