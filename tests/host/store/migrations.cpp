#include <filesystem>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "host/store/store_fixture.h"
#include "store/database.h"

using clade::store::Database;
using clade::store::migrate;
using clade::store::schema_version;

namespace {

int64_t number(Database& database, const std::string& sql) {
  auto query = database.prepare(sql);
  REQUIRE(query.step() == true);
  return query.integer(0);
}

// Everything that the schema holds.
std::string schema(Database& database) {
  std::string text;
  auto query = database.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name");
  while (query.step().value()) text += query.text(0) + ": " + query.text(1) + "\n";
  return text;
}

Database open_empty(const std::string& path) {
  auto database = Database::open(path, Database::Mode::read_write);
  REQUIRE(database);
  return std::move(*database);
}

}  // namespace

TEST_CASE("a new database gets the whole schema", "[migrations]") {
  const test::TemporaryFolder folder;
  auto database = open_empty(folder / "db");
  REQUIRE(migrate(database));
  CHECK(number(database, "PRAGMA user_version") == schema_version());
  for (const std::string table :
       {"task", "task_dependency", "task_event", "message", "agent", "version", "script", "script_event",
        "run", "journal", "ledger", "proposal", "vote", "rule", "file_write", "act", "audit", "audit_link"}) {
    CAPTURE(table);
    CHECK(number(database, "SELECT count(*) FROM " + table) == 0);
  }
  CHECK(database.prepare("PRAGMA integrity_check").step() == true);
}

TEST_CASE("tasks of an older store keep the order of their submission", "[migrations]") {
  const test::TemporaryFolder folder;
  // As the first step left it.
  std::filesystem::copy_file(CLADE_SOURCE "/tests/host/store/kept/schema_1.db", folder / "db");
  auto database = open_empty(folder / "db");
  REQUIRE(number(database, "PRAGMA user_version") == 1);
  for (const std::string id : {"b", "c", "a"}) {
    REQUIRE(
        database.execute("INSERT INTO task VALUES ('" + id +
                         "', 'work', 'queued', 0, '{}', 'null', '', 0, '', '', 0, 3, '', 1, 1, 0, 0, 0, 0);"
                         "INSERT INTO task_event (task, at, verb, state, run, agent, detail) VALUES ('" +
                         id + "', 1, 'submit', 'queued', 0, '', '')"));
  }
  REQUIRE(migrate(database));
  CHECK(number(database, "PRAGMA user_version") == schema_version());
  CHECK(number(database,
               "SELECT group_concat(id, '') = 'bca' FROM (SELECT id FROM task WHERE id IN ('a', 'b', 'c') "
               "ORDER BY seq)") == 1);
}

TEST_CASE("migrating again changes nothing", "[migrations]") {
  const test::TemporaryFolder folder;
  auto database = open_empty(folder / "db");
  REQUIRE(migrate(database));
  const std::string before = schema(database);
  const int64_t version = number(database, "PRAGMA schema_version");
  REQUIRE(database.execute("INSERT INTO rule VALUES ('vote.quorum', '3', 'operator', 1)"));
  REQUIRE(migrate(database));
  CHECK(schema(database) == before);
  CHECK(number(database, "PRAGMA schema_version") == version);
  CHECK(number(database, "SELECT count(*) FROM rule") == 1);
  // It leaves no transaction and no snapshot behind.
  CHECK(database.execute("BEGIN IMMEDIATE; COMMIT"));
}

TEST_CASE("a database of an impossible version is refused", "[migrations]") {
  const test::TemporaryFolder folder;
  auto database = open_empty(folder / "db");
  REQUIRE(database.execute("PRAGMA user_version = -1"));
  const auto status = migrate(database);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "corrupt");
}

TEST_CASE("a database of a newer version is refused and left alone", "[migrations]") {
  const test::TemporaryFolder folder;
  auto database = open_empty(folder / "db");
  REQUIRE(migrate(database));
  const int newer = schema_version() + 1;
  REQUIRE(database.execute("PRAGMA user_version = " + std::to_string(newer)));
  const auto status = migrate(database);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "newer_schema");
  CHECK(status.error().message.find(std::to_string(newer)) != std::string::npos);
  CHECK(status.error().message.find(std::to_string(schema_version())) != std::string::npos);
  CHECK(number(database, "PRAGMA user_version") == newer);
  CHECK(database.execute("BEGIN IMMEDIATE; COMMIT"));
}

TEST_CASE("a migration that fails in the middle leaves nothing", "[migrations]") {
  const test::TemporaryFolder folder;
  auto database = open_empty(folder / "db");
  REQUIRE(
      database.execute("CREATE TABLE vote (theirs)"));  // late in the schema: what comes before it is undone
  const std::string before = schema(database);
  const auto status = migrate(database);
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("vote") != std::string::npos);
  CHECK(schema(database) == before);
  CHECK(number(database, "PRAGMA user_version") == 0);
  CHECK(database.execute("BEGIN IMMEDIATE; COMMIT"));
}

TEST_CASE("two hosts that start at once migrate once", "[migrations]") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "db";
  { const auto made = open_empty(path); }
  std::vector<clade::Status> outcomes(4);
  std::vector<std::thread> threads;
  for (auto& outcome : outcomes) {
    threads.emplace_back([&outcome, &path] {
      auto database = Database::open(path, Database::Mode::read_write);
      outcome = database ? migrate(*database) : clade::Status(clade::failure(database.error()));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& outcome : outcomes) {
    if (!outcome) FAIL(outcome.error().message);
  }
}
