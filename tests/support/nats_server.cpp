#include "tests/support/nats_server.hpp"

#include <nats/nats.h>

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace paymentd::nats {
namespace {

constexpr int short_wait_ms = 5;
constexpr std::chrono::seconds start_max{30};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = loopback(0);
  socklen_t size = sizeof at;
  auto* const raw = reinterpret_cast<sockaddr*>(&at);
  const bool bound = ::bind(socket, raw, size) == 0 && ::getsockname(socket, raw, &size) == 0;
  ::close(socket);
  if (!bound)
    throw std::runtime_error("no free port");
  return ntohs(at.sin_port);
}

bool listens(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in at = loopback(port);
  const bool answers = ::connect(socket, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(socket);
  return answers;
}

void must(natsStatus status, const char* what) {
  if (status != NATS_OK)
    throw std::runtime_error(std::string(what) + ": " + natsStatus_GetText(status));
}

void must(natsStatus status, jsErrCode error, const char* what) {
  if (status != NATS_OK)
    throw std::runtime_error(std::string(what) + ": " + natsStatus_GetText(status) + ", " +
                             std::to_string(static_cast<int>(error)));
}

std::string header(natsMsg* of, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(of, name, &value) == NATS_OK && value != nullptr ? value : "";
}

} // namespace

nats_server::nats_server(const std::string& settings) : port_(free_port()) {
  start(settings);
}

nats_server::~nats_server() {
  kill();
}

std::string nats_server::url(const std::string& login) const {
  return "nats://" + (login.empty() ? "" : login + "@") + "127.0.0.1:" + std::to_string(port_);
}

void nats_server::kill() {
  if (process_ <= 0)
    return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void nats_server::pause() const {
  ::kill(process_, SIGSTOP);
}

void nats_server::resume() const {
  ::kill(process_, SIGCONT);
}

void nats_server::start(const std::string& settings) {
  std::ofstream(path() / "nats.conf") << "listen: \"127.0.0.1:" << port_ << "\"\n"
                                      << "jetstream { store_dir: \"" << (path() / "store").string()
                                      << "\", max_memory_store: 16MB, max_file_store: 256MB }\n"
                                      << settings << '\n';
  start();
}

void nats_server::start() {
  const char* const set = std::getenv("PAYMENTD_NATS_SERVER");
  const std::string program = set != nullptr ? set : "/usr/sbin/nats-server";
  const std::string settings = (path() / "nats.conf").string();
  const std::string log = (path() / "log").string();
  process_ = ::fork();
  if (process_ < 0)
    throw std::runtime_error("fork");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execl(program.c_str(), "nats-server", "-c", settings.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + start_max;
  while (!listens(port_)) {
    const bool ended = ::waitpid(process_, nullptr, WNOHANG) == process_;
    if (ended)
      process_ = -1;
    if (ended || std::chrono::steady_clock::now() > until) {
      std::string said;
      std::getline(std::ifstream(log), said, '\0');
      throw std::runtime_error("nats-server does not start: " + said);
    }
    ::poll(nullptr, 0, short_wait_ms);
  }
}

struct jetstream::handles {
  natsConnection* connection = nullptr;
  jsCtx* context = nullptr;

  ~handles() {
    jsCtx_Destroy(context);
    natsConnection_Destroy(connection);
  }
};

jetstream::jetstream(const std::string& url) : handles_(std::make_unique<handles>()) {
  must(natsConnection_ConnectTo(&handles_->connection, url.c_str()), "connect");
  must(natsConnection_JetStream(&handles_->context, handles_->connection, nullptr), "jetstream");
}

jetstream::~jetstream() = default;

void jetstream::add_stream(const stream_options& options) {
  jsStreamConfig config;
  must(jsStreamConfig_Init(&config), "stream");
  const char* subject = options.subject.c_str();
  config.Name = options.name.c_str();
  config.Subjects = &subject;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  config.Discard = js_DiscardNew;
  if (options.messages_max > 0)
    config.MaxMsgs = options.messages_max;
  if (options.message_bytes_max > 0)
    config.MaxMsgSize = options.message_bytes_max;
  config.Duplicates = std::chrono::nanoseconds(options.duplicate_window).count();
  auto error = static_cast<jsErrCode>(0);
  must(js_AddStream(nullptr, handles_->context, &config, nullptr, &error), error, "add a stream");
}

void jetstream::remove_stream(const std::string& name) {
  auto error = static_cast<jsErrCode>(0);
  must(js_DeleteStream(handles_->context, name.c_str(), nullptr, &error), error, "remove a stream");
}

void jetstream::purge_stream(const std::string& name) {
  auto error = static_cast<jsErrCode>(0);
  must(js_PurgeStream(handles_->context, name.c_str(), nullptr, &error), error, "purge a stream");
}

std::uint64_t jetstream::count(const std::string& name) const {
  auto error = static_cast<jsErrCode>(0);
  jsStreamInfo* info = nullptr;
  must(js_GetStreamInfo(&info, handles_->context, name.c_str(), nullptr, &error), error,
       "look at a stream");
  const std::uint64_t messages = info->State.Msgs;
  jsStreamInfo_Destroy(info);
  return messages;
}

std::vector<stored_message> jetstream::messages(const std::string& name) const {
  auto error = static_cast<jsErrCode>(0);
  jsStreamInfo* info = nullptr;
  must(js_GetStreamInfo(&info, handles_->context, name.c_str(), nullptr, &error), error,
       "look at a stream");
  const std::uint64_t first = std::max<std::uint64_t>(info->State.FirstSeq, 1);
  const std::uint64_t last = info->State.LastSeq;
  jsStreamInfo_Destroy(info);
  std::vector<stored_message> all;
  for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
    natsMsg* raw = nullptr;
    must(js_GetMsg(&raw, handles_->context, name.c_str(), sequence, nullptr, &error), error,
         "read a message");
    const std::unique_ptr<natsMsg, decltype(&natsMsg_Destroy)> message(raw, &natsMsg_Destroy);
    all.push_back({.sequence = sequence,
                   .subject = natsMsg_GetSubject(raw),
                   .id = header(raw, "Nats-Msg-Id"),
                   .content_type = header(raw, "Content-Type"),
                   .traceparent = header(raw, "traceparent"),
                   .body = std::string(natsMsg_GetData(raw),
                                       static_cast<std::size_t>(natsMsg_GetDataLength(raw)))});
  }
  return all;
}

} // namespace paymentd::nats
