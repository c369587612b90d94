// Goal: operators give the server a certificate and renew it while it runs; curl and OpenSSL's own
// client are served. Method: the real program and the real clients.
#include "tests/end_to_end/server_process.hpp"
#include "tests/support/canned_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

namespace paymentd::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class tls : public ::testing::Test {
 protected:
  tls() { write(net::make_test_certificate("DNS:localhost")); }
  void write(const net::test_certificate& what) const {
    std::ofstream(certificate) << what.certificate;
    std::ofstream(key) << what.key;
  }
  std::vector<std::string> sets() const {
    return {"http.tls_certificate=" + certificate.string(), "http.tls_private_key=" + key.string()};
  }
  /// Runs another program to its end.
  ended run(std::vector<std::string> words) const {
    const auto output = place.path() / "output of a client";
    std::filesystem::remove(output);
    program client(std::move(words), output);
    return client.wait();
  }
  workplace place;
  std::filesystem::path certificate = place.path() / "server.pem";
  std::filesystem::path key = place.path() / "server.key";
};

TEST_F(tls, curl_is_served_over_https_alone) {
  server_process server(place, sets());
  EXPECT_THAT(server.process().output(), HasSubstr(" serves https://127.0.0.1:"));
  const std::string rest = "localhost:" + std::to_string(server.port()) + "/v1/users";
  const ended made = run({"/usr/bin/curl", "--silent", "--include", "--http2", "--cacert",
                          certificate.string(), "--connect-to", "::127.0.0.1:", "--json",
                          R"({"phone":"01012345678"})", "https://" + rest});
  EXPECT_EQ(made.exit_code, 0) << made.output;
  EXPECT_THAT(made.output, HasSubstr("HTTP/1.1 201"));
  EXPECT_NE(run({"/usr/bin/curl", "--silent", "--connect-to", "::127.0.0.1:", "http://" + rest})
                .exit_code,
            0);
  // Without the certificate it trusts nobody.
  EXPECT_NE(run({"/usr/bin/curl", "--silent", "--connect-to", "::127.0.0.1:", "https://" + rest})
                .exit_code,
            0);
}

TEST_F(tls, openssl_speaks_1_2_and_1_3_and_nothing_older) {
  server_process server(place, sets());
  const auto ask = [&](const std::string& version) {
    return run({"/bin/sh", "-c",
                R"(printf 'GET /v1/users/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |)"
                R"( timeout 20 openssl s_client -quiet -ign_eof -verify_return_error -CAfile "$0")"
                R"( -servername localhost -cipher DEFAULT:@SECLEVEL=0 -connect 127.0.0.1:)" +
                    std::to_string(server.port()) + " " + version,
                certificate.string()})
        .output;
  };
  EXPECT_THAT(ask("-tls1_2"), HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(ask("-tls1_3"), HasSubstr("HTTP/1.1 404"));
  EXPECT_THAT(ask("-tls1_1"), Not(HasSubstr("HTTP/1.1")));
}

TEST_F(tls, a_renewed_certificate_is_shown_within_a_second_and_a_broken_one_is_not) {
  server_process server(place, sets());
  const auto fingerprint_shown = [&] {
    return run({"/bin/sh", "-c",
                "timeout 20 openssl s_client -connect 127.0.0.1:" + std::to_string(server.port()) +
                    " </dev/null 2>/dev/null | openssl x509 -noout -fingerprint"})
        .output;
  };
  const auto fingerprint_of_file = [&] {
    return run({"/usr/bin/openssl", "x509", "-noout", "-fingerprint", "-in", certificate.string()})
        .output;
  };
  const std::string before = fingerprint_shown();
  EXPECT_EQ(before, fingerprint_of_file());
  std::ofstream(certificate) << "nonsense";
  EXPECT_TRUE(eventually([&] {
    return server.process().output().find("the certificate stays as it was") != std::string::npos;
  }));
  EXPECT_EQ(fingerprint_shown(), before);
  write(net::make_test_certificate("DNS:localhost"));
  EXPECT_TRUE(eventually([&] { return fingerprint_shown() == fingerprint_of_file(); }));
  EXPECT_NE(fingerprint_shown(), before);
  EXPECT_THAT(server.process().output(), HasSubstr("the certificate was read anew"));
}

TEST_F(tls, a_mistake_in_the_settings_stops_the_start) {
  const auto start = [&](std::vector<std::string> given) {
    std::vector<std::string> words{"serve"};
    for (const std::string& each : given)
      words.insert(words.end(), {"--set", each});
    return place.run(words);
  };
  const ended alone = start({"http.tls_certificate=" + certificate.string()});
  EXPECT_EQ(alone.exit_code, 2);
  EXPECT_THAT(alone.output, HasSubstr("http.tls_private_key"));
  std::ofstream(key) << "nonsense";
  const ended broken = start(sets());
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.output, HasSubstr("http.tls_certificate: " + key.string()));
}

} // namespace
} // namespace paymentd::end_to_end
