// Receivers of webhooks, many at one port and in one thread that costs as little as it can: for
// bench/endpoints.sh. They count events by their webhook-id, and measure how long each was on its
// way.
//
//   webhook-receivers PORT
//
// The first part of a URL's path says how a receiver behaves, the whole path which one it is:
//
//   /measured/NAME   takes each event at once; its times are measured
//   /healthy/NAME    the same, not measured
//   /half/NAME       answers 500 to half of all POSTs by chance, three times an event at the most
//   /hanging/NAME    never answers
//
// Says READY once it listens. Then it reads commands from standard input, a line each:
//
//   MEASURE               forgets the times so far; says MEASURING
//   WAIT RECEIVERS EVENTS SECONDS
//                         until so many receivers have taken so many events each, for so many
//                         seconds at the most; says "WAITED late last": whether the time ran out
//                         (1), and the microseconds since 1970 of the last event that was taken
//   COUNT                 says "COUNTED events": events taken so far, of all receivers, each once
//                         of each
//   REPORT RECEIVERS FILE
//                         FILE has the ledger entries that so many receivers had to take, an id a
//                         line. Says "RESULT p50 p99 samples lost strange twice refused" and ends:
//                         milliseconds from the event's time to its receipt, events that were
//                         measured, events that some receiver did not take, taken ones that FILE
//                         does not have, POSTs of an event that was taken before, POSTs answered
//                         500
//
// /hanging/ receivers take nothing and are not among RECEIVERS. The time of an event is the one
// that the commit's transaction began at, in whole milliseconds; so the time of the commit is part
// of it.
#include "bench/loopback.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace {

using namespace paymentd::bench;

constexpr std::int64_t us_per_ms = 1000;
constexpr std::int64_t us_per_s = 1'000'000;
constexpr std::size_t request_bytes_max = std::size_t{1} << 20;
constexpr int refusals_max = 3; // of one event
constexpr std::string_view taken_answer = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view refused_answer =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// The text behind `name` in the body, up to the next quote; empty where it is not there.
std::string_view text_behind(std::string_view body, std::string_view name) {
  const std::size_t at = body.find(name);
  if (at == body.npos)
    return {};
  const std::string_view rest = body.substr(at + name.size());
  return rest.substr(0, rest.find('"'));
}

/// "2026-11-22T05:04:05.840Z" as microseconds since 1970.
std::int64_t instant_of(std::string_view text) {
  constexpr std::size_t length = 24;
  if (text.size() != length)
    return 0;
  const auto part = [&](std::size_t at, std::size_t digits) {
    return number_of<int>(text.substr(at, digits));
  };
  const std::chrono::year_month_day date{std::chrono::year{part(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(part(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(part(8, 2))}};
  const std::chrono::microseconds since =
      std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{part(11, 2)} +
      std::chrono::minutes{part(14, 2)} + std::chrono::seconds{part(17, 2)} +
      std::chrono::milliseconds{part(20, 3)};
  return since.count();
}

enum class behaviour : std::uint8_t { measured, healthy, half, hanging };

behaviour behaviour_of(std::string_view path) {
  if (path.starts_with("/measured/"))
    return behaviour::measured;
  if (path.starts_with("/half/"))
    return behaviour::half;
  return path.starts_with("/hanging/") ? behaviour::hanging : behaviour::healthy;
}

struct receiver {
  behaviour does = behaviour::healthy;
  std::unordered_set<std::int64_t> taken;         // ids of ledger entries
  std::unordered_map<std::int64_t, int> refusals; // of each event, not more than refusals_max
  bool judged() const { return does != behaviour::hanging; }
};

class receivers {
 public:
  /// The answer to a request; empty: there is none.
  std::string_view take(const http_message& request, std::int64_t now) {
    const std::string_view line = request.head.substr(0, request.head.find('\r'));
    const std::size_t begin = line.find(' ') + 1;
    receiver& to = at(line.substr(begin, line.find(' ', begin) - begin));
    if (to.does == behaviour::hanging)
      return {};
    // The others are events about webhooks themselves.
    if (!text_behind(request.body, R"("type":")").starts_with("paymentd.payment."))
      return taken_answer;
    const std::string_view id = field(request.head, "webhook-id");
    const auto entry = number_of<std::int64_t>(id.substr(id.rfind('-') + 1));
    if (to.does == behaviour::half && refuses(to, entry)) {
      ++refused_;
      return refused_answer;
    }
    if (!to.taken.insert(entry).second) {
      ++twice_;
      return taken_answer;
    }
    last_taken_ = now;
    if (to.does == behaviour::measured)
      times_.push_back(now - instant_of(text_behind(request.body, R"("time":")")));
    return taken_answer;
  }

  void measure() { times_.clear(); }
  std::size_t taken() const {
    std::size_t all = 0;
    for (const auto& [path, each] : all_)
      all += each.taken.size();
    return all;
  }
  std::int64_t last_taken() const { return last_taken_; }
  bool have_taken(std::size_t count, std::size_t events) const {
    return static_cast<std::size_t>(std::ranges::count_if(all_, [&](const auto& each) {
             return each.second.judged() && each.second.taken.size() >= events;
           })) >= count;
  }
  void report(std::size_t count, const std::unordered_set<std::int64_t>& expected) {
    std::size_t known = 0;
    std::uint64_t lost = 0;
    std::uint64_t strange = 0;
    for (const auto& [path, each] : all_) {
      if (!each.judged())
        continue;
      ++known;
      std::size_t right = 0;
      for (const std::int64_t id : each.taken)
        right += expected.contains(id) ? 1 : 0;
      lost += expected.size() - right;
      strange += each.taken.size() - right;
    }
    lost += (count - std::min(count, known)) * expected.size();
    std::ranges::sort(times_);
    std::printf("RESULT %.2f %.2f %zu %llu %llu %llu %llu\n", percentile(0.5), percentile(0.99),
                times_.size(), static_cast<unsigned long long>(lost),
                static_cast<unsigned long long>(strange), static_cast<unsigned long long>(twice_),
                static_cast<unsigned long long>(refused_));
    std::fflush(stdout);
  }

 private:
  receiver& at(std::string_view path) {
    const auto [place, is_new] = all_.try_emplace(std::string(path));
    if (is_new)
      place->second.does = behaviour_of(path);
    return place->second;
  }
  bool refuses(receiver& of, std::int64_t entry) {
    if ((chance_() & 1) == 0 || of.taken.contains(entry))
      return false;
    int& so_far = of.refusals[entry];
    if (so_far == refusals_max)
      return false;
    ++so_far;
    return true;
  }
  /// In milliseconds.
  double percentile(double part) const {
    if (times_.empty())
      return 0;
    const auto which = static_cast<std::size_t>(part * static_cast<double>(times_.size() - 1));
    return static_cast<double>(times_[which]) / us_per_ms;
  }

  std::unordered_map<std::string, receiver> all_; // by path
  std::vector<std::int64_t> times_;               // of /measured/, in microseconds
  std::mt19937 chance_{20261130};                 // the same in each run
  std::int64_t last_taken_ = 0;
  std::uint64_t twice_ = 0;
  std::uint64_t refused_ = 0;
};

/// The connections of all receivers.
class server {
 public:
  server(std::uint16_t port, receivers& all)
      : listening_(listen_on(port)), poll_(::epoll_create1(EPOLL_CLOEXEC)), all_(all) {
    watch(listening_);
  }

  /// Serves for a while.
  void run(int milliseconds) {
    std::array<epoll_event, 256> ready;
    const int count =
        ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), milliseconds);
    for (int i = 0; i < count; ++i) {
      const int socket = ready[static_cast<std::size_t>(i)].data.fd;
      if (socket == listening_)
        accept();
      else if (!serve(socket))
        close(socket);
    }
  }

 private:
  void watch(int socket) {
    epoll_event what{};
    what.events = EPOLLIN;
    what.data.fd = socket;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &what);
  }
  void accept() {
    const int made = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (made < 0)
      return;
    send_at_once(made);
    bytes_[made].clear();
    watch(made);
  }
  void close(int socket) {
    ::close(socket);
    bytes_.erase(socket);
  }

  /// False where the connection has ended.
  bool serve(int socket) {
    const ssize_t size = ::recv(socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size <= 0)
      return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    const std::int64_t now = now_us();
    std::string& bytes = bytes_[socket];
    bytes.append(buffer_.data(), static_cast<std::size_t>(size));
    while (const auto request = first_message(bytes)) {
      const std::string_view answer = all_.take(*request, now);
      bytes.erase(0, request->size);
      if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(answer.size()))
        return false;
    }
    return bytes.size() <= request_bytes_max;
  }

  int listening_;
  int poll_;
  receivers& all_;
  std::unordered_map<int, std::string> bytes_; // of requests that are not whole, by socket
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 16);
};

/// Whether a line, or the end, stands on standard input. Nobody writes a line before the answer to
/// the one before.
bool line_is_there() {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  return ::poll(&in, 1, 0) > 0;
}

std::unordered_set<std::int64_t> ids_in(const std::string& file) {
  std::unordered_set<std::int64_t> ids;
  std::ifstream in(file);
  for (std::int64_t id = 0; in >> id;)
    ids.insert(id);
  return ids;
}

constexpr int turn_ms = 100;

void wait_for(std::istream& words, server& serving, const receivers& all) {
  std::size_t count = 0;
  std::size_t events = 0;
  std::int64_t seconds = 0;
  words >> count >> events >> seconds;
  const std::int64_t until = now_us() + seconds * us_per_s;
  constexpr int look_ms = 10;
  while (!all.have_taken(count, events) && now_us() < until)
    serving.run(look_ms);
  std::cout << "WAITED " << (all.have_taken(count, events) ? 0 : 1) << ' ' << all.last_taken()
            << std::endl;
}

/// False once it has ended.
bool obey(const std::string& line, server& serving, receivers& all) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "MEASURE") {
    all.measure();
    std::cout << "MEASURING" << std::endl;
  } else if (command == "WAIT") {
    wait_for(words, serving, all);
  } else if (command == "COUNT") {
    std::cout << "COUNTED " << all.taken() << std::endl;
  } else if (command == "REPORT") {
    std::size_t count = 0;
    std::string file;
    words >> count >> file;
    all.report(count, ids_in(file));
    return false;
  } else {
    std::cerr << "webhook-receivers: unknown command " << command << '\n';
    return false;
  }
  return true;
}

} // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: webhook-receivers PORT\n";
    return 2;
  }
  receivers all;
  server serving(number_of<std::uint16_t>(arguments[1]), all);
  std::cout << "READY" << std::endl;
  for (;;) {
    serving.run(turn_ms);
    if (!line_is_there())
      continue;
    std::string line;
    if (!std::getline(std::cin, line) || !obey(line, serving, all))
      return 0;
  }
}
