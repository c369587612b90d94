#include "tests/support/webhook_receiver.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace paymentd::webhooks {

receiver::receiver(answering answer, std::uint16_t port)
    : answer_(std::move(answer)),
      server_([this](net::canned_connection& connection) { serve(connection); }, nullptr, port) {}

void receiver::serve(net::canned_connection& connection) {
  while (const auto request = connection.read_request()) {
    answering answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      open_max_ = std::max(open_max_, ++open_);
      answer = answer_;
    }
    changed_.notify_all();
    const reply with = answer ? answer(*request) : reply{};
    if (with.hang) {
      connection.read_request(); // until the client closes
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      --open_;
    }
    if (with.close || !connection.write(net::http_answer(with.body, with.status, with.headers)))
      return;
  }
}

void receiver::set_answer(answering answer) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(answer);
}

std::vector<received_request> receiver::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t receiver::open_max() const {
  const std::lock_guard lock(mutex_);
  return open_max_;
}

bool receiver::wait_for(std::size_t count, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; });
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

} // namespace paymentd::webhooks
