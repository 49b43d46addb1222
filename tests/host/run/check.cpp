// What `clade db check` finds: a state with one row of everything is clean, and each single harm done to it
// is told.
#include "run/check.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "support/temporary_folder.h"

using clade::run::check_state;
using clade::run::StateReport;
using clade::store::BlobCheck;
using clade::store::Blobs;
using clade::store::Database;

namespace {

const std::string kSource = "return { api = 1 }";

struct State {
  State() : database(open()) {
    REQUIRE(clade::store::migrate(database));
    REQUIRE(blobs.prepare());
    blob = blobs.put("a large value").value();
    const std::string hash = clade::content_hash(kSource);
    execute("CREATE TABLE large (id INTEGER PRIMARY KEY, value_blob TEXT)");
    execute("INSERT INTO large VALUES (1, '" + blob + "'), (2, '')");
    execute("INSERT INTO version (hash, source, created_at) VALUES ('" + hash + "', CAST('" + kSource +
            "' AS BLOB), 1)");
    execute("INSERT INTO script (name, hash) VALUES ('agent:a', '" + hash + "')");
    execute(
        "INSERT INTO script_event (seq, at, name, hash, parent, verb, by, detail) VALUES (1, 1, 'agent:a', "
        "'" +
        hash + "', '', 'imported', 'host', '{}')");
    add_task("t1", "completed", 0);
    add_task("t2", "executing", 1);
    add_task("t3", "blocked", 0);
    execute("INSERT INTO task_dependency VALUES ('t3', 't2'), ('t1', 't0')");
    execute(
        "INSERT INTO run (id, agent, version, pins, trigger_kind, trigger_id, attempt, seed, started_at, "
        "finished_at, status, error) VALUES (1, 'a', '" +
        hash + "', '{}', 'task', 't2', 1, 7, 1, 0, 'running', '')");
    execute(
        "INSERT INTO journal (run, strand, position, op, args, status, result, started_at, finished_at) "
        "VALUES (1, '0', 1, 'cell.eval', x'80', 'started', x'', 1, 0)");
    execute(
        "INSERT INTO journal (run, strand, position, op, args, status, result, started_at, finished_at) "
        "VALUES (1, '0', 2, 'cell.eval', x'80', 'done', x'C3', 1, 2)");
    execute(
        "INSERT INTO message VALUES ('m1', 'operator', 'a', 'agent:a', 'note', '{}', 'm1', 0, 0, 1, 1, "
        "'stored', 0, '')");
    execute("INSERT INTO agent VALUES ('a', '" + hash + "', '{\"n\":1}', 1)");
    execute("INSERT INTO data VALUES ('a', 'k', 1, 1, x'01')");
    execute(
        "INSERT INTO proposal VALUES ('p1', 'x', 'k', '{}', 'null', '[]', 'a', 't1', 1, 'open', '', 1, 2, "
        "0)");
    execute("INSERT INTO rule VALUES ('vote.quorum', '3', 'operator', 1)");
    execute("INSERT INTO setting VALUES ('seed', '1')");
    execute(
        "INSERT INTO file_write (seq, path, content, run, at, done) VALUES (1, 'report/a', x'', 1, 1, 1)");
  }

  Database open() const {
    auto opened = Database::open(folder / "db", Database::Mode::read_write);
    REQUIRE(opened);
    return std::move(*opened);
  }
  void execute(const std::string& sql) {
    INFO(sql);
    REQUIRE(database.execute(sql));
  }
  void add_task(const std::string& id, const std::string& state, int lease_run) {
    execute(
        "INSERT INTO task (id, type, state, priority, payload, result, parent, run, approval, reviewer, "
        "attempt, "
        "max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until, seq) "
        "VALUES ('" +
        id + "', 'work', '" + state + "', 5, '{}', 'null', '', 0, '', '', 0, 3, '', 1, 1, 0, " +
        std::to_string(lease_run) + ", 1, 0, (SELECT count(*) + 1 FROM task))");
    execute("INSERT INTO task_event (task, at, verb, state, run, agent, detail) VALUES ('" + id +
            "', 1, 'x', '" + state + "', 0, '', '')");
  }
  StateReport check(const BlobCheck& options = {}) {
    auto report = check_state(database, blobs, options, [](const std::string&, int64_t) {});
    REQUIRE(report);
    return std::move(*report);
  }

  test::TemporaryFolder folder;
  Database database;
  Blobs blobs{folder / "blobs"};
  std::string blob;
};

struct Harm {
  std::string sql;
  std::string where;
  std::string what;
};

}  // namespace

TEST_CASE("a whole state is clean", "[check]") {
  State state;
  const auto report = state.check();
  for (const auto& finding : report.findings) FAIL_CHECK(finding.where + ": " + finding.what);
  CHECK(report.clean());
  CHECK(report.rows == 13);
  CHECK(report.blobs == 1);
}

TEST_CASE("each harm done to the state is found, with the place and what to do", "[check]") {
  const auto harm = GENERATE(
      Harm{"UPDATE task SET state = 'odd' WHERE id = 't1'", "task t1", "\"odd\""},
      Harm{"UPDATE task_event SET state = 'queued' WHERE task = 't1'", "task t1", "last event says queued"},
      Harm{"DELETE FROM task_event WHERE task = 't1'", "task t1", "no history"},
      Harm{"UPDATE task SET lease_run = 4 WHERE id = 't1'", "task t1", "run 4"},
      Harm{"UPDATE task SET lease_run = 0 WHERE id = 't2'", "task t2", "nobody holds a lease"},
      Harm{"UPDATE task_dependency SET after = 'gone' WHERE task = 't3'", "task t3", "waits for gone"},
      Harm{"UPDATE journal SET run = 9 WHERE position = 1", "run 9", "journal"},
      Harm{"UPDATE journal SET status = 'odd' WHERE position = 2", "run 1", "\"odd\""},
      Harm{"UPDATE journal SET args = x'C1' WHERE position = 2", "run 1", "arguments of cell.eval"},
      Harm{"UPDATE journal SET result = x'C1' WHERE position = 2", "run 1", "result of cell.eval"},
      Harm{"UPDATE run SET status = 'odd'", "run 1", "\"odd\""},
      Harm{"UPDATE run SET version = 'abc'", "run 1", "version abc"},
      Harm{"UPDATE run SET pins = '{'", "run 1", "skills"},
      Harm{"UPDATE run SET finished_at = 5", "run 1", "running, but has an end"},
      Harm{"UPDATE task SET state = 'completed', lease_run = 0 WHERE id = 't2'; INSERT INTO task_event "
           "(task, at, "
           "verb, state, run, agent, detail) VALUES ('t2', 2, 'complete', 'completed', 1, 'a', '')",
           "run 1", "running, but has ended its task t2"},
      Harm{"UPDATE run SET trigger_id = 't9'", "run 1", "its task t9 is not there"},
      Harm{"UPDATE run SET state = 'abc'", "run 1", "the state abc that it began with is not there"},
      Harm{"DELETE FROM agent", "agent a", "it keeps data by key, but its state is not there"},
      Harm{"DELETE FROM data; DELETE FROM agent; UPDATE run SET status = 'committed', finished_at = 2",
           "agent a", "committed, as run 1, but its state is not there"},
      Harm{"UPDATE script_event SET hash = 'abc'", "script agent:a", "version abc"},
      Harm{"UPDATE script_event SET detail = '{'", "script agent:a", "history"},
      Harm{"UPDATE version SET source = x'00'", "version", "another one's"},
      Harm{"PRAGMA foreign_keys = OFF; UPDATE script SET hash = 'abc'", "table script", "table version"},
      Harm{"UPDATE message SET state = 'odd'", "message m1", "\"odd\""},
      Harm{"UPDATE message SET body = '{'", "message m1", "body"},
      Harm{"UPDATE task SET payload = '{' WHERE id = 't3'", "task t3", "payload"},
      Harm{"UPDATE task SET result = '{' WHERE id = 't3'", "task t3", "result"},
      Harm{"UPDATE agent SET state = '{'", "agent a", "state"},
      Harm{"UPDATE proposal SET state = 'odd'", "proposal p1", "\"odd\""},
      Harm{"UPDATE proposal SET voters = '{'", "proposal p1", "voters"},
      Harm{"UPDATE rule SET value = '{'", "rule vote.quorum", "value"},
      Harm{"UPDATE setting SET value = '{'", "setting seed", "value"},
      Harm{"UPDATE file_write SET done = 7", "file report/a of run 1", "7"});
  State state;
  state.execute(harm.sql);
  INFO(harm.sql);
  const auto report = state.check();
  CHECK_FALSE(report.clean());
  const bool found = std::any_of(report.findings.begin(), report.findings.end(), [&](const auto& one) {
    return one.where.find(harm.where) != std::string::npos && one.what.find(harm.what) != std::string::npos &&
           !one.advice.empty();
  });
  CHECK(found);
}

TEST_CASE("a run whose task was ended by others is a warning: a kill may leave it so", "[check]") {
  State state;
  state.execute(
      "UPDATE task SET state = 'cancelled', lease_run = 0 WHERE id = 't2'; INSERT INTO task_event (task, at, "
      "verb, state, run, agent, detail) VALUES ('t2', 2, 'cancel', 'cancelled', 0, 'ann', '')");
  const auto report = state.check();
  CHECK(report.clean());
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].where == "run 1");
  CHECK(report.findings[0].what == "it is running, but its task t2 is cancelled");
  CHECK_FALSE(report.findings[0].advice.empty());
}

TEST_CASE("a blob that is missing or damaged is a problem", "[check]") {
  State state;
  const std::string path = state.blobs.folder() + "/" + state.blob.substr(0, 2) + "/" + state.blob;
  SECTION("missing") {
    std::filesystem::remove(path);
  }
  SECTION("damaged") {
    REQUIRE(clade::write_file_atomic(path, "another"));
  }
  const auto report = state.check();
  CHECK_FALSE(report.clean());
  CHECK(report.findings.at(0).where == "table large, column value_blob");
  CHECK(report.findings.at(0).what.find(path) != std::string::npos);
}

TEST_CASE("a blob that no row names is a warning, unless it may wait for its row", "[check]") {
  State state;
  const auto orphan = state.blobs.put("nobody's").value();
  const auto report = state.check();
  CHECK(report.clean());
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].where.find(orphan) != std::string::npos);
  CHECK(report.findings[0].advice.find("clade db vacuum") != std::string::npos);
  CHECK(state.check({0}).findings.empty());
}

TEST_CASE("of many problems of a kind the first ones are told, and how many there are", "[check]") {
  State state;
  for (int number = 10; number < 60; ++number)
    state.execute("INSERT INTO rule VALUES ('r" + std::to_string(number) + "', '{', '', 1)");
  const auto report = state.check();
  CHECK(report.findings.size() == 21);
  CHECK(report.findings.back().what == "30 more of this kind");
}
