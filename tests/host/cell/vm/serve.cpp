#include "host/cell/vm/cell_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::CellProcess;

TEST_CASE("a program is loaded, run, answered and done") {
  CellProcess cell;
  const Value loaded = cell.load(R"lua(
    return {
      api = 1, tasks = { "test_*" }, state = { runs = 0 },
      on_task = function(self, task)
        self.state.runs = self.state.runs + 1
        local value, message, code = clade.queue.get(task.payload.id)
        return { value = value, message = message, code = code, name = self.name, role = self.role,
                 version = self.version, now = clade.now() }
      end,
      check = function(state) return state.runs < 3, "too many runs" end,
    })lua");
  REQUIRE(loaded["ok"].as_bool());
  CHECK(loaded["vm"].as_integer() == 1);
  CHECK(loaded["info"]["tasks"] == Value(Value::Array{"test_*"}));
  CHECK(loaded["info"]["has"]["on_task"].as_bool());
  CHECK_FALSE(loaded["info"]["has"]["selftest"].as_bool());
  CHECK_FALSE(loaded["info"]["mail"].as_bool());
  CHECK(loaded["info"]["state"] == Value{{"runs", 0}});

  auto frames = cell.run(5, {{"payload", Value{{"id", "t1"}}}});
  REQUIRE(frames.size() == 1);
  CHECK(frames[0] == Value{{"t", "call"},
                           {"run", 5},
                           {"strand", "0"},
                           {"position", 1},
                           {"op", "queue.get"},
                           {"args", Value{{"id", "t1"}}}});
  frames = cell.answer(5, "0", {{"id", "t1"}});
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["t"].as_string() == "done");
  CHECK(frames[0]["state"] == Value{{"runs", 1}});
  CHECK(frames[0]["value"] == Value{{"value", Value{{"id", "t1"}}},
                                    {"name", "tester"},
                                    {"role", "tester"},
                                    {"version", "cafe"},
                                    {"now", 1000}});

  SECTION("an expected failure is nil, message, code") {
    cell.run(6, {{"payload", Value{{"id", "t9"}}}}, frames[0]["state"]);
    frames = cell.refuse(6, "0", "no task t9", "not_found");
    REQUIRE(frames.size() == 1);
    CHECK(frames[0]["value"]["message"].as_string() == "no task t9");
    CHECK(frames[0]["value"]["code"].as_string() == "not_found");
  }
  SECTION("misuse and refusals raise at the script's line, with a traceback and the version's hash") {
    cell.run(6, {{"payload", Value{{"id", "t9"}}}});
    frames = cell.refuse(6, "0", "queue.read is not granted", "refused");
    REQUIRE(frames.size() == 1);
    CHECK(frames[0]["t"].as_string() == "failed");
    CHECK_THAT(frames[0]["error"].as_string(),
               Contains("agents/tester/init.lua@cafe:6: queue.read is not granted\nstack traceback:"));
  }
  SECTION("a state that check refuses fails the run") {
    cell.run(6, {{"payload", Value{{"id", "t9"}}}}, {{"runs", 2}});
    frames = cell.answer(6, "0", {});
    CHECK(frames[0]["t"].as_string() == "failed");
    CHECK_THAT(frames[0]["error"].as_string(), Contains("check refuses the state: too many runs"));
  }
  SECTION("a cancelled run is forgotten, its answer dropped") {
    cell.run(6, {{"payload", Value{{"id", "t9"}}}});
    CHECK(cell.ask({{"t", "cancel"}, {"run", 6}}).empty());
    CHECK(cell.answer(6, "0", {}).empty());
  }
  SECTION("two runs of one program wait side by side") {
    cell.run(6, {{"payload", Value{{"id", "a"}}}});
    cell.run(7, {{"payload", Value{{"id", "b"}}}});
    CHECK(cell.answer(6, "0", "six")[0]["value"]["value"].as_string() == "six");
    CHECK(cell.answer(7, "0", "seven")[0]["value"]["value"].as_string() == "seven");
  }
}

TEST_CASE("an error in tail position names no script of the machinery") {
  CellProcess cell;
  CHECK(cell.load("return error('x')")["error"].as_string() == "x");
  CHECK(cell.load("\nerror('x')")["error"].as_string() ==
        "agents/tester/init.lua@cafe:2: x\nstack traceback:\n\tagents/tester/init.lua@cafe:2: in the chunk");
  REQUIRE(cell.load(R"lua(
    return {
      api = 1, tasks = { "x" },
      on_task = function(self, task)
        if task.wait then clade.sleep(1) end
        if task.own then
          error("x")
        end
        return error("x")
      end,
      selftest = function() return error("x") end,
    })lua")["ok"]
              .as_bool());
  CHECK(cell.ask({{"t", "selftest"}, {"vm", 1}})[0]["error"].as_string() == "x");
  CHECK(cell.run(1, Value::Map())[0]["error"].as_string() == "x");
  // The traceback of an error is that of where it came from, also after a wait.
  CHECK(cell.run(2, {{"wait", true}, {"own", true}})[0]["t"].as_string() == "call");
  CHECK(
      cell.answer(2, "0", {})[0]["error"].as_string() ==
      "agents/tester/init.lua@cafe:7: x\nstack traceback:\n\tagents/tester/init.lua@cafe:7: in the function "
      "of line 4");
  CHECK(cell.run(3, Value::Map())[0]["error"].as_string() == "x");
}

TEST_CASE("strands of clade.all have stable names and positions, results come in order") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    local function sleep(ms) return function() clade.sleep(ms); return clade.sleep(ms + 1) end end
    return { api = 1, tasks = { "x" }, on_task = function()
      local first = clade.all { sleep(10), sleep(20) }
      local second = clade.all { function() return clade.all { sleep(30) } end, function() return "quick" end }
      return { first, second }
    end })lua")["ok"]
              .as_bool());
  const auto call = [](const char* strand, int position, int ms) {
    return Value{{"t", "call"},          {"run", 1},      {"strand", strand},
                 {"position", position}, {"op", "sleep"}, {"args", Value{{"ms", ms}}}};
  };
  CHECK(cell.run(1, {}) == std::vector<Value>{call("0.1", 1, 10), call("0.2", 1, 20)});
  CHECK(cell.answer(1, "0.2", {}) == std::vector<Value>{call("0.2", 2, 21)});
  CHECK(cell.answer(1, "0.1", {}) == std::vector<Value>{call("0.1", 2, 11)});
  CHECK(cell.answer(1, "0.2", "two").empty());
  CHECK(cell.answer(1, "0.1", "one") == std::vector<Value>{call("0.3.1", 1, 30)});
  CHECK(cell.answer(1, "0.3.1", {}) == std::vector<Value>{call("0.3.1", 2, 31)});
  const auto frames = cell.answer(1, "0.3.1", "deep");
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["value"] ==
        Value(Value::Array{Value::Array{"one", "two"}, Value::Array{Value::Array{"deep"}, "quick"}}));
}

TEST_CASE("the first error of clade.all in the order of its list is raised after all have ended") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function()
      clade.all {
        function() clade.sleep(1) error("late but first") end,
        function() error("early but second") end,
      }
    end })lua")["ok"]
              .as_bool());
  CHECK(cell.run(1, {}).size() == 1);
  const auto frames = cell.answer(1, "0.1", {});
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["t"].as_string() == "failed");
  CHECK_THAT(frames[0]["error"].as_string(), Contains("agents/tester/init.lua@cafe:4: late but first"));
  CHECK_THAT(frames[0]["error"].as_string(), Contains("in clade.all, "));
}

TEST_CASE("an error in a handler has its line and the functions that led there") {
  CellProcess cell;
  REQUIRE(cell.load("local function inner(x) return x.y.z end\n"
                    "return { api = 1, tasks = { 'x' }, on_task = function(self, task)\n"
                    "  local value = inner(task)\n"
                    "  return value\nend }")["ok"]
              .as_bool());
  const std::string error = cell.run(1, Value::Map())[0]["error"].as_string();
  CHECK(error ==
        "agents/tester/init.lua@cafe:1: attempt to index field 'y' (a nil value)\nstack traceback:\n"
        "\tagents/tester/init.lua@cafe:1: in function 'inner'\n"
        "\tagents/tester/init.lua@cafe:3: in the function of line 2");
}

TEST_CASE("what cannot be stored fails the run and names the part") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function(self, task)
      if task == "state" then self.state.cache = { f = print } end
      if task == "value" then return { 1, nil, 3 } end
      if task == "args" then clade.queue.add { type = "x", payload = { call = print } } end
    end })lua")["ok"]
              .as_bool());
  CHECK_THAT(cell.run(1, "state")[0]["error"].as_string(), Contains("state.cache.f is a function"));
  CHECK_THAT(cell.run(2, "value")[0]["error"].as_string(), Contains("without gaps"));
  CHECK_THAT(cell.run(3, "args")[0]["error"].as_string(),
             Contains("agents/tester/init.lua@cafe:5: queue.add: args.payload.call is a function"));
}

TEST_CASE("a program that does not load says where") {
  CellProcess cell;
  Value loaded = cell.load("return {\n  api = = 1 }");
  CHECK_FALSE(loaded["ok"].as_bool());
  CHECK(loaded["code"].as_string() == "syntax");
  CHECK_THAT(loaded["error"].as_string(), Contains("agents/tester/init.lua@cafe:2:"));
  CHECK_THAT(cell.load("x = 1")["error"].as_string(),
             Contains("init.lua@cafe:1: the global `x` cannot be set: use a local, or self.state"));
  CHECK_THAT(cell.load("return 5")["error"].as_string(), Contains("must return a table, not number"));
  CHECK_THAT(cell.load("return {}")["error"].as_string(), Contains("needs `api = 1`"));
  CHECK_THAT(cell.load("return { api = 1, on_task = 5 }")["error"].as_string(),
             Contains("`on_task` must be a function"));
  CHECK_THAT(cell.load("return { api = 1 }")["error"].as_string(), Contains("add on_task or on_mail"));
  CHECK_THAT(cell.load("local t = {} for n = 1, 101 do t[n] = 't' .. n end\n"
                       "return { api = 1, tasks = t, on_task = print }")["error"]
                 .as_string(),
             Contains("`tasks` has more than 100 patterns"));
  CHECK_THAT(
      cell.load("return { api = 1, tasks = { ('x'):rep(257) }, on_task = print }")["error"].as_string(),
      Contains("`tasks[1]` is longer than 256 bytes"));
  CHECK_THAT(cell.load("clade.queue.list()")["error"].as_string(),
             Contains("works only while a handler runs"));
  CHECK_THAT(cell.load("require 'optimize.none'")["error"].as_string(),
             Contains("no module \"optimize.none\" here: list it in `skills` of agent.yaml"));
  CHECK(cell.run(1, {})[0]["error"].as_string() == "there is no such VM in this cell");
}

TEST_CASE("a reloaded program keeps nothing but what the host gives it") {
  CellProcess cell;
  const char* source =
      "local count = 0\n"
      "return { api = 1, tasks = { 'x' }, on_task = function() count = count + 1 return count end }";
  cell.load(source);
  CHECK(cell.run(1, {})[0]["value"].as_integer() == 1);
  cell.load(source);
  CHECK(cell.run(2, {})[0]["value"].as_integer() == 1);
  CHECK(cell.ask({{"t", "unload"}, {"vm", 1}}).empty());
  CHECK(cell.run(3, {})[0]["t"].as_string() == "failed");
}

TEST_CASE("what is measured of a VM is what its runs leave in it, not their garbage") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    local kept = {}
    return { api = 1, tasks = { "x" }, on_task = function(self, how)
      local made = {}
      for n = 1, 100 do made[n] = ("x"):rep(10000) .. n .. how.name end
      if how.keep then kept[#kept + 1] = made end
      if how.wait then clade.sleep(1) end
      if how.fail then error("no") end
    end })lua",
                    Value::Map(), true)["ok"]
              .as_bool());
  const auto held_after = [&](int64_t run, Value how) {
    cell.run(run, how.set("name", std::to_string(run)));
    return cell.idle()["vm_memory"].as_integer();
  };
  held_after(1, Value::Map());
  const int64_t bare = held_after(2, Value::Map());
  CHECK(bare > 0);
  CHECK(bare < 1'000'000);
  // Told where a run ends, not where it waits.
  CHECK(held_after(3, Value{{"wait", true}}) == 0);
  cell.answer(3, "0", {});
  CHECK(cell.idle()["vm_memory"].as_integer() < 1'000'000);
  CHECK(held_after(4, Value{{"fail", true}}) < 1'000'000);
  for (int64_t run = 5; run < 8; ++run) {
    const int64_t leaked = (run - 4) * 1'000'000;
    const int64_t held = held_after(run, Value{{"keep", true}});
    CHECK(held > bare + leaked);
    CHECK(held < bare + leaked + 200'000);
  }
}

TEST_CASE("a run that has ended tells the processor time of all its slices, and of no other") {
  CellProcess cell;
  CHECK(cell.load("return { api = 1, tasks = { 'x' }, on_task = function(self, count)\n"
                  "local text = '' for n = 1, count do text = ('x'):rep(1000) .. n end\n"
                  "if count > 1 then clade.sleep(1) end end }")["ok"]
            .as_bool());
  CHECK(cell.idle()["vm_memory"].is_nil());
  cell.run(1, 1);
  CHECK(cell.idle()["cpu"].as_integer() >= 0);
  CHECK(cell.idle()["vm_memory"].as_integer() > 0);
  cell.run(2, 1'000'000);
  CHECK(cell.idle()["cpu"].is_nil());
  cell.answer(2, "0", {});
  const int64_t much = cell.idle()["cpu"].as_integer();
  CHECK(much > 1000);
  // It is the run's own, not that of all before.
  cell.run(3, 1);
  CHECK(cell.idle()["cpu"].as_integer() < much);
}

TEST_CASE("modules are shared, run once, and without clade") {
  CellProcess cell;
  const Value modules{
      {"a.one", Value{{"source", "local two = require 'a.two' return { sum = two + 1, clade = clade }"},
                      {"chunk", "skills/a/one/init.lua@1"}}},
      {"a.two", Value{{"source", "return 2"}, {"chunk", "skills/a/two/init.lua@2"}}},
      {"a.ring", Value{{"source", "return require 'a.round'"}, {"chunk", "skills/a/ring/init.lua@3"}}},
      {"a.round", Value{{"source", "return require 'a.ring'"}, {"chunk", "skills/a/round/init.lua@4"}}},
      {"a.global", Value{{"source", "leak = 1"}, {"chunk", "skills/a/global/init.lua@5"}}}};
  REQUIRE(cell.load(R"lua(
    local one = require "a.one"
    return { api = 1, tasks = { "x" }, on_task = function(self, id)
      if id then return require(id) end
      return { one.sum, one.clade == nil, require("a.one") == one }
    end })lua",
                    modules)["ok"]
              .as_bool());
  CHECK(cell.run(1, {})[0]["value"] == Value(Value::Array{3, true, true}));
  CHECK_THAT(cell.run(2, "a.ring")[0]["error"].as_string(),
             Contains("in a circle: a.ring → a.round → a.ring"));
  CHECK_THAT(cell.run(3, "a.global")[0]["error"].as_string(),
             Contains("skills/a/global/init.lua@5:1: the global `leak`"));
}

TEST_CASE("a script's own test is run on request") {
  CellProcess cell;
  const auto selftest = [&](const std::string& body) {
    REQUIRE(cell.load("return { api = 1, on_mail = function() end, selftest = function() " + body +
                      " end }")["ok"]
                .as_bool());
    const auto frames = cell.ask({{"t", "selftest"}, {"vm", 1}});
    REQUIRE(frames.size() == 1);
    return frames[0];
  };
  CHECK(selftest("return 7")["value"].as_integer() == 7);
  CHECK(selftest("")["ok"].as_bool());
  CHECK_THAT(selftest("error('wrong')")["error"].as_string(), Contains("init.lua@cafe:1: wrong"));
  CHECK_THAT(selftest("return false, 'no'")["error"].as_string(), Contains("selftest: no"));
  CHECK(selftest("clade.now()")["code"].as_string() == "error");
}

TEST_CASE("randomness is the run's and the strand's, not the order's") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function()
      local function draw() clade.sleep(1) return { clade.random(), math.random(10), clade.random(5, 6) } end
      return clade.all { draw, draw }
    end })lua")["ok"]
              .as_bool());
  cell.run(1, {});
  cell.answer(1, "0.1", {});
  const Value forward = cell.answer(1, "0.2", {})[0]["value"];
  cell.run(2, {});
  cell.answer(2, "0.2", {});
  const Value backward = cell.answer(2, "0.1", {})[0]["value"];
  CHECK(forward == backward);
  CHECK(forward.as_array()[0] != forward.as_array()[1]);
  CHECK(forward.as_array()[0].as_array()[0].as_real() < 1);
}

TEST_CASE("whatever is in the way of an effect raises at its line, what is waited for may be a value") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function(self, how)
      local value, problem, code
      if how == "effect" then
        value, problem, code = clade.queue.add { type = "y" }
      else
        value, problem, code = clade.ask { to = "agent:b", kind = "k" }
      end
      return { tostring(value), problem or "", code or "" }
    end })lua")["ok"]
              .as_bool());
  CHECK(cell.run(1, "effect")[0]["op"] == Value("queue.add"));
  const Value failed = cell.refuse(1, "0", "the queue is full", "limit")[0];
  CHECK(failed["t"] == Value("failed"));
  CHECK_THAT(failed["error"].as_string(), Contains("init.lua@cafe:5: the queue is full"));
  CHECK(cell.run(2, "wait")[0]["op"] == Value("ask"));
  const Value done = cell.refuse(2, "0", "no answer in time", "timeout")[0];
  CHECK(done["value"].as_array().back() == Value("timeout"));
}

TEST_CASE("waiting is refused where a strand cannot be left") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function(self, how)
      if how == "coroutine" then coroutine.wrap(function() clade.sleep(1) end)() end
      if how == "gsub" then string.gsub("a", "a", function() clade.sleep(1) end) end
      if how == "yield" then coroutine.yield(1) end
      if how == "pcall" then local ok = pcall(function() clade.sleep(1) end) return ok end
    end })lua")["ok"]
              .as_bool());
  CHECK_THAT(cell.run(1, "coroutine")[0]["error"].as_string(), Contains("inside a coroutine of your own"));
  CHECK_THAT(cell.run(2, "gsub")[0]["error"].as_string(), Contains("inside a callback"));
  CHECK_THAT(cell.run(3, "yield")[0]["error"].as_string(), Contains("coroutine.yield was called outside"));
  CHECK(cell.run(4, "pcall")[0]["t"].as_string() == "call");
  CHECK(cell.answer(4, "0", {})[0]["value"].as_bool());
}

TEST_CASE("logs and prints become frames of the run") {
  CellProcess cell;
  REQUIRE(cell.load("return { api = 1, tasks = { 'x' }, on_task = function() clade.log(1) print('a', {}, "
                    "nil) end }")["ok"]
              .as_bool());
  const auto frames = cell.run(9, {});
  REQUIRE(frames.size() == 3);
  CHECK(frames[0] == Value{{"t", "log"}, {"run", 9}, {"level", "info"}, {"text", "1"}});
  CHECK(frames[1]["text"].as_string() == "a\ttable\tnil");
}

namespace {

// A handler whose task says what each of its strands does, in the order of the list: {ms = <how long it
// sleeps>, fails = <what it raises then>, inner = <a list for a clade.any of its own>}.
constexpr const char* kAny = R"lua(
  local run
  local function strand(work)
    return function()
      if work.inner then return { run(work.inner) } end
      if work.ms then clade.sleep(work.ms) end
      if work.fails then error(work.fails) end
      return work.value
    end
  end
  function run(list)
    local functions = {}
    for index, work in ipairs(list) do functions[index] = strand(work) end
    return clade.any(functions)
  end
  return { api = 1, tasks = { "x" }, on_task = function(self, list)
    local value, index = run(list)
    clade.sleep(99)
    return { value = value, index = index }
  end })lua";

Value sleep_call(const char* strand, int ms, int position = 1) {
  return Value{{"t", "call"},          {"run", 1},      {"strand", strand},
               {"position", position}, {"op", "sleep"}, {"args", Value{{"ms", ms}}}};
}

Value withdrawal(const char* strand) {
  return Value{{"t", "withdraw"}, {"run", 1}, {"strand", strand}};
}

}  // namespace

TEST_CASE("clade.any returns what the first function to return did, and withdraws the others") {
  CellProcess cell;
  REQUIRE(cell.load(kAny)["ok"].as_bool());
  SECTION("one of several that wait") {
    CHECK(cell.run(1, Value::Array{Value{{"ms", 1}}, Value{{"ms", 2}, {"value", "b"}}, Value{{"ms", 3}}}) ==
          std::vector<Value>{sleep_call("0.1", 1), sleep_call("0.2", 2), sleep_call("0.3", 3)});
    CHECK(cell.answer(1, "0.2", {}) ==
          std::vector<Value>{withdrawal("0.1"), withdrawal("0.3"), sleep_call("0", 99)});
    CHECK(cell.answer(1, "0", {})[0]["value"] == Value{{"value", "b"}, {"index", 2}});
  }
  SECTION("one that does not wait: those after it do not begin") {
    CHECK(cell.run(1, Value::Array{Value{{"ms", 1}}, Value{{"value", "b"}}, Value{{"ms", 3}}}) ==
          std::vector<Value>{sleep_call("0.1", 1), withdrawal("0.1"), sleep_call("0", 99)});
    CHECK(cell.answer(1, "0", {})[0]["value"] == Value{{"value", "b"}, {"index", 2}});
  }
  SECTION("one that raises is out") {
    cell.run(1, Value::Array{Value{{"fails", "x"}}, Value{{"ms", 2}, {"value", "b"}}});
    CHECK(cell.answer(1, "0.2", {}) == std::vector<Value>{sleep_call("0", 99)});
    CHECK(cell.answer(1, "0", {})[0]["value"]["index"].as_integer() == 2);
  }
  SECTION("what those wait for that it gives up ends, too") {
    const Value inner(Value::Array{Value{{"ms", 1}}, Value{{"ms", 2}}});
    CHECK(cell.run(1, Value::Array{Value{{"inner", inner}}, Value{{"ms", 3}}}) ==
          std::vector<Value>{sleep_call("0.2", 3), sleep_call("0.1.1", 1), sleep_call("0.1.2", 2)});
    CHECK(cell.answer(1, "0.2", {}) ==
          std::vector<Value>{withdrawal("0.1.1"), withdrawal("0.1.2"), sleep_call("0", 99)});
  }
  SECTION("one in another one") {
    const Value inner(Value::Array{Value{{"ms", 1}, {"value", "deep"}}, Value{{"ms", 2}}});
    cell.run(1, Value::Array{Value{{"inner", inner}}, Value{{"ms", 3}}});
    CHECK(cell.answer(1, "0.1.1", {}) ==
          std::vector<Value>{withdrawal("0.1.2"), withdrawal("0.2"), sleep_call("0", 99)});
    CHECK(cell.answer(1, "0", {})[0]["value"] ==
          Value{{"value", Value(Value::Array{"deep", 1})}, {"index", 1}});
  }
}

TEST_CASE("if all functions of clade.any fail, the first error in the order of its list is raised") {
  CellProcess cell;
  REQUIRE(cell.load(kAny)["ok"].as_bool());
  CHECK(cell.run(1, Value::Array{Value{{"ms", 1}, {"fails", "late but first"}}, Value{{"fails", "early"}}})
            .size() == 1);
  const auto frames = cell.answer(1, "0.1", {});
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["t"].as_string() == "failed");
  CHECK_THAT(frames[0]["error"].as_string(), Contains("agents/tester/init.lua@cafe:7: late but first"));
  CHECK_THAT(frames[0]["error"].as_string(), Contains("in clade.any, "));
}

TEST_CASE("clade.timeout ends what takes too long") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function(self, fails)
      return { clade.timeout(50, function()
        clade.sleep(70)
        if fails then error("it raises") end
        return "done"
      end) }
    end })lua")["ok"]
              .as_bool());
  const std::vector<Value> calls{sleep_call("0.1", 70), sleep_call("0.2", 50)};
  SECTION("in time") {
    CHECK(cell.run(1, false) == calls);
    const auto frames = cell.answer(1, "0.1", {});
    REQUIRE(frames.size() == 2);
    CHECK(frames[0] == withdrawal("0.2"));
    CHECK(frames[1]["value"] == Value(Value::Array{"done"}));
  }
  SECTION("too late") {
    REQUIRE(cell.load(R"lua(
      return { api = 1, tasks = { "x" }, on_task = function()
        local value, message, code = clade.timeout(50, function() clade.sleep(70) end)
        return { nothing = value == nil, message = message, code = code }
      end })lua")["ok"]
                .as_bool());
    CHECK(cell.run(1, {}) == calls);
    const auto frames = cell.answer(1, "0.2", {});
    REQUIRE(frames.size() == 2);
    CHECK(frames[0] == withdrawal("0.1"));
    CHECK(frames[1]["value"] ==
          Value{{"nothing", true}, {"message", "clade.timeout: not done within 50 ms"}, {"code", "timeout"}});
  }
  SECTION("it raises: at once, from where it came") {
    CHECK(cell.run(1, true) == calls);
    const auto frames = cell.answer(1, "0.1", {});
    REQUIRE(frames.size() == 2);
    CHECK_THAT(frames[1]["error"].as_string(), Contains("agents/tester/init.lua@cafe:5: it raises"));
    CHECK_THAT(frames[1]["error"].as_string(), Contains("in clade.timeout, "));
  }
}

TEST_CASE("the run's time goes on when its waits end") {
  CellProcess cell;
  REQUIRE(cell.load(R"lua(
    return { api = 1, tasks = { "x" }, on_task = function()
      local before = clade.now()
      clade.sleep(1)
      return { before, clade.now() }
    end })lua")["ok"]
              .as_bool());
  CHECK(cell.run(1, {}) == std::vector<Value>{sleep_call("0", 1)});
  const auto frames =
      cell.ask({{"t", "answer"}, {"run", 1}, {"strand", "0"}, {"value", true}, {"now", 1234}});
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["value"] == Value(Value::Array{1000, 1234}));
}
