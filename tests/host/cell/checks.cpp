// Programs in cells of their own: do they load and pass their selftest, and what do they make of a state.
#include "cell/checks.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "host/cell/agents.h"

namespace clade::cell {
namespace {

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

TEST_CASE("a program is asked about a state in a cell of its own, where no agent delays the host") {
  PoolOptions options;
  options.parallel_evaluations = 1;
  options.check_ms = 1000;
  options.wall_grace_ms = kGraceMs;
  Agents agents(options);
  const auto examine = [&](const std::string& fields, StateQuestion question) {
    std::optional<Result<Value>> answer;
    agents.pool.examine(program("builder", "return { api = 1, on_mail = print,\n" + fields + " }"),
                        std::move(question), [&](Result<Value> result) {
                          answer = std::move(result);
                          agents.loop.stop();
                        });
    CHECK_FALSE(answer);
    agents.loop.run();
    return *answer;
  };
  const Value old{{"count", 1}};
  const std::string steps =
      "schema = 2, migrate = { [2] = function(state) return { total = state.count } end }";
  CHECK(examine(steps, {old, "v0", 1}).value() == Value{{"total", 1}});
  CHECK(examine(steps, {old, "v0", 2}).value() == old);
  CHECK(examine(steps, {old, "v0", 0}).value() == old);
  CHECK(examine("migrate = function(from) return { from = from } end", {old, "v0", 0}).value() ==
        Value{{"from", "v0"}});
  CHECK(examine("state = { count = 3 }", {}).value() == Value{{"count", 3}});

  auto refused = examine("check = function(state)\nerror('no') end", {old, "v0", 1});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "error");
  CHECK_THAT(refused.error().message, Catch::Contains("agents/builder/init.lua@v1:3: no"));
  refused = examine("schema = 3", {old, "v0", 2});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "the state has schema 2, this version knows 3 and has no migrate[3]");
  refused = examine("local", {old, "v0", 1});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "syntax");
  refused = examine("check = function() while true do end end", {old, "v0", 1});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "wall");
  refused = examine("", {Value{{"text", std::string(17u << 20, 'x')}}, "v0", 1});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "limit");
  CHECK_THAT(refused.error().message, Catch::StartsWith("the state: "));
}

TEST_CASE("a question about a state waits for no agent's trials, and ends when it is cancelled") {
  PoolOptions options;
  options.parallel_evaluations = 1;
  options.check_ms = 600000;
  Agents agents(options);
  const auto trial = agents.pool.check(program("greedy", "while true do end"), "greedy",
                                       [](const Result<ProgramInfo>&) { FAIL("it ended"); });
  const auto endless =
      program("builder", "return { api = 1, on_mail = print, check = function() while true do end end }");
  const auto cancelled =
      agents.pool.examine(endless, {Value::Map(), "v0", 1}, [](const Result<Value>&) { FAIL("it ended"); });
  CHECK(agents.pool.statistics()["checking"] == Value(2));
  agents.pool.cancel_examination(cancelled);
  CHECK(agents.pool.statistics()["checking"] == Value(1));
  bool answered = false;
  agents.pool.examine(program("builder", handler("return 1")), {Value::Map(), "v0", 1},
                      [&](const Result<Value>& state) {
                        answered = state.has_value();
                        agents.loop.stop();
                      });
  agents.loop.run();
  CHECK(answered);
  agents.pool.cancel_check(trial);
  CHECK(agents.pool.statistics()["checking"] == Value(0));
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
