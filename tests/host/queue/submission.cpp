#include "queue/submission.h"

#include <cmath>
#include <numeric>

#include "fixture.h"

namespace clade::queue {
namespace {

NewTask task(const std::string& id, std::vector<std::string> after = {}) {
  NewTask fresh;
  fresh.id = id;
  fresh.type = "work";
  fresh.after = std::move(after);
  return fresh;
}

TEST_CASE("a pattern matches its type, or any rest after a star") {
  CHECK(type_matches("scan_skills", "scan_skills"));
  CHECK_FALSE(type_matches("scan_skills", "scan_skill"));
  CHECK(type_matches("scan_*", "scan_skills"));
  CHECK(type_matches("scan_*", "scan_"));
  CHECK_FALSE(type_matches("scan_*", "scan"));
  CHECK(type_matches("*", "anything"));
  CHECK_FALSE(type_matches("", "anything"));
}

TEST_CASE("a task that cannot be is refused with what is wrong, and nothing enters the queue") {
  Fixture fixture;
  auto bad = task("bad");
  std::string code = "invalid", names;
  SECTION("no role for the type") {
    bad.type = "paint";
    code = "unknown_type";
    names = "no role handles \"paint\": there are check, work*";
  }
  SECTION("a type that is no name") {
    bad.type = "wo rk";
    names = "task bad: the type \"wo rk\" is no name";
  }
  SECTION("no type") {
    bad.type = "";
    names = "is no name";
  }
  SECTION("a type that would drive the terminal, of a task without an id") {
    bad.id = "";
    bad.type = "a\n\x1b[31m";
    names = "the type \"a\\n\\u001B[31m\" is no name";
  }
  SECTION("a long type") {
    bad.type = std::string(5000, 'x');
    names = "the type \"" + std::string(60, 'x') + "…\" is no name";
  }
  SECTION("priority 0") {
    bad.priority = 0;
    names = "the priority 0 is out of range";
  }
  SECTION("priority 11") {
    bad.priority = 11;
    names = "use 1 (last) to 10 (first)";
  }
  SECTION("no attempts") {
    bad.max_attempts = 0;
    names = "max_attempts is 0";
  }
  SECTION("a payload that JSON cannot hold") {
    bad.payload = Value{{"list", Value::Array{1, Value(std::nan(""))}}};
    names = ".list[";
  }
  SECTION("a dependency that does not exist") {
    bad.after = {"nowhere"};
    code = "not_found";
    names = "task bad depends on nowhere, which does not exist";
  }
  SECTION("an id that appears twice") {
    bad.id = "good";
    code = "conflict";
    names = "the id good appears twice";
  }
  const auto message = fixture.refused(fixture.queue->submit({task("good"), bad}, fixture.batch), code);
  INFO(message);
  CHECK(contains(message, names));
  CHECK(fixture.batch.empty());
  CHECK(test::open_tasks(*fixture.queue, *fixture.database).empty());
  CHECK_FALSE(fixture.queue->check({task("good"), bad}, {}).has_value());
}

TEST_CASE("an id that was ever taken is taken") {
  Fixture fixture;
  fixture.add("a");
  fixture.refused(fixture.queue->submit({task("a")}, fixture.batch), "conflict");
  fixture.complete("a");
  fixture.refused(fixture.queue->submit({task("a")}, fixture.batch), "conflict");
  fixture.restart();
  fixture.refused(fixture.queue->submit({task("a")}, fixture.batch), "conflict");
}

TEST_CASE("a circle is named") {
  Fixture fixture;
  auto message = [&](const std::vector<NewTask>& tasks) {
    return fixture.refused(fixture.queue->submit(tasks, fixture.batch), "cycle");
  };
  CHECK(contains(message({task("a", {"a"})}), "a → a"));
  CHECK(contains(message({task("a", {"b"}), task("b", {"a"})}), "a → b → a"));
  CHECK(contains(message({task("x"), task("c", {"x", "d"}), task("d", {"e"}), task("e", {"c"})}),
                 "c → d → e → c"));
  CHECK(contains(message({task("a", {"m"}), task("m", {"n"}), task("n", {"m"})}), "circle: m → n → m:"));
  CHECK(test::open_tasks(*fixture.queue, *fixture.database).empty());
  SECTION("a graph that only looks like one is fine, in any order") {
    auto ids = fixture.queue->submit({task("d", {"b", "c"}), task("b", {"a"}), task("c", {"a"}), task("a")},
                                     fixture.batch);
    REQUIRE(ids.has_value());
    CHECK(*ids == std::vector<std::string>{"d", "b", "c", "a"});
  }
  SECTION("a long chain does not overflow the stack") {
    std::vector<NewTask> chain = {task("n0", {"n20000"})};
    for (int i = 1; i <= 20000; ++i)
      chain.push_back(task("n" + std::to_string(i), {"n" + std::to_string(i - 1)}));
    CHECK(contains(message(chain), "n0 → n20000 → n19999"));
  }
}

TEST_CASE("what a run has in its outbox counts as existing for the check") {
  Fixture fixture;
  CHECK_FALSE(fixture.queue->check({task("r1.2", {"r1.1"})}, {}).has_value());
  CHECK(fixture.queue->check({task("r1.2", {"r1.1"})}, {"r1.1"}).has_value());
  CHECK(test::open_tasks(*fixture.queue, *fixture.database).empty());
}

TEST_CASE("ids without a wish are t1, t2, …, past any that is taken, over restarts too") {
  Fixture fixture;
  auto ids = fixture.queue->submit({task(""), task("t2"), task("")}, fixture.batch);
  REQUIRE(ids.has_value());
  CHECK(*ids == std::vector<std::string>{"t1", "t2", "t3"});
  fixture.commit();
  fixture.complete("t3");
  fixture.restart();
  ids = fixture.queue->submit({task("")}, fixture.batch);
  REQUIRE(ids.has_value());
  CHECK(*ids == std::vector<std::string>{"t4"});
}

}  // namespace
}  // namespace clade::queue
