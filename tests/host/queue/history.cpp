#include "queue/history.h"

#include "fixture.h"

namespace clade::queue {
namespace {

std::vector<std::string> ids(const Result<std::vector<Task>>& tasks) {
  REQUIRE(tasks.has_value());
  std::vector<std::string> list;
  for (const auto& task : *tasks) list.push_back(task.id);
  return list;
}

TEST_CASE("a task with its history, from the store alone") {
  Fixture fixture;
  fixture.add("a");
  NewTask child;
  child.id = "r1.1";
  child.type = "check";
  child.parent = "a";
  child.after = {"a"};
  fixture.add(child);
  child.id = "r1.0";
  fixture.add(child);
  fixture.clock.now = 1234567;
  const auto lease = fixture.claim("a");
  fixture.done(fixture.queue->fail("a", lease, "it \xff broke", true, fixture.batch));

  const Value task = fixture.history("a");
  CHECK(task["children"] == Value(Value::Array{"r1.1", "r1.0"}));
  CHECK(task["after"] == Value(Value::Array{}));
  CHECK(fixture.history("r1.1")["after"] == Value(Value::Array{"a"}));
  CHECK(task["error"].as_string() == "it \xef\xbf\xbd broke");
  const auto& events = task["events"].as_array();
  REQUIRE(events.size() == 6);
  CHECK(events[4] == Value{{"at", 1234567},
                           {"verb", "fail"},
                           {"state", "failed"},
                           {"run", 1},
                           {"agent", "worker"},
                           {"detail", "it \xef\xbf\xbd broke"}});
  CHECK(events[5]["detail"].as_string() == "attempt 1 of 3 failed, again after 1000 ms");
  for (const char* field : {"id", "type", "state", "priority", "payload", "result", "parent", "run",
                            "approval", "reviewer", "attempt", "max_attempts", "error", "created_at",
                            "updated_at", "due_at", "lease_run", "lease_epoch", "lease_until"}) {
    INFO(field);
    CHECK(task.has(field));
  }
  CHECK(fixture.history("nothing").is_nil());
}

TEST_CASE("lists are newest first, by state and type, and bounded") {
  Fixture fixture;
  for (const char* id : {"t9", "t10", "t11"}) fixture.add(id);
  NewTask other;
  other.id = "c";
  other.type = "check";
  fixture.add(other);
  fixture.complete("t10");
  auto& database = *fixture.database;
  CHECK(ids(list_tasks(database, {}, 100)) == std::vector<std::string>{"c", "t11", "t10", "t9"});
  CHECK(ids(list_tasks(database, {}, 2)) == std::vector<std::string>{"c", "t11"});
  CHECK(ids(list_tasks(database, {"queued"}, 100)) == std::vector<std::string>{"c", "t11", "t9"});
  CHECK(ids(list_tasks(database, {"queued", "wo*"}, 100)) == std::vector<std::string>{"t11", "t9"});
  CHECK(ids(list_tasks(database, {"", "wo"}, 100)).empty());
  CHECK(ids(list_tasks(database, {"", "*"}, 100)).size() == 4);
  CHECK(ids(list_tasks(database, {"completed", "work"}, 100)) == std::vector<std::string>{"t10"});
  CHECK(ids(list_tasks(database, {}, 0)).empty());
  CHECK(ids(list_tasks(database, {"", "", "t11"}, 2)) == std::vector<std::string>{"t10", "t9"});
  CHECK(ids(list_tasks(database, {"queued", "wo*", "t11"}, 2)) == std::vector<std::string>{"t9"});
  CHECK(ids(list_tasks(database, {"", "", "t9"}, 2)).empty());
  CHECK(contains(fixture.refused(list_tasks(database, {"", "", "t99"}, 2), "not_found"), "t99"));
  CHECK(contains(fixture.refused(list_tasks(database, {"done"}, 1), "invalid"), "awaiting_approval"));
}

TEST_CASE("a list is bounded by all that its tasks take in memory") {
  Fixture fixture;
  fixture.add("a");
  const auto lease = fixture.claim("a");
  fixture.done(
      fixture.queue->complete("a", lease, Value(Value::Array(1000, Value(Value::Map()))), fixture.batch));
  CHECK(list_tasks(*fixture.database, {}, 10, 1000000));
  CHECK(contains(fixture.refused(list_tasks(*fixture.database, {}, 10, 10000), "limit"),
                 "MB of memory together"));
}

TEST_CASE("a list costs no look at the history of tasks") {
  Fixture fixture;
  for (const char* id : {"t9", "t10", "t11"}) fixture.add(id);
  fixture.complete("t9");
  fixture.complete("t10");
  auto& database = *fixture.database;
  REQUIRE(database.execute("DELETE FROM task_event"));
  CHECK(ids(list_tasks(database, {}, 100)) == std::vector<std::string>{"t11", "t10", "t9"});
  // Indexes give the order, or tell what is not listed: no rows are read for nothing.
  const auto plan = [&](const std::string& text) {
    auto query = database.prepare("EXPLAIN QUERY PLAN SELECT id FROM task " + text + " LIMIT 10");
    std::string lines;
    while (query.step().value()) lines += query.text(3) + "; ";
    return lines;
  };
  CHECK(plan("ORDER BY seq DESC") == "SCAN task; ");
  CHECK(contains(plan("WHERE state = 'completed' AND seq < 9 ORDER BY seq DESC"), "task_state"));
  CHECK(plan("WHERE state = 'completed' AND type = 'work' AND seq < 9 ORDER BY seq DESC").find("TEMP") ==
        std::string::npos);
  CHECK(
      contains(plan("WHERE type = 'work' AND seq < 9 ORDER BY seq DESC"), "task_type (type=? AND rowid<?)"));
  CHECK(
      contains(plan("WHERE type >= 'w' AND type < 'x' AND seq < 9 ORDER BY +seq DESC"), "task_type (type>"));
}

}  // namespace
}  // namespace clade::queue
