// A stranger's bytes on a connection, through everything that a real one goes through: session,
// parser, router, routes and gateway, in front of actors that answer at once. The I/O thread is
// driven from here, step by step, so that the same bytes are always cut and served in the same way.
#include "fuzz/command_bounds.hpp"
#include "fuzz/http_answers.hpp"
#include "fuzz/target.hpp"

#include "http/io_thread.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/http/test_client.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <spdlog/spdlog.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

namespace paymentd::fuzz {

namespace {

using namespace std::chrono_literals;
using http::testing::plausible;

// Small, so that small inputs meet them.
constexpr std::uint32_t header_bytes_max = 2048;
constexpr std::uint64_t body_bytes_max = 1024;
constexpr std::size_t input_bytes_max = 64 * 1024;

/// A client's end of a connection. Its waits have no end, since nothing here happens by itself.
class client {
 public:
  explicit client(int socket) : socket_(socket) {}
  client(const client&) = delete;
  ~client() { ::close(socket_); }

  /// Sends some of `bytes` and takes it off their front. False where nothing was taken.
  bool send(std::string_view& bytes) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
      bytes = {}; // the server takes no more
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    return true;
  }
  void half_close() { ::shutdown(socket_, SHUT_WR); }
  /// Takes what has come. False where there was nothing new.
  bool receive() {
    std::array<char, 16384> part;
    bool any = false;
    while (!ended_) {
      const auto size = ::recv(socket_, part.data(), part.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN)
        break;
      any = true;
      ended_ = size <= 0;
      received_.append(part.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    return any;
  }
  bool ended() const { return ended_; }
  std::string_view received() const { return received_; }

 private:
  int socket_;
  std::string received_;
  bool ended_ = false;
};

/// The server's side: one I/O thread without a thread of its own, and one actor that is all of the
/// payment system.
class stage {
 public:
  stage() {
    spdlog::set_level(spdlog::level::off);
    config_.set("scheduler.max-threads", 1);
    config_.set("scheduler.policy", caf::atom("sharing"));
    system_ = std::make_unique<caf::actor_system>(config_);
    entrance_ = system_->spawn([this](caf::event_based_actor*) { return behaviour(); });
    io_ = std::make_unique<http::io_thread>(*system_, http::gateway::options{}, options(),
                                            http::public_routes(), connections_);
    io_->connect({{entrance_}, {entrance_}, {entrance_}, {entrance_}, entrance_, entrance_});
  }
  ~stage() {
    io_.reset();
    caf::anon_send_exit(entrance_, caf::exit_reason::user_shutdown);
  }

  std::unique_ptr<client> connect() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
      throw std::runtime_error{"no sockets"};
    http::stream_socket socket{io_->context().get_executor()};
    socket.assign(boost::asio::ip::tcp::v4(), ends[1]);
    socket.non_blocking(true);
    connections_.add(false);
    io_->adopt(std::move(socket), false);
    return std::make_unique<client>(ends[0]);
  }

  /// Runs the server until nothing moves any more.
  void come_to_rest(std::span<client* const> clients) {
    for (bool moves = true; moves;) {
      moves = io_->context().poll() > 0;
      while (io_->to_actors().in_flight() > 0) {
        io_->context().run_one();
        moves = true;
      }
      for (client* each : clients)
        moves |= each->receive();
    }
    const std::lock_guard lock{guard_};
    expect(in_bounds_, "every command and query is within its bounds");
  }

  int connections() const { return connections_.served(); }

 private:
  static http::session_options options() {
    http::session_options made;
    made.max_body_bytes = body_bytes_max;
    made.max_header_bytes = header_bytes_max;
    made.idle_timeout = made.header_timeout = 1h;
    return made;
  }

  void look_at(bool in_bounds) {
    const std::lock_guard lock{guard_};
    in_bounds_ = in_bounds_ && in_bounds;
  }

  void answer(const actors::submit& asked) {
    look_at(within_bounds(asked.what));
    caf::anon_send(asked.from.reply_to, actors::settled{asked.from.number, plausible(asked.what)});
  }
  void answer(const actors::look_up& asked) {
    look_at(within_bounds(asked.what));
    caf::anon_send(asked.from.reply_to,
                   actors::looked_up{asked.from.number, plausible(asked.what)});
  }
  void answer(const actors::webhook_asked& asked) {
    look_at(within_bounds(asked.what));
    paymentd::answer made = not_found{};
    if (std::holds_alternative<list_webhooks>(asked.what))
      made = webhook_list{};
    caf::anon_send(asked.from.reply_to, actors::looked_up{asked.from.number, std::move(made)});
  }

  caf::behavior behaviour() {
    return {
        [this](actors::submit& one) { answer(one); },
        [this](actors::submit_many& many) {
          for (const actors::submit& each : many.commands)
            answer(each);
        },
        [this](actors::look_up_many& many) {
          for (const actors::look_up& each : many.queries)
            answer(each);
        },
        [](actors::check_store) {},
        [this](actors::webhook_asked& what) { answer(what); },
        [this](actors::retry_delivery& what) {
          answer(actors::look_up{what.from, query{what.what.which}});
        },
    };
  }

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  http::connection_count connections_;
  caf::actor entrance_;
  std::unique_ptr<http::io_thread> io_;
  std::mutex guard_;
  bool in_bounds_ = true;
};

/// One after the other, as far as the server takes them.
void send_all(stage& on, std::span<client* const> clients, client& from, std::string_view bytes) {
  while (!bytes.empty()) {
    const bool sent = from.send(bytes);
    on.come_to_rest(clients);
    expect(sent || bytes.empty(), "a session takes what comes, or ends");
  }
}

void end_all(stage& on, std::span<client* const> clients) {
  for (client* each : clients)
    each->half_close();
  on.come_to_rest(clients);
  for (const client* each : clients)
    expect(each->ended(), "a session whose client has left ends");
  expect(on.connections() == 0, "an ended session is forgotten");
}

std::vector<std::string> comparable(std::string_view received) {
  std::vector<std::string> texts;
  for (const http_answer& each : read_answers(received))
    texts.push_back(each.comparable());
  return texts;
}

/// The answers to `bytes` that came in one piece on the only connection.
std::vector<std::string> answers_alone(stage& on, std::string_view bytes) {
  const auto only = on.connect();
  const std::array<client*, 1> clients{only.get()};
  send_all(on, clients, *only, bytes);
  end_all(on, clients);
  return comparable(only->received());
}

/// `bytes` in a few pieces, or in single bytes; always the same for the same bytes.
std::vector<std::string_view> pieces_of(std::string_view bytes) {
  std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>{}(bytes)));
  constexpr std::size_t single_bytes_max = 512;
  const bool singly = bytes.size() <= single_bytes_max && random() % 4 == 0;
  const std::size_t usual = singly ? 1 : 1 + bytes.size() / (1 + random() % 5);
  std::vector<std::string_view> pieces;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), singly ? 1 : 1 + random() % usual);
    pieces.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

/// Requests of somebody else, with their own ids, so that each answer shows whose it is.
const std::vector<std::string>& neighbours_requests() {
  static const std::vector<std::string> requests{
      http::testing::get_text("/v1/users/770001", "X-Request-Id: neighbour-1\r\n"),
      http::testing::post_text("/v1/payments", R"({"orderId":770002,"userId":770003})",
                               "X-Request-Id: neighbour-2\r\n"),
      http::testing::get_text("/v1/orders/770004", "X-Request-Id: neighbour-3\r\n"),
      http::testing::get_text("/v1/nothing", "X-Request-Id: neighbour-4\r\n"),
  };
  return requests;
}

std::string neighbours_bytes() {
  std::string all;
  for (const std::string& each : neighbours_requests())
    all += each;
  return all;
}

/// Whether they are the same answers. The last request may be told to be improper, or wait for more
/// and end unanswered with its connection: where a line ends without CR, that goes by the cut.
bool agree(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  const auto& [less, more] =
      std::minmax(one, other, [](const auto& a, const auto& b) { return a.size() < b.size(); });
  if (!std::equal(less.begin(), less.end(), more.begin()))
    return false;
  return more.size() == less.size() ||
         (more.size() == less.size() + 1 && more.back().starts_with("400"));
}

/// Whether an answer may depend on how much of the request is there: who waits for leave to send a
/// body is refused before it.
bool waits_for_leave(std::string_view bytes) {
  constexpr std::string_view mark = "100-continue";
  return !std::ranges::search(bytes, mark, {}, [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
          }).empty();
}

} // namespace

int fuzz_http_connection(std::string_view bytes) {
  if (bytes.size() > input_bytes_max)
    return 0;
  // Never destroyed: when the program's statics go, those that CAF stands on may be gone.
  static stage& on = *new stage;
  static const std::vector<std::string> neighbours = answers_alone(on, neighbours_bytes());
  const std::vector<std::string> alone = answers_alone(on, bytes);

  const auto stranger = on.connect();
  const auto neighbour = on.connect();
  const std::array<client*, 2> both{stranger.get(), neighbour.get()};
  std::size_t next = 0;
  for (const std::string_view piece : pieces_of(bytes)) {
    send_all(on, both, *stranger, piece);
    if (next < neighbours_requests().size())
      send_all(on, both, *neighbour, neighbours_requests()[next++]);
  }
  while (next < neighbours_requests().size())
    send_all(on, both, *neighbour, neighbours_requests()[next++]);
  end_all(on, both);
  expect(comparable(neighbour->received()) == neighbours,
         "a client's answers do not depend on what others send");
  const auto in_pieces = comparable(stranger->received());
  expect(waits_for_leave(bytes) || agree(in_pieces, alone),
         "the answers do not depend on how the bytes are cut");
  return 0;
}

} // namespace paymentd::fuzz
