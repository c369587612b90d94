#include "http/events/event_client.hpp"

#include "http/events/event_hub.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace paymentd::http {

namespace asio = boost::asio;

namespace {

/// Written to one client before others are.
constexpr std::size_t turn_bytes_max = 64 << 10;
/// Asked of the kernel for a client that does not read (it takes twice as much).
constexpr int send_buffer_bytes = 64 << 10;
/// Encrypted in one go: a record (RFC 8446, 5.1).
constexpr std::size_t record_bytes_max = 16384;
/// A client has nothing more to say once it follows; one that talks on is cut off.
constexpr std::size_t heard_bytes_max = 64 << 10;

/// How soon a browser comes again by itself.
constexpr std::string_view opening = "retry: 1000\n";
constexpr std::string_view heartbeat_line = ": heartbeat\n";

} // namespace

event_client::event_client(event_hub& hub, event_reader from)
    : hub_(hub), socket_(std::move(from.socket)), tls_(std::move(from.tls)), kinds_(from.kinds),
      key_(std::move(from.key)), own_(std::move(from.head)), at_(std::move(from.from)),
      heard_from_us_(std::chrono::steady_clock::now()) {
  own_.append(opening).append(position_text(to_token(at_)));
  error_code ignored;
  socket_.set_option(asio::socket_base::send_buffer_size(send_buffer_bytes), ignored);
}

void event_client::start() {
  listen();
  hub_.queue_to_write(shared_from_this());
}

void event_client::listen() {
  socket_.async_wait(event_socket::wait_read, [self = shared_from_this()](error_code ec) {
    if (self->over_)
      return;
    if (ec || !self->hear())
      return self->end();
    self->listen();
  });
}

/// Throws away what came. False where the client has ended, or talks too much.
bool event_client::hear() {
  std::array<char, 4096> bytes;
  error_code ec;
  const std::size_t size = socket_.read_some(asio::buffer(bytes), ec);
  if (ec)
    return ec == asio::error::would_block;
  heard_ += size;
  if (tls_) {
    tls_->take({bytes.data(), size});
    std::size_t read = 0;
    auto got = tls_channel::state::bytes;
    while (got == tls_channel::state::bytes)
      got = tls_->read(bytes, read);
    // One that begins another handshake could not be written to meanwhile.
    if (got != tls_channel::state::more || !tls_->is_open())
      return false;
    tls_->flush(wire_); // goes with what is written next
  }
  return heard_ <= heard_bytes_max;
}

std::string_view event_client::text() const {
  if (!own_.empty())
    return own_;
  return shared_ ? std::string_view(*shared_) : std::string_view();
}

void event_client::drop_text() {
  written_ = 0;
  blocked_for_ = {};
  if (!own_.empty()) {
    own_ = {};
    return;
  }
  shared_.reset();
  if (std::exchange(holds_page, false))
    hub_.page_done();
}

event_position event_client::position() const {
  return chunk_ ? chunk_->end() : at_;
}

bool event_client::lags() const {
  return next_ && *next_ < hub_.ring().next();
}

void event_client::write_more() {
  std::size_t left = turn_bytes_max;
  while (!over_ && left > 0 && hub_.may_send()) {
    if (text().empty() && !find_text())
      return;
    error_code ec;
    const std::size_t sent = write_some(left, ec);
    if (ec == asio::error::would_block)
      return wait_for_room();
    if (ec)
      return end();
    hub_.spend(sent);
    left -= std::min(left, sent);
    heard_from_us_ = std::chrono::steady_clock::now();
  }
  if (!over_)
    hub_.queue_to_write(shared_from_this());
}

std::size_t event_client::write_some(std::size_t most, error_code& ec) {
  std::size_t sent = 0;
  if (tls_) {
    if (wire_written_ == wire_.size()) {
      wire_.clear();
      wire_written_ = 0;
    }
    if (wire_.empty()) {
      const auto part = text().substr(written_, record_bytes_max);
      tls_->write(part, wire_);
      written_ += part.size();
    }
    sent = socket_.write_some(
        asio::buffer(wire_.data() + wire_written_, wire_.size() - wire_written_), ec);
    wire_written_ += sent;
    if (wire_written_ < wire_.size())
      return sent;
  } else {
    const auto part = text().substr(written_, most);
    sent = socket_.write_some(asio::buffer(part.data(), part.size()), ec);
    written_ += sent;
  }
  if (!ec && written_ == text().size())
    drop_text();
  return sent;
}

void event_client::wait_for_room() {
  blocked_ = std::chrono::steady_clock::now();
  socket_.async_wait(event_socket::wait_write, [self = shared_from_this()](error_code ec) {
    if (self->over_)
      return;
    if (ec)
      return self->end();
    self->blocked_for_ += std::chrono::steady_clock::now() - *self->blocked_;
    self->blocked_.reset();
    self->hub_.queue_to_write(self);
  });
}

/// Looks for the next text, where it has written the one before. False where there is none now.
bool event_client::find_text() {
  while (!wants_page) {
    const event_ring& ring = hub_.ring();
    if (!next_)
      next_ = ring.chunk_for(at_);
    if (!next_) {
      if (ring.head()) // otherwise it is queued once that is known
        hub_.read_for(shared_from_this());
      return false;
    }
    if (*next_ == ring.next())
      return false;
    if (take_chunk())
      return true;
  }
  return false;
}

/// Takes the next chunk of the ring. False where there is nothing for it in that, or where the ring
/// no longer has it.
bool event_client::take_chunk() {
  const shared_chunk chunk = hub_.ring().at(*next_);
  if (!chunk) {
    at_ = position();
    chunk_.reset();
    next_.reset();
    return false;
  }
  ++*next_;
  if (chunk_ || at_ == chunk->begin()) {
    chunk_ = chunk;
    shared_ = chunk->text_for(kinds_);
    if (shared_->empty())
      shared_.reset();
    return shared_ != nullptr;
  }
  bool whole = true;
  own_ = chunk->text_from(at_, kinds_, turn_bytes_max, whole);
  if (!whole)
    --*next_; // it goes on in the same one
  else if (at_ == chunk->end())
    chunk_ = chunk;
  return !own_.empty();
}

void event_client::take_page(const event_page& page) {
  wants_page = false;
  at_ = page.next;
  chunk_.reset();
  next_.reset();
  shared_ = event_chunk(page).text_for({});
  if (shared_->empty()) {
    shared_.reset();
    holds_page = false;
    hub_.page_done();
  }
  hub_.queue_to_write(shared_from_this());
}

void event_client::check(steady_instant now) {
  if (blocked_ && blocked_for_ + (now - *blocked_) >= hub_.options().write_timeout)
    return end(true);
  if (!text().empty() || now - heard_from_us_ < hub_.options().heartbeat)
    return;
  own_.append(heartbeat_line).append(position_text(chunk_ ? chunk_->end_token() : to_token(at_)));
  heard_from_us_ = now;
  hub_.queue_to_write(shared_from_this());
}

void event_client::end(bool cut_off) {
  if (std::exchange(over_, true))
    return;
  error_code ignored;
  if (tls_ && wire_written_ == wire_.size()) {
    wire_.clear();
    tls_->close(wire_);
    socket_.write_some(asio::buffer(wire_), ignored);
  }
  socket_.close(ignored);
  hub_.forget(shared_from_this(), cut_off);
}

} // namespace paymentd::http
