// What retention takes away, and what it leaves.
#include "run/retention.h"

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "store/audit.h"
#include "support/temporary_folder.h"

using clade::run::Removed;
using clade::run::Sweep;
using clade::run::sweep_slice;
using clade::script::RetentionRules;
using clade::store::Blobs;
using clade::store::Database;

namespace {

constexpr int64_t kDayMs = RetentionRules::kDayMs;
constexpr int64_t kNow = 1000 * kDayMs;
constexpr int64_t kOld = kNow - 100 * kDayMs;  // older than every default
constexpr int64_t kYoung = kNow - kDayMs;

struct State {
  State() {
    REQUIRE(clade::store::migrate(database));
    REQUIRE(blobs.prepare());
  }
  void execute(const std::string& sql) {
    INFO(sql);
    const auto status = database.execute(sql);
    if (!status) FAIL(status.error().message);
  }
  void task(const std::string& id, const std::string& state, int64_t at = kOld,
            const std::string& parent = "", const std::string& reviewer = "") {
    execute(
        "INSERT INTO task (id, type, state, priority, payload, result, parent, run, approval, reviewer, "
        "attempt, "
        "max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until, seq) "
        "VALUES ('" +
        id + "', 'work', '" + state + "', 5, '{}', 'null', '" + parent + "', 0, '', '" + reviewer +
        "', 0, 3, '', " + std::to_string(at) + ", " + std::to_string(at) +
        ", 0, 0, 1, 0, (SELECT count(*) + 1 FROM task))");
    execute("INSERT INTO task_event (task, at, verb, state, run, agent, detail) VALUES ('" + id +
            "', 1, 'x', '" + state + "', 0, '', '')");
  }
  void run(int64_t id, const std::string& status, const std::string& trigger, int64_t at = kOld) {
    execute(
        "INSERT INTO run (id, agent, version, pins, trigger_kind, trigger_id, attempt, seed, started_at, "
        "finished_at, status, error) VALUES (" +
        std::to_string(id) + ", 'a', 'v', '{}', 'task', '" + trigger + "', 1, 7, " + std::to_string(at) +
        ", " + std::to_string(at) + ", '" + status + "', '')");
    execute(
        "INSERT INTO journal (run, strand, position, op, args, status, result, started_at, finished_at) "
        "VALUES (" +
        std::to_string(id) + ", '0', 1, 'sleep', x'80', 'done', x'C3', 1, 2)");
    execute("INSERT INTO file_write (seq, path, content, run, at, done) VALUES (NULL, 'report/a', x'', " +
            std::to_string(id) + ", 1, 1)");
  }
  void used(int64_t run, const std::string& task, int64_t units) {
    execute("INSERT INTO ledger (at, run, task, agent, kind, units, cpu_us, wall_us) VALUES (1, " +
            std::to_string(run) + ", '" + task + "', 'a', 'cell.eval', " + std::to_string(units) + ", 1, 2)");
  }
  void message(const std::string& id, const std::string& state, int64_t at = kOld, int64_t run = 0) {
    execute("INSERT INTO message VALUES ('" + id + "', 's', 'a', 'agent:a', 'note', '{}', 'm1', 0, " +
            std::to_string(run) + ", (SELECT count(*) + 1 FROM message), " + std::to_string(at) + ", '" +
            state + "', 0, '')");
  }
  // A whole walk, each slice in a transaction.
  Removed sweep(const RetentionRules& rules = {}) {
    Removed sum;
    Sweep walk;
    for (slices = 0; walk.part != Sweep::Part::done; ++slices) {
      execute("BEGIN IMMEDIATE");
      auto part = sweep_slice(database, folder / "clade.db", blobs, rules, kNow, walk);
      if (!part) FAIL(part.error().message);
      REQUIRE(clade::store::seal_acts(database));  // as the writer does
      execute("COMMIT");
      largest = std::max(largest, part->tasks + part->runs + part->messages);
      sum.add(*part);
    }
    return sum;
  }
  std::string ids(const std::string& table) {
    auto query = database.prepare("SELECT coalesce(group_concat(id, ' '), '') FROM (SELECT id FROM " + table +
                                  " ORDER BY length(id), id)");
    REQUIRE(query.step() == true);
    return query.text(0);
  }
  int64_t number(const std::string& sql) {
    auto query = database.prepare(sql);
    REQUIRE(query.step() == true);
    return query.integer(0);
  }

  test::TemporaryFolder folder;
  Database database = Database::open(folder / "clade.db", Database::Mode::read_write).value();
  Blobs blobs{folder / "blobs"};
  int slices = 0;
  int64_t largest = 0;
};

}  // namespace

TEST_CASE("what is over and old goes, with all that belongs to it", "[retention]") {
  State state;
  state.task("t1", "completed");
  state.task("t2", "cancelled");
  state.task("t3", "dead_letter");
  state.task("t4", "completed", kYoung);
  state.task("t5", "dead_letter", kNow - 40 * kDayMs);
  state.run(1, "committed", "t1");
  state.run(2, "failed", "t3");
  state.run(3, "committed", "t4", kYoung);
  state.message("m1", "handled");
  state.message("m2", "dead_letter");
  state.message("m3/a", "handled");
  state.message("m4", "handled", kYoung);
  state.execute(
      "INSERT INTO proposal VALUES ('p1', 'x', 'k', '{}', 'null', '[]', 'a', 't1', 1, 'accepted', '', 1, 2, "
      "3)");
  state.execute("INSERT INTO vote VALUES ('p1', 'a', 'yes', '', 1)");
  const auto orphan = state.blobs.put("nobody's").value();
  const auto removed = state.sweep();
  CHECK(removed.tasks == 3);
  CHECK(removed.runs == 2);
  CHECK(removed.messages == 3);
  CHECK(removed.proposals == 1);
  CHECK(removed.blobs == 1);
  CHECK(state.ids("task") == "t4 t5");
  CHECK(state.ids("run") == "3");
  CHECK(state.ids("message") == "m4");
  CHECK(state.number("SELECT count(*) FROM task_event") == 2);
  CHECK(state.number("SELECT count(*) FROM journal") == 1);
  CHECK(state.number("SELECT count(*) FROM file_write") == 1);
  CHECK(state.number("SELECT count(*) FROM vote") == 0);
  CHECK_FALSE(state.blobs.check(orphan));
  // Their numbers are not given again.
  CHECK(state.number("SELECT value FROM mark WHERE name = 'task'") == 3);
  CHECK(state.number("SELECT value FROM mark WHERE name = 'message'") == 3);
}

TEST_CASE("what something live refers to stays, whatever its age", "[retention]") {
  State state;
  state.task("dependency", "completed");
  state.task("parent", "completed");
  state.task("review", "completed");
  state.task("proposed", "completed");
  state.task("handled", "completed");
  state.task("g-goal-1", "completed");
  state.task("waiting", "blocked", kOld, "parent");
  state.task("reviewed", "reviewing", kOld, "", "review");
  state.task("worked", "queued");
  state.execute("INSERT INTO task_dependency VALUES ('waiting', 'dependency')");
  state.execute(
      "INSERT INTO proposal VALUES ('p1', 'x', 'k', '{}', 'null', '[]', 'a', 'proposed', 1, 'open', '', 1, "
      "2, 0)");
  state.execute(
      "INSERT INTO proposal VALUES ('p2', 'x', 'k', '{}', 'null', '[]', 'a', '', 1, 'accepted', '', 1, 2, "
      "3)");
  state.task("p2.accept", "queued");
  state.run(1, "running", "handled");
  state.run(2, "failed", "worked");
  state.run(3, "committed", "x");  // the newest
  state.message("m1", "stored");
  state.message("m2", "handled", kOld, 1);
  const auto removed = state.sweep();
  CHECK(removed.tasks == 0);
  CHECK(removed.runs == 0);
  CHECK(removed.messages == 0);
  CHECK(removed.proposals == 0);
}

TEST_CASE("sums of the ledger stay right when what they are about goes", "[retention]") {
  State state;
  state.task("t1", "completed");
  state.task("g-goal-1", "completed");
  state.task("r1.1", "completed", kOld, "g-goal-1");
  state.task("r2.1", "completed", kYoung, "r1.1");
  state.run(1, "committed", "r1.1");
  state.run(2, "committed", "t1");
  state.run(3, "committed", "r1.1", kYoung);
  state.run(4, "committed", "r2.1", kYoung);
  state.used(1, "r1.1", 5);
  state.used(1, "r1.1", 6);
  state.used(2, "t1", 7);
  state.used(3, "r1.1", 8);
  state.used(4, "r2.1", 9);
  const std::string family =
      "WITH RECURSIVE family (id) AS (SELECT 'g-goal-1' UNION SELECT task.id FROM task JOIN family ON "
      "task.parent = "
      "family.id) SELECT sum(units) FROM ledger WHERE task IN family";
  REQUIRE(state.number(family) == 28);
  CHECK(state.sweep().tasks == 2);
  CHECK(state.number("SELECT sum(units) FROM ledger") == 35);
  CHECK(state.number("SELECT sum(count) FROM ledger") == 5);
  CHECK(state.number("SELECT sum(cpu_us) FROM ledger") == 5);
  CHECK(state.number("SELECT sum(units) FROM ledger WHERE agent = 'a' AND kind = 'cell.eval'") == 35);
  CHECK(state.number(family) == 28);
  CHECK(state.ids("task") == "r2.1 g-goal-1");
  // And once more, into the same sums.
  state.execute("UPDATE run SET started_at = 1, finished_at = 1");
  CHECK(state.sweep().runs == 1);
  CHECK(state.number("SELECT sum(units) FROM ledger") == 35);
  CHECK(state.number(family) == 28);
}

TEST_CASE("nothing goes by a rule that says forever, and rules are kept to the day", "[retention]") {
  State state;
  state.task("t1", "completed");
  state.task("t2", "completed", kNow - 2 * kDayMs);
  RetentionRules rules;
  rules.completed_tasks_ms = INT64_MAX;
  CHECK(state.sweep(rules).tasks == 0);
  rules.completed_tasks_ms = 3 * kDayMs;
  CHECK(state.sweep(rules).tasks == 1);
  CHECK(state.ids("task") == "t2");
}

TEST_CASE("a walk through much goes in small slices", "[retention]") {
  State state;
  state.execute("BEGIN");
  for (int number = 1; number <= 1000; ++number) state.task("t" + std::to_string(number), "completed");
  state.execute("COMMIT");
  CHECK(state.sweep().tasks == 1000);
  CHECK(state.largest <= 100);
  CHECK(state.slices >= 10 + 16);
}

TEST_CASE("what leaves by age is forgotten by the audit, and nothing else may be missing", "[retention]") {
  State state;
  state.task("t1", "completed");
  state.task("t2", "completed");
  state.task("t3", "queued");
  // The events of the tasks are acts of a person, the last one that of a run; a lone act is nobody's row but
  // its own.
  clade::store::Batch batch;
  for (const char* event : {"1", "2", "3"}) clade::store::note_act("task_event", event, batch);
  clade::store::record_act({1, "host", "host.start", "", {}}, batch);
  state.execute("BEGIN");
  for (const auto& change : batch.changes()) REQUIRE(change(state.database));
  REQUIRE(clade::store::seal_acts(state.database));
  state.execute("COMMIT");
  const auto before = clade::store::verify_audit(state.database, "");
  REQUIRE(before);
  REQUIRE(before->problem.empty());

  CHECK(state.sweep().tasks == 2);
  const auto after = clade::store::verify_audit(state.database, before->head.hash);
  REQUIRE(after);
  CHECK(after->problem.empty());
  CHECK(after->forgotten == 2);
  CHECK(after->lines == 5);
  CHECK(after->noted_line == 4);

  state.execute("DELETE FROM task_event WHERE task = 't3'");
  const auto tampered = clade::store::verify_audit(state.database, "");
  REQUIRE(tampered);
  CHECK(tampered->broken_line == 3);
}

TEST_CASE("a state goes with the last run that began with it, unless an agent has it still", "[retention]") {
  State state;
  state.execute("INSERT INTO state VALUES ('h1', '{\"n\":1}'), ('h2', '{\"n\":2}'), ('h3', '{\"n\":3}')");
  state.execute("INSERT INTO agent VALUES ('a', 'v', '{\"n\":3}', 1)");
  state.run(1, "committed", "t1");
  state.run(2, "committed", "t2", kYoung);
  state.run(3, "committed", "t3", kYoung);
  state.execute("UPDATE run SET state = 'h1' WHERE id = 1; UPDATE run SET state = 'h2' WHERE id = 2");
  CHECK(state.sweep().runs == 1);
  CHECK(state.number("SELECT count(*) FROM state") == 2);
  CHECK(state.number("SELECT count(*) FROM state WHERE hash = 'h1'") == 0);
}
