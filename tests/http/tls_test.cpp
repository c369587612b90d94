// Goal: over TLS the server speaks as it does without, to clients that speak TLS 1.2 or 1.3 and
// HTTP/1.1; all else is refused, and a new certificate is shown from the next connection on.
// Method: a client of OpenSSL's over real sockets, and bytes that are no TLS.
#include "http/tls/certificate.hpp"
#include "tests/http/played_ledger.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"
#include "tests/support/canned_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <fstream>

namespace paymentd::http::testing {
namespace {

namespace asio = boost::asio;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// Files of a certificate of its own.
class certificate_on_disk {
 public:
  certificate_on_disk() { write(net::make_test_certificate("IP:127.0.0.1")); }
  void write(const net::test_certificate& what) {
    std::ofstream(files.certificate) << what.certificate;
    std::ofstream(files.private_key) << what.key;
    now = what;
  }
  tls_settings load() const { return load_certificate(files).value(); }

 private:
  support::temporary_directory place_;

 public:
  certificate_files files{place_.path() / "server.pem", place_.path() / "server.key"};
  net::test_certificate now;
};

/// One connection of a client that trusts one certificate.
class tls_client {
 public:
  tls_client(std::uint16_t port, const net::test_certificate& trusts, int version_max = 0,
             const std::string& protocols = "")
      : context_(asio::ssl::context::tls_client), stream_(io_, context_) {
    context_.add_certificate_authority(asio::buffer(trusts.certificate));
    context_.set_verify_mode(asio::ssl::verify_peer);
    // Otherwise this client itself would refuse to try what is too old.
    SSL_CTX_set_security_level(context_.native_handle(), 0);
    if (version_max != 0)
      SSL_set_max_proto_version(stream_.native_handle(), version_max);
    SSL_set_verify(stream_.native_handle(), SSL_VERIFY_PEER, nullptr);
    if (!protocols.empty())
      SSL_set_alpn_protos(stream_.native_handle(),
                          reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
    stream_.next_layer().connect({asio::ip::address_v4::loopback(), port});
    const timeval most{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(stream_.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    stream_.handshake(asio::ssl::stream_base::client, error_);
  }
  bool is_open() const { return !error_; }
  std::string version() { return SSL_get_version(stream_.native_handle()); }
  std::string protocol() {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream_.native_handle(), &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
  }
  void send(const std::string& bytes) { asio::write(stream_, asio::buffer(bytes), error_); }
  /// Text up to the end of the connection, or until `enough` is in it.
  std::string receive(const std::string& enough) {
    std::string all;
    while (!error_ && all.find(enough) == std::string::npos) {
      std::array<char, 4096> part;
      const auto size = stream_.read_some(asio::buffer(part), error_);
      all.append(part.data(), size);
    }
    return all;
  }
  /// Whether the server has ended the connection in good order.
  bool ended() const { return error_ == asio::error::eof; }

 private:
  asio::io_context io_;
  asio::ssl::context context_;
  asio::ssl::stream<asio::ip::tcp::socket> stream_;
  boost::system::error_code error_;
};

class http_tls : public ::testing::Test {
 protected:
  http_tls() { holder.put(disk.load()); }
  server_options options() {
    server_options made;
    made.certificate = &holder;
    made.header_timeout = header_timeout;
    return made;
  }
  std::chrono::milliseconds header_timeout{10000};
  certificate_on_disk disk;
  certificate_holder holder;
};

const std::string last_request = get_text("/v1/users/1", "Connection: close\r\n");

TEST_F(http_tls, a_request_is_answered_under_both_versions_as_without_tls) {
  scripted_server server(options());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_client client(server.port(), disk.now, version);
    ASSERT_TRUE(client.is_open());
    EXPECT_EQ(client.version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    client.send(get_text("/v1/users/1"));
    EXPECT_THAT(client.receive("\"createdAt\""), HasSubstr("HTTP/1.1 200 OK"));
    client.send(last_request);
    EXPECT_THAT(client.receive("nothing has this text"), HasSubstr("HTTP/1.1 200 OK"));
    EXPECT_TRUE(client.ended());
  }
}

TEST_F(http_tls, events_are_followed_as_without_tls) {
  played_ledger ledger;
  scripted_server server(options());
  server.actors.look_up = [&](const query& what) { return ledger.answer(what); };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_client client(server.port(), disk.now, version);
    client.send(get_text("/v1/events"));
    EXPECT_THAT(client.receive("retry: 1000"), HasSubstr("HTTP/1.1 200 OK"));
    entry_id last = ledger.add_many(2000, 3).back();
    EXPECT_THAT(client.receive("\"id\":\"" + std::to_string(last.value) + '"'),
                HasSubstr("paymentd.payment.succeeded.v1"));
    ledger.add({1});
    last = ledger.add({2}); // in records of their own
    client.receive("\"id\":\"" + std::to_string(last.value) + '"');
    EXPECT_FALSE(client.ended());
    if (version == TLS1_3_VERSION) {
      server.stop(10s);
      client.receive("nothing has this text");
      EXPECT_TRUE(client.ended());
    }
  }
}

TEST_F(http_tls, older_versions_are_refused) {
  scripted_server server(options());
  EXPECT_FALSE(tls_client(server.port(), disk.now, TLS1_1_VERSION).is_open());
}

TEST_F(http_tls, the_only_protocol_is_http_1_1) {
  scripted_server server(options());
  const std::string http_1_1 = "\x08http/1.1";
  const std::string h2 = "\x02h2";
  EXPECT_EQ(tls_client(server.port(), disk.now, 0, h2 + http_1_1).protocol(), "http/1.1");
  EXPECT_EQ(tls_client(server.port(), disk.now).protocol(), "");
  EXPECT_FALSE(tls_client(server.port(), disk.now, 0, h2).is_open());
}

TEST_F(http_tls, requests_come_in_any_pieces) {
  scripted_server server(options());
  tls_client client(server.port(), disk.now);
  const std::string text = post_text("/v1/payments", R"({"orderId":3,"userId":4})");
  for (const char each : text)
    client.send(std::string(1, each));
  EXPECT_THAT(client.receive("\"updatedAt\""), HasSubstr("HTTP/1.1 201 Created"));
  // More than a record, and than the input takes at once.
  std::string many;
  for (int n = 0; n < 1000; ++n)
    many += text;
  client.send(many + last_request);
  std::string answers = client.receive("nothing has this text");
  int created = 0;
  for (std::size_t at = 0; (at = answers.find("201 Created", at)) != std::string::npos; ++at)
    ++created;
  EXPECT_EQ(created, 1000);
  EXPECT_TRUE(client.ended());
}

TEST_F(http_tls, a_large_body_is_taken_and_one_that_is_too_large_refused) {
  scripted_server server(options());
  tls_client client(server.port(), disk.now);
  const std::string spaces(60'000, ' ');
  client.send(post_text("/v1/payments", R"({"orderId":3,)" + spaces + R"("userId":4})"));
  EXPECT_THAT(client.receive("\"updatedAt\""), HasSubstr("HTTP/1.1 201 Created"));
  client.send(post_text("/v1/payments", R"({"orderId":3,)" + spaces + spaces + R"("userId":4})"));
  EXPECT_THAT(client.receive("payload_too_large"), HasSubstr("HTTP/1.1 413"));
}

TEST_F(http_tls, expect_continue_is_answered) {
  scripted_server server(options());
  tls_client client(server.port(), disk.now);
  const std::string whole =
      post_text("/v1/payments", R"({"orderId":3,"userId":4})", "Expect: 100-continue\r\n");
  const auto body = whole.find("\r\n\r\n") + 4;
  client.send(whole.substr(0, body));
  EXPECT_THAT(client.receive("\r\n\r\n"), HasSubstr("100 Continue"));
  client.send(whole.substr(body));
  EXPECT_THAT(client.receive("\"updatedAt\""), HasSubstr("201 Created"));
}

TEST_F(http_tls, what_is_no_tls_is_closed_and_others_are_served_on) {
  scripted_server server(options());
  for (const std::string& bytes :
       {get_text("/v1/users/1"), std::string{"\r\n\r\n\r\n\r\n\r\n"}, std::string(20'000, '\x16'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')}) {
    test_client plain(server.port());
    plain.send(bytes);
    plain.half_close();
    EXPECT_FALSE(plain.receive());
  }
  tls_client client(server.port(), disk.now);
  client.send(last_request);
  EXPECT_THAT(client.receive("\"createdAt\""), HasSubstr("200 OK"));
}

TEST_F(http_tls, a_client_that_does_not_shake_hands_in_time_is_cut_off) {
  header_timeout = 50ms;
  scripted_server server(options());
  test_client silent(server.port());
  EXPECT_TRUE(silent.closed());
  test_client slow(server.port());
  slow.send(std::string("\x16\x03\x01\x02", 4)); // the head of a record
  EXPECT_TRUE(slow.closed());
  // One that has may wait before its first request, as without TLS.
  tls_client client(server.port(), disk.now);
  ASSERT_TRUE(client.is_open());
  test_client meanwhile(server.port());
  EXPECT_TRUE(meanwhile.closed());
  client.send(last_request);
  EXPECT_THAT(client.receive("\"createdAt\""), HasSubstr("200 OK"));
}

TEST_F(http_tls, a_new_certificate_is_shown_from_the_next_connection_on) {
  scripted_server server(options());
  const net::test_certificate first = disk.now;
  tls_client old(server.port(), first);
  disk.write(net::make_test_certificate("IP:127.0.0.1"));
  holder.put(disk.load());
  EXPECT_FALSE(tls_client(server.port(), first).is_open());
  EXPECT_TRUE(tls_client(server.port(), disk.now).is_open());
  old.send(last_request); // goes on under the certificate that it was shown
  EXPECT_THAT(old.receive("\"createdAt\""), HasSubstr("200 OK"));
}

TEST_F(http_tls, a_stop_answers_what_is_under_way_and_closes_idle_connections) {
  scripted_server server(options());
  tls_client idle(server.port(), disk.now);
  idle.send(get_text("/v1/users/1"));
  idle.receive("\"createdAt\"");
  tls_client busy(server.port(), disk.now);
  server.actors.hold();
  busy.send(post_text("/v1/payments", R"({"orderId":3,"userId":4})"));
  ASSERT_TRUE(server.actors.wait_for_commands(1));
  std::jthread stopping([&] { server.stop(10s); });
  EXPECT_EQ(idle.receive("nothing has this text"), "");
  EXPECT_TRUE(idle.ended());
  server.actors.release();
  EXPECT_THAT(busy.receive("\"updatedAt\""), HasSubstr("201 Created"));
}

TEST(certificates, files_that_are_broken_or_do_not_belong_together_are_named) {
  certificate_on_disk disk;
  const net::test_certificate good = disk.now;
  EXPECT_EQ(days_left(disk.load()), 0); // it lives for an hour
  const auto fault = [&](const net::test_certificate& what) {
    disk.write(what);
    const auto loaded = load_certificate(disk.files);
    return loaded ? std::string{} : loaded.error();
  };
  EXPECT_THAT(fault({"nonsense", good.key}), HasSubstr("server.pem: is no certificate in PEM"));
  EXPECT_THAT(fault({good.certificate, "nonsense"}), HasSubstr("server.key: is no private key"));
  const net::test_certificate other = net::make_test_certificate("IP:127.0.0.1");
  EXPECT_THAT(fault({good.certificate, other.key}), HasSubstr("server.key"));
  EXPECT_EQ(fault(good), "");
  EXPECT_THAT(load_certificate({"/nowhere.pem", disk.files.private_key}).error(),
              HasSubstr("/nowhere.pem"));
}

} // namespace
} // namespace paymentd::http::testing
