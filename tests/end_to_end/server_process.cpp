#include "tests/end_to_end/server_process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace paymentd::end_to_end {

namespace {

std::string contents(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

std::filesystem::path unused_name(const std::filesystem::path& directory, const char* stem) {
  static std::atomic<int> made{0};
  return directory / (stem + std::to_string(++made));
}

std::shared_ptr<sqlite3> open(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
  std::shared_ptr<sqlite3> database(raw, sqlite3_close);
  if (code != SQLITE_OK)
    throw std::runtime_error(sqlite3_errstr(code));
  sqlite3_busy_timeout(raw, 10'000);
  return database;
}

void execute_on(sqlite3& database, const std::string& sql) {
  if (sqlite3_exec(&database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(&database));
}

} // namespace

void wait_a_little() {
  ::poll(nullptr, 0, 5);
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const raw = reinterpret_cast<sockaddr*>(&at);
  const bool bound = ::bind(socket, raw, size) == 0 && ::getsockname(socket, raw, &size) == 0;
  ::close(socket);
  if (!bound)
    throw std::runtime_error("no free port");
  return ntohs(at.sin_port);
}

program::program(std::vector<std::string> arguments, const std::filesystem::path& output)
    : program(std::move(arguments), [&output] {
        const int file = ::open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
        ::dup2(file, STDOUT_FILENO);
        ::dup2(file, STDERR_FILENO);
      }) {
  output_ = output;
}

program::program(std::vector<std::string> arguments, const std::function<void()>& in_child) {
  std::vector<char*> raw;
  for (std::string& each : arguments)
    raw.push_back(each.data());
  raw.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0)
    throw std::runtime_error("fork");
  if (pid_ == 0) {
    // A socket that the test listens on would otherwise stay open in the child, and answer nobody.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    in_child();
    ::execv(raw.front(), raw.data());
    ::_exit(127);
  }
}

program::~program() {
  if (lives()) {
    signal(SIGKILL);
    wait();
  }
}

void program::signal(int number) const {
  ::kill(pid_, number);
}

bool program::lives() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = status;
  return !status_;
}

ended program::wait(std::chrono::milliseconds time) {
  if (!eventually([this] { return !lives(); }, time)) {
    signal(SIGKILL);
    eventually([this] { return !lives(); });
    return {-1, output()};
  }
  return {WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -1, output()};
}

std::string program::output() const {
  return contents(output_);
}

ended workplace::run(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), PAYMENTD_PROGRAM);
  return program(std::move(arguments), unused_name(path(), "run")).wait();
}

ended workplace::audit() const {
  return run({"audit", "--set", "database.url=" + database_url()});
}

std::int64_t workplace::number(const std::string& sql) const {
  const auto database = open(path() / "paymentd.db");
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &raw, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(database.get()));
  const std::shared_ptr<sqlite3_stmt> statement(raw, sqlite3_finalize);
  if (sqlite3_step(raw) != SQLITE_ROW)
    throw std::runtime_error(sqlite3_errmsg(database.get()));
  return sqlite3_column_int64(raw, 0);
}

void workplace::execute(const std::string& sql) const {
  execute_on(*open(path() / "paymentd.db"), sql);
}

foreign_lock::foreign_lock(const workplace& place) : database_(open(place.path() / "paymentd.db")) {
  execute_on(*database_, "begin immediate");
}

namespace {

std::vector<std::string> serve_arguments(const workplace& place, std::vector<std::string> sets,
                                         const std::filesystem::path& config) {
  std::vector<std::string> arguments = {PAYMENTD_PROGRAM, "serve"};
  if (!config.empty())
    arguments.insert(arguments.end(), {"--config", config.string()});
  sets.insert(sets.begin(), {"http.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0",
                             "database.url=" + place.database_url()});
  for (std::string& each : sets) {
    arguments.emplace_back("--set");
    arguments.push_back(std::move(each));
  }
  return arguments;
}

} // namespace

server_process::server_process(const workplace& place, std::vector<std::string> sets,
                               const std::filesystem::path& config)
    : program_(serve_arguments(place, std::move(sets), config),
               unused_name(place.path(), "serve")) {
  static const std::regex line(R"(serves https?://[^:]+:(\d+) \(operators: http://[^:]+:(\d+)\))");
  std::smatch match;
  std::string text;
  const bool serves = eventually([&] {
    text = program_.output();
    return std::regex_search(text, match, line) || !program_.lives();
  });
  if (!serves || match.size() != 3)
    throw std::runtime_error("paymentd did not start: " + text);
  port_ = static_cast<std::uint16_t>(std::stoi(match[1]));
  admin_port_ = static_cast<std::uint16_t>(std::stoi(match[2]));
}

std::vector<std::string> sent_to(const providers::fake_alimtalk& api) {
  return {"alimtalk.provider=nhn",      "alimtalk.base_url=" + api.base_url(),
          "alimtalk.app_key=app",       "alimtalk.secret_key=secret",
          "alimtalk.sender_key=sender", "alimtalk.template_code=PAID",
          "notification.backoff_max=1s"};
}

std::vector<std::int64_t> pay_orders(http::testing::test_client& client, std::int64_t first,
                                     std::int64_t last, std::int64_t spread) {
  std::vector<std::int64_t> paid;
  for (std::int64_t id = first; id <= last; ++id) {
    const nlohmann::json body = {{"orderId", id}, {"userId", 1 + id % spread}};
    const auto answer = client.post("/v1/payments", body.dump());
    if (!answer)
      break;
    if (answer->status == 201)
      paid.push_back(id);
  }
  return paid;
}

} // namespace paymentd::end_to_end
