#include "tools/fake_alimtalk/session.hpp"

#include "net/json_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace paymentd::providers {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t connections_max = 20'000;
constexpr std::uint64_t request_bytes_max = 16 * 1024 * 1024;
constexpr std::size_t buffer_bytes_idle_max = 4096; // what a connection keeps while it waits

} // namespace

class fake_session : public std::enable_shared_from_this<fake_session> {
 public:
  fake_session(asio::ip::tcp::socket socket, fake_api& api, fake_sessions& all)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), api_(api), all_(all) {
    all_.open_.insert(this);
  }
  ~fake_session() { all_.open_.erase(this); }
  fake_session(const fake_session&) = delete;
  fake_session& operator=(const fake_session&) = delete;

  void read() {
    if (last_)
      return close();
    idle_ = true;
    parser_.emplace();
    parser_->body_limit(request_bytes_max);
    if (buffer_.size() == 0 && buffer_.capacity() > buffer_bytes_idle_max)
      buffer_.shrink_to_fit();
    http::async_read_header(socket_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (error)
                                return self->close();
                              self->idle_ = false;
                              self->read_body();
                            });
  }

  void close() {
    error_code ignored;
    timer_.cancel();
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  void close_when_idle() {
    last_ = true;
    if (idle_)
      close();
  }

 private:
  void read_body() {
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (error)
                         return self->close();
                       self->handle();
                     });
  }

  void handle() {
    const auto& request = parser_->get();
    const auto header = [&](beast::string_view name) {
      const auto found = request.find(name);
      return found == request.end()
                 ? std::string_view{}
                 : std::string_view{found->value().data(), found->value().size()};
    };
    const auto view = [](beast::string_view text) {
      return std::string_view{text.data(), text.size()};
    };
    answer_ = api_.handle({.method = view(request.method_string()),
                           .target = view(request.target()),
                           .secret_key = header("X-Secret-Key"),
                           .idempotency_key = header("X-NC-API-IDEMPOTENCY-KEY"),
                           .authorization = header("Authorization"),
                           .timestamp = header("x-ncp-apigw-timestamp"),
                           .access_key = header("x-ncp-iam-access-key"),
                           .signature = header("x-ncp-apigw-signature-v2"),
                           .traceparent = header("traceparent"),
                           .body = request.body()});
    if (answer_.how == fake_answer::way::hang)
      return wait_for_the_end();
    if (answer_.latency.count() == 0)
      return answer();
    timer_.expires_after(answer_.latency);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error)
        self->answer();
    });
  }

  void answer() {
    if (answer_.how == fake_answer::way::close)
      return close();
    const bool keep_alive = parser_->get().keep_alive();
    head_ = "HTTP/1.1 ";
    net::append_number(head_, answer_.status);
    head_.append(" \r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: ");
    net::append_number(head_, answer_.body.size());
    if (answer_.retry_after) {
      head_.append("\r\nRetry-After: ");
      net::append_number(head_, answer_.retry_after->count());
    }
    head_.append(keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
    const std::array<asio::const_buffer, 2> both{asio::buffer(head_), asio::buffer(answer_.body)};
    asio::async_write(socket_, both,
                      [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                        if (error || !keep_alive)
                          return self->close();
                        self->answer_ = {};
                        self->read();
                      });
  }

  /// Holds the connection until its client gives up.
  void wait_for_the_end() {
    parser_.reset();
    socket_.async_read_some(asio::buffer(ignored_),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (error)
                                return self->close();
                              self->wait_for_the_end();
                            });
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  fake_api& api_;
  fake_sessions& all_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  fake_answer answer_;
  std::string head_;
  std::array<char, 64> ignored_{};
  bool idle_ = true;
  bool last_ = false; // no further request is to be read
};

void fake_sessions::start(asio::ip::tcp::socket socket, fake_api& api) {
  if (open_.size() >= connections_max)
    return;
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  std::make_shared<fake_session>(std::move(socket), api, *this)->read();
}

void fake_sessions::close_idle() {
  for (fake_session* one : open_)
    one->close_when_idle();
}

void fake_sessions::close_all() {
  for (fake_session* one : open_)
    one->close();
}

} // namespace paymentd::providers
