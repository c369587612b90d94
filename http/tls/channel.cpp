#include "http/tls/channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

namespace paymentd::http {

namespace {

constexpr std::size_t record_bytes_max = 16384; // RFC 8446, 5.1

int as_int(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

} // namespace

tls_channel::tls_channel(const tls_settings& settings)
    : ssl_(::SSL_new(settings.get())), in_(::BIO_new(::BIO_s_mem())),
      out_(::BIO_new(::BIO_s_mem())) {
  if (!ssl_ || in_ == nullptr || out_ == nullptr) {
    ::BIO_free(in_);
    ::BIO_free(out_);
    throw std::bad_alloc{};
  }
  // An empty BIO is not the end: more may come.
  BIO_set_mem_eof_return(in_, -1);
  BIO_set_mem_eof_return(out_, -1);
  ::SSL_set_bio(ssl_.get(), in_, out_);
  ::SSL_set_accept_state(ssl_.get());
}

void tls_channel::take(std::span<const char> wire) {
  if (!wire.empty() && ::BIO_write(in_, wire.data(), as_int(wire.size())) != as_int(wire.size()))
    throw std::bad_alloc{};
}

tls_channel::state tls_channel::read(std::span<char> room, std::size_t& read) {
  read = 0;
  if (::BIO_ctrl_pending(in_) == 0 && ::SSL_has_pending(ssl_.get()) == 0)
    return state::more;
  ::ERR_clear_error();
  const int got = ::SSL_read_ex(ssl_.get(), room.data(), room.size(), &read);
  if (got == 1)
    return state::bytes;
  read = 0;
  switch (::SSL_get_error(ssl_.get(), got)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return state::more;
  case SSL_ERROR_ZERO_RETURN:
    return state::ended;
  default:
    ::ERR_clear_error();
    return state::failed;
  }
}

bool tls_channel::is_open() const {
  return ::SSL_is_init_finished(ssl_.get()) == 1;
}

void tls_channel::write(std::string_view plain, std::string& wire) {
  ::ERR_clear_error();
  while (!plain.empty()) {
    // A record at a time, so that what OpenSSL gathers does not grow with the answer.
    const std::size_t size = std::min(plain.size(), record_bytes_max);
    std::size_t written = 0;
    if (::SSL_write_ex(ssl_.get(), plain.data(), size, &written) != 1) {
      ::ERR_clear_error();
      throw std::runtime_error("an answer cannot be encrypted");
    }
    plain.remove_prefix(written);
    flush(wire);
  }
}

void tls_channel::close(std::string& wire) {
  ::ERR_clear_error();
  if (is_open())
    ::SSL_shutdown(ssl_.get());
  ::ERR_clear_error();
  flush(wire);
}

void tls_channel::flush(std::string& wire) {
  const std::size_t waiting = ::BIO_ctrl_pending(out_);
  if (waiting == 0)
    return;
  const std::size_t before = wire.size();
  wire.resize(before + waiting);
  const int got = ::BIO_read(out_, wire.data() + before, as_int(waiting));
  wire.resize(before + static_cast<std::size_t>(std::max(got, 0)));
}

} // namespace paymentd::http
