#include "tests/webhook/receiver.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

namespace paymentd::webhook {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct session_owner;

class session : public std::enable_shared_from_this<session> {
 public:
  session(tcp::socket socket, session_owner& owner) : socket_(std::move(socket)), owner_(owner) {}
  void read();
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void handle();
  void wait_for_the_end();

  tcp::socket socket_;
  session_owner& owner_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string answer_;
  char ignored_ = 0;
};

struct session_owner {
  virtual ~session_owner() = default;
  virtual reply take(received_request request) = 0;
  virtual void answered() = 0;
  virtual void ended(const std::shared_ptr<session>& who) = 0;
};

void session::read() {
  parser_.emplace();
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](error_code error, std::size_t) {
                     if (error)
                       return self->owner_.ended(self);
                     self->handle();
                   });
}

void session::handle() {
  const auto& message = parser_->get();
  received_request request{
      .target = std::string(message.target()), .headers = {}, .body = message.body()};
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers.emplace(std::move(name), std::string(field.value()));
  }
  const reply with = owner_.take(std::move(request));
  if (with.hang)
    return wait_for_the_end();
  if (with.close) {
    owner_.answered();
    close();
    return owner_.ended(shared_from_this());
  }
  answer_ = "HTTP/1.1 " + std::to_string(with.status) + " \r\n" + with.headers +
            "Content-Length: " + std::to_string(with.body.size()) + "\r\n\r\n" + with.body;
  if (with.status == 204)
    answer_ = "HTTP/1.1 204 \r\n" + with.headers + "\r\n";
  asio::async_write(socket_, asio::buffer(answer_),
                    [self = shared_from_this()](error_code error, std::size_t) {
                      self->owner_.answered();
                      if (error)
                        return self->owner_.ended(self);
                      self->read();
                    });
}

void session::wait_for_the_end() {
  socket_.async_read_some(asio::buffer(&ignored_, 1),
                          [self = shared_from_this()](error_code error, std::size_t) {
                            if (error)
                              return self->owner_.ended(self);
                            self->wait_for_the_end();
                          });
}

} // namespace

class receiver::server final : public session_owner {
 public:
  server(answering answer, std::uint16_t port)
      : answer_(std::move(answer)), acceptor_(io_, {asio::ip::address_v4::loopback(), port}),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::jthread([this] { io_.run(); });
  }
  ~server() override {
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      for (const auto& each : sessions_)
        each->close();
    });
    thread_.join();
  }

  reply take(received_request request) override {
    answering answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      open_max_ = std::max(open_max_, ++open_);
      answer = answer_;
    }
    changed_.notify_all();
    return answer ? answer(request) : reply{};
  }
  void answered() override {
    const std::lock_guard lock(mutex_);
    --open_;
  }
  void ended(const std::shared_ptr<session>& who) override { sessions_.erase(who); }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  answering answer_;
  std::vector<received_request> requests_;
  std::size_t open_ = 0;
  std::size_t open_max_ = 0;

  std::uint16_t port() const { return port_; }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error)
        return;
      (*sessions_.insert(std::make_shared<session>(std::move(socket), *this)).first)->read();
      accept();
    });
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::unordered_set<std::shared_ptr<session>> sessions_; // on the thread
  std::jthread thread_;
};

receiver::receiver(answering answer, std::uint16_t port)
    : server_(std::make_unique<server>(std::move(answer), port)) {}
receiver::~receiver() = default;

std::uint16_t receiver::port() const {
  return server_->port();
}

std::string receiver::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + path;
}

void receiver::set_answer(answering answer) {
  const std::lock_guard lock(server_->mutex_);
  server_->answer_ = std::move(answer);
}

std::vector<received_request> receiver::requests() const {
  const std::lock_guard lock(server_->mutex_);
  return server_->requests_;
}

std::size_t receiver::open_max() const {
  const std::lock_guard lock(server_->mutex_);
  return server_->open_max_;
}

bool receiver::wait_for(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(server_->mutex_);
  return server_->changed_.wait_for(lock, timeout,
                                    [&] { return server_->requests_.size() >= count; });
}

bool verifies(const received_request& request, const std::string& secret) {
  const auto header = [&](const char* name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string() : found->second;
  };
  const std::string encoded = secret.substr(secret.find('_') + 1);
  std::string key(encoded.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(key.data()),
                                   reinterpret_cast<const unsigned char*>(encoded.data()),
                                   static_cast<int>(encoded.size()));
  key.resize(static_cast<std::size_t>(size - static_cast<int>(std::ranges::count(encoded, '='))));
  const std::string content =
      header("webhook-id") + "." + header("webhook-timestamp") + "." + request.body;
  unsigned char bytes[32];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), bytes, &length);
  char text[45];
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text), bytes, static_cast<int>(length));
  const std::string list = " " + header("webhook-signature") + " ";
  return list.find(" v1," + std::string(text) + " ") != list.npos;
}

} // namespace paymentd::webhook
