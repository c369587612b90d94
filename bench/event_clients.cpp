// Many clients that follow GET /v1/events, in one thread that costs as little as it can: for
// bench/events.sh. It counts what each of them sees and whether that is in the ledger's order.
//
//   event-clients PORT CLIENTS
//
// Says READY once all follow. Then it reads a line "EVENTS SUM SECONDS" from standard input, waits
// until each client has seen so many events, for so many seconds at the most, and says
//
//   RESULT open fewest most megabytes disordered whole
//
// that is: connections still open, the fewest and the most events that one saw, what all received,
// events that came twice or out of order, and clients that saw EVENTS events, the low
// 20 bits of whose ids add up to SUM.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view request = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr std::string_view begin_of_event = R"(data: {"specversion":"1.0","id":")";
constexpr int stream_shift = 41; // entry ids are made of a stream and a number in it
constexpr std::uint64_t summed_bits = (1 << 20) - 1;
constexpr std::size_t read_bytes = 1 << 18;

class client {
 public:
  explicit client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
        ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size())) {
      std::perror("event-clients: connect");
      std::exit(1);
    }
  }

  /// Reads what is there. False where the connection has ended.
  bool take(std::vector<char>& buffer) {
    const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0)
      return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    bytes += static_cast<std::uint64_t>(size);
    parse({buffer.data(), static_cast<std::size_t>(size)});
    return true;
  }
  int socket() const { return socket_; }

  bool follows = false; // it has its first block
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
  std::uint64_t sum = 0; // of the ends of their ids
  std::uint64_t disordered = 0;

 private:
  void parse(std::string_view part) {
    while (!part.empty()) {
      const std::size_t end = part.find('\n');
      if (end == std::string_view::npos) {
        line_ += part;
        return;
      }
      if (line_.empty()) {
        take_line(part.substr(0, end));
      } else {
        line_ += part.substr(0, end);
        take_line(line_);
        line_.clear();
      }
      part.remove_prefix(end + 1);
    }
  }
  void take_line(std::string_view line) {
    follows = follows || line.starts_with("id: ");
    if (!line.starts_with(begin_of_event))
      return;
    line.remove_prefix(begin_of_event.size());
    std::int64_t id = 0;
    std::from_chars(line.data(), line.data() + line.size(), id);
    ++events;
    sum += static_cast<std::uint64_t>(id) & summed_bits;
    std::int64_t& last = last_[id >> stream_shift];
    if (id <= last)
      ++disordered;
    last = id;
  }

  int socket_;
  std::string line_;                          // the part of one that came so far
  std::map<std::int64_t, std::int64_t> last_; // of each stream
};

struct wanted {
  std::uint64_t events = 0;
  std::uint64_t sum = 0;
  std::chrono::steady_clock::time_point until;
};

class followers {
 public:
  followers(std::uint16_t port, std::size_t count) : poll_(::epoll_create1(0)) {
    clients_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      client& made = clients_.emplace_back(port);
      epoll_event what{};
      what.events = EPOLLIN;
      what.data.u64 = i;
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, made.socket(), &what);
    }
    open_ = count;
  }

  /// Reads for a while.
  void run(int milliseconds) {
    std::array<epoll_event, 256> ready;
    const int count =
        ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), milliseconds);
    for (int i = 0; i < count; ++i) {
      client& of = clients_[ready[static_cast<std::size_t>(i)].data.u64];
      if (of.take(buffer_))
        continue;
      ::epoll_ctl(poll_, EPOLL_CTL_DEL, of.socket(), nullptr);
      ::close(of.socket());
      --open_;
    }
  }
  bool all_follow() const { return std::ranges::all_of(clients_, &client::follows); }
  bool all_saw(std::uint64_t events) const {
    return std::ranges::all_of(clients_, [&](const client& one) { return one.events >= events; });
  }
  void report(const wanted& of) const {
    std::uint64_t bytes = 0;
    std::uint64_t disordered = 0;
    std::uint64_t whole = 0;
    for (const client& each : clients_) {
      bytes += each.bytes;
      disordered += each.disordered;
      whole += each.events == of.events && each.sum == of.sum ? 1 : 0;
    }
    const auto [fewest, most] = std::ranges::minmax(clients_, {}, &client::events);
    std::cout << "RESULT " << open_ << ' ' << fewest.events << ' ' << most.events << ' '
              << (bytes >> 20) << ' ' << disordered << ' ' << whole << std::endl;
  }

 private:
  int poll_;
  std::size_t open_ = 0;
  std::vector<client> clients_;
  std::vector<char> buffer_ = std::vector<char>(read_bytes);
};

/// A line that stands on standard input, where one does.
bool line_is_there() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  return ::poll(&in, 1, 0) > 0;
}

} // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: event-clients PORT CLIENTS\n";
    return 2;
  }
  followers all(static_cast<std::uint16_t>(std::atoi(arguments[1])),
                static_cast<std::size_t>(std::atoi(arguments[2])));
  constexpr int turn_ms = 100;
  while (!all.all_follow())
    all.run(turn_ms);
  std::cout << "READY" << std::endl;
  while (!line_is_there())
    all.run(turn_ms);
  wanted want;
  double seconds = 0;
  std::string line;
  std::getline(std::cin, line);
  std::istringstream(line) >> want.events >> want.sum >> seconds;
  want.until = std::chrono::steady_clock::now() +
               std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  while (!all.all_saw(want.events) && std::chrono::steady_clock::now() < want.until)
    all.run(turn_ms);
  all.report(want);
}
