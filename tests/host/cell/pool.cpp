// Agents in shared cells: loading, runs, deadlines, deaths and who is blamed.
#include "cell/pool.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sched.h>
#include <signal.h>

#include "host/cell/fixture.h"
#include "loop/timer.h"

namespace clade::cell {
namespace {

run::Program program(const std::string& agent, const std::string& source, const std::string& version = "v1") {
  run::Program made;
  made.agent = agent;
  made.version = version;
  made.main = {source, "agents/" + agent + "/init.lua@" + version};
  made.key = agent + version + source;
  made.confirmed = true;
  return made;
}

run::Invocation task(int64_t run, Value payload = {}) {
  run::Invocation invocation;
  invocation.run = run;
  invocation.handler = "on_task";
  invocation.argument = {{"id", "t1"}, {"type", "work"}, {"payload", std::move(payload)}};
  invocation.now_ms = 1000;
  invocation.seed = 7;
  return invocation;
}

std::string handler(const std::string& body) {
  return "return { api = 1, tasks = { 'work' }, state = { runs = 0 },\non_task = function(self, task)\n" +
         body + "\nend }";
}

struct Agents : ZygoteFixture, run::RunEvents {
  explicit Agents(PoolOptions options = {}) : pool(loop, *zygote, options, log) { pool.report_to(this); }

  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override {
    calls.push_back(std::to_string(run) + " " + op + " " + std::to_string(position));
    if (on_call) on_call(run, strand, op, args);
    step();
  }
  void finished(int64_t run, Value result, Value state, run::Usage usage) override {
    results[run] = std::move(result);
    states[run] = std::move(state);
    usages[run] = usage;
    ended(run, "finished");
  }
  void failed(int64_t run, const std::string& message) override { ended(run, "failed: " + message); }
  void lost(int64_t run, bool blamed, const std::string& reason) override {
    ended(run, (blamed ? "blamed: " : "lost: ") + reason);
  }
  void withdrawn(int64_t, const std::string&) override {}
  void rested(int64_t) override {}
  void logged(int64_t run, const std::string&, const std::string& text) override {
    logs.push_back(std::to_string(run) + " " + text);
    step();
  }

  void ended(int64_t run, const std::string& how) {
    REQUIRE(ends.emplace(run, how).second);
    step();
  }
  void step() {
    if (until && until()) loop.stop();
  }
  void run_until(std::function<bool()> condition) {
    until = std::move(condition);
    if (!until()) loop.run();
    until = nullptr;
  }
  // Until so many cells of unconfirmed programs are left.
  void run_until_alone(int64_t count) {
    loop::Timer poll(loop);
    poll.start(
        1,
        [&] {
          if (pool.statistics()["solo"] == Value(count)) loop.stop();
        },
        1);
    loop.run();
  }
  void run_until_ended(const std::set<int64_t>& runs) {
    run_until([&] {
      return std::all_of(runs.begin(), runs.end(), [&](int64_t run) { return ends.count(run) > 0; });
    });
  }

  Log log;
  Pool pool;
  std::function<void(int64_t, const std::string&, const std::string&, const Value&)> on_call;
  std::function<bool()> until;
  std::vector<std::string> calls;
  std::vector<std::string> logs;
  std::map<int64_t, std::string> ends;
  std::map<int64_t, Value> results;
  std::map<int64_t, Value> states;
  std::map<int64_t, run::Usage> usages;
};

PoolOptions one_cell() {
  PoolOptions options;
  options.shared_cells = 1;
  return options;
}

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

// Says over its log that it runs, so much that it is sent at once, and does not end.
const char* const kLoop = "clade.log(('x'):rep(2 ^ 17))\nwhile true do end";

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

// Counts its runs where an agent should keep nothing.
run::Program counting(const std::string& agent, const std::string& version = "v1") {
  auto made = program(agent,
                      handler("count = count + 1\nif task.payload == 'wait' then clade.queue.get('t9') end\n"
                              "if task.payload == 'loop' then " +
                              std::string(kLoop) + " end\nreturn count"),
                      version);
  made.main.source = "local count = 0\n" + made.main.source;
  made.confirmed = false;
  return made;
}

// What `counting` returns: how many runs its VM has had.
int64_t count_of(Agents& agents, int64_t run, const run::Program& program) {
  agents.pool.start(program, task(run));
  agents.run_until_ended({run});
  INFO(agents.ends[run]);
  return agents.results[run].as_integer();
}

TEST_CASE("the cell of an unconfirmed program stays for the next run of the same program and agent") {
  Agents agents(one_cell());
  auto builder = counting("builder");
  REQUIRE(count_of(agents, 1, builder) == 1);
  REQUIRE(count_of(agents, 2, builder) == 2);
  REQUIRE(count_of(agents, 3, counting("builder#2")) == 1);
  REQUIRE(count_of(agents, 4, builder) == 3);
  CHECK(agents.pool.statistics()["solo"] == Value(2));

  // Another program of the agent ends it.
  REQUIRE(count_of(agents, 5, counting("builder", "v2")) == 1);
  agents.run_until_alone(2);
  REQUIRE(count_of(agents, 6, builder) == 1);
  agents.run_until_alone(2);
  // So does the same one once it is confirmed.
  builder.confirmed = true;
  REQUIRE(count_of(agents, 7, builder) == 1);
  agents.run_until_alone(1);
  CHECK(agents.pool.statistics()["deaths"] == Value(0));
}

TEST_CASE("an unconfirmed program shares its cell with no other run, not even one of its own") {
  Agents agents(one_cell());
  const auto builder = counting("builder");
  agents.pool.start(builder, task(1, "wait"));
  agents.run_until([&] { return agents.calls.size() == 1; });
  agents.pool.cancel(1);
  REQUIRE(count_of(agents, 2, builder) == 1);
  // While another program of the agent takes over, its run goes on, and its cell ends afterwards.
  agents.pool.start(builder, task(3, "wait"));
  agents.run_until([&] { return agents.calls.size() == 2; });
  REQUIRE(count_of(agents, 4, counting("builder", "v2")) == 1);
  agents.pool.answer(3, "0", Value(1), 0);
  agents.run_until_ended({3});
  CHECK(agents.ends[3] == "finished");
  agents.run_until_alone(1);
  REQUIRE(count_of(agents, 5, counting("builder", "v2")) == 2);
}

TEST_CASE("idle cells make place for runs that need one, the one idle for longest first") {
  auto options = one_cell();
  options.solo_cells = 2;
  options.solo_idle_ms = 600000;
  Agents agents(options);
  REQUIRE(count_of(agents, 1, counting("agent#1")) == 1);
  REQUIRE(count_of(agents, 2, counting("agent#2")) == 1);
  REQUIRE(count_of(agents, 3, counting("agent#3")) == 1);
  CHECK(agents.pool.statistics()["solo"] == Value(2));
  REQUIRE(count_of(agents, 4, counting("agent#2")) == 2);
  REQUIRE(count_of(agents, 5, counting("agent#1")) == 1);
  CHECK(agents.pool.statistics()["deaths"] == Value(0));

  // All at once: none is kept waiting by a cell that does nothing.
  std::set<int64_t> runs;
  for (int64_t run = 10; run < 20; ++run) {
    agents.pool.start(counting("agent#" + std::to_string(run)), task(run));
    runs.insert(run);
  }
  agents.run_until_ended(runs);
  for (const int64_t run : runs) CHECK(agents.results[run] == Value(1));
}

TEST_CASE("an idle cell is not the one that its script version always has") {
  auto options = one_cell();
  options.solo_cells = 1;
  options.solo_idle_ms = 600000;
  Agents agents(options);
  agents.pool.start(counting("waiting"), task(1, "wait"));
  agents.run_until([&] { return agents.calls.size() == 1; });
  REQUIRE(count_of(agents, 2, counting("answering#1", "v2")) == 1);
  REQUIRE(count_of(agents, 3, counting("answering#2", "v2")) == 1);
  agents.pool.answer(1, "0", Value(1), 0);
  agents.run_until_ended({1});
  CHECK(agents.ends[1] == "finished");
}

TEST_CASE("a run that takes the cell of the one before it down is to blame for that") {
  Agents agents(one_cell());
  const auto builder = counting("builder");
  REQUIRE(count_of(agents, 1, builder) == 1);
  agents.pool.start(builder, task(2, "loop"));
  agents.run_until([&] { return agents.logs.size() == 1; });
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGKILL);
  agents.run_until_ended({2});
  CHECK_THAT(agents.ends[2], Catch::StartsWith("blamed: ") && Catch::Contains("SIGKILL"));
  CHECK(agents.pool.statistics()["deaths"] == Value(1));
  REQUIRE(count_of(agents, 3, builder) == 1);
  // One that is idle when it is killed blames nobody.
  for (const pid_t cell : children_of(agents.zygote->pid())) kill(cell, SIGKILL);
  agents.run_until_alone(0);
  REQUIRE(count_of(agents, 4, builder) == 1);
  CHECK(agents.pool.statistics()["deaths"] == Value(1));
}

TEST_CASE("a cell whose run could not even be sent ends, too") {
  auto options = one_cell();
  options.solo_idle_ms = 1;
  Agents agents(options);
  agents.pool.start(counting("builder"), task(1, std::string(17u << 20, 'x')));
  auto large = counting("tester");
  large.main.source += std::string(17u << 20, ' ');
  agents.pool.start(large, task(2));
  agents.run_until_ended({1, 2});
  for (const int64_t run : {1, 2}) CHECK_THAT(agents.ends[run], Catch::StartsWith("failed: "));
  agents.run_until_alone(0);
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

TEST_CASE("an unconfirmed program is alone in its cell, and no neighbour pays for it") {
  Agents agents(one_cell());
  agents.pool.start(program("tester", handler("clade.queue.get('t9')")), task(1));
  auto fresh = program("builder", handler(kLoop));
  fresh.confirmed = false;
  agents.pool.start(fresh, task(2));
  agents.run_until([&] { return agents.calls.size() == 1 && agents.logs.size() == 1; });
  CHECK(agents.pool.statistics()["solo"] == Value(1));
  CHECK(agents.pool.statistics()["shared"] == Value(1));
}

TEST_CASE("there are only so many cells with one unconfirmed run each, further ones wait for their turn") {
  PoolOptions options = one_cell();
  options.solo_cells = 2;
  Agents agents(options);
  for (const int64_t run : {1, 2, 3, 4}) {
    auto fresh = program("agent#" + std::to_string(run), handler("return clade.queue.get('t9')"));
    fresh.confirmed = false;
    agents.pool.start(fresh, task(run));
  }
  agents.run_until([&] { return agents.calls.size() == 2; });
  CHECK(agents.pool.statistics()["solo"] == Value(2));
  CHECK(agents.pool.statistics()["waiting_alone"] == Value(2));
  // One whose answer they may be waiting for is not kept waiting by them.
  auto other = program("other", handler("return 7"), "v2");
  other.confirmed = false;
  agents.pool.start(other, task(5));
  agents.run_until_ended({5});
  CHECK(agents.ends[5] == "finished");
  agents.pool.cancel(3);
  agents.pool.answer(1, "0", Value(1), 0);
  agents.run_until([&] { return agents.calls.size() == 3; });
  agents.pool.answer(2, "0", Value(1), 0);
  agents.pool.answer(4, "0", Value(1), 0);
  agents.run_until_ended({1, 2, 4});
  for (const int64_t run : {1, 2, 4}) CHECK(agents.ends[run] == "finished");
  CHECK(agents.ends.count(3) == 0);
}

TEST_CASE("logs of a script come out with their run") {
  Agents agents;
  agents.pool.start(program("builder", handler("clade.log('hello')")), task(1));
  agents.run_until_ended({1});
  CHECK(agents.logs == std::vector<std::string>{"1 hello"});
}

// --- check
// --------------------------------------------------------------------------------------------------

struct Checked {
  bool ok = false;
  Value info;
  Error error;
};

Checked check(Agents& agents, const std::string& source) {
  Checked checked;
  agents.pool.check(program("builder", source), "", [&](const Result<ProgramInfo>& result) {
    checked.ok = result.has_value();
    if (result) {
      checked.info = result->info;
    } else {
      checked.error = result.error();
    }
    agents.loop.stop();
  });
  agents.loop.run();
  return checked;
}

TEST_CASE("no agent's trials keep the host's own checks waiting, and they end when they are cancelled") {
  PoolOptions options;
  options.parallel_evaluations = 2;
  options.check_ms = 600000;
  Agents agents(options);
  const auto counted = [&](const char* what) { return agents.pool.statistics()[what].as_integer(); };
  std::vector<uint64_t> trials;
  for (int i = 0; i < 20; ++i) {
    trials.push_back(agents.pool.check(program("greedy", "while true do end"), "greedy",
                                       [](const Result<ProgramInfo>&) { FAIL("it ended"); }));
  }
  REQUIRE(counted("checking") == 2);
  CHECK(counted("unchecked") == 18);
  const int64_t waiting = counted("unchecked");
  const auto stop = [&](const Result<ProgramInfo>& info) {
    CHECK(info);
    agents.loop.stop();
  };
  agents.pool.check(program("modest", handler("return 1")), "modest", stop);
  REQUIRE(counted("unchecked") == waiting);
  agents.loop.run();
  // All the places that agents may have are taken.
  trials.push_back(agents.pool.check(program("modest", "while true do end"), "modest",
                                     [](const Result<ProgramInfo>&) { FAIL("it ended"); }));
  agents.pool.check(program("builder", handler("return 1")), "", stop);
  REQUIRE(counted("unchecked") == waiting);
  agents.loop.run();

  for (const uint64_t trial : trials) agents.pool.cancel_check(trial);
  CHECK(counted("checking") == 0);
  CHECK(counted("unchecked") == 0);
  agents.pool.check(program("greedy", handler("return 1")), "greedy", stop);
  agents.loop.run();
}

TEST_CASE("a program is checked in a cell of its own") {
  PoolOptions options;
  options.check_ms = 1000;
  options.wall_grace_ms = kGraceMs;
  Agents agents(options);

  auto checked = check(agents, handler("return 1"));
  INFO(checked.error.message);
  CHECK(checked.ok);
  CHECK(checked.info["tasks"] == Value(Value::Array{"work"}));
  CHECK(checked.info["has"]["on_task"] == Value(true));

  checked = check(
      agents, "return { api = 1, on_task = function() end, selftest = function() assert(1 + 1 == 2) end }");
  INFO(checked.error.message);
  CHECK(checked.ok);

  checked =
      check(agents, "return { api = 1, on_task = function() end,\nselftest = function() error('bad') end }");
  CHECK(checked.error.code == "error");
  CHECK_THAT(checked.error.message,
             Catch::StartsWith("its selftest failed: ") && Catch::Contains("init.lua@v1:2: bad"));

  checked = check(agents, "local x =\nlocal");
  CHECK(checked.error.code == "syntax");
  CHECK_THAT(checked.error.message, Catch::Contains("init.lua@v1:2:"));

  checked = check(agents, "error('at once')");
  CHECK(checked.error.code == "error");

  checked = check(agents, "while true do end");
  CHECK(checked.error.code == "wall");
  if (kStopsPolitely) {
    CHECK_THAT(checked.error.message,
               Catch::Contains("1000 ms (check_ms)") && Catch::Contains("init.lua@v1:1"));
  }
}

}  // namespace
}  // namespace clade::cell
