// What the queue knows of tasks that ended: memory as long as the store does not, then the store.
#include "fixture.h"

namespace clade::queue {
namespace {

// Tasks that end at once, more than the queue remembers.
void end_many(Fixture& fixture, const std::string& prefix, store::Batch& batch) {
  std::vector<NewTask> tasks(5000);
  for (size_t number = 0; number < tasks.size(); ++number) {
    tasks[number].id = prefix + std::to_string(number);
    tasks[number].type = "work";
  }
  REQUIRE(fixture.queue->submit(tasks, batch));
  for (const auto& task : tasks) REQUIRE(fixture.queue->cancel(task.id, "me", "", batch));
}

void end_many(Fixture& fixture, const std::string& prefix) {
  end_many(fixture, prefix, fixture.batch);
  fixture.commit();
}

TEST_CASE("what ended long ago is the store's to know, not memory's") {
  Fixture fixture;
  fixture.add("first");
  fixture.complete("first");
  end_many(fixture, "e");
  end_many(fixture, "f");
  // Known from the store.
  fixture.add("after", {"first"});
  CHECK(fixture.state("after") == "queued");
  fixture.refused(fixture.queue->cancel("e0", "me", "", fixture.batch), "illegal");
  NewTask again;
  again.id = "e0";
  again.type = "work";
  fixture.refused(fixture.queue->submit({again}, fixture.batch), "conflict");
  // Gone from the store, so gone: nothing else remembers it.
  REQUIRE(fixture.database->execute(
      "DELETE FROM task_event WHERE task = 'e0'; DELETE FROM task WHERE id = 'e0'"));
  fixture.refused(fixture.queue->cancel("e0", "me", "", fixture.batch), "not_found");
  fixture.add(again);
  CHECK(fixture.state("e0") == "queued");
}

TEST_CASE("the end of a task counts before it is on disk, however many follow") {
  Fixture fixture;
  fixture.add("first");
  const Lease lease = fixture.claim("first");
  store::Batch late;
  REQUIRE(fixture.queue->complete("first", lease, "done", late));
  // The disk is slow: nothing that follows is on it either.
  end_many(fixture, "e", late);
  end_many(fixture, "f", late);
  fixture.refused(fixture.queue->cancel("first", "me", "", fixture.batch), "illegal");
  NewTask after;
  after.id = "after";
  after.type = "work";
  after.after = {"first"};
  REQUIRE(fixture.queue->submit({after}, fixture.batch));
  CHECK(fixture.queue->find("after")->state == State::queued);
}

TEST_CASE("numbers of tasks that retention took away are not given again") {
  Fixture fixture;
  REQUIRE(fixture.database->execute("INSERT INTO mark VALUES ('task', 41)"));
  fixture.restart();
  NewTask task;
  task.type = "work";
  CHECK(fixture.queue->submit({task}, fixture.batch).value() == std::vector<std::string>{"t42"});
}

}  // namespace
}  // namespace clade::queue
