#include "cell/vm/memory.h"

#include <string>

#include "cell/vm/eval.h"
#include "cell/vm/limits.h"
#include "cell/vm/program.h"
#include "host/cell/vm/vm_fixture.h"

using clade::Value;
using clade::vm::Memory;

TEST_CASE("memory is counted against a cap and its parent's") {
  Memory cell(1000);
  Memory one(800, &cell);
  Memory two(800, &cell);
  void* block = one.reallocate(nullptr, 0, 600);
  REQUIRE(block);
  CHECK(cell.used() == 600);
  CHECK_FALSE(one.reallocate(nullptr, 0, 201));
  CHECK_FALSE(two.reallocate(nullptr, 0, 401));
  {
    const Memory::Lifted lifted(two);
    void* beyond = two.reallocate(nullptr, 0, 500);
    REQUIRE(beyond);
    CHECK(cell.used() == 1100);
    two.reallocate(beyond, 500, 0);
  }
  void* smaller = one.reallocate(block, 600, 100);
  CHECK(cell.used() == 100);
  one.reallocate(smaller, 100, 0);
  CHECK(cell.used() == 0);
  CHECK(cell.peak() == 1100);
}

// Every allocation is the first that is refused, once: none may end the process.
TEST_CASE("compiled code that runs out of memory gets an error, not a fault") {
  const auto body = GENERATE("t[i] = ('x'):rep(1e5) .. i", "t[i] = tostring(i)", "t[i] = { i }",
                             "t[i] = ('%d'):format(i)", "t['k' .. i] = i", "t[i] = function() return i end");
  Memory memory(4u << 20);
  const Value frame{
      {"source",
       std::string("local n = 0\nfor round = 1, 20 do\n") +
           "local ok, problem = pcall(function() local t = {} for i = 1, 1e9 do " + body +
           " end end)\nif not ok and problem:find('not enough memory') then n = n + 1 end\nend return n"},
      {"chunk", "c"}};
  const Value result = clade::vm::Evaluation(memory).run(frame);
  INFO(body << ": " << result["error"].as_string());
  // What catches it may need memory itself before the garbage is collected.
  CHECK((result["value"] == Value(20) || result["code"] == Value("memory")));
}

TEST_CASE("running out of memory anywhere is an error, never a panic") {
  const Value modules{{"m", Value{{"source", "return { 1, 2, 3 }"}, {"chunk", "m"}}}};
  const Value subject{{"source", "return { f = function(t) t[#t + 1] = 'y' .. #t return t end }"},
                      {"chunk", "s"}};
  const Value frame{{"source",
                     "local m = require 'm'\n"
                     "local co = coroutine.wrap(function(...) coroutine.yield({ ... }) end)\n"
                     "local ok, back = subject.call('f', { 'a', 'b' })\n"
                     "pcall(error, { ('x'):rep(100), co(1, 2) }) print(m, back)\n"
                     "for k, v in pairs({ b = 1, a = 2 }) do print(k, v) end\n"
                     "return { entry = function(list) return { list, load('return 5')(), back } end }"},
                    {"chunk", "c"},
                    {"entry", "entry"},
                    {"args", Value::Array{Value::Array{1, "two"}}},
                    {"modules", modules},
                    {"subject", subject}};
  size_t needed = 0;
  for (size_t bytes = 1000; needed == 0; bytes += 97) {
    Memory memory(bytes);
    const Value result = clade::vm::Evaluation(memory).run(frame);
    CHECK(memory.used() == 0);
    INFO(result["error"].as_string());
    if (result["ok"].as_bool()) {
      needed = bytes;
    } else {
      CHECK((result["code"].as_string() == "memory" ||
             result["error"].as_string().find("memory") != std::string::npos));
    }
    REQUIRE(bytes < (1u << 20));
  }
  CHECK(needed > 100000);
}

TEST_CASE("an agent that runs out of memory anywhere fails, the cell goes on") {
  const Value load{
      {"source",
       "return { api = 1, tasks = { 'x' }, state = { list = { 1, 2 } }, on_task = function(self, task)\n"
       "  local values = clade.all { function() return clade.queue.get('t1') end,\n"
       "                             function() error({ 'no' }) end }\n"
       "end }"},
      {"chunk", "agents/a/init.lua@1"},
      {"modules", Value::Map()}};
  bool finished = false;
  for (size_t bytes = 20000; !finished; bytes += 311) {
    Memory memory(bytes);
    int calls = 0;
    std::string error;
    const auto send = [&](const Value& frame) {
      if (frame["t"].as_string() == "call") ++calls;
      if (frame["t"].as_string() == "failed") error = frame["error"].as_string();
      return std::string();
    };
    const clade::vm::Slice slice;
    Value info;
    auto program = clade::vm::Program::load(memory, load, send, info);
    if (!program) {
      CHECK(program.error().code == "memory");
      continue;
    }
    program->start(
        {{"run", 1}, {"handler", "on_task"}, {"now", 1}, {"seed", 1}, {"argument", Value{{"id", "t"}}}});
    if (calls == 1 && error.empty()) {
      program->answer({{"run", 1}, {"strand", "0.1"}, {"value", Value{{"text", std::string(100, 'x')}}}});
    }
    finished = error.find("(error value: a table)") != std::string::npos;
    CHECK_FALSE(error.empty());
    REQUIRE(bytes < (2u << 20));
  }
}
