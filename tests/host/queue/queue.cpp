#include "queue/queue.h"

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "fixture.h"

namespace clade::queue {
namespace {

TEST_CASE(
    "agents may fill the queue so far, by number and by what it takes in memory, and it empties again") {
  Fixture fixture;
  SECTION("number") {
    const std::vector<NewTask> tasks(kMostTasks, task(""));
    REQUIRE(fixture.queue->submit(tasks, fixture.batch));
    CHECK(fixture.queue->check_room(0));
    CHECK(fixture.queue->check_room(1).error().code == "limit");
    CHECK_THAT(fixture.queue->check_room(1).error().message, Catch::Contains("20000 tasks or 256 MB"));
    // An operator is not asked.
    CHECK(fixture.queue->submit({task("last")}, fixture.batch));
  }
  SECTION("payloads") {
    auto large = task("");
    large.payload = Value(Value::Map{{"text", std::string(kMostBytes / 4, 'x')}});
    std::string last;
    for (int n = 0; n < 4; ++n) {
      CHECK(fixture.queue->check_room(1));
      last = fixture.queue->submit({large}, fixture.batch)->front();
      fixture.batch = store::Batch();
    }
    CHECK(fixture.queue->check_room(1).error().code == "limit");
    REQUIRE(fixture.queue->cancel(last, "operator", "", fixture.batch));
    CHECK(fixture.queue->check_room(1));
  }
  SECTION("questions") {
    auto large = task("");
    large.approval = std::string(kMostBytes, '?');
    const auto ids = fixture.queue->submit({large}, fixture.batch);
    CHECK(fixture.queue->check_room(1).error().code == "limit");
    REQUIRE(fixture.queue->cancel(ids->front(), "operator", "", fixture.batch));
    CHECK(fixture.queue->check_room(1));
  }
  SECTION("results under review") {
    fixture.add("a");
    fixture.add("r");
    const auto lease = fixture.claim("a");
    const Value result(std::string(kMostBytes, 'x'));
    fixture.batch = store::Batch();
    REQUIRE(fixture.queue->review("a", lease, result, "r", fixture.batch));
    CHECK(fixture.queue->check_room(1).error().code == "limit");
    REQUIRE(fixture.queue->accept("a", "r", fixture.batch));
    CHECK(fixture.queue->check_room(1));
  }
}

TEST_CASE("a task goes its whole way, each edge an event and a call of the observer") {
  Fixture fixture;
  auto fresh = task("a", 7);
  fresh.payload = Value{{"text", "hello"}, {"list", Value::Array{1, 2.5, true}}};
  fresh.parent = "root";
  fresh.run = 12;
  fixture.add(fresh);
  const auto lease = fixture.claim("a");
  CHECK(lease == Lease{1, 1});
  CHECK(fixture.state("a") == "executing");
  CHECK(fixture.queue->find("a")->attempt == 1);
  fixture.done(fixture.queue->complete("a", lease, Value{{"score", 3}}, fixture.batch));
  CHECK(fixture.queue->find("a") == nullptr);

  const Value stored = fixture.history("a");
  CHECK(stored["state"].as_string() == "completed");
  CHECK(stored["payload"] == fresh.payload);
  CHECK(stored["result"]["score"].as_integer() == 3);
  CHECK(stored["priority"].as_integer() == 7);
  CHECK(stored["parent"].as_string() == "root");
  CHECK(stored["run"].as_integer() == 12);
  CHECK(stored["lease_run"].as_integer() == 0);
  CHECK(fixture.events("a") == std::vector<std::string>{"submit created", "enqueue queued", "assign assigned",
                                                        "start executing", "complete completed"});
  CHECK(fixture.seen == std::vector<std::string>{"a created enqueue queued", "a queued assign assigned",
                                                 "a assigned start executing",
                                                 "a executing complete completed"});
  const Value& start = stored["events"].as_array()[3];
  CHECK(start["agent"].as_string() == "worker");
  CHECK(start["run"].as_integer() == 1);
}

TEST_CASE("claims go by priority, then by age, whatever the ids and times are, also after a restart") {
  Fixture fixture;
  fixture.add(task("z", 5));
  fixture.add(task("y", 5));
  fixture.clock.now -= 500000;  // the clock jumped back: age is the order of submission
  fixture.add(task("a", 5));
  fixture.add(task("m", 9));
  fixture.add(task("low", 1));
  const std::vector<std::string> expected = {"m", "z", "y", "a", "low"};
  CHECK(fixture.order() == expected);
  fixture.restart();
  CHECK(fixture.order() == expected);
  fixture.add(task("b", 5));
  CHECK(fixture.order() == std::vector<std::string>{"m", "z", "y", "a", "b", "low"});
  CHECK_FALSE(fixture.queue->peek([](const std::string&) { return false; }).value());
}

TEST_CASE("a task released or failed keeps its age") {
  Fixture fixture;
  fixture.add("a");
  fixture.add("b");
  const auto lease = fixture.claim("a");
  CHECK(fixture.order() == std::vector<std::string>{"b"});
  fixture.done(fixture.queue->release("a", lease, "its neighbour crashed", fixture.batch));
  CHECK(fixture.order() == std::vector<std::string>{"a", "b"});
  CHECK(fixture.queue->find("a")->attempt == 0);
  fixture.restart();
  CHECK(fixture.order() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a failed attempt is tried again after its backoff, then becomes a dead letter") {
  Fixture fixture;
  fixture.add("a");
  const int64_t waits[] = {1000, 2000};
  for (int64_t wait : waits) {
    fixture.done(fixture.queue->fail("a", fixture.claim("a"), "line 3: broken", true, fixture.batch));
    CHECK(fixture.state("a") == "queued");
    CHECK(fixture.queue->find("a")->error == "line 3: broken");
    CHECK(fixture.order().empty());
    CHECK(fixture.queue->next_due() == fixture.clock.now + wait);
    fixture.restart();
    CHECK(fixture.order().empty());
    CHECK(fixture.queue->next_due() == fixture.clock.now + wait);
    fixture.clock.now += wait - 1;
    CHECK(fixture.order().empty());
    fixture.clock.now += 1;
    CHECK(fixture.order() == std::vector<std::string>{"a"});
    CHECK_FALSE(fixture.queue->next_due());
  }
  fixture.done(fixture.queue->fail("a", fixture.claim("a"), "still broken", true, fixture.batch));
  CHECK(fixture.state("a") == "dead_letter");
  CHECK(fixture.queue->find("a") == nullptr);
  CHECK(fixture.history("a")["error"].as_string() == "still broken");
  std::vector<std::string> errors;
  const Value history = fixture.history("a");
  for (const auto& event : history["events"].as_array()) {
    if (event["verb"].as_string() == "fail") errors.push_back(event["detail"].as_string());
  }
  CHECK(errors == std::vector<std::string>{"line 3: broken", "line 3: broken", "still broken"});
}

TEST_CASE("a failure for good is a dead letter at once, a success clears the error") {
  Fixture fixture;
  fixture.add("a");
  fixture.bury("a");
  CHECK(fixture.state("a") == "dead_letter");
  fixture.add("b");
  fixture.done(fixture.queue->fail("b", fixture.claim("b"), "once", true, fixture.batch));
  fixture.complete("b");
  CHECK(fixture.history("b")["error"].as_string().empty());
}

TEST_CASE("an operator's retry gives a dead letter its attempts anew and keeps its history and age") {
  Fixture fixture;
  fixture.add("a");
  fixture.add("b");
  for (int i = 0; i < 3; ++i) {
    fixture.done(fixture.queue->fail("a", fixture.claim("a"), "broken", true, fixture.batch));
    fixture.clock.now += 60000;
  }
  REQUIRE(fixture.state("a") == "dead_letter");
  const size_t before = fixture.events("a").size();
  if (GENERATE(false, true)) fixture.restart();
  fixture.done(fixture.queue->retry("a", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.state("a") == "queued");
  CHECK(fixture.order() == std::vector<std::string>{"a", "b"});
  CHECK(fixture.events("a").size() == before + 1);
  CHECK(fixture.history("a")["events"].as_array().back()["agent"].as_string() == "ann");
  const int64_t epoch = fixture.queue->find("a")->lease_epoch;
  CHECK(epoch >= 3);
  const auto lease = fixture.claim("a");
  CHECK(lease.epoch == epoch + 1);
  CHECK(fixture.queue->find("a")->attempt == 1);
  fixture.done(fixture.queue->fail("a", lease, "broken", true, fixture.batch));
  CHECK(fixture.state("a") == "queued");
}

TEST_CASE("a retry of what is not on disk yet says so") {
  Fixture fixture;
  fixture.add("a");
  REQUIRE(fixture.queue->cancel("a", "ann", "", fixture.batch).has_value());
  fixture.refused(fixture.queue->retry("a", "ann", *fixture.database, fixture.batch), "busy");
  fixture.commit();
  fixture.done(fixture.queue->retry("a", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.state("a") == "queued");
}

TEST_CASE("a retried cancelled task passes its gates again") {
  Fixture fixture;
  fixture.add("first");
  fixture.add("second", {"first"}, "publish?");
  fixture.done(fixture.queue->cancel("second", "ann", "", fixture.batch));
  fixture.done(fixture.queue->retry("second", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.state("second") == "blocked");
  fixture.complete("first");
  CHECK(fixture.state("second") == "awaiting_approval");
  fixture.done(fixture.queue->refuse("second", "ann", "no", fixture.batch));
  fixture.done(fixture.queue->retry("second", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.state("second") == "awaiting_approval");
}

TEST_CASE("writes with an old token are refused, change nothing, and are kept as evidence") {
  Fixture fixture;
  fixture.add("a");
  const auto old = fixture.claim("a");
  fixture.done(fixture.queue->release("a", old, "lease expired", fixture.batch));
  SECTION("nobody holds it") {}
  SECTION("another run holds it") {
    fixture.claim("a");
  }
  SECTION("another run completed it") {
    fixture.complete("a");
  }
  SECTION("it was cancelled, and the host restarted") {
    fixture.done(fixture.queue->cancel("a", "ann", "", fixture.batch));
    fixture.restart();
  }
  const Value before = fixture.history("a");
  auto& queue = *fixture.queue;
  fixture.seen.clear();
  fixture.refused(queue.complete("a", old, Value{{"score", 9}}, fixture.batch), "fenced");
  fixture.refused(queue.fail("a", old, "too late", true, fixture.batch), "fenced");
  fixture.refused(queue.release("a", old, "too late", fixture.batch), "fenced");
  fixture.refused(queue.review("a", old, 1, "r1", fixture.batch), "fenced");
  fixture.refused(queue.renew("a", old, 1000), "fenced");
  fixture.commit();
  const Value after = fixture.history("a");
  CHECK(fixture.seen.empty());
  for (const auto& [field, value] : before.as_map()) {
    INFO(field);
    if (field != "events") CHECK(after[field] == value);
  }
  const auto& events = after["events"].as_array();
  REQUIRE(events.size() == before["events"].as_array().size() + 4);
  const Value& late = events[events.size() - 4];
  CHECK(late["verb"].as_string() == "late");
  CHECK(late["run"].as_integer() == old.run);
  CHECK(late["state"] == before["state"]);
  auto evidence = decode_json(late["detail"].as_string());
  REQUIRE(evidence.has_value());
  CHECK((*evidence)["verb"].as_string() == "complete");
  CHECK((*evidence)["epoch"].as_integer() == old.epoch);
  CHECK((*evidence)["attempted"].as_string() == R"({"score":9})");
}

TEST_CASE("the same run with another epoch, and no token at all, are fenced too") {
  Fixture fixture;
  fixture.add("a");
  fixture.refused(fixture.queue->complete("a", Lease{}, 1, fixture.batch), "fenced");
  auto first = fixture.queue->claim("a", 7, 1000, "worker", fixture.batch);
  fixture.done(fixture.queue->release("a", *first, "again", fixture.batch));
  auto second = fixture.queue->claim("a", 7, 1000, "worker", fixture.batch);
  CHECK(second->epoch == first->epoch + 1);
  fixture.refused(fixture.queue->complete("a", *first, 1, fixture.batch), "fenced");
  fixture.done(fixture.queue->complete("a", *second, 1, fixture.batch));
  fixture.refused(fixture.queue->complete("none", *second, 1, fixture.batch), "not_found");
}

TEST_CASE("evidence is bounded and stays JSON") {
  Fixture fixture;
  fixture.add("a");
  const std::string text =
      GENERATE(std::string(100000, 'x'), std::string(100000, '\n'), std::string(5000, '\xc3'));
  fixture.refused(fixture.queue->fail("a", Lease{5, 5}, text, true, fixture.batch), "fenced");
  fixture.commit();
  const Value history = fixture.history("a");
  const std::string detail = history["events"].as_array().back()["detail"].as_string();
  CHECK(detail.size() <= 4096);
  CHECK(detail.size() > 500);
  auto evidence = decode_json(detail);
  REQUIRE(evidence.has_value());
  CHECK((*evidence)["bytes"].as_integer() == static_cast<int64_t>(text.size()));
}

TEST_CASE("a result that JSON cannot hold is refused and the claim stays") {
  Fixture fixture;
  fixture.add("a");
  const auto lease = fixture.claim("a");
  const Value bad{{"x", Value(0.0 / 0.0)}};
  fixture.refused(fixture.queue->complete("a", lease, bad, fixture.batch), "invalid");
  fixture.refused(fixture.queue->review("a", lease, bad, "r", fixture.batch), "invalid");
  CHECK(fixture.state("a") == "executing");
  fixture.done(fixture.queue->complete("a", lease, 1, fixture.batch));
}

TEST_CASE("leases expire, are renewed, and are extended over a gap, epochs grow over restarts") {
  Fixture fixture;
  fixture.add("a");
  auto lease = fixture.claim("a");
  CHECK(fixture.queue->expired().empty());
  fixture.clock.now += 999;
  CHECK(fixture.queue->expired().empty());
  REQUIRE(fixture.queue->renew("a", lease, 1000).has_value());
  fixture.clock.now += 999;
  CHECK(fixture.queue->expired().empty());
  fixture.clock.now += 1;
  CHECK(fixture.queue->expired() == std::vector<std::string>{"a"});
  fixture.queue->extend_leases(10);
  CHECK(fixture.queue->expired().empty());

  fixture.restart();
  CHECK(fixture.queue->find("a")->lease_run == lease.run);
  CHECK(fixture.queue->expired() == std::vector<std::string>{"a"});
  fixture.done(fixture.queue->release("a", lease, "the host restarted", fixture.batch));
  CHECK(fixture.history("a")["events"].as_array().back()["agent"].as_string() == "worker");
  fixture.restart();
  CHECK(fixture.claim("a").epoch == lease.epoch + 1);
}

TEST_CASE("dependencies hold a task until the last is completed") {
  Fixture fixture;
  fixture.add("a");
  fixture.add("b");
  fixture.complete("b");
  fixture.add("c", {"a", "b", "a"});
  CHECK(fixture.state("c") == "blocked");
  fixture.add("d", {"c"});
  fixture.add("only_done", {"b"});
  CHECK(fixture.state("only_done") == "queued");
  if (GENERATE(false, true)) fixture.restart();
  CHECK(fixture.queue->find("c")->after == std::vector<std::string>{"a", "b"});
  fixture.complete("a");
  CHECK(fixture.state("c") == "queued");
  CHECK(fixture.state("d") == "blocked");
  fixture.complete("c");
  CHECK(fixture.state("d") == "queued");
  CHECK(fixture.events("d") == std::vector<std::string>{"submit created", "block blocked", "unblock queued"});
}

TEST_CASE("tasks freed together are claimed in the order of their submission") {
  Fixture fixture;
  auto list = std::vector<NewTask>{task("root"), task("z"), task("y"), task("x")};
  for (size_t i = 1; i < list.size(); ++i) list[i].after = {"root"};
  REQUIRE(fixture.queue->submit(list, fixture.batch).has_value());
  fixture.commit();
  fixture.complete("root");
  CHECK(fixture.order() == std::vector<std::string>{"z", "y", "x"});
}

TEST_CASE("a dependency that ends badly keeps the task blocked and says so until it is retried") {
  Fixture fixture;
  fixture.add("a");
  fixture.add("b", {"a"});
  std::string ending;
  SECTION("as a dead letter") {
    fixture.bury("a");
    ending = "dead_letter";
  }
  SECTION("cancelled") {
    fixture.done(fixture.queue->cancel("a", "ann", "", fixture.batch));
    ending = "cancelled";
  }
  CHECK(fixture.state("b") == "blocked");
  const std::string error = fixture.history("b")["error"].as_string();
  CHECK(contains(error, "its dependency a ended " + ending));
  CHECK(contains(error, "`clade task retry a`"));
  CHECK(fixture.events("b").back() == "note blocked");
  fixture.restart();

  auto late = task("c");
  late.after = {"a"};
  CHECK(contains(fixture.refused(fixture.queue->submit({late}, fixture.batch), "dependency_failed"),
                 "task c depends on a, which ended " + ending));

  fixture.done(fixture.queue->retry("a", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.history("b")["error"].as_string().empty());
  CHECK(fixture.state("b") == "blocked");
  fixture.complete("a");
  CHECK(fixture.state("b") == "queued");
}

TEST_CASE("a task with a question waits for a person, after its dependencies") {
  Fixture fixture;
  fixture.add("a");
  fixture.add("b", {"a"}, "publish it?");
  CHECK(fixture.state("b") == "blocked");
  fixture.complete("a");
  CHECK(fixture.state("b") == "awaiting_approval");
  fixture.restart();
  CHECK(fixture.order().empty());
  SECTION("approved") {
    fixture.done(fixture.queue->approve("b", "nobody (auto)", "", fixture.batch));
    CHECK(fixture.state("b") == "queued");
    CHECK(fixture.history("b")["events"].as_array().back()["agent"].as_string() == "nobody (auto)");
    SECTION("a failed attempt does not ask again") {
      fixture.done(fixture.queue->fail("b", fixture.claim("b"), "x", true, fixture.batch));
      CHECK(fixture.state("b") == "queued");
    }
  }
  SECTION("refused") {
    fixture.done(fixture.queue->refuse("b", "ann", "too early", fixture.batch));
    CHECK(fixture.state("b") == "cancelled");
    CHECK(fixture.history("b")["error"].as_string() == "refused by ann: too early");
  }
  SECTION("one without dependencies is held at once") {
    fixture.add("c", {}, "sure?");
    CHECK(fixture.events("c") == std::vector<std::string>{"submit created", "hold awaiting_approval"});
  }
}

struct Reviewed : Fixture {
  Reviewed() {
    add("a");
    add("r");
    done(queue->review("a", claim("a"), Value{{"diff", "+1"}}, "r", batch));
    REQUIRE(state("a") == "reviewing");
  }
};

TEST_CASE("a review accepts or rejects") {
  Reviewed fixture;
  if (GENERATE(false, true)) fixture.restart();
  CHECK(fixture.order() == std::vector<std::string>{"r"});
  SECTION("accepted: completed with the result it was handed in with") {
    fixture.done(fixture.queue->accept("a", "r", fixture.batch));
    CHECK(fixture.state("a") == "completed");
    CHECK(fixture.history("a")["result"]["diff"].as_string() == "+1");
  }
  SECTION("rejected: queued again with the reason") {
    fixture.done(fixture.queue->reject("a", "r", "too large", fixture.batch));
    CHECK(fixture.state("a") == "queued");
    CHECK(fixture.queue->find("a")->error == "too large");
    CHECK(fixture.queue->find("a")->reviewer.empty());
    CHECK(fixture.order() == std::vector<std::string>{"a", "r"});
    const int64_t epoch = fixture.queue->find("a")->lease_epoch;
    CHECK(epoch >= 1);
    CHECK(fixture.claim("a").epoch == epoch + 1);
    fixture.refused(fixture.queue->accept("a", "r", fixture.batch), "illegal");
  }
  SECTION("another task's verdict is refused and kept") {
    fixture.refused(fixture.queue->accept("a", "other", fixture.batch), "fenced");
    fixture.refused(fixture.queue->reject("a", "other", "no", fixture.batch), "fenced");
    fixture.commit();
    CHECK(fixture.state("a") == "reviewing");
    CHECK(fixture.events("a").back() == "late reviewing");
  }
  SECTION("a task of which the claimant's lease is over") {
    fixture.refused(fixture.queue->complete("a", Lease{1, 1}, 1, fixture.batch), "fenced");
  }
}

TEST_CASE("a rejection with no attempt left is a dead letter") {
  Fixture fixture;
  fixture.add("a");
  for (int i = 1; i <= 3; ++i) {
    fixture.add("r" + std::to_string(i));
    const std::string reviewer = "r" + std::to_string(i);
    fixture.done(fixture.queue->review("a", fixture.claim("a"), 1, reviewer, fixture.batch));
    fixture.done(fixture.queue->reject("a", reviewer, "worse", fixture.batch));
  }
  CHECK(fixture.state("a") == "dead_letter");
  CHECK(fixture.history("a")["error"].as_string() == "worse");
}

TEST_CASE("a review that ends badly leaves the task reviewing, with an error that says so") {
  Reviewed fixture;
  fixture.bury("r");
  CHECK(fixture.state("a") == "reviewing");
  CHECK(contains(fixture.history("a")["error"].as_string(), "its review r ended dead_letter"));
  fixture.done(fixture.queue->retry("r", "ann", *fixture.database, fixture.batch));
  CHECK(fixture.history("a")["error"].as_string().empty());
  fixture.done(fixture.queue->accept("a", "r", fixture.batch));
}

// A fixture with a task "x" in each state that one can rest in.
void bring(Fixture& fixture, const std::string& state) {
  if (state == "blocked") {
    fixture.add("dependency");
    fixture.add("x", {"dependency"});
  } else if (state == "awaiting_approval") {
    fixture.add("x", {}, "sure?");
  } else {
    fixture.add("x");
  }
  if (state == "executing") fixture.claim("x");
  if (state == "completed") fixture.complete("x");
  if (state == "dead_letter") fixture.bury("x");
  if (state == "cancelled") fixture.done(fixture.queue->cancel("x", "ann", "", fixture.batch));
  if (state == "reviewing") {
    fixture.add("r");
    fixture.done(fixture.queue->review("x", fixture.claim("x"), 1, "r", fixture.batch));
  }
  REQUIRE(fixture.state("x") == state);
}

const std::vector<std::string> kResting = {"blocked",   "awaiting_approval", "queued",      "executing",
                                           "reviewing", "completed",         "dead_letter", "cancelled"};

TEST_CASE("each operator's verb works in its states, and elsewhere names state and verb") {
  const std::map<std::string, std::vector<std::string>> legal = {
      {"approve", {"awaiting_approval"}},
      {"refuse", {"awaiting_approval"}},
      {"cancel", {"blocked", "awaiting_approval", "queued", "executing", "reviewing"}},
      {"retry", {"dead_letter", "cancelled"}},
      {"accept", {"reviewing"}},
      {"reject", {"reviewing"}},
      {"assign", {"queued"}},
  };
  const bool restarted = GENERATE(false, true);
  for (const auto& [verb, states] : legal) {
    for (const auto& state : kResting) {
      Fixture fixture;
      bring(fixture, state);
      if (restarted) fixture.restart();
      auto& queue = *fixture.queue;
      Status status;
      if (verb == "approve") status = queue.approve("x", "ann", "why", fixture.batch);
      if (verb == "refuse") status = queue.refuse("x", "ann", "why", fixture.batch);
      if (verb == "cancel") status = queue.cancel("x", "ann", "why", fixture.batch);
      if (verb == "retry") status = queue.retry("x", "ann", *fixture.database, fixture.batch);
      if (verb == "accept") status = queue.accept("x", "r", fixture.batch);
      if (verb == "reject") status = queue.reject("x", "r", "why", fixture.batch);
      if (verb == "assign") {
        if (auto lease = queue.claim("x", 99, 1000, "w", fixture.batch); !lease)
          status = failure(lease.error());
      }
      INFO(verb << " while " << state << (status ? "" : ": " + status.error().message));
      if (std::find(states.begin(), states.end(), state) != states.end()) {
        fixture.done(status);
        if (verb == "cancel") {
          CHECK(fixture.state("x") == "cancelled");
          CHECK(fixture.history("x")["error"].as_string() == "cancelled by ann: why");
        }
      } else {
        const auto message = fixture.refused(status, "illegal");
        CHECK(contains(message, "task x is " + state + ": " + verb));
        CHECK(fixture.batch.empty());
        CHECK(fixture.state("x") == state);
      }
    }
  }
}

TEST_CASE("verbs on no task say so") {
  Fixture fixture;
  auto& queue = *fixture.queue;
  fixture.refused(queue.approve("no", "a", "", fixture.batch), "not_found");
  fixture.refused(queue.refuse("no", "a", "", fixture.batch), "not_found");
  fixture.refused(queue.cancel("no", "a", "", fixture.batch), "not_found");
  fixture.refused(queue.retry("no", "a", *fixture.database, fixture.batch), "not_found");
  CHECK(queue.cancel("", "a", "", fixture.batch).error().message == "no task \"\": see `clade task list`");
  fixture.refused(queue.claim("no", 1, 1000, "w", fixture.batch), "not_found");
  fixture.refused(queue.accept("no", "r", fixture.batch), "not_found");
  fixture.refused(queue.reject("no", "r", "", fixture.batch), "not_found");
  fixture.add("a");
  fixture.refused(queue.claim("a", 0, 1000, "w", fixture.batch), "invalid");
  CHECK(fixture.batch.empty());
}

TEST_CASE("cancelling a claimed task fences its claimant") {
  Fixture fixture;
  fixture.add("a");
  const auto lease = fixture.claim("a");
  fixture.done(fixture.queue->cancel("a", "ann", "", fixture.batch));
  fixture.refused(fixture.queue->complete("a", lease, 1, fixture.batch), "fenced");
  CHECK(fixture.queue->expired().empty());
}

TEST_CASE("a restart gives the same queue, and forgets what was not committed") {
  Fixture fixture;
  fixture.add(task("plain", 3));
  fixture.add("dependent", {"plain"});
  fixture.add("asked", {}, "sure?");
  fixture.add("held");
  fixture.add("backing_off");
  fixture.claim("held");
  fixture.done(fixture.queue->fail("backing_off", fixture.claim("backing_off"), "x", true, fixture.batch));
  std::vector<Value> before, after;
  for (const Task* one : test::open_tasks(*fixture.queue, *fixture.database))
    before.push_back(task_value(*one));
  const auto due = fixture.queue->next_due();
  REQUIRE(fixture.queue->submit({task("lost")}, fixture.batch).has_value());
  REQUIRE(fixture.queue->cancel("plain", "ann", "", fixture.batch).has_value());
  fixture.restart();
  for (const Task* one : test::open_tasks(*fixture.queue, *fixture.database))
    after.push_back(task_value(*one));
  CHECK(before == after);
  CHECK(fixture.queue->next_due() == due);
  CHECK(fixture.order() == std::vector<std::string>{"plain"});
}

}  // namespace
}  // namespace clade::queue
