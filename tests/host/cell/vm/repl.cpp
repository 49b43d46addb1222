#include "host/cell/vm/cell_fixture.h"

using Catch::Matchers::Contains;
using clade::Value;
using clade::test::CellProcess;

TEST_CASE("a session evaluates expressions first and keeps its globals") {
  CellProcess cell;
  CHECK(cell.repl("1 + 1")["value"].as_string() == "2");
  CHECK(cell.repl("1, 'two', nil")["value"].as_string() == "1\t\"two\"\tnil");
  CHECK(cell.repl("x = { 1, 2, name = 'n' }")["value"].as_string().empty());
  CHECK(cell.repl("x")["value"].as_string() == "{1, 2, name = \"n\"}");
  CHECK(cell.repl("print('hello') return 5")["value"].as_string() == "hello\n5");
  CHECK(cell.repl("")["ok"].as_bool());
}

TEST_CASE("a session says whether more lines could complete a line") {
  CellProcess cell;
  for (const char* source : {"for i = 1, 3 do", "function f(", "x = {", "x = [[ long", "if true then", "1+",
                             "{ a =", "f(", "(function()", "a,", "not", "1 +\n2 +", "'a\\"}) {
    INFO(source);
    const Value result = cell.repl(source);
    CHECK_FALSE(result["ok"].as_bool());
    CHECK(result["incomplete"].as_bool());
  }
  CHECK(cell.repl("1+\n2")["value"].as_string() == "3");
  CHECK(cell.repl("{ a =\n1 }")["value"].as_string() == "{a = 1}");
  for (const char* source : {"1 + * 2", "x y", "f(1))", "local 1", "'open", "end"}) {
    INFO(source);
    CHECK_FALSE(cell.repl(source)["incomplete"].as_bool(true));
  }
  const Value wrong = cell.repl("x = = 1");
  CHECK_FALSE(wrong["incomplete"].as_bool());
  CHECK_THAT(wrong["error"].as_string(), Contains("repl:1:"));
}

TEST_CASE("a session outlives errors and shows what was printed before them") {
  CellProcess cell;
  const Value result = cell.repl("print('before') error('no')");
  CHECK_FALSE(result["ok"].as_bool());
  CHECK(result["value"].as_string() == "before\n");
  CHECK_THAT(result["error"].as_string(), Contains("repl:1: no"));
  CHECK(cell.repl("2")["value"].as_string() == "2");
}

TEST_CASE("an error in tail position does not name the session's own script") {
  CellProcess cell;
  CHECK(cell.repl("return error('x')")["error"].as_string() == "x");
  CHECK(cell.repl("error('x')")["error"].as_string() == "x");
}

TEST_CASE("values are shown as people read them") {
  CellProcess cell;
  CHECK(cell.repl("{ [3] = 1, a = 1, ['b c'] = print, [true] = 'x\\n' }")["value"].as_string() ==
        "{[3] = 1, a = 1, [\"b c\"] = <function>, [true] = \"x\\n\"}");
  CHECK(cell.repl("(function() local t = {} t.t = t return t end)()")["value"].as_string() ==
        "{t = <circle>}");
  CHECK_THAT(
      cell.repl("string.rep('x', 60), { string.rep('x', 60), string.rep('y', 60) }")["value"].as_string(),
      Contains("{\n  \"xxx"));
}
