#include "cell/vm/limits.h"

#include <sys/time.h>

#include "cell/vm/cell_main.h"
#include "host/cell/vm/cell_fixture.h"
#include "host/cell/vm/vm_fixture.h"
#include "support/polite_stop.h"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using clade::Value;
using clade::test::CellProcess;
using clade::test::ChunkVm;

namespace {

// Sends SIGPROF to this process after 20 ms of processor time, once.
class Deadline {
 public:
  Deadline() {
    clade::vm::install_interrupt_handlers();
    itimerval timer{};
    timer.it_value.tv_usec = 20000;
    setitimer(ITIMER_PROF, &timer, nullptr);
  }
  ~Deadline() {
    itimerval timer{};
    setitimer(ITIMER_PROF, &timer, nullptr);
  }
};

}  // namespace

#if CLADE_STOPS_POLITELY  // without it such a loop ends with its process alone

TEST_CASE("an endless loop of any kind is stopped and its line named") {
  const auto [name, source] = GENERATE(table<std::string, std::string>({
      {"empty", "local x = 1\nwhile true do end"},
      {"compiled", "local x = 1\nwhile true do x = x + 1 end"},
      {"swallowing errors",
       "local function f() local x = 0\n while true do x = x + 1 end end\nwhile true do pcall(f) end"},
      {"swallowing at once", "local x\nwhile true do pcall(error) end"},
      {"in a coroutine",
       "local co = coroutine.wrap(function()\n while true do end end)\nwhile true do pcall(co) end"},
      {"in new coroutines",
       "while true do\n pcall(coroutine.wrap(function() local x = 0 while true do x = x + 1 end end)) end"},
      {"in an error handler", "local x\nwhile true do xpcall(error, function() while true do end end) end"},
      {"in a callback", "local x\n;('x'):gsub('x', function() while true do end end)"},
      {"in a comparison", "local x\ntable.sort({ 3, 2, 1 }, function() while true do end end)"},
      {"in a metamethod",
       "local x\nlocal y = setmetatable({}, { __index = function() while true do end end }).y"},
      {"in __tostring",
       "local x\ntostring(setmetatable({}, { __tostring = function() while true do end end }))"},
      {"recursive",
       "local function f()\n local x = 0 for i = 1, 100 do x = x + 1 end f() end\nwhile true do pcall(f) "
       "end"},
      {"over pairs", "local t = { a = 1 }\nwhile true do for k in pairs(t) do t[k] = k end end"},
      {"loading text", "local x\nwhile true do load('local x = 1', '@chunk')() end"},
  }));
  INFO(name);
  ChunkVm vm;
  const Deadline deadline;
  const auto result = vm.run(source);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == "cpu");
  INFO(result.error().message);
  CHECK_THAT(result.error().message,
             Contains("stopped: soft deadline (processor time)\nstack traceback:\n\t"));
  CHECK(result.error().message.rfind("chunk:", 0) == 0);
  CHECK(vm.run("return 1") == Value(1));
}

TEST_CASE("a chunk that takes the name of the machinery is stopped as well") {
  ChunkVm vm;
  const Deadline deadline;
  const auto result = vm.run("coroutine.wrap(load('while true do end', '@scripts/boot.lua'))()");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == "cpu");
}

TEST_CASE("the line of a stop is the one that ran") {
  ChunkVm vm;
  const Deadline deadline;
  const auto result =
      vm.run("local x = 0\n\nlocal function spin()\n  while true do x = x + 1 end\nend\nspin()");
  REQUIRE_FALSE(result);
  CHECK_THAT(result.error().message, StartsWith("chunk:4: stopped: soft deadline"));
  CHECK_THAT(result.error().message, Contains("\n\tchunk:4: in function 'spin'\n\tchunk:6: in the chunk"));
}

TEST_CASE("a signal while nothing runs is dropped") {
  clade::vm::install_interrupt_handlers();
  ChunkVm vm;
  raise(SIGUSR1);
  CHECK(vm.run("return 1") == Value(1));
}

TEST_CASE("a cell survives a stopped run, evaluation, selftest and session") {
  CellProcess cell;
  // The handler is one line: the signal may hit before the loop begins.
  const std::string loops =
      "if how == 'loop' then while true do pcall(function() while true do end end) end end "
      "if how == 'strand' then clade.all { function() clade.sleep(1) end, function() while true do end end } "
      "end ";
  const Value looping = cell.load(
      "return { api = 1, tasks = { 'x' }, selftest = function() while true do end end,\n"
      "on_task = function(self, how) " +
      loops + "if how == 'raise' then error('my own') end return 'fine' end }");
  REQUIRE(looping["ok"].as_bool());
  const auto interrupted = [&](const Value& frame) {
    cell.send(frame);
    // The cell is in the loop as soon as it uses the processor; a signal before that would be dropped, so it
    // is repeated.
    const timespec pause{0, 5000000};
    std::vector<Value> frames;
    for (;;) {
      kill(cell.child(), SIGUSR1);
      if (cell.readable(pause)) return cell.until_idle();
    }
  };
  const auto run = [](int run, const char* how) {
    return Value{{"t", "run"},  {"vm", 1},  {"run", run}, {"handler", "on_task"},
                 {"state", {}}, {"now", 0}, {"seed", 1},  {"argument", how}};
  };
  auto frames = interrupted(run(1, "loop"));
  REQUIRE(frames.size() == 1);
  CHECK(frames[0]["t"].as_string() == "failed");
  CHECK_THAT(frames[0]["error"].as_string(),
             StartsWith("agents/tester/init.lua@cafe:2: stopped: soft deadline (wall time)"));
  CHECK(cell.run(2, {})[0]["value"].as_string() == "fine");
  CHECK_THAT(cell.run(20, "raise")[0]["error"].as_string(),
             StartsWith("agents/tester/init.lua@cafe:2: my own"));

  frames = interrupted(run(3, "strand"));
  CHECK(frames.back()["t"].as_string() == "failed");
  CHECK_THAT(frames.back()["error"].as_string(), StartsWith("agents/tester/init.lua@cafe:2: stopped"));
  CHECK(cell.answer(3, "0.1", {}).empty());

  frames = interrupted({{"t", "selftest"}, {"vm", 1}});
  CHECK(frames[0]["code"].as_string() == "wall");

  frames = interrupted({{"t", "eval"}, {"source", "count(2) while true do end"}, {"chunk", "c"}});
  CHECK(frames[0]["code"].as_string() == "wall");
  CHECK(frames[0]["units"].as_integer() == 2);

  const Value subject{{"source", "return { f = function() while true do end end }"}, {"chunk", "subject"}};
  frames = interrupted({{"t", "eval"},
                        {"source", "while true do subject.call('f') end"},
                        {"chunk", "c"},
                        {"subject", subject}});
  CHECK(frames[0]["code"].as_string() == "wall");
  // The signal may come between two calls.
  CHECK_THAT(frames[0]["error"].as_string(), StartsWith("subject:1: stopped") || StartsWith("c:1: stopped"));
  const Value stuck{{"source", "while true do end"}, {"chunk", "subject"}};
  frames = interrupted({{"t", "eval"}, {"source", "return 1"}, {"chunk", "c"}, {"subject", stuck}});
  CHECK(frames[0]["code"].as_string() == "wall");

  frames = interrupted({{"t", "load"}, {"vm", 2}, {"source", "while true do end"}, {"chunk", "c"}});
  CHECK(frames[0]["code"].as_string() == "wall");
  frames = interrupted({{"t", "repl"}, {"source", "while true do end"}});
  CHECK_THAT(frames[0]["error"].as_string(), StartsWith("repl:1: stopped"));
  CHECK(cell.repl("1")["value"].as_string() == "1");
}

#endif

TEST_CASE("the cell closes with its socket") {
  CellProcess cell;
  CHECK(cell.eval("return 1")["ok"].as_bool());
}
