#include "store/database.h"

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "host/store/store_fixture.h"

using clade::store::Database;
using namespace std::string_literals;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

clade::Error open_fails(const std::string& path, Database::Mode mode) {
  const auto database = Database::open(path, mode);
  REQUIRE_FALSE(database);
  CHECK(database.error().message.find(path) != std::string::npos);
  return database.error();
}

std::string pragma(Database& database, const std::string& name) {
  auto query = database.prepare("PRAGMA " + name);
  REQUIRE(query.step() == true);
  return query.text(0);
}

// Acts as a user whom the permissions of files stop, which root is not.
class Unprivileged {
 public:
  Unprivileged() : user_(geteuid()) {
    if (user_ == 0) REQUIRE(seteuid(65534) == 0);
  }
  ~Unprivileged() { (void)!seteuid(user_); }

 private:
  uid_t user_;
};

}  // namespace

TEST_CASE("a database is opened on the file system that is named", "[database]") {
  const test::TemporaryFolder folder;
  { REQUIRE(Database::open(folder / "db", Database::Mode::read_write)); }
  CHECK(Database::open(folder / "db", Database::Mode::read_write, "unix"));
  // One without locks and shared memory has no log either.
  const auto lockless = Database::open(folder / "db", Database::Mode::read_write, "unix-none");
  REQUIRE_FALSE(lockless);
  CHECK(lockless.error().code == "io");
  CHECK_FALSE(Database::open(folder / "db", Database::Mode::read_write, "no such file system"));
  CHECK_FALSE(Database::open(folder / "other", Database::Mode::read_write, "unix"));
}

TEST_CASE("a database is opened for durable work", "[database]") {
  const test::TemporaryFolder folder;
  const mode_t before = umask(0);
  auto database = Database::open(folder / "db", Database::Mode::read_write);
  umask(before);
  REQUIRE(database);
  CHECK(pragma(*database, "journal_mode") == "wal");
  CHECK(pragma(*database, "synchronous") == "2");
  CHECK(pragma(*database, "foreign_keys") == "1");
  CHECK(pragma(*database, "busy_timeout") == "5000");
  REQUIRE(database->execute("CREATE TABLE item (number)"));
  CHECK(mode_of(folder / "db") == 0600);
  CHECK(mode_of(folder / "db-wal") == 0600);
}

TEST_CASE("values come back as they were bound", "[database]") {
  const test::TemporaryFolder folder;
  auto database = Database::open(folder / "db", Database::Mode::read_write);
  REQUIRE(database);
  auto query = database->prepare("SELECT ?, ?, ?, ?, ?, ?, ?");
  query.bind(1, INT64_MIN).bind(2, 0.1).bind(3, "a\0ü"s).bind_blob(4, "\0\xff"s).bind_null(5);
  query.bind(6, std::string_view()).bind_blob(7, std::string_view());
  REQUIRE(query.step() == true);
  CHECK(query.integer(0) == INT64_MIN);
  CHECK(query.real(1) == 0.1);
  CHECK(query.text(2) == "a\0ü"s);
  CHECK(query.text(3) == "\0\xff"s);
  CHECK(query.is_null(4));
  CHECK(query.text(4).empty());
  CHECK_FALSE(query.is_null(5));
  CHECK_FALSE(query.is_null(6));
  CHECK(query.step() == false);
}

TEST_CASE("a statement can be bound and run again", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  {
    auto insert = database.prepare("INSERT INTO item (number) VALUES (?)");
    for (int number = 0; number < 3; ++number) REQUIRE(insert.bind(1, number).run());
    const auto twice = insert.bind(1, 1).run();
    REQUIRE_FALSE(twice);
    CHECK(twice.error().code == "constraint");
    CHECK(twice.error().message.find("item.number") != std::string::npos);
    REQUIRE(insert.bind(1, 3).run());
  }
  CHECK(test::stored(folder / "db") == std::vector<int64_t>{0, 1, 2, 3});
  REQUIRE(database.prepare("UPDATE item SET data = 'x' WHERE number > 0").run());
  CHECK(database.changes() == 3);
}

TEST_CASE("a cached statement starts clean", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.execute("INSERT INTO item (number) VALUES (1), (2)"));
  for (int round = 0; round < 2; ++round) {
    auto query = database.prepare("SELECT number, ? FROM item ORDER BY number");
    if (round == 0) query.bind(1, "left");
    REQUIRE(query.step() == true);
    CHECK(query.integer(0) == 1);
    CHECK(query.is_null(1) == (round == 1));
  }
}

TEST_CASE("one SQL text may have two users at a time", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.execute("INSERT INTO item (number) VALUES (1), (2), (3)"));
  const std::string sql = "SELECT number FROM item WHERE number >= ? ORDER BY number";
  auto outer = database.prepare(sql);
  outer.bind(1, 1);
  std::string pairs;
  while (outer.step().value()) {
    auto inner = database.prepare(sql);
    inner.bind(1, 2);
    while (inner.step().value())
      pairs += std::to_string(outer.integer(0)) + std::to_string(inner.integer(0)) + " ";
  }
  CHECK(pairs == "12 13 22 23 32 33 ");
}

TEST_CASE("any number of SQL texts can be prepared", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  for (int number = 0; number < 600; ++number) {
    auto query = database.prepare("SELECT " + std::to_string(number));
    REQUIRE(query.step() == true);
    CHECK(query.integer(0) == number);
  }
}

TEST_CASE("a wrong SQL text is a bug and throws", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  CHECK_THROWS_AS(database.prepare("SELEKT 1"), std::logic_error);
  CHECK_THROWS_WITH(database.prepare("SELECT absent FROM item"), Catch::Contains("absent"));
  CHECK_THROWS_AS(database.prepare("SELECT 1; SELECT 2"), std::logic_error);
  CHECK_THROWS_AS(database.prepare(""), std::logic_error);
  CHECK_THROWS_AS(database.prepare("SELECT ?").bind(2, 1), std::logic_error);
  CHECK(database.prepare("SELECT 1;\n").step() == true);
}

TEST_CASE("a connection keeps its first failure", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.prepare("SELECT 1").step());
  CHECK_FALSE(database.first_failure());
  const auto overflow = database.prepare("SELECT abs(-9223372036854775808)").step();
  REQUIRE_FALSE(overflow);
  CHECK_FALSE(database.prepare("INSERT INTO item (number) SELECT abs(-9223372036854775808)").step());
  REQUIRE(database.prepare("SELECT 1").step());
  REQUIRE(database.first_failure());
  CHECK(database.first_failure()->message == overflow.error().message);
}

TEST_CASE("foreign keys are enforced", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.execute("CREATE TABLE part (item INTEGER REFERENCES item (number))"));
  const auto status = database.execute("INSERT INTO part VALUES (7)");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "constraint");
}

TEST_CASE("a reader reads and cannot write", "[database]") {
  const test::TemporaryFolder folder;
  const auto writer = test::open_database(folder / "db");
  auto reader = Database::open(folder / "db", Database::Mode::read_only);
  REQUIRE(reader);
  const auto status = reader->execute("INSERT INTO item (number) VALUES (1)");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "io");
  CHECK(test::stored(folder / "db").empty());
}

TEST_CASE("a writer that finds another is told so", "[database]") {
  const test::TemporaryFolder folder;
  auto first = test::open_database(folder / "db");
  auto second = test::open_database(folder / "db");
  REQUIRE(second.execute("PRAGMA busy_timeout = 0"));
  REQUIRE(first.execute("BEGIN IMMEDIATE"));
  const auto status = second.execute("BEGIN IMMEDIATE");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "busy");
  REQUIRE(first.execute("COMMIT"));
  CHECK(second.execute("BEGIN IMMEDIATE; COMMIT"));
}

TEST_CASE("an absent database is not made by a reader, nor a folder by anybody", "[database]") {
  const test::TemporaryFolder folder;
  CHECK(open_fails(folder / "db", Database::Mode::read_only).code == "not_found");
  CHECK_FALSE(std::filesystem::exists(folder / "db"));
  const auto error = Database::open(folder / "absent/db", Database::Mode::read_write).error();
  CHECK(error.code == "not_found");
  CHECK(error.message.find(folder / "absent") != std::string::npos);
}

TEST_CASE("a file that is no database is refused", "[database]") {
  const test::TemporaryFolder folder;
  REQUIRE(clade::write_file_atomic(folder / "db", std::string(5000, 'x')));
  CHECK(open_fails(folder / "db", Database::Mode::read_write).code == "corrupt");
  CHECK(open_fails(folder / "db", Database::Mode::read_only).code == "corrupt");
  CHECK(clade::read_file(folder / "db") == std::string(5000, 'x'));
}

TEST_CASE("a read-only folder or file is named with the reason", "[database]") {
  const test::TemporaryFolder folder;
  { const auto made = test::open_database(folder / "db"); }
  REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
  {
    const Unprivileged user;
    for (const std::string name : {"db", "new"}) {
      const auto database = Database::open(folder / name, Database::Mode::read_write);
      REQUIRE_FALSE(database);
      CHECK(database.error().code == "io");
      CHECK(database.error().message.find(folder.path()) != std::string::npos);
      CHECK(database.error().message.find("Permission denied") != std::string::npos);
    }
  }
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  REQUIRE(chmod((folder / "db").c_str(), 0444) == 0);
  {
    const Unprivileged user;
    const auto error = open_fails(folder / "db", Database::Mode::read_write);
    CHECK(error.code == "io");
    CHECK(error.message.find("Permission denied") != std::string::npos);
  }
}

TEST_CASE("a full database file is reported as no_space", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  REQUIRE(database.execute("PRAGMA max_page_count = 10"));
  auto insert = database.prepare("INSERT INTO item (data) VALUES (?)");
  const auto status = insert.bind_blob(1, std::string(200000, 'x')).run();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "no_space");
  CHECK(status.error().message.find(folder / "db") != std::string::npos);
  CHECK(status.error().message.find("free some space") != std::string::npos);
}

TEST_CASE("opening another connection keeps the locks of the first", "[database]") {
  const test::TemporaryFolder folder;
  auto first = test::open_database(folder / "db");
  REQUIRE(first.execute("BEGIN IMMEDIATE; INSERT INTO item (number) VALUES (1)"));
  { const auto second = Database::open(folder / "db", Database::Mode::read_write); }
  CHECK(test::stored(folder / "db").empty());
  // A process of its own would take a lock that was dropped; the log must not be folded away under the first
  // one.
  CHECK(std::filesystem::exists(folder / "db-wal"));
  REQUIRE(first.execute("COMMIT"));
  CHECK(test::stored(folder / "db") == std::vector<int64_t>{1});
}

TEST_CASE("a checkpoint by hand is by hand", "[database]") {
  const test::TemporaryFolder folder;
  auto database = test::open_database(folder / "db");
  database.checkpoint_by_hand();
  CHECK(database.log_bytes() == 0);
  for (int number = 0; number < 8; ++number) {
    REQUIRE(
        database.prepare("INSERT INTO item (data) VALUES (?)").bind_blob(1, std::string(1 << 20, 'x')).run());
  }
  CHECK(database.log_bytes() > 8 << 20);
  REQUIRE(database.checkpoint(false));
  REQUIRE(database.execute("INSERT INTO item (data) VALUES (NULL)"));
  CHECK(database.log_bytes() < 1 << 20);  // the log was started over
  REQUIRE(database.checkpoint(true));
  CHECK(std::filesystem::file_size(folder / "db-wal") == 0);
}
