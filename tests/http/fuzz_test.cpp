// Goal: no bytes that a client can send bring the server down or stop it from answering others.
// Method: thousands of random and mutated requests with a fixed seed, several on a connection,
// against a real server; between them a good request must work.
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace paymentd::http::testing {
namespace {

using namespace std::chrono_literals;

class mutator {
 public:
  explicit mutator(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_);
  }
  std::string noise() {
    std::string bytes(below(300), ' ');
    for (char& byte : bytes)
      byte = static_cast<char>(below(256));
    return bytes;
  }
  std::string mutated(std::string bytes) {
    for (std::size_t changes = 1 + below(6); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = below(bytes.size());
      switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 1:
        bytes.erase(at, below(20));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(60)));
        break;
      case 3:
        bytes.insert(at, noise());
        break;
      case 4:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, std::string_view{"\r\n"});
        break;
      }
    }
    return bytes;
  }

 private:
  std::mt19937 random_;
};

TEST(http_fuzz, random_bytes_do_no_harm) {
  const std::vector<std::string> seeds{
      post_text("/v1/payments", R"({"orderId":3,"userId":4})"),
      post_text("/v1/orders", R"({"userId":1,"totalAmount":9,"discountAmount":9,"couponId":7})"),
      post_text("/v1/users", R"({"phone":"01012345678","balance":300})",
                "Expect: 100-continue\r\n"),
      get_text("/v1/users/1", "X-Request-Id: a\r\nConnection: keep-alive\r\n"),
      "POST /v1/orders/1/refund HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/json\r\n\r\n2;a=b\r\n{}\r\n0\r\nT: x\r\n\r\n",
      "HEAD /v1/orders/1 HTTP/1.0\r\n\r\n",
  };
  server_options options;
  options.header_timeout = options.idle_timeout = 200ms;
  scripted_server server{options};
  mutator make{20251122};
  for (int round = 0; round < 600; ++round) {
    test_client client{server.port()};
    for (int requests = 0; requests < 6; ++requests)
      if (!client.send(make.below(8) == 0 ? make.noise()
                                          : make.mutated(seeds[make.below(seeds.size())])))
        break;
    if (round % 3 == 0) { // others leave at once, whatever is on its way
      client.half_close();
      while (client.receive())
        ;
    }
    if (round % 20 == 0) {
      const auto answer = test_client{server.port()}.get("/v1/users/1");
      ASSERT_TRUE(answer);
      ASSERT_EQ(answer->status, 200);
    }
  }
}

} // namespace
} // namespace paymentd::http::testing
