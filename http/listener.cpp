#include "http/listener.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <charconv>
#include <optional>

namespace paymentd::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How long to wait when the process has no file descriptors left, rather than to spin.
constexpr std::chrono::milliseconds pause_time{100};
/// So many connections at once are told that there are too many; beyond, they are just closed.
constexpr int refusals_max = 128;
/// Connections that wait to be accepted; the kernel may allow fewer (net.core.somaxconn).
constexpr int backlog_max = 4096;

std::optional<asio::ip::tcp::endpoint> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (bad != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  if (host == "localhost")
    host = "127.0.0.1";
  error_code ec;
  const auto address = asio::ip::make_address(std::string{host}, ec);
  if (ec)
    return std::nullopt;
  return asio::ip::tcp::endpoint{address, port};
}

bool out_of_resources(error_code ec) {
  return ec == asio::error::no_descriptors || ec == asio::error::no_memory ||
         ec == asio::error::no_buffer_space ||
         ec == error_code{ENFILE, boost::system::system_category()};
}

} // namespace

listener::listener(std::vector<io_thread*> threads, connection_count& connections,
                   int connections_max)
    : threads_(std::move(threads)), connections_(connections), connections_max_(connections_max),
      acceptor_(threads_.front()->context()), pause_(threads_.front()->context()) {}

std::expected<void, std::string> listener::open(const std::string& address) {
  const auto endpoint = parse_address(address);
  if (!endpoint)
    return std::unexpected("cannot listen on " + address + ": not an address and a port");
  error_code ec;
  acceptor_.open(endpoint->protocol(), ec);
  if (!ec)
    acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec)
    acceptor_.bind(*endpoint, ec);
  if (!ec)
    acceptor_.listen(backlog_max, ec);
  if (!ec)
    port_ = acceptor_.local_endpoint(ec).port();
  if (ec)
    return std::unexpected("cannot listen on " + address + ": " + ec.message());
  return {};
}

void listener::start() {
  asio::post(acceptor_.get_executor(), [this] { accept(); });
}

void listener::close() {
  asio::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
}

void listener::accept() {
  if (!acceptor_.is_open())
    return;
  io_thread& to = *threads_[next_++ % threads_.size()];
  acceptor_.async_accept(to.context().get_executor(),
                         [this, &to](error_code ec, stream_socket socket) {
                           if (ec == asio::error::operation_aborted)
                             return;
                           if (out_of_resources(ec))
                             return pause();
                           if (!ec)
                             take(std::move(socket), to);
                           accept();
                         });
}

void listener::take(stream_socket socket, io_thread& to) {
  if (std::exchange(short_of_files_, false))
    spdlog::info("connections are accepted again");
  const bool refuse = connections_.served() >= connections_max_;
  if (refuse && connections_.refused() >= refusals_max)
    return;
  connections_.add(refuse);
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  to.adopt(std::move(socket), refuse);
}

void listener::pause() {
  if (!std::exchange(short_of_files_, true))
    spdlog::warn("no file descriptors left: new connections wait");
  pause_.expires_after(pause_time);
  pause_.async_wait([this](error_code ec) {
    if (!ec)
      accept();
  });
}

} // namespace paymentd::http
