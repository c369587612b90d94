// A private PostgreSQL cluster in a temporary directory, on a unix socket, without TCP: made by
// initdb, started once for a test program or a benchmark, and gone with it, however it ends; and a
// standby of it. Works as root (the server then runs as the user postgres) and as anybody else.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct pg_conn;

namespace paymentd::db {

class postgres_cluster {
 public:
  /// `durable`: with fsync on, as users have it. `settings` are lines of postgresql.conf.
  explicit postgres_cluster(bool durable = false, const std::string& settings = "");
  /// In a directory made in `parent`, without fsync.
  postgres_cluster(const std::filesystem::path& parent, const std::string& settings);
  /// A standby of `primary`, whose every commit waits for it from now on.
  struct standby_of {
    const postgres_cluster& primary;
  };
  explicit postgres_cluster(standby_of what);
  postgres_cluster(const postgres_cluster&) = delete;
  postgres_cluster& operator=(const postgres_cluster&) = delete;
  ~postgres_cluster();

  /// The one that the tests of a program share.
  static postgres_cluster& shared();

  /// Makes an empty database that is nobody else's and gives its name.
  std::string create_database();
  /// Copies a database into an empty one, as pg_dump and pg_restore do.
  void copy_database(const std::string& from, const std::string& to) const;
  std::string url(const std::string& database) const;
  /// The value of `host` in a URL: the directory of its socket.
  std::string host() const { return directory_.string(); }
  /// The server's socket.
  std::filesystem::path socket() const;

  /// Stops the server at once, as a crash would, and starts it again.
  void crash();
  void start();
  /// Makes a standby a primary.
  void promote();
  /// The server's first process.
  int postmaster() const;

  /// Executes SQL and gives the first column of what it returns; throws where it fails.
  std::vector<std::string> sql(const std::string& database, const std::string& text) const;

 private:
  int run(const std::string& program, const std::string& arguments) const;
  void make_directory(const std::filesystem::path& parent);
  void initialize(const std::string& settings);

  std::filesystem::path directory_;
  int watcher_input_ = -1; // closed when this process ends; the watcher then cleans up
  int watcher_ = -1;
  int databases_ = 0;
};

/// A connection of a test's own, beside the store's.
class side_session {
 public:
  explicit side_session(const std::string& url);
  ~side_session();
  side_session(const side_session&) = delete;
  side_session& operator=(const side_session&) = delete;
  std::vector<std::string> sql(const std::string& text);
  /// Sends without waiting for an answer.
  void send(const std::string& text);
  /// Waits for the answer to what was sent.
  std::vector<std::string> receive();

 private:
  pg_conn* handle_;
};

} // namespace paymentd::db
