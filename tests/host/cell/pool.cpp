// Agents in shared cells: loading, runs, deadlines, deaths and who is blamed.
#include "cell/pool.h"

#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sched.h>
#include <signal.h>

#include "host/cell/agents.h"

namespace clade::cell {
namespace {

TEST_CASE("a handler runs with its task and state, and both come back") {
  Agents agents;
  auto invocation = task(1, 20);
  invocation.state = {{"runs", 4}};
  agents.pool.start(
      program("builder", handler("self.state.runs = self.state.runs + 1\nreturn task.payload * 2")),
      invocation);
  agents.run_until_ended({1});
  CHECK(agents.ends[1] == "finished");
  CHECK(agents.results[1] == Value(40));
  CHECK(agents.states[1] == Value{{"runs", 5}});
}

TEST_CASE("the end of a run tells what it used, also what an unconfirmed program keeps in its VM") {
  Agents agents;
  auto fresh =
      program("builder", handler("local made = {}\nfor n = 1, 1000 do made[n] = ('x'):rep(1000) .. n end\n"
                                 "clade.queue.get('t9') if task.payload then kept = made end"));
  fresh.main.source = "local kept\n" + fresh.main.source;
  fresh.confirmed = false;
  agents.on_call = [&](int64_t run, const std::string& strand, const std::string&, const Value&) {
    agents.pool.answer(run, strand, Value(1), 0);
  };
  agents.pool.start(fresh, task(1));
  agents.run_until_ended({1});
  agents.pool.start(fresh, task(2, true));
  agents.run_until_ended({2});
  CHECK(agents.ends[2] == "finished");
  CHECK(agents.usages[1].cpu_us > 0);
  CHECK(agents.usages[1].memory_bytes > 0);
  // In the same VM what one run leaves is added to what others have left.
  CHECK(agents.usages[2].memory_bytes - agents.usages[1].memory_bytes > 1'000'000);
}

TEST_CASE("calls reach the host and their answers the script") {
  Agents agents;
  agents.on_call = [&](int64_t run, const std::string& strand, const std::string& op, const Value& args) {
    if (op == "queue.get") {
      CHECK(args["id"] == Value("t9"));
      agents.pool.answer(run, strand, Value{{"state", "queued"}}, 0);
    } else {
      agents.pool.answer(run, strand, failure("not_found", "no such thing"), 0);
    }
  };
  agents.pool.start(
      program("builder", handler("local t = clade.queue.get('t9')\n"
                                 "local x, message, code = clade.knowledge.read('nothing.yaml')\n"
                                 "return { t.state, message, code }")),
      task(1));
  agents.run_until_ended({1});
  INFO(agents.ends[1]);
  CHECK(agents.results[1] == Value(Value::Array{"queued", "no such thing", "not_found"}));
  CHECK(agents.calls == std::vector<std::string>{"1 queue.get 1", "1 knowledge.read 2"});
}

TEST_CASE("errors have traceback and version, a script that does not load fails its runs") {
  Agents agents;
  agents.pool.start(program("builder", handler("error('no good')")), task(1));
  agents.pool.start(program("tester", "return {", "v3"), task(2));
  agents.pool.start(program("tester", "return {", "v3"), task(3));
  agents.run_until_ended({1, 2, 3});
  CHECK_THAT(agents.ends[1],
             Catch::StartsWith("failed: ") && Catch::Contains("agents/builder/init.lua@v1:3: no good"));
  for (const int64_t run : {2, 3}) {
    CHECK_THAT(agents.ends[run],
               Catch::StartsWith("failed: ") && Catch::Contains("agents/tester/init.lua@v3:1:"));
  }
  // The cell lives on.
  agents.pool.start(program("tester", handler("return 1"), "v4"), task(4));
  agents.run_until_ended({4});
  CHECK(agents.ends[4] == "finished");
  CHECK(agents.pool.statistics()["deaths"] == Value(0));
}

TEST_CASE("a changed program takes over for new runs, a run that waits keeps its own") {
  Agents agents(one_cell());
  const auto source = [](const char* name) {
    return handler(std::string("if task.payload == 'wait' then clade.queue.get('t9') end return '") + name +
                   "'");
  };
  agents.pool.start(program("builder", source("old"), "v1"), task(1, "wait"));
  std::string strand;
  agents.on_call = [&](int64_t, const std::string& its_strand, const std::string&, const Value&) {
    strand = its_strand;
  };
  agents.run_until([&] { return !strand.empty(); });
  agents.pool.start(program("builder", source("new"), "v2"), task(2));
  agents.run_until_ended({2});
  agents.pool.answer(1, strand, Value(1), 0);
  agents.run_until_ended({1});
  CHECK(agents.results[1] == Value("old"));
  CHECK(agents.results[2] == Value("new"));
}

TEST_CASE("a handler that loops is stopped politely, its neighbour goes on") {
  auto options = one_cell();
  options.slice_ms = 1000;
  options.slice_grace_ms = kGraceMs;
  Agents agents(options);
  agents.pool.start(program("builder", handler("local n = 0\nwhile true do n = n + 1 end")), task(1));
  agents.pool.start(program("tester", handler("return 1")), task(2));
  agents.run_until_ended({1, 2});
  if (!kStopsPolitely) return;
  CHECK_THAT(agents.ends[1], Catch::StartsWith("failed: stopped after 1000 ms without a wait (slice_ms): ") &&
                                 Catch::Contains("agents/builder/init.lua@v1:4"));
  CHECK(agents.pool.statistics()["deaths"] == Value(0));
  CHECK(agents.ends[2] == "finished");
}

TEST_CASE("when a cell is killed, the run that executed is blamed and its neighbours are not") {
  Agents agents(one_cell());
  // Waits for an answer that never comes.
  agents.pool.start(program("tester", handler("clade.queue.get('t9')")), task(1));
  agents.run_until([&] { return agents.calls.size() == 1; });
  auto bad = program("builder", handler(kLoop), "v2");
  agents.pool.start(bad, task(2));
  agents.run_until([&] { return agents.logs.size() == 1; });
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGKILL);
  agents.run_until_ended({1, 2});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("lost: ") && Catch::Contains("builder at version v2"));
  CHECK_THAT(agents.ends[2], Catch::StartsWith("blamed: ") && Catch::Contains("SIGKILL"));
  CHECK(agents.pool.statistics()["deaths"] == Value(1));

  // The agent that was blamed is unconfirmed and alone from now on; the other one gets a new shared cell.
  bad.confirmed = false;
  agents.calls.clear();
  agents.pool.start(program("tester", handler("clade.queue.get('t9')")), task(3));
  agents.run_until([&] { return agents.calls.size() == 1; });
  agents.pool.start(bad, task(4));
  agents.run_until([&] { return agents.logs.size() == 2; });
  CHECK(agents.pool.statistics()["solo"] == Value(1));
  CHECK(agents.pool.statistics()["shared"] == Value(1));
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGKILL);
  agents.run_until_ended({3, 4});
  CHECK_THAT(agents.ends[3], Catch::StartsWith("lost: "));
  CHECK_THAT(agents.ends[4], Catch::StartsWith("blamed: "));
}

TEST_CASE("a run whose answer its dead cell has not read is not to blame") {
  Agents agents(one_cell());
  std::string strand;
  agents.on_call = [&](int64_t, const std::string& its_strand, const std::string&, const Value&) {
    strand = its_strand;
  };
  agents.pool.start(program("tester", handler("return clade.queue.get('t9')")), task(1));
  agents.run_until([&] { return agents.calls.size() == 1; });
  const auto cells = children_of(agents.zygote->pid());
  REQUIRE(cells.size() == 1);
  SECTION("it was gone when the answer was sent") {
    kill(cells[0], SIGKILL);
    while (kill(cells[0], 0) == 0) sched_yield();  // until it is reaped
    agents.pool.answer(1, strand, Value("late"), 0);
  }
  SECTION("it could not read it any more") {
    kill(cells[0], SIGSTOP);
    agents.pool.answer(1, strand, Value("unread"), 0);
    kill(cells[0], SIGKILL);
  }
  agents.run_until_ended({1});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("lost: "));
}

TEST_CASE("agents that fill their cell together move apart, and none is blamed") {
  auto options = one_cell();
  options.memory_mb = 64;
  options.vm_memory_mb = 60;
  Agents agents(options);
  // Holds 36 MB while it waits.
  const auto large = handler(
      "local held = {}\nfor n = 1, 36 do held[n] = ('x'):rep(2 ^ 20) .. n end\n"
      "clade.queue.get('t9')\nreturn #held");
  agents.on_call = [&](int64_t run, const std::string&, const std::string&, const Value&) {
    if (run == 1) agents.pool.start(program("builder", large), task(2));
  };
  agents.pool.start(program("tester", large), task(1));
  agents.run_until_ended({2});
  REQUIRE_THAT(agents.ends[2], Catch::StartsWith("lost: ") && Catch::Contains("memory"));
  agents.run_until_ended({1});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("lost: ") && Catch::Contains("builder at version v1 gets a"));

  std::string first_strand;
  agents.on_call = [&](int64_t run, const std::string& strand, const std::string&, const Value&) {
    if (run == 3) {
      first_strand = strand;
      agents.pool.start(program("builder", large), task(4));
      return;
    }
    agents.pool.answer(3, first_strand, Value("nothing"), 0);
    agents.pool.answer(4, strand, Value("nothing"), 0);
  };
  agents.pool.start(program("tester", large), task(3));
  agents.run_until_ended({3, 4});
  CHECK(agents.ends[3] == "finished");
  CHECK(agents.ends[4] == "finished");
}

TEST_CASE("an agent that runs out of memory is told its cap") {
  auto options = one_cell();
  options.vm_memory_mb = 8;
  Agents agents(options);
  agents.pool.start(
      program("tester", handler("local t = {} for n = 1, 1e9 do t[n] = ('x'):rep(1e5) .. n end")), task(1));
  agents.run_until_ended({1});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("failed: not enough memory: the cap is 8 MB; "));
}

TEST_CASE("a cell that no hook can stop is killed at the hard deadline") {
  auto options = one_cell();
  options.slice_ms = 3000;
  options.slice_grace_ms = 1;
  Agents agents(options);
  agents.pool.start(program("builder", handler(kLoop)), task(1));
  agents.run_until([&] { return agents.logs.size() == 1; });
  // A stopped process takes no signal but SIGKILL.
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGSTOP);
  agents.run_until_ended({1});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("blamed: ") && Catch::Contains("slice_ms"));
}

TEST_CASE("a program that was blamed may share again, and the cell of an unconfirmed one ends when idle") {
  auto options = one_cell();
  options.solo_idle_ms = 1;
  Agents agents(options);
  auto moody = program("builder", handler("if task.payload then return 1 end " + std::string(kLoop)));
  agents.pool.start(moody, task(1));
  agents.run_until([&] { return agents.logs.size() == 1; });
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGKILL);
  agents.run_until_ended({1});
  agents.pool.start(moody, task(3, true));
  agents.run_until_ended({3});
  CHECK(agents.pool.statistics()["shared"] == Value(1));
  moody.confirmed = false;
  agents.pool.start(moody, task(2, true));
  agents.run_until_ended({2});
  CHECK(agents.ends[2] == "finished");
  agents.run_until_alone(0);
  CHECK(agents.pool.statistics()["deaths"] == Value(1));
}

TEST_CASE("a cell killed from outside while idle blames nobody") {
  Agents agents(one_cell());
  agents.pool.start(program("tester", handler("clade.queue.get('t9')")), task(1));
  agents.pool.start(program("builder", handler("clade.queue.get('t9')")), task(2));
  agents.run_until([&] { return agents.calls.size() == 2; });
  agents.on_death = [] {};
  // With its zygote every cell dies.
  kill(agents.zygote->pid(), SIGKILL);
  agents.run_until_ended({1, 2});
  for (const int64_t run : {1, 2}) CHECK_THAT(agents.ends[run], Catch::StartsWith("lost: "));
  // Without a zygote the next run is lost too, and says why.
  agents.pool.start(program("tester", handler("return 1")), task(3));
  CHECK(agents.ends.count(3) == 0);
  agents.run_until_ended({3});
  CHECK_THAT(agents.ends[3], Catch::StartsWith("lost: ") && Catch::Contains("zygote"));
}

TEST_CASE("a cancelled run is not reported any more") {
  Agents agents(one_cell());
  agents.pool.start(program("tester", handler("clade.queue.get('t9')")), task(1));
  agents.run_until([&] { return agents.calls.size() == 1; });
  agents.pool.cancel(1);
  agents.pool.answer(1, "0", Value(1), 0);
  // Cancelled before it was sent, and before it could be refused.
  agents.pool.start(program("builder", handler("return 1")), task(2));
  agents.pool.start(program("builder", handler("return 1")), task(3));
  agents.pool.cancel(3);
  agents.pool.start(program("builder", handler("return 1")), task(4, std::string(17u << 20, 'x')));
  agents.pool.cancel(4);
  agents.run_until_ended({2});
  agents.pool.start(program("tester", handler("return 1")), task(5));
  agents.run_until_ended({5});
  CHECK(agents.ends.size() == 2);
}

TEST_CASE("state and argument that do not fit into a frame fail that run") {
  Agents agents;
  agents.pool.start(program("builder", handler("return 1")), task(1, std::string(17u << 20, 'x')));
  agents.run_until_ended({1});
  CHECK_THAT(agents.ends[1], Catch::StartsWith("failed: ") && Catch::Contains("16 MB"));
}

TEST_CASE("an answer that does not fit into a frame is an expected failure of the call") {
  Agents agents;
  agents.on_call = [&](int64_t run, const std::string& strand, const std::string&, const Value&) {
    agents.pool.answer(run, strand, Value(std::string(17u << 20, 'x')), 0);
  };
  agents.pool.start(program("builder", handler("local x, message, code = clade.queue.get('t9') return code")),
                    task(1));
  agents.run_until_ended({1});
  CHECK(agents.results[1] == Value("limit"));
}

TEST_CASE("agents share so many cells, and each keeps its own") {
  PoolOptions options;
  options.shared_cells = 2;
  Agents agents(options);
  std::set<int64_t> runs;
  for (int64_t run = 1; run <= 12; ++run) {
    agents.pool.start(program("agent" + std::to_string(run % 6), handler("return 1")), task(run));
    runs.insert(run);
  }
  CHECK(agents.pool.statistics()["shared"] == Value(2));
  agents.run_until_ended(runs);
  for (const int64_t run : runs) CHECK(agents.ends[run] == "finished");
}

TEST_CASE("logs of a script come out with their run") {
  Agents agents;
  agents.pool.start(program("builder", handler("clade.log('hello')")), task(1));
  agents.run_until_ended({1});
  CHECK(agents.logs == std::vector<std::string>{"1 hello"});
}

}  // namespace
}  // namespace clade::cell
