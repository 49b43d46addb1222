// The audit's chain: what it notices, and that it is written with the acts or not at all.
#include "store/audit.h"

#include <optional>

#include "host/store/store_fixture.h"

using clade::Status;
using clade::Value;
using clade::store::Act;
using clade::store::AuditVerdict;
using clade::store::Batch;
using clade::store::Database;
using clade::store::Writer;

namespace {

Batch acts(const std::string& who, const std::vector<std::string>& subjects) {
  Batch batch;
  for (const auto& subject : subjects)
    record_act(Act{1000, who, "setting.set", subject, Value{{"value", 1}}}, batch);
  return batch;
}

// A store with the schema and a writer on it.
struct Chain {
  Chain() {
    auto database = Database::open(path, Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(migrate(*database));
    writer.emplace(std::move(*database), inbox);
  }

  // The outcome of a batch that is committed alone.
  Status commit(Batch batch) {
    std::optional<Status> outcome;
    writer->commit(std::move(batch), [&](Status status) { outcome = std::move(status); });
    inbox.run_until([&] { return outcome.has_value(); });
    return *outcome;
  }
  // As another program would, which is not held up by triggers.
  void tamper(const std::string& sql) const {
    auto database = Database::open(path, Database::Mode::read_write);
    REQUIRE(database);
    for (const char* trigger :
         {"act_kept", "act_stays", "audit_kept", "audit_stays", "link_kept", "link_stays"})
      REQUIRE(database->execute("DROP TRIGGER IF EXISTS " + std::string(trigger)));
    REQUIRE(database->execute(sql));
  }
  AuditVerdict verify(const std::string& noted = "") const {
    auto database = Database::open(path, Database::Mode::read_only);
    REQUIRE(database);
    auto verdict = verify_audit(*database, noted);
    REQUIRE(verdict);
    return *verdict;
  }
  std::string head() const { return verify().head.hash; }
  int64_t count(const std::string& sql) const {
    auto database = Database::open(path, Database::Mode::read_only);
    REQUIRE(database);
    auto query = database->prepare(sql);
    REQUIRE(query.step() == true);
    return query.integer(0);
  }

  test::TemporaryFolder folder;
  std::string path = folder / "db";
  test::Inbox inbox;
  std::optional<Writer> writer;
};

// Three groups: line 1, lines 2 to 4, line 5.
struct Filled : Chain {
  Filled() {
    REQUIRE(commit(acts("anna", {"a"})));
    REQUIRE(commit(acts("bob", {"b", "c", "d"})));
    noted = head();
    REQUIRE(commit(acts("anna", {"e"})));
  }
  std::string noted;
};

}  // namespace

TEST_CASE("a chain that nobody touched is intact", "[audit]") {
  Filled chain;
  const auto verdict = chain.verify();
  CHECK(verdict.problem.empty());
  CHECK(verdict.broken_line == 0);
  CHECK(verdict.lines == 5);
  CHECK(verdict.head.line == 5);
  CHECK(verdict.head.hash.size() == 64);
  CHECK(chain.verify(chain.noted).noted_line == 4);
  CHECK(Chain().verify().problem.empty());
}

TEST_CASE("one link closes the lines of a group", "[audit]") {
  Filled chain;
  CHECK(chain.count("SELECT count(*) FROM audit_link") == 3);
  test::Gate gate;
  Batch first;
  first.add(gate.change());
  std::optional<Status> outcome;
  chain.writer->commit(std::move(first), nullptr);
  gate.wait_reached();
  chain.writer->commit(acts("anna", {"f"}), nullptr);
  chain.writer->commit(acts("bob", {"g"}), [&](Status status) { outcome = std::move(status); });
  gate.open();
  chain.inbox.run_until([&] { return outcome.has_value(); });
  CHECK(chain.count("SELECT count(*) FROM audit_link") == 4);
  CHECK(chain.verify().lines == 7);
}

TEST_CASE("a group without acts has no link", "[audit]") {
  Filled chain;
  Batch batch;
  batch.add([](Database& database) {
    return database.execute("INSERT INTO setting (name, value) VALUES ('seed', '1')");
  });
  REQUIRE(chain.commit(std::move(batch)));
  CHECK(chain.count("SELECT count(*) FROM audit_link") == 3);
  CHECK(chain.count("SELECT max(last) FROM audit_link") == 5);
}

TEST_CASE("a changed line is named", "[audit]") {
  Filled chain;
  const std::string change = GENERATE(
      "UPDATE act SET who = 'carl' WHERE subject = 'c'", "UPDATE act SET at = 999 WHERE subject = 'c'",
      "UPDATE act SET what = 'rule.set' WHERE subject = 'c'",
      "UPDATE act SET subject = 'x' WHERE subject = 'c'",
      "UPDATE act SET detail = '{\"value\":2}' WHERE subject = 'c'", "UPDATE audit SET run = 7 WHERE seq = 3",
      "UPDATE audit SET key = '1' WHERE seq = 3", "UPDATE audit SET source = 'vote' WHERE seq = 3");
  CAPTURE(change);
  chain.tamper(change);
  const auto verdict = chain.verify();
  CHECK(verdict.broken_line == 3);
  CHECK_FALSE(verdict.problem.empty());
  CHECK(verdict.lines == 1);
}

TEST_CASE("a removed line is named", "[audit]") {
  Filled chain;
  const auto [change, line] = GENERATE(table<std::string, int64_t>(
      {{"DELETE FROM audit WHERE seq = 1", 1},
       {"DELETE FROM audit WHERE seq = 3", 3},
       {"DELETE FROM act WHERE subject = 'd'", 4},
       {"DELETE FROM audit WHERE seq = 5", 5},
       {"DELETE FROM audit_link WHERE last = 4", 2},
       {"DELETE FROM audit_link WHERE last = 5", 5},
       {"DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3}}));
  CAPTURE(change);
  chain.tamper(change);
  CHECK(chain.verify().broken_line == line);
}

TEST_CASE("lines that changed places are named", "[audit]") {
  Filled chain;
  chain.tamper(
      "UPDATE audit SET key = CASE key WHEN '2' THEN '4' ELSE '2' END WHERE seq IN (2, 4);"
      "UPDATE audit_link SET lines = substr(lines, 129) || substr(lines, 65, 64) || substr(lines, 1, 64) "
      "WHERE last = 4");
  CHECK(chain.verify().broken_line == 2);
}

TEST_CASE("a link that was made to fit a changed line does not follow from the one before", "[audit]") {
  Filled chain;
  Filled other;
  other.tamper("UPDATE act SET who = 'carl' WHERE subject = 'e'");
  chain.tamper("UPDATE audit_link SET lines = substr(lines, 65) || substr(lines, 1, 64) WHERE last = 4");
  CHECK(chain.verify().broken_line == 2);
  other.tamper("UPDATE audit_link SET hash = lines WHERE last = 5");
  CHECK(other.verify().broken_line == 5);
}

TEST_CASE("a line that no link closes is named", "[audit]") {
  Filled chain;
  chain.tamper("INSERT INTO audit (source, key, run) VALUES ('act', '1', 0)");
  CHECK(chain.verify().broken_line == 6);
}

TEST_CASE("an end that was cut off with its links shows by a noted head alone", "[audit]") {
  Filled chain;
  const std::string newest = chain.head();
  chain.tamper("DELETE FROM audit_link WHERE last > 4; DELETE FROM audit WHERE seq > 4");
  CHECK(chain.verify().problem.empty());
  CHECK(chain.verify(chain.noted).problem.empty());
  const auto verdict = chain.verify(newest);
  CHECK(verdict.broken_line == 5);
  CHECK(verdict.problem.find("cut off") != std::string::npos);
}

TEST_CASE("rows of the audit can neither be changed nor deleted", "[audit]") {
  Filled chain;
  auto database = Database::open(chain.path, Database::Mode::read_write);
  REQUIRE(database);
  const std::string table = GENERATE("act", "audit", "audit_link");
  CAPTURE(table);
  for (const std::string& sql : {"UPDATE " + table + " SET rowid = rowid + 9", "DELETE FROM " + table}) {
    const auto status = database->execute(sql);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "constraint");
  }
  CHECK(chain.verify().problem.empty());
}

TEST_CASE("acts are committed with their link or not at all", "[audit]") {
  Filled chain;
  chain.tamper(
      "CREATE TRIGGER planted BEFORE INSERT ON audit_link BEGIN SELECT raise(ABORT, 'planted'); END");
  const auto outcome = chain.commit(acts("anna", {"f"}));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message.find("planted") != std::string::npos);
  CHECK(chain.count("SELECT count(*) FROM act WHERE subject = 'f'") == 0);
  CHECK(chain.verify().lines == 5);
}

TEST_CASE("lines are listed as a log, by time and doer", "[audit]") {
  Filled chain;
  Batch late;
  record_act(Act{2000, "bob", "host.stop", "process 1", Value{{"reason", "clade stop"}}}, late);
  REQUIRE(chain.commit(std::move(late)));
  auto database = Database::open(chain.path, Database::Mode::read_only);
  REQUIRE(database);
  const auto numbers = [&](clade::store::AuditFilter filter) {
    std::vector<int64_t> found;
    const auto lines = audit_lines(*database, filter);
    REQUIRE(lines);
    for (const auto& line : *lines) found.push_back(line.number);
    return found;
  };
  CHECK(numbers({}) == std::vector<int64_t>{1, 2, 3, 4, 5, 6});
  CHECK(numbers({0, "anna", 50}) == std::vector<int64_t>{1, 5});
  CHECK(numbers({2000, "", 50}) == std::vector<int64_t>{6});
  CHECK(numbers({0, "", 2}) == std::vector<int64_t>{5, 6});
  const auto line = audit_line(*database, 6);
  REQUIRE(line);
  CHECK(line->what == "host.stop");
  CHECK(line->detail["reason"] == Value("clade stop"));
  CHECK(audit_line(*database, 7).error().code == "not_found");
}
