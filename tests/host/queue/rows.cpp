#include "queue/rows.h"

#include "fixture.h"

namespace clade::queue {
namespace {

Task full_task() {
  Task task;
  task.id = "t1";
  task.type = "work";
  task.state = State::executing;
  task.priority = 7;
  task.payload = Value{{"text", "a\nb\"c\\ – ü"}, {"none", Value()}, {"deep", Value::Array{1, -2.5, false}}};
  task.result = Value::Array{};
  task.parent = "t0";
  task.run = 1;
  task.approval = "sure?";
  task.reviewer = "r";
  task.attempt = 2;
  task.max_attempts = 4;
  task.error = "e";
  task.created_at = 3;
  task.updated_at = 4;
  task.due_at = 5;
  task.lease_run = 6;
  task.lease_epoch = 7;
  task.lease_until = int64_t{1} << 60;
  task.seq = 9;
  task.after = {"a", "b"};
  return task;
}

Result<Task> read_back(Fixture& fixture) {
  auto query =
      fixture.database->prepare("SELECT " + std::string(kTaskColumns) + " FROM task WHERE id = 't1'");
  auto row = query.step();
  REQUIRE(row.has_value());
  REQUIRE(*row);
  auto task = read_task(query);
  if (task) task->after = read_dependencies(*fixture.database, "t1").value();
  return task;
}

TEST_CASE("a task comes back from its row as it went in") {
  Fixture fixture;
  Task task = full_task();
  insert_task(task, fixture.batch);
  fixture.commit();
  auto stored = read_back(fixture);
  REQUIRE(stored.has_value());
  CHECK(task_value(*stored) == task_value(task));

  task.state = State::reviewing;
  task.attempt = 3;
  task.error = "f";
  task.due_at = 50;
  task.lease_epoch = 70;
  task.result = Value{{"score", 1}};
  update_task(task, true, fixture.batch);
  fixture.commit();
  stored = read_back(fixture);
  REQUIRE(stored.has_value());
  CHECK(task_value(*stored) == task_value(task));
}

TEST_CASE("a row that another program damaged is named, not guessed at") {
  Fixture fixture;
  insert_task(full_task(), fixture.batch);
  fixture.commit();
  std::string names;
  SECTION("payload") {
    REQUIRE(fixture.database->execute("UPDATE task SET payload = '{'").has_value());
    names = "task t1, column payload";
  }
  SECTION("payload of one that waits for an agent: as soon as one wants it") {
    REQUIRE(fixture.database->execute("UPDATE task SET state = 'queued', due_at = 0, payload = '{'"));
    REQUIRE(fixture.queue->load(*fixture.database));
    const auto refused = fixture.queue->peek([](const std::string&) { return true; });
    CHECK(contains(fixture.refused(refused, "corrupt"), "task t1, column payload"));
    CHECK(fixture.queue->count(State::queued) == 1);
    return;
  }
  SECTION("state") {
    REQUIRE(fixture.database->execute("UPDATE task SET state = 'sleeping'").has_value());
    names = "task t1 is in the unknown state \"sleeping\"";
  }
  CHECK(contains(fixture.refused(read_back(fixture), "corrupt"), names));
  CHECK(contains(fixture.refused(fixture.queue->load(*fixture.database), "corrupt"), names));
}

}  // namespace
}  // namespace clade::queue
