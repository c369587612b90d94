// Clients that pay order after order, each once, and note each answer: for bench/endpoints.sh,
// bench/upgrade.sh and bench/restore.sh. Unlike wrk they can go at a fixed rate, pay a number of
// orders exactly, and tell which payments were answered when.
//
//   paying-clients PORT FIRST LAST SPREAD CONNECTIONS RATE FILE
//
// Pays orders FIRST to LAST; order i belongs to user 1 + (i mod SPREAD), as `paymentd seed` makes
// them. RATE payments begin in a second; with 0 each connection begins the next one as soon as it
// has its answer. A payment that waits for a free connection, since others have no answer yet, is
// measured from the time when it was due: its customer would have waited as well. On SIGTERM or
// SIGINT none begins any more, and those under way have ten seconds.
//
// FILE gets a line for each request, in the order of the answers: "ORDER SENT ANSWERED STATUS". The
// times are milliseconds since 1970, the status is 0 where no answer came. At the end it says
//
//   RESULT requests per_second p50 p99 refused broken gap
//
// that is: requests, those answered 201 in a second, milliseconds from when a payment was due (with
// RATE 0: sent) until its answer 201, answers other than 201, requests without an answer, and the
// longest time without a 201, in milliseconds.
#include "bench/loopback.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace paymentd::bench;

constexpr std::int64_t us_per_ms = 1000;
constexpr std::int64_t us_per_s = 1'000'000;
constexpr std::int64_t answer_within = 30 * us_per_s;
constexpr std::int64_t end_within = 10 * us_per_s;
constexpr int turn_ms = 50; // at the most, between two looks at the clock
constexpr int created = 201;

volatile std::sig_atomic_t asked_to_stop = 0;

struct plan {
  std::uint16_t port = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t spread = 1;
  std::size_t connections = 1;
  double rate = 0; // a second; 0: as fast as it goes
};

struct connection {
  int socket = -1;
  std::int64_t order = 0; // whose answer it waits for; 0: none
  std::int64_t sent = 0;
  std::int64_t due = 0; // its time is measured from here on
  std::string bytes;    // of the answer, so far
};

class clients {
 public:
  clients(const plan& of, const char* file)
      : plan_(of), next_(of.first), poll_(::epoll_create1(EPOLL_CLOEXEC)), file_(file),
        connections_(of.connections), begun_at_(now_us()), last_success_(begun_at_) {
    for (std::size_t i = 0; i < connections_.size(); ++i)
      free_.push_back(i);
  }

  /// Until all orders are paid, or a signal came.
  void run() {
    std::int64_t stopped_at = 0;
    for (;;) {
      const std::int64_t now = now_us();
      if (stopped_at == 0 && (asked_to_stop != 0 || next_ > plan_.last))
        stopped_at = now;
      if (stopped_at == 0)
        begin_due(now);
      else if (free_.size() == connections_.size() || now > stopped_at + end_within)
        break;
      expire(now);
      wait();
    }
    ended_at_ = stopped_at;
    const std::int64_t end = now_us();
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (connections_[i].order != 0)
        end_request(i, 0, end);
    gap_ = std::max(gap_, ended_at_ - last_success_);
    file_.flush();
  }

  void report() {
    const double seconds =
        static_cast<double>(std::max(ended_at_ - begun_at_, us_per_ms)) / us_per_s;
    const auto successes = static_cast<double>(times_.size());
    std::printf("RESULT %lld %.0f %.3f %.3f %lld %lld %.1f\n",
                static_cast<long long>(next_ - plan_.first), successes / seconds, percentile(0.5),
                percentile(0.99), static_cast<long long>(refused_), static_cast<long long>(broken_),
                static_cast<double>(gap_) / us_per_ms);
  }
  bool wrote() const { return static_cast<bool>(file_); }

 private:
  void begin_due(std::int64_t now) {
    while (!free_.empty() && next_ <= plan_.last) {
      if (plan_.rate > 0 && due_at(next_) > now)
        return;
      const std::size_t which = free_.back();
      free_.pop_back();
      if (!begin(which))
        return;
    }
  }

  std::int64_t due_at(std::int64_t order) const {
    const auto before = static_cast<double>(order - plan_.first);
    return begun_at_ + static_cast<std::int64_t>(before / plan_.rate * us_per_s);
  }

  /// False where there was no connection. Then it counts as a request without an answer.
  bool begin(std::size_t which) {
    connection& on = connections_[which];
    on.order = next_++;
    on.sent = now_us();
    on.due = plan_.rate > 0 ? due_at(on.order) : on.sent;
    if (on.socket < 0 && !open(which)) {
      end_request(which, 0, on.sent);
      return false;
    }
    const std::string body = "{\"orderId\":" + std::to_string(on.order) +
                             ",\"userId\":" + std::to_string(1 + on.order % plan_.spread) + "}";
    const std::string request = "POST /v1/payments HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(on.socket, request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
        static_cast<ssize_t>(request.size()))
      end_request(which, 0, now_us());
    return true;
  }

  bool open(std::size_t which) {
    connection& on = connections_[which];
    on.socket = connect_to(plan_.port);
    if (on.socket < 0)
      return false;
    epoll_event what{};
    what.events = EPOLLIN;
    what.data.u64 = which;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, on.socket, &what);
    return true;
  }

  void close(connection& of) {
    if (of.socket >= 0)
      ::close(of.socket);
    of.socket = -1;
    of.bytes.clear();
  }

  void wait() {
    std::array<epoll_event, 256> ready;
    const bool paced = plan_.rate > 0 || free_.size() == connections_.size();
    const int count =
        ::epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), paced ? 1 : turn_ms);
    for (int i = 0; i < count; ++i)
      take(ready[static_cast<std::size_t>(i)].data.u64);
  }

  void take(std::size_t which) {
    connection& on = connections_[which];
    const ssize_t size = ::recv(on.socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      return;
    if (size <= 0 || on.order == 0) { // the other side has closed it
      if (on.order != 0)
        end_request(which, 0, now_us());
      else
        close(on);
      return;
    }
    on.bytes.append(buffer_.data(), static_cast<std::size_t>(size));
    const auto answer = first_message(on.bytes);
    if (!answer)
      return;
    constexpr std::size_t before_status = 9; // "HTTP/1.1 "
    const int status = answer->head.size() > before_status
                           ? number_of<int>(answer->head.substr(before_status))
                           : 0;
    const bool ends = status != created || field(answer->head, "connection") == "close";
    on.bytes.clear();
    end_request(which, status, now_us());
    if (ends)
      close(on);
  }

  void end_request(std::size_t which, int status, std::int64_t now) {
    connection& on = connections_[which];
    file_ << on.order << ' ' << on.sent / us_per_ms << ' ' << now / us_per_ms << ' ' << status
          << '\n';
    if (status == created) {
      times_.push_back(now - on.due);
      gap_ = std::max(gap_, now - last_success_);
      last_success_ = now;
    } else {
      ++(status == 0 ? broken_ : refused_);
    }
    if (status == 0)
      close(on);
    on.order = 0;
    free_.push_back(which);
  }

  void expire(std::int64_t now) {
    if (now < next_look_)
      return;
    next_look_ = now + turn_ms * us_per_ms;
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (connections_[i].order != 0 && now - connections_[i].sent > answer_within)
        end_request(i, 0, now);
  }

  /// In milliseconds.
  double percentile(double part) {
    if (times_.empty())
      return 0;
    const auto at = static_cast<std::size_t>(part * static_cast<double>(times_.size() - 1));
    std::ranges::nth_element(times_, times_.begin() + static_cast<std::ptrdiff_t>(at));
    return static_cast<double>(times_[at]) / us_per_ms;
  }

  const plan plan_;
  std::int64_t next_; // order
  int poll_;
  std::ofstream file_;
  std::vector<connection> connections_;
  std::vector<std::size_t> free_; // that wait for no answer
  std::vector<std::int64_t> times_;
  std::int64_t begun_at_;
  std::int64_t last_success_;
  std::int64_t ended_at_ = 0;
  std::int64_t next_look_ = 0;
  std::int64_t gap_ = 0;
  std::int64_t refused_ = 0;
  std::int64_t broken_ = 0;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 16);
};

} // namespace

int main(int count, char** arguments) {
  constexpr int words = 8;
  if (count != words) {
    std::cerr << "usage: paying-clients PORT FIRST LAST SPREAD CONNECTIONS RATE FILE\n";
    return 2;
  }
  const plan of{.port = number_of<std::uint16_t>(arguments[1]),
                .first = number_of<std::int64_t>(arguments[2]),
                .last = number_of<std::int64_t>(arguments[3]),
                .spread = std::max<std::int64_t>(1, number_of<std::int64_t>(arguments[4])),
                .connections = std::max<std::size_t>(1, number_of<std::size_t>(arguments[5])),
                .rate = number_of<double>(arguments[6])};
  struct sigaction stops{};
  stops.sa_handler = [](int) { asked_to_stop = 1; };
  ::sigaction(SIGTERM, &stops, nullptr);
  ::sigaction(SIGINT, &stops, nullptr);
  clients all(of, arguments[7]);
  all.run();
  all.report();
  if (!all.wrote()) {
    std::cerr << "paying-clients: cannot write " << arguments[7] << '\n';
    return 1;
  }
}
