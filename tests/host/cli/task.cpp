// What the commands about tasks say of wrong input, and of more than a screen holds.
#include <algorithm>

#include "cli/app.h"
#include "cli/control.h"
#include "store/database.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

TEST_CASE("a payload that the host would not take is refused by the command, with the limit") {
  const Swarm swarm;
  swarm.write("large.json", "\"" + std::string(kControlLineBytes, 'x') + "\"");
  const auto file = swarm.run({"task", "add", "greet", "--payload", "@large.json"});
  CHECK(file.exit == kFailed);
  CHECK(contains(file.err, "clade: large.json is larger than 1 MB"));
  const auto piped = swarm.run({"task", "add", "greet", "--payload", "@-"},
                               "\"" + std::string(kControlLineBytes, 'x') + "\"");
  CHECK(contains(piped.err, "clade: the payload on stdin is larger than 1 MB"));
  // What fits as it is written may not fit with what goes around it.
  swarm.write("close.json", "\"" + std::string(kControlLineBytes - 2, 'x') + "\"");
  const auto close = swarm.run({"task", "add", "greet", "--payload", "@close.json"});
  CHECK(close.exit == kFailed);
  CHECK(contains(close.err, "clade: the request task.add is larger than 1 MB"));
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  const auto nested = swarm.run({"task", "add", "greet", "--payload", deep});
  CHECK(nested.exit == kUsage);
  CHECK(contains(nested.err, "--payload, line 1, column"));
  CHECK(contains(nested.err, "nested deeper than 64 levels"));
}

// Task t1 with `ancestors` above it, `children` below it, and as many dependents and dependencies; its
// history is as long.
struct Crowd : Swarm {
  Crowd(int ancestors, int children) {
    start();
    run({"task", "add", "greet"});
    run({"stop"});
    started = false;
    auto database = store::Database::open(path(".clade/clade.db"), store::Database::Mode::read_write);
    REQUIRE(database);
    const auto tasks = [&](const std::string& prefix, int count, const std::string& parent) {
      // As t1, which was added first.
      const auto status = database->execute(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
          std::to_string(count) + ") INSERT INTO task SELECT '" + prefix +
          "' || i, type, CASE i % 2 WHEN 0 THEN 'completed' ELSE 'cancelled' END, priority, payload, "
          "result, " +
          parent +
          ", 0, '', '', 0, 3, '', i, i, i, 0, 0, 0, (SELECT max(seq) FROM task) + i FROM task, n WHERE id = "
          "'t1'");
      INFO((status ? "" : status.error().message));
      REQUIRE(status.has_value());
    };
    tasks("a", ancestors, "CASE i WHEN 1 THEN '' ELSE 'a' || (i - 1) END");
    tasks("c", children, "'t1'");
    tasks("d", children, "''");
    tasks("e", children, "''");
    for (const std::string& change :
         {"UPDATE task SET state = 'blocked', parent = 'a" + std::to_string(ancestors) + "' WHERE id = 't1'",
          std::string(
              "INSERT INTO task_dependency (task, after) SELECT id, 't1' FROM task WHERE id LIKE 'd%'"),
          std::string(
              "INSERT INTO task_dependency (task, after) SELECT 't1', id FROM task WHERE id LIKE 'e%'"),
          std::string("INSERT INTO task_event (task, at, verb, state, run, agent, detail) SELECT 't1', seq, "
                      "'note', 'queued', 0, '', 'note ' || seq FROM task WHERE id LIKE 'c%'")}) {
      const auto status = database->execute(change);
      INFO(change << ": " << (status ? "" : status.error().message));
      REQUIRE(status.has_value());
    }
  }
};

size_t lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("why and show stay on a few screens, and say which command tells the rest") {
  const Crowd crowd(100, 3000);
  const std::string why = crowd.run({"why", "t1"}).out;
  INFO(why);
  CHECK(lines(why) < 140);
  CHECK(why.rfind("a1  greet", 0) == 0);
  CHECK(contains(why, "… 81 more (clade why t1 --json)\n"));
  CHECK(contains(why, "  t1  greet  blocked\n"));
  CHECK(contains(why, "waits for: … 1480 more (clade why t1 --json)\n"));
  CHECK(contains(why, "led to task c20 (greet), which is completed\n"));
  CHECK_FALSE(contains(why, "task c21 "));
  CHECK(contains(why,
                 "led to 2980 more tasks: 1490 cancelled, 1490 completed (clade task list --parent t1 "
                 "--limit 3000)\n"));
  CHECK(contains(why, "led to 2980 more dependents: 1490 cancelled, 1490 completed (clade why t1 --json)\n"));

  const Value whole = crowd.json({"why", "t1"});
  CHECK(whole["chain"].as_array().size() == 101);
  CHECK(whole["consequences"].as_array().size() == 6000);
  // The commands that it names do list the rest.
  const Value children = crowd.json({"task", "list", "--parent", "t1", "--limit", "3000"});
  REQUIRE(children.as_array().size() == 3000);
  CHECK(children.as_array().front()["id"] == Value("c3000"));
  CHECK(children.as_array().back()["id"] == Value("c1"));
  const Value some = crowd.json({"task", "list", "--parent", "t1", "--state", "completed", "--limit", "2"});
  CHECK(some.as_array().size() == 2);

  const std::string show = crowd.run({"task", "show", "t1"}).out;
  INFO(show);
  CHECK(lines(show) < 50);
  CHECK(show.size() < 8000);
}

}  // namespace
}  // namespace clade::cli
