#include "providers/nats/connection.hpp"

#include "providers/nats/puback.hpp"
#include "providers/outcome.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace paymentd::nats {

using providers::failure;
using providers::failure_class;

namespace {

constexpr std::string_view tls_scheme = "tls://";
/// More than the four headers of an event and their frame take: names and ids are bounded.
constexpr std::size_t header_bytes_max = 512;
/// A connection without a sign of life is held to be lost after three of these.
constexpr std::chrono::milliseconds ping_interval{5000};

struct options_closer {
  void operator()(natsOptions* of) const { natsOptions_Destroy(of); }
};
struct message_closer {
  void operator()(natsMsg* of) const { natsMsg_Destroy(of); }
};
struct inbox_closer {
  void operator()(natsInbox* of) const { natsInbox_Destroy(of); }
};
using options_handle = std::unique_ptr<natsOptions, options_closer>;
using message_handle = std::unique_ptr<natsMsg, message_closer>;

/// One line of ASCII: names in a certificate may be anything.
std::string line_of(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  return providers::printable(std::move(text));
}

/// The words of a status, and those of the last error of this thread, where it has any.
std::string words_of(natsStatus status) {
  std::string words = natsStatus_GetText(status);
  natsStatus last = NATS_OK;
  const char* const text = nats_GetLastError(&last);
  if (text != nullptr && last == status && words != text)
    words.append(": ").append(text);
  return line_of(std::move(words));
}

/// Goes on as long as every step works.
class steps {
 public:
  template <class Step>
  steps& then(Step step) {
    if (status_ == NATS_OK)
      status_ = step();
    return *this;
  }
  natsStatus status() const { return status_; }

 private:
  natsStatus status_ = NATS_OK;
};

// libnats would otherwise write them to the standard error.
void ignore_error(natsConnection*, natsSubscription*, natsStatus, void*) {}

std::expected<options_handle, std::string> library_options(const nats_options& of) {
  natsOptions* raw = nullptr;
  if (const natsStatus status = natsOptions_Create(&raw); status != NATS_OK)
    return std::unexpected(words_of(status));
  options_handle made(raw);
  std::vector<const char*> urls;
  urls.reserve(of.urls.size());
  for (const std::string& url : of.urls)
    urls.push_back(url.c_str());
  const auto servers = static_cast<int>(urls.size());
  const std::int64_t of_one = std::max<std::int64_t>(of.timeout.count() / std::max(servers, 1), 1);
  steps all;
  all.then([&] { return natsOptions_SetServers(raw, urls.data(), servers); })
      .then([&] { return natsOptions_SetName(raw, "paymentd"); })
      .then([&] { return natsOptions_SetTimeout(raw, of_one); })
      // A lost connection loses the answers under way: the notification actor decides what is next.
      .then([&] { return natsOptions_SetAllowReconnect(raw, false); })
      .then([&] { return natsOptions_SetWriteDeadline(raw, of.timeout.count()); })
      .then([&] { return natsOptions_SetPingInterval(raw, ping_interval.count()); })
      .then([&] { return natsOptions_SetMaxPingsOut(raw, 2); })
      .then([&] { return natsOptions_SetErrorHandler(raw, ignore_error, nullptr); });
  // Without this libnats would go on in clear where the server does not ask for TLS.
  if (!of.urls.empty() && of.urls.front().starts_with(tls_scheme))
    all.then([&] { return natsOptions_SetSecure(raw, true); });
  if (!of.ca_file.empty())
    all.then([&] { return natsOptions_LoadCATrustedCertificates(raw, of.ca_file.c_str()); });
  if (!of.credentials_file.empty())
    all.then([&] {
      return natsOptions_SetUserCredentialsFromFiles(raw, of.credentials_file.c_str(), nullptr);
    });
  if (!of.token.empty())
    all.then([&] { return natsOptions_SetToken(raw, of.token.c_str()); });
  if (!of.user.empty())
    all.then([&] { return natsOptions_SetUserInfo(raw, of.user.c_str(), of.password.c_str()); });
  if (all.status() != NATS_OK)
    return std::unexpected(words_of(all.status()));
  return made;
}

/// The number at the end of an answer's subject; nothing where there is none.
std::optional<std::uint64_t> number_of(std::string_view subject) {
  const std::string_view text = subject.substr(subject.rfind('.') + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

// ---- callbacks of libnats, on a thread of its own for the connection ----

void on_answer(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  const message_handle guard(message);
  const auto& handler = *static_cast<const answer_handler*>(closure);
  const auto number = number_of(natsMsg_GetSubject(message));
  if (!number)
    return;
  const char* const data = natsMsg_GetData(message);
  const auto length = static_cast<std::size_t>(std::max(natsMsg_GetDataLength(message), 0));
  handler.answered(*number,
                   std::string_view(data == nullptr ? "" : data, data == nullptr ? 0 : length),
                   natsMsg_IsNoResponders(message));
}

void on_end(void* closure) {
  const std::unique_ptr<answer_handler> handler(static_cast<answer_handler*>(closure));
  handler->ended();
}

failure not_written(natsStatus status) {
  return {
      .kind = failure_class::outage, .reason = "NATS: " + words_of(status), .never_written = true};
}

} // namespace

void connection::closer::operator()(natsConnection* of) const {
  natsConnection_Close(of);
  natsConnection_Destroy(of);
}

connection::connection(const nats_options& options, handle opened, std::string inbox)
    : subject_(options.subject), stream_(options.stream), inbox_(std::move(inbox)),
      connection_(std::move(opened)) {}

std::expected<std::unique_ptr<connection>, std::string>
connection::open(const nats_options& options, answer_handler handler) {
  const auto made = library_options(options);
  if (!made)
    return std::unexpected(made.error());
  natsConnection* raw = nullptr;
  if (const natsStatus status = natsConnection_Connect(&raw, made->get()); status != NATS_OK)
    return std::unexpected(words_of(status));
  handle opened(raw);
  natsInbox* inbox = nullptr;
  if (const natsStatus status = natsInbox_Create(&inbox); status != NATS_OK)
    return std::unexpected(words_of(status));
  const std::unique_ptr<natsInbox, inbox_closer> guard(inbox);
  std::unique_ptr<connection> done(new connection(options, std::move(opened), inbox));
  if (auto listens = done->listen(std::move(handler)); !listens)
    return std::unexpected(std::move(listens).error());
  return done;
}

std::expected<void, std::string> connection::listen(answer_handler handler) {
  auto kept = std::make_unique<answer_handler>(std::move(handler));
  natsSubscription* raw = nullptr;
  const std::string all = inbox_ + ".*";
  if (const natsStatus status =
          natsConnection_Subscribe(&raw, connection_.get(), all.c_str(), on_answer, kept.get());
      status != NATS_OK)
    return std::unexpected(words_of(status));
  answers_.reset(raw);
  // Fails where the connection is lost already; nothing was published, so no answer comes.
  if (const natsStatus status = natsSubscription_SetOnCompleteCB(raw, on_end, kept.get());
      status != NATS_OK)
    return std::unexpected(words_of(status));
  static_cast<void>(kept.release()); // on_end has it now
  return {};
}

std::expected<void, failure> connection::publish(std::uint64_t number, const std::string& id,
                                                 const std::string& body,
                                                 const std::string& traceparent) {
  const auto most = static_cast<std::size_t>(
      std::max<std::int64_t>(natsConnection_GetMaxPayload(connection_.get()), 0));
  // Beyond it a server closes the connection.
  if (body.size() + header_bytes_max > most)
    return std::unexpected(too_large(body.size() + header_bytes_max, most));
  const std::string to = inbox_ + "." + std::to_string(number);
  natsMsg* raw = nullptr;
  steps making;
  making.then([&] {
    return natsMsg_Create(&raw, subject_.c_str(), to.c_str(), body.data(),
                          static_cast<int>(body.size()));
  });
  const message_handle message(raw);
  making.then([&] { return natsMsgHeader_Set(raw, "Nats-Msg-Id", id.c_str()); })
      .then([&] { return natsMsgHeader_Set(raw, "Nats-Expected-Stream", stream_.c_str()); })
      .then([&] { return natsMsgHeader_Set(raw, "Content-Type", "application/cloudevents+json"); })
      .then([&] {
        return traceparent.empty() ? NATS_OK
                                   : natsMsgHeader_Set(raw, "traceparent", traceparent.c_str());
      });
  if (making.status() != NATS_OK)
    return std::unexpected(not_written(making.status()));
  const natsStatus status = natsConnection_PublishMsg(connection_.get(), raw);
  if (status == NATS_NO_SERVER_SUPPORT)
    return std::unexpected(not_written(status));
  if (status != NATS_OK)
    return std::unexpected(connection_lost(words_of(status)));
  return {};
}

std::string connection::trouble() const {
  const char* text = nullptr;
  const natsStatus status = natsConnection_GetLastError(connection_.get(), &text);
  if (status == NATS_OK)
    return {};
  return line_of(text != nullptr && *text != '\0' ? text : natsStatus_GetText(status));
}

} // namespace paymentd::nats
