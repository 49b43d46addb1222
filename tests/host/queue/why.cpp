#include "queue/why.h"

#include "base/clock.h"
#include "fixture.h"

namespace clade::queue {
namespace {

// The texts of what happened, of the last task of the chain.
std::vector<std::string> happened(const Value& answer) {
  std::vector<std::string> lines;
  for (const auto& line : answer["chain"].as_array().back()["happened"].as_array())
    lines.push_back(line["text"].as_string());
  return lines;
}

struct Asked : Fixture {
  Value ask(const std::string& id) {
    auto answer = why(*database, id, clock.now);
    INFO((answer ? "" : answer.error().message));
    REQUIRE(answer.has_value());
    return *answer;
  }
  // The only thing a task waits for.
  std::string waits(const std::string& id) {
    const Value answer = ask(id);
    REQUIRE(answer["waits_for"].as_array().size() == 1);
    return answer["waits_for"].as_array()[0].as_string();
  }
};

TEST_CASE("the chain goes from the first ancestor down to the task") {
  Asked fixture;
  fixture.add("root");
  NewTask child;
  child.type = "check";
  child.id = "r1.1";
  child.parent = "root";
  child.run = 1;
  const auto lease = fixture.claim("root");
  REQUIRE(fixture.queue->submit({child}, fixture.batch).has_value());
  fixture.done(fixture.queue->complete("root", lease, 1, fixture.batch));
  child.id = "r2.1";
  child.parent = "r1.1";
  child.run = 2;
  fixture.add(child);

  const Value answer = fixture.ask("r2.1");
  const auto& chain = answer["chain"].as_array();
  REQUIRE(chain.size() == 3);
  CHECK(chain[0]["id"].as_string() == "root");
  CHECK(chain[0]["state"].as_string() == "completed");
  CHECK(chain[0]["happened"].as_array().back()["text"].as_string() == "completed by worker (run 1)");
  CHECK(chain[1]["id"].as_string() == "r1.1");
  CHECK(chain[1]["type"].as_string() == "check");
  CHECK(happened(answer) == std::vector<std::string>{"submitted by run 2 of task r1.1"});
  CHECK(answer["consequences"].as_array().empty());

  const Value above = fixture.ask("root");
  CHECK(above["chain"].as_array().size() == 1);
  CHECK(above["waits_for"].as_array().empty());
  REQUIRE(above["consequences"].as_array().size() == 1);
  CHECK(above["consequences"].as_array()[0]["text"].as_string() == "task r1.1 (check), which is queued");
  fixture.refused(why(*fixture.database, "none"), "not_found");
}

TEST_CASE("what a task waits for, in each state") {
  Asked fixture;
  fixture.add("a");
  CHECK(fixture.waits("a") == "a free agent that handles work");
  fixture.add("b", {"a"});
  CHECK(fixture.waits("b") == "its dependency a (work), which is queued");
  const Value first = fixture.ask("a");
  REQUIRE(first["consequences"].as_array().size() == 1);
  CHECK(first["consequences"].as_array()[0]["text"].as_string() == "dependent b (work), which is blocked");

  fixture.add("c", {}, "publish it?");
  CHECK(fixture.waits("c") ==
        "an answer to \"publish it?\": `clade approval approve c` or `clade approval reject c`");

  auto lease = fixture.claim("a");
  CHECK(fixture.waits("a") ==
        "worker (run 1), which works on it under a lease until " + format_time(fixture.clock.now + 1000));
  REQUIRE(fixture.database
              ->execute("INSERT INTO journal (run, strand, position, op, args, status, result, started_at, "
                        "finished_at) "
                        "VALUES (1, 'main', 1, 'cell.eval', x'', 'started', x'', 5, 0),"
                        "(1, 'main', 0, 'sleep', x'', 'done', x'', 4, 5);")
              .has_value());
  CHECK(contains(fixture.waits("a"), "; it awaits cell.eval since " + format_time(5)));
  CHECK_FALSE(contains(fixture.waits("a"), "sleep"));
  REQUIRE(fixture.database
              ->execute("INSERT INTO journal (run, strand, position, op, args, status, result, started_at, "
                        "finished_at) WITH n(i) AS (VALUES (1), (2), (3), (4), (5), (6)) "
                        "SELECT 1, 'main.' || i, 0, 'ask', x'', 'started', x'', 5, 0 FROM n")
              .has_value());
  CHECK(contains(fixture.waits("a"),
                 "; it awaits ask since " + format_time(5) + "; and 2 more: `clade run show 1`"));

  fixture.done(fixture.queue->fail("a", lease, "line 1\nline 2", true, fixture.batch));
  CHECK(fixture.waits("a") ==
        "its time, " + format_time(fixture.clock.now + 1000) + " (backoff after attempt 1)");
  fixture.clock.now += 1000;
  CHECK(fixture.waits("a") == "a free agent that handles work");

  fixture.bury("a");
  CHECK(fixture.waits("a") == "a person, as its attempts are used up: `clade task retry a`");
  CHECK(fixture.waits("b") ==
        "its dependency a (work), which is dead_letter: `clade task retry a` or `clade task cancel b`");
  CHECK(happened(fixture.ask("a")) ==
        std::vector<std::string>{
            "submitted from outside", "started by worker (run 1)", "failed in worker (run 1): line 1 …",
            "attempt 1 of 3 failed, again after 1000 ms", "started by worker (run 2)",
            "failed in worker (run 2): broken", "became a dead letter: attempt 2 of 3 failed for good"});
  fixture.done(fixture.queue->cancel("c", "ann", "not needed", fixture.batch));
  CHECK(fixture.ask("c")["waits_for"].as_array().empty());
  CHECK(happened(fixture.ask("c")) == std::vector<std::string>{"submitted from outside",
                                                               "asked a person: publish it?",
                                                               "cancelled by ann: not needed"});
}

TEST_CASE("a reviewing task waits for its reviewer") {
  Asked fixture;
  fixture.add("a");
  fixture.add("r");
  fixture.done(fixture.queue->review("a", fixture.claim("a"), 1, "r", fixture.batch));
  CHECK(fixture.waits("a") == "the verdict of r (work), which is queued");
  SECTION("that ended without a verdict") {
    fixture.complete("r");
    CHECK(fixture.waits("a") ==
          "the verdict of r (work), which is completed without one: `clade task cancel a`");
  }
  SECTION("that was cancelled") {
    fixture.done(fixture.queue->cancel("r", "ann", "", fixture.batch));
    CHECK(fixture.waits("a") ==
          "the verdict of r (work), which is cancelled: `clade task retry r` or `clade task cancel a`");
  }
}

TEST_CASE("a version that was undone because of a task is what that led to") {
  Asked fixture;
  fixture.add("t7");
  REQUIRE(fixture.database->execute(
      "INSERT INTO script_event (at, name, hash, parent, verb, by, detail, install) VALUES (1, 'agent:one', "
      "'0123456789abcdef', '', 'undone', 'host', '{\"trigger\":\"t7\"}', 1)"));
  const Value answer = fixture.ask("t7");
  REQUIRE(answer["consequences"].as_array().size() == 1);
  CHECK(answer["consequences"].as_array()[0]["kind"] == Value("version"));
  CHECK(answer["consequences"].as_array()[0]["text"].as_string() ==
        "agent:one 0123456789ab, which failed on this, being undone: `clade why agent:one`");
}

TEST_CASE("what repeats at once is told once, with its number") {
  Asked fixture;
  fixture.add("a");
  for (int i = 0; i < 3; ++i) {
    fixture.refused(fixture.queue->complete("a", Lease{8, 1}, 1, fixture.batch), "fenced");
  }
  fixture.commit();
  CHECK(happened(fixture.ask("a")).back() == "a late write of run 8 was refused (3 times)");
}

TEST_CASE("proposals are what a completed task waits for, and what sets a task off") {
  Asked fixture;
  fixture.add("a");
  fixture.complete("a");
  REQUIRE(
      fixture.database
          ->execute("INSERT INTO proposal VALUES ('r1.2', 'publish it', 'code', '{}', '{\"type\":\"work\"}', "
                    "'[\"critic\",\"pm\"]', 'tester', 'a', 1, 'open', '', 1, 99, 0);"
                    "INSERT INTO vote VALUES ('r1.2', 'pm', 'yes', 'good', 2);")
          .has_value());
  CHECK(fixture.waits("a") == "the vote on proposal r1.2 \"publish it\" by " + format_time(99) +
                                  "; voters: critic, pm; votes: pm yes");
  const Value open = fixture.ask("a");
  REQUIRE(open["consequences"].as_array().size() == 1);
  CHECK(open["consequences"].as_array()[0]["state"].as_string() == "open");

  REQUIRE(fixture.database->execute("UPDATE proposal SET state = 'accepted', reason = '1 of 2 voted'")
              .has_value());
  NewTask followed;
  followed.id = "r1.2.accept";
  followed.type = "work";
  followed.parent = "a";
  followed.payload = Value{{"proposal", "r1.2"}};
  fixture.add(followed);
  CHECK(fixture.ask("a")["waits_for"].as_array().empty());
  CHECK(happened(fixture.ask("r1.2.accept"))[0] ==
        "set off by proposal r1.2 \"publish it\", accepted: 1 of 2 voted; votes: pm yes");
}

TEST_CASE("an open proposal that would set off something about a task is what it waits for") {
  Asked fixture;
  fixture.add("a");
  fixture.add("aa");
  fixture.complete("a");
  fixture.complete("aa");
  REQUIRE(
      fixture.database
          ->execute(
              "INSERT INTO proposal VALUES ('p', 'retry a', 'rule', '{}', "
              "'{\"payload\":{\"task\":\"a\"},\"type\":\"work\"}', '[]', 'pm', '', 1, 'open', '', 1, 99, 0)")
          .has_value());
  CHECK(contains(fixture.waits("a"), "the vote on proposal p \"retry a\""));
  CHECK(fixture.ask("aa")["waits_for"].as_array().empty());
}

}  // namespace
}  // namespace clade::queue
