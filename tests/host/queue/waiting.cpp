// Queued tasks that memory knows little of: the store has the rest.
#include <map>

#include "fixture.h"

namespace clade::queue {
namespace {

TEST_CASE("tasks that only wait are read from the store when they are wanted, in their order") {
  Fixture fixture;
  fixture.add(task("low", 2));
  fixture.add(task("first", 5));
  fixture.add(task("second", 5));
  fixture.add(task("urgent", 9));
  NewTask later = task("later");
  later.due_at = fixture.clock.now + 1000;
  fixture.add(std::move(later));
  fixture.restart();
  CHECK(fixture.queue->count(State::queued) == 5);
  CHECK(fixture.queue->counts() == std::map<std::string, int64_t>{{"queued", 5}});
  CHECK(fixture.queue->queued_types() == std::map<std::string, size_t>{{"work", 5}});
  CHECK(fixture.queue->next_due() == fixture.clock.now + 1000);
  SECTION("by a claim") {
    CHECK(fixture.order() == std::vector<std::string>{"urgent", "first", "second", "low"});
    fixture.complete("urgent");
    fixture.complete("first");
    CHECK(fixture.order() == std::vector<std::string>{"second", "low"});
  }
  SECTION("by a person") {
    fixture.done(fixture.queue->cancel("first", "ann", "", fixture.batch));
    CHECK(fixture.state("first") == "cancelled");
    CHECK(fixture.queue->count(State::queued) == 4);
    CHECK(fixture.order() == std::vector<std::string>{"urgent", "second", "low"});
    fixture.done(fixture.queue->retry("first", "ann", *fixture.database, fixture.batch));
    CHECK(fixture.order() == std::vector<std::string>{"urgent", "first", "second", "low"});
  }
  SECTION("by a task that waits for one") {
    fixture.add("dependent", {"second"});
    CHECK(fixture.queue->find("dependent")->state == State::blocked);
    fixture.complete("second");
    CHECK(fixture.order() == std::vector<std::string>{"urgent", "first", "dependent", "low"});
  }
  SECTION("its id stays taken") {
    fixture.refused(fixture.queue->submit({task("second")}, fixture.batch), "conflict");
  }
  SECTION("a lease that is no more is refused") {
    fixture.refused(fixture.queue->complete("first", {1, 1}, "late", fixture.batch), "fenced");
    fixture.commit();
    CHECK(fixture.events("first").back() == "late queued");
  }
}

TEST_CASE("what an operator adds beyond what memory should hold is let go of, and comes in its turn") {
  Fixture fixture;
  const size_t count = kMostHeld + 100;
  std::vector<std::string> expected;
  for (size_t n = 0; n < count; n += 50) {
    std::vector<NewTask> tasks(50);
    for (auto& one : tasks) one.type = "work";
    const auto ids = fixture.queue->submit(std::move(tasks), fixture.batch);
    REQUIRE(ids);
    expected.insert(expected.end(), ids->begin(), ids->end());
    fixture.commit();
  }
  CHECK(fixture.queue->count(State::queued) == expected.size());
  // Those that memory does not hold are found nowhere once the store has lost them.
  REQUIRE(fixture.database->execute("UPDATE task SET state = 'created'"));
  size_t held = 0;
  for (const auto& id : expected) held += fixture.queue->find(id) ? 1 : 0;
  CHECK(held >= kMostHeld);
  CHECK(held <= kMostHeld + 50);
  REQUIRE(fixture.database->execute("UPDATE task SET state = 'queued'"));
  CHECK(fixture.order() == expected);
}

TEST_CASE("what memory has let go of counts against what agents may add") {
  Fixture fixture;
  auto large = task("");
  large.payload = Value(Value::Map{{"text", std::string(kMostBytes / 64, 'x')}});
  int added = 0;
  for (; added < 100 && fixture.queue->check_room(1); ++added) {
    REQUIRE(fixture.queue->submit({large}, fixture.batch));
    fixture.commit();
  }
  CHECK(added <= 64);
  REQUIRE(fixture.queue->cancel("t1", "operator", "", fixture.batch));
  CHECK(fixture.queue->check_room(1));
}

}  // namespace
}  // namespace clade::queue
