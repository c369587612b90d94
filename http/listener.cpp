#include "http/listener.hpp"

#include "http/problem.hpp"
#include "http/response.hpp"
#include "net/utc_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <future>
#include <optional>

namespace paymentd::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How long to wait when not even a descriptor of the reserve is left, rather than to spin.
constexpr std::chrono::milliseconds pause_time{100};
/// So many connections at once are told that there are too many; beyond, they are just closed.
constexpr int refusals_max = 128;
/// Descriptors that are kept back: to tell clients that there are none; to serve operators.
constexpr std::size_t reserve_for_clients = 1;
constexpr std::size_t reserve_for_operators = 8;
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

/// The kernel drops what would begin a connection, and ends the handshakes that have begun. A
/// closed socket would reset connections that nobody has accepted yet, with what was sent on them.
void begin_no_more(int socket) {
  constexpr std::uint32_t flags_offset = offsetof(tcphdr, th_flags); // a filter sees the TCP header
  std::array<sock_filter, 5> program{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TH_SYN | TH_ACK),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TH_SYN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xFFFF'FFFF),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

} // namespace

listener::listener(std::vector<io_thread*> threads, connection_count& connections,
                   listener_options options)
    : threads_(std::move(threads)), connections_(connections), options_(options),
      acceptor_(threads_.front()->context()), pause_(threads_.front()->context()) {}

listener::~listener() {
  while (!reserve_.empty())
    use_reserve();
}

bool is_loopback(const std::string& address) {
  const auto endpoint = parse_address(address);
  return endpoint && endpoint->address().is_loopback();
}

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
  asio::post(acceptor_.get_executor(), [this] {
    fill_reserve();
    accept();
  });
}

void listener::close(std::chrono::milliseconds handshake_time, steady_instant deadline) {
  auto closed = std::make_shared<std::promise<void>>();
  auto done = closed->get_future();
  asio::post(acceptor_.get_executor(), [this, handshake_time, closed] {
    begin_no_more(acceptor_.native_handle());
    pause_.expires_after(handshake_time);
    pause_.async_wait([this, closed](error_code) {
      while (accept_waiting()) {
      }
      error_code ignored;
      acceptor_.close(ignored);
      closed->set_value();
    });
  });
  done.wait_until(deadline);
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
                             return wait_without_files();
                           if (!ec)
                             take(std::move(socket), to);
                           accept();
                         });
}

/// Takes one that is there already; false where there is none.
bool listener::accept_waiting() {
  io_thread& to = *threads_[next_++ % threads_.size()];
  stream_socket socket(to.context());
  error_code ec;
  acceptor_.non_blocking(true, ec);
  acceptor_.accept(socket, ec);
  if (!ec)
    take(std::move(socket), to);
  return !ec || ec == asio::error::connection_aborted;
}

void listener::take(stream_socket socket, io_thread& to) {
  if (std::exchange(short_of_files_, false))
    spdlog::info("connections are accepted again");
  fill_reserve();
  bool refuse = connections_.served() >= options_.connections_max;
  if (refuse && options_.always_serves)
    refuse = !to.make_room();
  error_code ignored;
  socket.non_blocking(true, ignored);
  if (refuse && connections_.refused() >= refusals_max)
    return tell_overload(std::move(socket));
  connections_.add(refuse);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  to.adopt(std::move(socket), refuse);
}

/// Tells a client at once that there are too many, without waiting for it. Its request, where that
/// is still on its way, resets the connection and may take the answer with it.
void listener::tell_overload(stream_socket socket) {
  if (!options_.tells)
    return;
  std::string id, text;
  response answer;
  threads_.front()->append_request_id(id);
  write_problem(answer, {problem_code::overloaded, "There are too many connections.", {}, {}}, id);
  append_http(text, answer,
              {.request_id = id,
               .date = net::http_date(
                   std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())),
               .keep_alive = false});
  std::array<char, 4096> unread;
  error_code ignored;
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  socket.read_some(asio::buffer(unread), ignored);
}

/// The process has no descriptor left. Waits for a client and serves it from the reserve.
void listener::wait_without_files() {
  if (!std::exchange(short_of_files_, true))
    spdlog::warn("no file descriptors are left: new connections at port {} are {}", port_,
                 options_.always_serves ? "served from a reserve" : "told 503");
  acceptor_.async_wait(acceptor::wait_read, [this](error_code ec) {
    if (ec == asio::error::operation_aborted)
      return;
    if (serve_from_reserve())
      accept();
    else
      pause();
  });
}

bool listener::serve_from_reserve() {
  fill_reserve();
  if (reserve_.empty())
    return false;
  use_reserve();
  stream_socket socket(threads_.front()->context());
  error_code ec;
  acceptor_.non_blocking(true, ec);
  acceptor_.accept(socket, ec);
  if (!ec && options_.always_serves) {
    take(std::move(socket), *threads_.front());
    short_of_files_ = true; // still
  } else if (!ec) {
    socket.non_blocking(true, ec);
    tell_overload(std::move(socket));
  }
  fill_reserve();
  return !out_of_resources(ec);
}

void listener::fill_reserve() {
  const std::size_t wanted = options_.always_serves ? reserve_for_operators : reserve_for_clients;
  while (reserve_.size() < wanted) {
    const int kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (kept < 0)
      return;
    reserve_.push_back(kept);
  }
}

/// Closes one of those that are kept back: so there is one to be had.
void listener::use_reserve() {
  ::close(reserve_.back());
  reserve_.pop_back();
}

void listener::pause() {
  pause_.expires_after(pause_time);
  pause_.async_wait([this](error_code ec) {
    if (!ec)
      accept();
  });
}

} // namespace paymentd::http
