#include "net/connect_race.hpp"

#include "net/public_address.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace paymentd::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds spacing_max{250}; // "Connection Attempt Delay", RFC 8305, 5
constexpr std::size_t attempts_max = 16;
constexpr std::string_view tls_failed = "TLS";

/// Makes OpenSSL hold the certificate against the host: its address or its name.
bool expect_host(SSL* ssl, const std::string& host) {
  error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  // The cast is SSL_set_tlsext_host_name's, spelled out: the macro's is an old-style one.
  return SSL_set1_host(ssl, host.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                  const_cast<char*>(host.c_str())) == 1;
}

std::string handshake_reason(SSL* ssl, const error_code& error) {
  std::string reason = std::string(tls_failed) + " handshake: " + error.message();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
    reason.append(": ").append(X509_verify_cert_error_string(verdict));
  return reason;
}

} // namespace

endpoints race_order(endpoints found, bool public_only) {
  if (public_only)
    std::erase_if(found, [](const tcp::endpoint& each) { return !is_public(each.address()); });
  if (found.empty())
    return found;
  const bool first_is_v6 = found.front().address().is_v6();
  const auto middle = std::ranges::stable_partition(found, [&](const tcp::endpoint& each) {
                        return each.address().is_v6() == first_is_v6;
                      }).begin();
  endpoints order;
  auto one = found.begin();
  auto other = middle;
  while (order.size() < attempts_max && (one != middle || other != found.end())) {
    if (one != middle)
      order.push_back(*one++);
    if (other != found.end() && order.size() < attempts_max)
      order.push_back(*other++);
  }
  return order;
}

connect_race::connect_race(asio::io_context& io, asio::ssl::context* tls, std::string host)
    : io_(io), tls_(tls), host_(std::move(host)), next_attempt_(io) {}

void connect_race::start(endpoints to, std::chrono::steady_clock::duration within, callback done) {
  to_ = std::move(to);
  done_ = std::move(done);
  spacing_ = std::min<std::chrono::steady_clock::duration>(
      spacing_max, within / static_cast<int>(std::max<std::size_t>(to_.size(), 1)));
  begin_next();
}

void connect_race::cancel() {
  done_ = nullptr;
  close_all();
}

void connect_race::begin_next() {
  if (next_ == to_.size())
    return;
  const auto link = attempts_.emplace_back(std::make_shared<http_link>(io_));
  link->socket.async_connect(
      to_[next_++],
      [self = shared_from_this(), link](const error_code& error) { self->connected(link, error); });
  next_attempt_.expires_after(spacing_);
  next_attempt_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && self->done_)
      self->begin_next();
  });
}

void connect_race::connected(const std::shared_ptr<http_link>& link, const error_code& error) {
  if (!done_)
    return;
  if (error)
    return failed(link, "connecting: " + error.message());
  error_code ignored;
  link->socket.set_option(tcp::no_delay(true), ignored);
  if (tls_ == nullptr)
    return won(link);
  link->tls.emplace(link->socket, *tls_);
  if (!expect_host(link->tls->native_handle(), host_))
    return failed(link, std::string(tls_failed) + ": the host's name cannot be checked");
  link->tls->async_handshake(
      asio::ssl::stream_base::client, [self = shared_from_this(), link](const error_code& refused) {
        if (!self->done_)
          return;
        if (refused)
          self->failed(link, handshake_reason(link->tls->native_handle(), refused));
        else
          self->won(link);
      });
}

void connect_race::failed(const std::shared_ptr<http_link>& link, std::string why) {
  if (!why_.starts_with(tls_failed)) // it tells more than an address that is not there
    why_ = std::move(why);
  error_code ignored;
  link->socket.close(ignored);
  std::erase(attempts_, link);
  if (next_ < to_.size())
    return begin_next(); // which also sets its timer anew
  if (attempts_.empty())
    std::exchange(done_, nullptr)(std::unexpected(std::move(why_)));
}

void connect_race::won(const std::shared_ptr<http_link>& link) {
  std::erase(attempts_, link);
  close_all();
  std::exchange(done_, nullptr)(link);
}

void connect_race::close_all() {
  next_attempt_.cancel();
  error_code ignored;
  for (const auto& each : std::exchange(attempts_, {}))
    each->socket.close(ignored);
}

} // namespace paymentd::net
