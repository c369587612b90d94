// Goal: an address that is silent, refuses or only pretends to listen costs a moment; the first one
// that works wins, and none is tried that may not be. Method: real sockets; a listener whose queue
// is full is the silent address, since the system drops what else knocks there.
#include "net/connect_race.hpp"

#include "tests/support/canned_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/ip/address.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace paymentd::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;

constexpr auto long_time = 20s;

tcp::endpoint at(const char* address, std::uint16_t port = 443) {
  return {asio::ip::make_address(address), port};
}

/// Listens on a free port of 127.0.0.1, and lets nobody else in.
class silent_listener {
 public:
  silent_listener() {
    listener_.open(tcp::v4());
    listener_.bind({asio::ip::address_v4::loopback(), 0});
    listener_.listen(0);
    inside_.connect(listener_.local_endpoint());
  }
  tcp::endpoint address() const { return listener_.local_endpoint(); }

 private:
  asio::io_context io_;
  tcp::acceptor listener_{io_};
  tcp::socket inside_{io_}; // fills the queue
};

tcp::endpoint refusing() {
  asio::io_context io;
  tcp::acceptor gone(io, {asio::ip::address_v4::loopback(), 0});
  return gone.local_endpoint();
}

tcp::endpoint address_of(const canned_server& server) {
  const std::string origin = server.origin();
  return at("127.0.0.1",
            static_cast<std::uint16_t>(std::stoi(origin.substr(origin.rfind(':') + 1))));
}

struct raced {
  std::expected<std::uint16_t, std::string> port; // of the winner
  std::chrono::steady_clock::duration took{};
};

raced race(endpoints to, asio::ssl::context* tls = nullptr, std::chrono::milliseconds within = 3s) {
  asio::io_context io;
  raced result{std::unexpected("no end"), {}};
  const auto begin = std::chrono::steady_clock::now();
  const auto running = std::make_shared<connect_race>(io, tls, "127.0.0.1");
  running->start(std::move(to), within, [&](auto link) {
    result.took = std::chrono::steady_clock::now() - begin;
    if (link)
      result.port = (*link)->socket.remote_endpoint().port();
    else
      result.port = std::unexpected(std::move(link).error());
  });
  io.run_for(long_time);
  return result;
}

canned_server::script keeps_open() {
  return [](canned_connection& connection) { connection.read_request(); };
}

TEST(race_order, families_take_turns_beginning_with_the_first) {
  const endpoints found{at("2a00::1"), at("2a00::2"), at("2a00::3"), at("8.8.8.8"), at("8.8.4.4")};
  EXPECT_EQ(race_order(found, true),
            (endpoints{at("2a00::1"), at("8.8.8.8"), at("2a00::2"), at("8.8.4.4"), at("2a00::3")}));
  EXPECT_EQ(race_order({at("8.8.8.8"), at("2a00::1")}, false),
            (endpoints{at("8.8.8.8"), at("2a00::1")}));
}

TEST(race_order, each_address_that_is_not_public_is_left_out) {
  const endpoints found{at("10.0.0.1"), at("2a00::1"), at("127.0.0.1"), at("8.8.8.8"), at("::1")};
  EXPECT_EQ(race_order(found, true), (endpoints{at("2a00::1"), at("8.8.8.8")}));
  EXPECT_EQ(race_order(found, false).size(), found.size());
  EXPECT_TRUE(race_order({at("10.0.0.1")}, true).empty());
}

TEST(race_order, is_bounded) {
  EXPECT_EQ(race_order(endpoints(100, at("8.8.8.8")), true).size(), 16u);
}

TEST(connect_race, silent_addresses_are_passed) {
  const silent_listener silent;
  canned_server server(keeps_open());
  const raced result = race({silent.address(), silent.address(), address_of(server)});
  ASSERT_TRUE(result.port) << result.port.error();
  EXPECT_EQ(*result.port, address_of(server).port());
  EXPECT_GE(result.took, 500ms); // not all at once
}

TEST(connect_race, an_address_that_refuses_is_passed_at_once_and_the_next_waits_its_turn) {
  canned_server server(keeps_open());
  canned_server later(keeps_open());
  const raced result = race({refusing(), address_of(server), address_of(later)});
  ASSERT_TRUE(result.port) << result.port.error();
  EXPECT_EQ(*result.port, address_of(server).port());
  EXPECT_EQ(later.connections(), 0);
}

TEST(connect_race, an_address_whose_handshake_hangs_is_passed) {
  const test_certificate certificate = make_test_certificate("IP:127.0.0.1");
  const support::temporary_file trusted(certificate.certificate);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_peer);
  tls.load_verify_file(trusted.path());
  canned_server hangs(keeps_open());
  canned_server server(keeps_open(), &certificate);
  const raced result = race({address_of(hangs), address_of(server)}, &tls);
  ASSERT_TRUE(result.port) << result.port.error();
  EXPECT_EQ(*result.port, address_of(server).port());
}

TEST(connect_race, many_addresses_each_have_their_share_of_the_time) {
  const silent_listener silent;
  canned_server server(keeps_open());
  endpoints to(15, silent.address());
  to.push_back(address_of(server));
  const raced result = race(std::move(to), nullptr, 1s);
  ASSERT_TRUE(result.port) << result.port.error();
  EXPECT_LT(result.took, 15 * 250ms);
}

TEST(connect_race, where_none_works_the_one_that_came_furthest_says_why) {
  const test_certificate certificate = make_test_certificate("IP:127.0.0.2");
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_peer);
  canned_server server(keeps_open(), &certificate);
  const raced result = race({refusing(), address_of(server), refusing()}, &tls);
  ASSERT_FALSE(result.port);
  EXPECT_THAT(result.port.error(), HasSubstr("TLS handshake"));
  EXPECT_THAT(race({refusing(), refusing()}).port.error(), HasSubstr("refused"));
}

TEST(connect_race, one_that_is_cancelled_tells_nothing) {
  const silent_listener silent;
  asio::io_context io;
  const auto running = std::make_shared<connect_race>(io, nullptr, "127.0.0.1");
  bool told = false;
  running->start({silent.address(), silent.address()}, 3s, [&](const auto&) { told = true; });
  running->cancel();
  io.run_for(long_time);
  EXPECT_TRUE(io.stopped()); // nothing is left under way
  EXPECT_FALSE(told);
}

} // namespace
} // namespace paymentd::net
