#include "tests/support/postgres_cluster.hpp"

#include <libpq-fe.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <pwd.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

namespace paymentd::db {
namespace {

std::string programs() {
  const char* set = std::getenv("PAYMENTD_PG_BIN");
  return set != nullptr ? set : "/usr/lib/postgresql/15/bin";
}

std::string as_server_user() {
  return ::geteuid() == 0 ? "runuser -u postgres -- " : "";
}

std::vector<std::string> first_column(PGresult* of, PGconn* on) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> owned(of, &PQclear);
  const auto status = PQresultStatus(of);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(on));
  std::vector<std::string> values;
  for (int row = 0; row < PQntuples(of); ++row)
    values.emplace_back(PQgetvalue(of, row, 0));
  return values;
}

// Waits for the end of its input, which is the end of the process that holds the other end; then
// removes all traces of the cluster. In a process group of its own, so that Ctrl-C leaves it alone.
int start_watcher(const std::string& command, int input) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    ::dup2(input, STDIN_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return child;
}

} // namespace

postgres_cluster::postgres_cluster(bool durable, const std::string& settings) {
  // Where nothing has to last, memory spares the machine's disk.
  const std::filesystem::path memory = "/dev/shm";
  make_directory(!durable && ::access(memory.c_str(), W_OK) == 0
                     ? memory
                     : std::filesystem::temp_directory_path());
  initialize((durable ? "" : "fsync = off\n") + settings);
}

postgres_cluster::postgres_cluster(const std::filesystem::path& parent,
                                   const std::string& settings) {
  make_directory(parent);
  initialize("fsync = off\n" + settings);
}

postgres_cluster::postgres_cluster(standby_of what) {
  const postgres_cluster& primary = what.primary;
  make_directory(primary.directory_.parent_path());
  const std::string directory = directory_.string();
  if (run("pg_basebackup", "-h " + primary.host() + " -U postgres -D " + directory +
                               "/data -R -X stream -c fast --no-sync") != 0)
    throw std::runtime_error("pg_basebackup failed: see " + directory + "/log");
  std::ofstream(directory_ / "data/postgresql.auto.conf", std::ios::app)
      << "unix_socket_directories = '" << directory << "'\n"
      << "primary_conninfo = 'host=" << primary.host() << " user=postgres "
      << "application_name=standby'\n";
  start();
  primary.sql("postgres", "alter system set synchronous_standby_names = 'standby'");
  primary.sql("postgres", "select pg_reload_conf()");
  // Waits itself until the standby has it.
  primary.sql("postgres", "create database replicated");
}

void postgres_cluster::make_directory(const std::filesystem::path& parent) {
  std::string name = (parent / "paymentd-postgres-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("cannot make a temporary directory");
  directory_ = name;
  if (::geteuid() == 0) {
    const passwd* owner = ::getpwnam("postgres");
    if (owner == nullptr || ::chown(name.c_str(), owner->pw_uid, owner->pw_gid) != 0)
      throw std::runtime_error("as root the tests need the user postgres");
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  watcher_ = start_watcher("while read -r _; do :; done; " + as_server_user() + programs() +
                               "/pg_ctl -D " + name +
                               "/data -m immediate stop >/dev/null 2>&1; "
                               "rm -rf " +
                               name,
                           ends[0]);
  ::close(ends[0]);
  watcher_input_ = ends[1];
}

void postgres_cluster::initialize(const std::string& settings) {
  const std::string name = directory_.string();
  if (run("initdb", "-D " + name + "/data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync"))
    throw std::runtime_error("initdb failed: see " + name + "/log");
  std::ofstream(directory_ / "data/postgresql.conf", std::ios::app)
      << "listen_addresses = ''\nunix_socket_directories = '" << name << "'\n"
      << "max_connections = 100\nlog_line_prefix = '%m [%p] %a '\n"
      << settings << '\n';
  start();
}

postgres_cluster::~postgres_cluster() {
  ::close(watcher_input_);
  ::waitpid(watcher_, nullptr, 0);
}

postgres_cluster& postgres_cluster::shared() {
  static postgres_cluster one;
  return one;
}

int postgres_cluster::run(const std::string& program, const std::string& arguments) const {
  const std::string log = directory_.string() + "/log";
  return std::system((as_server_user() + programs() + "/" + program + " " + arguments + " >>" +
                      log + " 2>&1 </dev/null")
                         .c_str());
}

void postgres_cluster::start() {
  const std::string directory = directory_.string();
  if (run("pg_ctl", "-D " + directory + "/data -l " + directory + "/server.log -t 30 -w start") !=
      0)
    throw std::runtime_error("the server does not start: see " + directory);
}

void postgres_cluster::crash() {
  if (run("pg_ctl", "-D " + directory_.string() + "/data -m immediate -t 30 -w stop") != 0)
    throw std::runtime_error("the server does not stop");
}

void postgres_cluster::promote() {
  if (run("pg_ctl", "-D " + directory_.string() + "/data -t 30 -w promote") != 0)
    throw std::runtime_error("the standby is not promoted: see " + host());
}

int postgres_cluster::postmaster() const {
  int process = 0;
  std::ifstream(directory_ / "data/postmaster.pid") >> process;
  return process;
}

std::string postgres_cluster::create_database() {
  const std::string name = "test_" + std::to_string(++databases_);
  sql("postgres", "create database " + name);
  return name;
}

void postgres_cluster::copy_database(const std::string& from, const std::string& to) const {
  const std::string file = directory_.string() + "/copy.dump";
  const std::string where = "--host=" + host() + " --username=postgres ";
  if (run("pg_dump", where + "--format=custom --file=" + file + " " + from) != 0 ||
      run("pg_restore", where + "--exit-on-error --dbname=" + to + " " + file) != 0)
    throw std::runtime_error("the database is not copied: see " + host() + "/log");
}

std::string postgres_cluster::url(const std::string& database) const {
  return "postgresql:///" + database + "?user=postgres&host=" + directory_.string();
}

std::filesystem::path postgres_cluster::socket() const {
  return directory_ / ".s.PGSQL.5432";
}

std::vector<std::string> postgres_cluster::sql(const std::string& database,
                                               const std::string& text) const {
  return side_session(url(database)).sql(text);
}

side_session::side_session(const std::string& url) : handle_(PQconnectdb(url.c_str())) {
  if (PQstatus(handle_) != CONNECTION_OK) {
    const std::string why = PQerrorMessage(handle_);
    PQfinish(handle_);
    throw std::runtime_error(why);
  }
  PQclear(PQexec(handle_, "set client_min_messages = warning; set search_path = paymentd"));
}

side_session::~side_session() {
  PQfinish(handle_);
}

std::vector<std::string> side_session::sql(const std::string& text) {
  return first_column(PQexec(handle_, text.c_str()), handle_);
}

void side_session::send(const std::string& text) {
  if (PQsendQuery(handle_, text.c_str()) != 1)
    throw std::runtime_error(PQerrorMessage(handle_));
}

std::vector<std::string> side_session::receive() {
  std::vector<std::string> last;
  while (PGresult* one = PQgetResult(handle_))
    last = first_column(one, handle_);
  return last;
}

} // namespace paymentd::db
