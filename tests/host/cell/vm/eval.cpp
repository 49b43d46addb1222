#include "host/cell/vm/cell_fixture.h"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using clade::Value;
using clade::test::CellProcess;

namespace {

Value subject(const std::string& source) {
  return Value{{"subject", Value{{"source", source}, {"chunk", "subject"}, {"modules", Value::Map()}}}};
}

}  // namespace

TEST_CASE("a chunk's value, or its entry's for arguments") {
  CellProcess cell;
  CHECK(cell.eval("return 6 * 7")["value"].as_integer() == 42);
  Value result = cell.eval("return { add = function(a, b) count(a) count(b) print(a, b) return a + b end }",
                           {{"entry", "add"}, {"args", Value::Array{2, 3}}});
  CHECK(result["value"].as_integer() == 5);
  CHECK(result["units"].as_integer() == 5);
  CHECK(result["output"].as_string() == "2\t3\n");
  CHECK(cell.eval("local a, b, c = ... return { n = select('#', ...) }")["value"]["n"].as_integer() == 0);
  CHECK(cell.eval("return { f = function(...) return select('#', ...) end }",
                  {{"entry", "f"}, {"args", Value::Array{Value(), 1, Value()}}})["value"]
            .as_integer() == 3);
  CHECK(cell.eval("return require('m').x",
                  {{"modules", Value{{"m", Value{{"source", "return { x = 1 }"}, {"chunk", "m"}}}}}})["value"]
            .as_integer() == 1);
}

TEST_CASE("failures of a chunk have a code and a line") {
  CellProcess cell;
  Value result = cell.eval("return = 1");
  CHECK(result["code"].as_string() == "syntax");
  CHECK_THAT(result["error"].as_string(), Contains("chunk:1:"));
  result = cell.eval("\x1bLJ\x02");
  CHECK(result["code"].as_string() == "syntax");
  CHECK(result["error"].as_string() == "chunk: this is compiled bytecode; only the text of a script is run");
  result = cell.eval("count(3)\nerror('no')");
  CHECK(result["code"].as_string() == "error");
  CHECK_THAT(result["error"].as_string(), Contains("chunk:2: no\nstack traceback:"));
  CHECK(result["units"].as_integer() == 3);
  CHECK_THAT(cell.eval("return {}", {{"entry", "f"}})["error"].as_string(), Contains("no function `f`"));
  CHECK_THAT(cell.eval("return { f = print }")["error"].as_string(), Contains("the value.f is a function"));
  CHECK_THAT(cell.eval("error({})")["error"].as_string(), Contains("(error value: a table)"));
  result = cell.eval("local t = {} for i = 1, 1e9 do t[i] = {} end");
  CHECK(result["code"].as_string() == "memory");
  CHECK_THAT(result["error"].as_string(), Contains("the cap is 64 MB"));
  CHECK(cell.eval("return 1")["value"].as_integer() == 1);
}

TEST_CASE("an error in tail position names the chunk or nothing, never what called it") {
  CellProcess cell;
  CHECK(cell.eval("return error('x')")["error"].as_string() == "x");
  CHECK(cell.eval("return assert(false, 'x')")["error"].as_string() == "x");
  CHECK(cell.eval("return { f = function() return error('x') end }",
                  {{"entry", "f"}, {"args", Value::Array{}}})["error"]
            .as_string() == "x");
  CHECK_THAT(cell.eval("return ('x'):rep()")["error"].as_string(),
             StartsWith("bad argument #2 to ") && Contains("number expected, got no value"));
  CHECK(cell.eval("\nlocal x = error('x', 2)")["error"].as_string() ==
        "x\nstack traceback:\n\tchunk:2: in the chunk");
  CHECK(
      cell.eval("local ok, message = subject.call('f') return message", subject("return error('x')"))["value"]
          .as_string() == "x");
  // What raises is no news: the line that called it is.
  CHECK(cell.eval("local x = error('x')")["error"].as_string() ==
        "chunk:1: x\nstack traceback:\n\tchunk:1: in the chunk");
}

TEST_CASE("the entry of dots stands for every value of the chunk") {
  CellProcess cell;
  const Value dots{{"entry", "..."}};
  CHECK(cell.eval("return 1, nil, 'x', nil", dots)["value"] == Value(Value::Array{1, Value(), "x", Value()}));
  CHECK(cell.eval("local x", dots)["value"] == Value(Value::Array{}));
  CHECK_THAT(cell.eval("return 1, print", dots)["error"].as_string(), Contains("value 2 is a function"));
  CHECK(cell.eval("return 1, 2")["value"] == Value(1));
}

TEST_CASE("units are integers from 0") {
  CellProcess cell;
  for (const char* units : {"-1", "0/0", "1/0", "0.5", "'3'", "nil", "2^54"}) {
    CHECK_THAT(cell.eval(std::string("count(") + units + ")")["error"].as_string(),
               Contains("chunk:1: count: an integer from 0"));
  }
}

TEST_CASE("the judge calls its subject by name, plain data passes") {
  CellProcess cell;
  Value more = subject(
      "local total = 0\n"
      "return { add = function(n) total = total + n return total, { n } end,\n"
      "  echo = function(...) return ... end,\n"
      "  none = function() end }");
  CHECK(cell.eval("local ok, total, list = subject.call('add', 3) return { ok, total, list[1] }",
                  more)["value"] == Value(Value::Array{true, 3, 3}));
  CHECK(cell.eval("local ok, value = subject.call('echo', { a = { 1, 2 }, [5] = true, [true] = 'x' })\n"
                  "return { value.a[2], value[5], value[true] }",
                  more)["value"] == Value(Value::Array{2, true, "x"}));
  CHECK(cell.eval("return select('#', subject.call('none'))", more)["value"].as_integer() == 1);
  CHECK(cell.eval("return select('#', subject.call('echo', nil, nil))", more)["value"].as_integer() == 3);
  CHECK_THAT(cell.eval("return { subject.call('echo', print) }", more)["error"].as_string(),
             Contains("an argument cannot pass: only plain data"));
  CHECK_THAT(cell.eval("subject.call = 1", more)["error"].as_string(), Contains("read-only"));
  CHECK(cell.eval("return subject == nil")["value"].as_bool());
}

TEST_CASE("what goes wrong in the subject is an error for the judge to see") {
  CellProcess cell;
  const auto call = [&](const std::string& source, const std::string& name = "f") {
    Value result =
        cell.eval("local ok, message = subject.call('" + name + "') return { ok, message }", subject(source));
    INFO(result["error"].as_string());
    REQUIRE(result["ok"].as_bool());
    REQUIRE(result["value"].as_array().size() == 2);
    CHECK_FALSE(result["value"].as_array()[0].as_bool(true));
    return result["value"].as_array()[1].as_string();
  };
  CHECK(call("return { f = function()\nerror('no') end }") == "subject:2: no");
  CHECK(call("return { f = function() error({ 1 }) end }") == "(error value: a table)");
  CHECK(call("return { f = function() error(setmetatable({}, { __tostring = function() return 'x' end })) "
             "end }") == "(error value: a table)");
  CHECK(call("return {}", "missing") == "the subject has no function `missing`");
  CHECK_THAT(call("return {"), Contains("subject:1:"));
  CHECK_THAT(call("error('at load')"), Contains("subject:1: at load"));
  CHECK(call("return 5") == "the subject must return a table of functions, not number");
  CHECK(call("return { f = function() return function() end end }") ==
        "result 1 of the subject cannot pass: only plain data passes: nil, booleans, numbers, strings and "
        "tables of them");
  CHECK(call("return { f = function() local t = {} t.t = t return t end }") ==
        "result 1 of the subject cannot pass: nested deeper than 64 levels, or part of itself");
  CHECK(call("return { f = function() local t = {} for i = 1, 1e9 do t[i] = { i } end end }") ==
        "not enough memory");
  CHECK_THAT(call("return { f = function() local function g() return 1 + g() end return g() end }"),
             Contains("stack overflow"));
}

TEST_CASE("judge and subject share nothing") {
  CellProcess cell;
  const Value result = cell.eval(
      "local ok, seen = subject.call('look') table.concat = nil return { seen }",
      subject(
          "return { look = function() return tostring(count) .. tostring(subject) .. tostring(clade) end }"));
  CHECK_THAT(result["error"].as_string(), Contains("table.concat cannot be set"));
  CHECK(
      cell.eval("local ok, seen = subject.call('look') return seen",
                subject(
                    "return { look = function() return tostring(subject) .. tostring(clade) end }"))["value"]
          .as_string() == "nilnil");
  // The subject has a count of its own that nobody charges.
  CHECK(cell.eval("return subject.call('work')",
                  subject("return { work = function() count(100) end }"))["units"]
            .as_integer() == 0);
}
