#include "tests/support/canned_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace paymentd::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

template <class Stream>
class connection_on final : public canned_connection {
 public:
  explicit connection_on(Stream& stream) : stream_(stream) {}
  std::optional<canned_request> read_request() override {
    http::request_parser<http::string_body> parser;
    parser.body_limit(64 * 1024 * 1024);
    error_code error;
    http::read(stream_, buffer_, parser, error);
    if (error)
      return std::nullopt;
    canned_request request{
        .target = std::string(parser.get().target()), .headers = {}, .body = parser.get().body()};
    for (const auto& field : parser.get()) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers.emplace(std::move(name), std::string(field.value()));
    }
    return request;
  }
  bool write(const std::string& bytes) override {
    error_code error;
    asio::write(stream_, asio::buffer(bytes), error);
    return !error;
  }

 private:
  Stream& stream_;
  boost::beast::flat_buffer buffer_;
};

std::string pem(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
  write(memory.get());
  std::string text(static_cast<std::size_t>(BIO_pending(memory.get())), '\0');
  BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
  return text;
}

} // namespace

class canned_server::impl {
 public:
  impl(script what, const test_certificate* tls, std::uint16_t port)
      : script_(std::move(what)), acceptor_(io_, {asio::ip::address_v4::loopback(), port}),
        port_(acceptor_.local_endpoint().port()) {
    if (tls != nullptr) {
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate_chain(asio::buffer(tls->certificate));
      tls_->use_private_key(asio::buffer(tls->key), asio::ssl::context::pem);
    }
    accepting_ = std::jthread([this] { accept(); });
  }

  ~impl() {
    // Threads block in accept or in a read; ending the sockets wakes them.
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
      for (const int each : open_)
        ::shutdown(each, SHUT_RDWR);
    }
    accepting_.join();
    running_.clear();
  }

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  bool secure() const { return tls_.has_value(); }

 private:
  void accept() {
    for (;;) {
      tcp::socket socket(io_);
      error_code error;
      acceptor_.accept(socket, error);
      const std::lock_guard lock(mutex_);
      if (error || ending_)
        return;
      ++connections_;
      open_.insert(socket.native_handle());
      running_.emplace_back([this, mine = std::move(socket)]() mutable {
        run(mine);
        const std::lock_guard ended(mutex_);
        open_.erase(mine.native_handle());
        mine.close();
      });
    }
  }

  void run(tcp::socket& socket) {
    if (!tls_) {
      connection_on<tcp::socket> plain(socket);
      script_(plain);
      return;
    }
    asio::ssl::stream<tcp::socket&> stream(socket, *tls_);
    error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    connection_on<asio::ssl::stream<tcp::socket&>> secure(stream);
    if (!error)
      script_(secure);
  }

  const script script_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  const std::uint16_t port_;
  std::optional<asio::ssl::context> tls_;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::set<int> open_; // sockets in work
  bool ending_ = false;
  std::vector<std::jthread> running_; // one a connection
  std::jthread accepting_;
};

canned_server::canned_server(script what, const test_certificate* tls, std::uint16_t port)
    : impl_(std::make_unique<impl>(std::move(what), tls, port)) {}
canned_server::~canned_server() = default;

std::uint16_t canned_server::port() const {
  return impl_->port();
}
std::string canned_server::origin(const std::string& host) const {
  return (impl_->secure() ? "https://" : "http://") + host + ":" + std::to_string(port());
}
int canned_server::connections() const {
  return impl_->connections();
}

std::string http_answer(const std::string& body, int status, const std::string& more_headers) {
  if (status == 204)
    return "HTTP/1.1 204 \r\n" + more_headers + "\r\n";
  return "HTTP/1.1 " + std::to_string(status) + " \r\n" + more_headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

test_certificate make_test_certificate(const std::string& alternative_name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("paymentd test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name.c_str()),
      &X509_EXTENSION_free);
  X509_add_ext(certificate.get(), extension.get(), -1);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return {.certificate = pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); }),
          .key = pem([&](BIO* out) {
            return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

} // namespace paymentd::net
