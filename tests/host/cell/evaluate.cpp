// Evaluations in the real thing: zygote, sandbox, LuaJIT.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <signal.h>

#include "cell/eval_effect.h"
#include "cell/pool.h"
#include "host/cell/fixture.h"
#include "loop/timer.h"

namespace clade::cell {
namespace {

struct Evaluator : ZygoteFixture {
  explicit Evaluator(PoolOptions options = {}) : pool(loop, *zygote, options, log) {}

  EvalResult eval(EvalRequest request) {
    EvalResult result;
    pool.evaluate(std::move(request), [&](EvalResult done) {
      result = std::move(done);
      loop.stop();
    });
    loop.run();
    return result;
  }
  EvalResult eval(const std::string& source) {
    EvalRequest request;
    request.main = {source, "chunk.lua"};
    return eval(std::move(request));
  }

  Log log;
  Pool pool;
};

TEST_CASE("a chunk's value comes back, with what it took") {
  Evaluator evaluator;
  const auto result = evaluator.eval("count(3) return { answer = 6 * 7, list = { 1, 2, 'x' } }");
  INFO(result.error);
  CHECK(result.ok);
  CHECK(result.value == Value{{"answer", 42}, {"list", Value::Array{1, 2, "x"}}});
  CHECK(result.units == 3);
  CHECK(result.cpu_us > 0);
  CHECK(result.wall_us > 0);
  CHECK(result.memory_kb > 0);
  CHECK(result.code.empty());
}

TEST_CASE("entry, arguments, modules and a subject") {
  Evaluator evaluator;
  EvalRequest request;
  request.main = {
      "local double = require 'double' "
      "return { go = function(a, b) local ok, x = subject.call('add', a, b) return double(x) end }",
      "main.lua"};
  request.entry = "go";
  request.args = Value::Array{3, 4};
  request.modules["double"] = {"return function(x) return 2 * x end", "double.lua"};
  request.subject =
      EvalRequest::Subject{{"return { add = function(a, b) return a + b end }", "subject.lua"}, {}};
  const auto result = evaluator.eval(request);
  INFO(result.error);
  CHECK(result.value == Value(14));
}

TEST_CASE("what a chunk returns is bounded all together") {
  Evaluator evaluator;
  EvalRequest request;
  request.main = {"local text = ('x'):rep(5e5) return text, text, text", "many.lua"};
  request.entry = "...";
  const auto result = evaluator.eval(std::move(request));
  CHECK(result.code == "error");
  CHECK_THAT(result.error, Catch::Contains("value 3 is too large: at most 1 MB"));
}

TEST_CASE("errors and syntax errors name the line") {
  Evaluator evaluator;
  auto result = evaluator.eval("local x = 1\nerror('no good')");
  CHECK(result.code == "error");
  CHECK_THAT(result.error, Catch::Contains("chunk.lua:2: no good"));
  result = evaluator.eval("local x = 1\nlocal = 2");
  CHECK(result.code == "syntax");
  CHECK_THAT(result.error, Catch::Contains("chunk.lua:2:"));
}

TEST_CASE("an endless loop is stopped by its CPU limit, and the error names limit and line") {
  Evaluator evaluator;
  EvalRequest request;
  request.main = {"local n = 0\nwhile true do n = n + 1 end", "loop.lua"};
  request.cpu_ms = 50;
  request.wall_ms = 60000;
  const auto result = evaluator.eval(request);
  CHECK_FALSE(result.ok);
  CHECK(result.code == "cpu");
  CHECK_THAT(result.error, Catch::StartsWith("stopped after 50 ms of CPU (cpu_ms): "));
  if (kStopsPolitely) CHECK_THAT(result.error, Catch::Contains("loop.lua:2"));
  // The timer and the figure of the whole life are not taken from the same clock.
  CHECK(result.cpu_us >= 25000);
}

TEST_CASE("an endless loop is stopped by its wall limit") {
  PoolOptions options;
  options.wall_grace_ms = kGraceMs;
  Evaluator evaluator(options);
  EvalRequest request;
  request.main = {"local n = 0\nwhile true do n = n + 1 end", "loop.lua"};
  request.cpu_ms = 60000;
  request.wall_ms = 50;
  const auto result = evaluator.eval(request);
  CHECK(result.code == "wall");
  if (kStopsPolitely) {
    CHECK_THAT(result.error,
               Catch::StartsWith("stopped after 50 ms (wall_ms): ") && Catch::Contains("loop.lua:2"));
  }
}

TEST_CASE("a loop that catches its own end is stopped by its soft limit") {
  PoolOptions options;
  options.wall_grace_ms = kGraceMs;
  Evaluator evaluator(options);
  EvalRequest request;
  request.main = {"local function spin() while true do end end\nwhile true do pcall(spin) end", "loop.lua"};
  request.cpu_ms = 60000;
  request.wall_ms = 50;
  const auto result = evaluator.eval(request);
  CHECK(result.code == "wall");
  if (kStopsPolitely) CHECK_THAT(result.error, Catch::Contains("loop.lua:1"));
}

TEST_CASE("a cell that no hook can stop is killed at the hard limit") {
  Evaluator evaluator;
  loop::Timer poll(evaluator.loop);
  // A stopped process takes no signal but SIGKILL.
  poll.start(
      1,
      [&] {
        for (const pid_t cell : children_of(evaluator.zygote->pid())) kill(cell, SIGSTOP);
      },
      1);
  EvalRequest request;
  request.main = {"while true do end", "loop.lua"};
  request.cpu_ms = 60000;
  request.wall_ms = 20;
  const auto result = evaluator.eval(request);
  CHECK(result.code == "wall");
  CHECK_THAT(result.error, Catch::Contains("wall_ms") && Catch::Contains("was killed"));
}

TEST_CASE("a memory hog ends in an error that names the limit") {
  Evaluator evaluator;
  EvalRequest request;
  request.main = {"local t = {}\nfor i = 1, 1e9 do t[i] = { i } end", "hog.lua"};
  request.memory_mb = 16;
  request.cpu_ms = 20000;
  request.wall_ms = 60000;
  const auto result = evaluator.eval(request);
  CHECK(result.code == "memory");
  CHECK_THAT(result.error, Catch::Contains("16 MB (memory_mb)"));
}

TEST_CASE("nothing of one evaluation is seen in the next") {
  Evaluator evaluator;
  const auto first = evaluator.eval("leaked = 1 string.leaked = 2 getmetatable('').__index.x = 3 return 1");
  const auto result = evaluator.eval("return { rawget(_G, 'leaked') == nil, string.leaked == nil }");
  INFO(result.error);
  CHECK(result.value == Value(Value::Array{true, true}));
  CHECK(result.cell != first.cell);
}

TEST_CASE("a cell that is killed from outside is reported as killed") {
  Evaluator evaluator;
  loop::Timer poll(evaluator.loop);
  poll.start(
      1,
      [&] {
        for (const pid_t cell : children_of(evaluator.zygote->pid())) kill(cell, SIGKILL);
      },
      1);
  EvalRequest request;
  request.main = {"while true do end", "loop.lua"};
  request.cpu_ms = 60000;
  request.wall_ms = 60000;
  const auto result = evaluator.eval(request);
  CHECK(result.code == "killed");
  CHECK_THAT(result.error, Catch::Contains("SIGKILL"));
}

TEST_CASE("known ways to take LuaJIT down end in an answer, and the next evaluation works") {
  Evaluator evaluator;
  const char* sources[] = {
      "local function f(s) return (s:gsub('.', f)) end return f('x')",
      "local function f() return coroutine.wrap(f)() end return f()",
      "local t = setmetatable({}, { __index = function(t, k) return t[k .. 'x'] end }) return t.a",
      "return ('x'):rep(1e9)",
      "return string.format('%99999d', 1)",
      "return loadstring('\\27LJ\\2')",
      "local s = {} for i = 1, 300 do s[i] = '(' end return ('a'):find(table.concat(s))",
  };
  for (const char* source : sources) {
    INFO(source);
    evaluator.eval(source);
    CHECK(evaluator.eval("return 1").ok);
  }
}

TEST_CASE("evaluations run so many at a time, cancelled ones are not reported") {
  PoolOptions options;
  options.parallel_evaluations = 2;
  Evaluator evaluator(options);
  std::vector<int> order;
  std::vector<uint64_t> handles;
  for (int i = 0; i < 12; ++i) {
    EvalRequest request;
    request.main = {"return 1", "chunk.lua"};
    handles.push_back(evaluator.pool.evaluate(request, [&, i](const EvalResult& result) {
      CHECK(result.ok);
      CHECK(evaluator.pool.statistics()["evaluating"].as_integer() <= 2);
      order.push_back(i);
      if (order.size() == 9) evaluator.loop.stop();
    }));
  }
  CHECK(evaluator.pool.statistics()["evaluating"] == Value(2));
  CHECK(evaluator.pool.statistics()["waiting"] == Value(10));
  for (const int i : {0, 5, 11}) evaluator.pool.cancel_evaluation(handles[static_cast<size_t>(i)]);
  evaluator.loop.run();
  CHECK(std::find(order.begin(), order.end(), 0) == order.end());
}

TEST_CASE("one at a time, evaluations end in the order in which they were asked for") {
  PoolOptions options;
  options.parallel_evaluations = 1;
  Evaluator evaluator(options);
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    EvalRequest request;
    request.main = {"return 1", "chunk.lua"};
    evaluator.pool.evaluate(request, [&, i](const EvalResult&) {
      order.push_back(i);
      if (order.size() == 5) evaluator.loop.stop();
    });
  }
  evaluator.loop.run();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("an agent's evaluations do not keep another one's waiting") {
  PoolOptions options;
  options.parallel_evaluations = 2;
  Evaluator evaluator(options);
  EvalEffect effect(evaluator.pool);
  const auto start = [&](const std::string& agent, const std::string& source, run::Effect::Done done) {
    run::EffectRequest request;
    request.agent = agent;
    request.args = {{"source", source}, {"cpu_ms", 600000}, {"wall_ms", 600000}};
    return effect.start(request, std::move(done));
  };
  const auto counted = [&](const char* what) { return evaluator.pool.statistics()[what].as_integer(); };
  std::vector<uint64_t> endless;
  for (int i = 0; i < 20; ++i) {
    endless.push_back(start("greedy", "while true do end", [](const Result<Value>&) { FAIL("it ended"); }));
  }
  CHECK(counted("evaluating") == 2);
  std::vector<std::string> order;
  const auto note = [&](const std::string& agent) {
    return [&, agent](const Result<Value>&) {
      order.push_back(agent);
      if (order.size() == 4) evaluator.loop.stop();
    };
  };
  // Both go through the place that greedy cannot have.
  for (const char* agent : {"first", "first", "second", "second"}) start(agent, "return 1", note(agent));
  REQUIRE(counted("evaluating") == 3);
  evaluator.loop.run();
  CHECK(order == std::vector<std::string>{"first", "second", "first", "second"});

  // Nor does greedy get that place back when one of its own becomes free.
  start("first", "while true do end", [](const Result<Value>&) { FAIL("it ended"); });
  CHECK(counted("waiting") == 18);
  evaluator.pool.cancel_evaluation(endless.front());
  start("third", "return 1", [&](const Result<Value>&) { evaluator.loop.stop(); });
  evaluator.loop.run();
  CHECK(counted("waiting") == 18);
  for (const uint64_t handle : endless) evaluator.pool.cancel_evaluation(handle);
  CHECK(counted("waiting") == 0);
  CHECK(counted("evaluating") == 1);
}

TEST_CASE("a pool can go while evaluations run and wait") {
  Evaluator evaluator;
  {
    Pool pool(evaluator.loop, *evaluator.zygote, {}, evaluator.log);
    for (int i = 0; i < 5; ++i) {
      EvalRequest request;
      request.main = {"while true do end", "loop.lua"};
      pool.evaluate(request, [](const EvalResult&) { FAIL("reported after the pool was gone"); });
    }
  }
  CHECK(evaluator.eval("return 1").ok);
}

TEST_CASE("a chunk that does not fit into a frame is an error of that evaluation") {
  Evaluator evaluator;
  const auto result = evaluator.eval("--" + std::string(17u << 20, 'x'));
  CHECK(result.code == "error");
  CHECK_THAT(result.error, Catch::Contains("16 MB"));
}

// --- the effect
// ---------------------------------------------------------------------------------------------

TEST_CASE("cell.eval checks its arguments before anything starts") {
  Evaluator evaluator;
  const EvalEffect effect(evaluator.pool);
  script::Grants grants("builder", {"cell.eval"}, {{"cell.eval"}});
  const auto message = [&](const Value& args) {
    script::Call call(grants, args, 0);
    auto status = effect.check(args, call);
    return status ? std::string() : status.error().code + ": " + status.error().message;
  };
  CHECK(message({{"source", "return 1"}}).empty());
  CHECK(message({{"source", "return 1"},
                 {"chunk", "a.lua"},
                 {"entry", "go"},
                 {"args", Value::Array{1}},
                 {"cpu_ms", 100},
                 {"wall_ms", 100},
                 {"memory_mb", 64},
                 {"modules", Value{{"a.b", {{"source", ""}, {"chunk", "b.lua"}}}}},
                 {"subject", {{"source", ""}, {"chunk", "c.lua"}, {"modules", Value::Map{}}}}})
            .empty());
  CHECK_THAT(message(Value()), Catch::StartsWith("invalid: cell.eval: needs a table"));
  CHECK_THAT(message({{"chunk", "x"}}), Catch::Contains("`source` must be a string, got nil"));
  CHECK_THAT(message({{"source", ""}, {"cpu", 5}}),
             Catch::Contains("unknown key `cpu`; known are source, chunk"));
  CHECK_THAT(message({{"source", ""}, {"cpu_ms", 0}}),
             Catch::Contains("`cpu_ms` must be a whole number from 1 to"));
  CHECK_THAT(message({{"source", ""}, {"wall_ms", 600001}}), Catch::Contains("`wall_ms`"));
  CHECK_THAT(message({{"source", ""}, {"memory_mb", 2.5}}), Catch::Contains("`memory_mb`"));
  CHECK_THAT(message({{"source", ""}, {"args", Value{{"x", 1}}}}), Catch::Contains("`args` must be a list"));
  CHECK_THAT(message({{"source", ""}, {"modules", Value::Array{1}}}), Catch::Contains("`modules`"));
  CHECK_THAT(message({{"source", ""}, {"modules", Value{{"a", 1}}}}), Catch::Contains("`modules.a`"));
  CHECK_THAT(message({{"source", ""}, {"subject", 1}}), Catch::Contains("`subject` must be a table"));
  CHECK_THAT(message({{"source", ""}, {"subject", Value{{"chunk", "x"}}}}),
             Catch::Contains("`subject.source`"));
  const Value source{{"source", ""}};
  script::Grants ungranted("builder", {"cell.eval"}, {});
  script::Call not_given(ungranted, source, 0);
  auto refused = effect.check(source, not_given);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == "refused");
  CHECK(effect.idempotent());
}

TEST_CASE("cell.eval gives what the evaluation gave, and can be cancelled") {
  Evaluator evaluator;
  EvalEffect effect(evaluator.pool);
  run::EffectRequest request;
  request.args = {{"source", "while true do end"}};
  effect.cancel(effect.start(request, [](const Result<Value>&) { FAIL("reported after cancel"); }));
  request.args = {{"source", "count(2) return (...)"}, {"args", Value::Array{}}};
  Value value;
  effect.start(request, [&](Result<Value> result) {
    value = *result;
    evaluator.loop.stop();
  });
  evaluator.loop.run();
  CHECK(value["ok"] == Value(true));
  CHECK(value["units"] == Value(2));
  CHECK(value["cpu_us"].as_integer() > 0);
}

}  // namespace
}  // namespace clade::cell
