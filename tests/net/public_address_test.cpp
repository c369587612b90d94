// Goal: no address inside anybody's network passes for a public one, in any of its spellings, and
// the client connects to none. Method: the ends of each block, and a client that may not go there.
#include "net/public_address.hpp"

#include "net/http_client.hpp"
#include "tests/support/canned_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace paymentd::net {
namespace {

using boost::asio::ip::make_address;

TEST(public_address, what_the_registries_reserve_is_not_public) {
  for (const char* each : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.0.0",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.8",
                           "192.0.2.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.7",
                           "203.0.113.7",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a9fe:a9fe",
                           "64:ff9b:0:1::808:808",
                           "64:ff9b:2::808:808",
                           "64:ff9b:1::",
                           "64:ff9b:1::7f00:1",
                           "64:ff9b:1:a00:0:100::",
                           "64:ff9b:1:a:0:1::",
                           "64:ff9b:1:0:a:0:100:0",
                           "64:ff9b:1:a00:0:100:808:808",
                           "100::1",
                           "2001::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "2001:0:7f00:1::f7f7:f7f7",
                           "2001:0:808:808::80ff:fffe",
                           "2001:10::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::808:808",
                           "3fff:fff::1",
                           "fc00::1",
                           "fdff::1",
                           "fe80::1",
                           "fe80::1%1",
                           "fec0::1",
                           "ff02::1"})
    EXPECT_FALSE(is_public(make_address(each))) << each;
}

TEST(public_address, what_lies_beside_them_is) {
  for (const char* each : {"1.0.0.0",     "9.255.255.255",        "11.0.0.0",   "100.63.255.255",
                           "100.128.0.0", "126.255.255.255",      "128.0.0.0",  "169.253.255.255",
                           "169.255.0.0", "172.15.255.255",       "172.32.0.0", "192.167.255.255",
                           "192.169.0.0", "198.17.255.255",       "198.20.0.0", "223.255.255.255",
                           "2001:200::1", "2001:4860:4860::8888", "2003::1",    "2a00::1",
                           "3fff:1000::1"})
    EXPECT_TRUE(is_public(make_address(each))) << each;
}

TEST(public_address, what_stands_for_an_ipv4_address_is_as_that_is) {
  for (const char* each : {"::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::808:808",
                           "64:ff9b:1:808:8:800::", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"})
    EXPECT_TRUE(is_public(make_address(each))) << each;
}

TEST(public_address, a_client_that_may_go_there_only_connects_nowhere_else) {
  canned_server server([](canned_connection& connection) { connection.read_request(); });
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    http_client_options options;
    options.origin = server.origin(host);
    options.public_only = true;
    const auto client = http_client::create(options);
    ASSERT_TRUE(client) << client.error();
    std::promise<http_result> promise;
    (*client)->request({.method = "GET", .target = "/", .headers = {}, .body = {}},
                       [&](http_result result) { promise.set_value(std::move(result)); });
    const http_result result = promise.get_future().get();
    ASSERT_FALSE(result) << host;
    EXPECT_EQ(result.error().what, http_error::kind::not_connected);
    EXPECT_FALSE(result.error().written);
    EXPECT_THAT(result.error().reason, testing::HasSubstr("no address in the public internet"));
  }
  EXPECT_EQ(server.connections(), 0);
}

} // namespace
} // namespace paymentd::net
