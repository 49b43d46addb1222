// The cells of unconfirmed programs: alone, kept for the next run, ended when they are not needed.
#include "cell/solo_cells.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>
#include <signal.h>

#include "host/cell/agents.h"

namespace clade::cell {
namespace {

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
  auto options = one_cell();
  options.solo_idle_ms = 600000;
  Agents agents(options);
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

}  // namespace
}  // namespace clade::cell
