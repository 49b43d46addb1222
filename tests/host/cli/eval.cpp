#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/app.h"
#include "support/command.h"
#include "support/polite_stop.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("eval prints the value of an expression or a chunk") {
  for (const auto& [code, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"6 * 7", "42\n"},
           {"return 6 * 7", "42\n"},
           {"local t = {} for i = 1, 3 do t[i] = i * i end return t", "[1,4,9]\n"},
           {"'text'", "text\n"},
           {"{a = 1, b = {}}", "{\"a\":1,\"b\":{}}\n"},
           {"local x = 1", "nil\n"},
           {"1 / 4", "0.25\n"}}) {
    INFO(code);
    const auto result = test::run_clade({"eval", "-e", code});
    CHECK(result.exit == kOk);
    CHECK(result.out == value);
    CHECK(result.err.empty());
  }
}

TEST_CASE("eval says why there is no value, and exits with 1") {
  for (const auto& [code, reason] : std::initializer_list<std::pair<const char*, const char*>>{
           {"error('no way')", "no way"},
           {"x = = 1", "[syntax]"},
           {"while true do end", "[cpu]"},
           {"local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end", "[memory]"},
           {"return function() end", "function"}}) {
    INFO(code);
    const auto result = test::run_clade({"eval", "-e", code, "--cpu-ms", "300", "--memory-mb", "32"});
    CHECK(result.exit == kFailed);
    CHECK(result.out.empty());
    CHECK(contains(result.err, reason));
  }
}

TEST_CASE("an endless loop's error names the line of the file") {
  const test::TemporaryFolder folder;
  REQUIRE(
      write_file_atomic(folder / "loop.lua", "local x = 0\nwhile true do\n  x = x + 1\nend\n").has_value());
  const auto result = test::run_clade({"eval", "loop.lua", "--cpu-ms", "100"}, {"", folder.path(), {}});
  CHECK(result.exit == kFailed);
  const bool names_line = contains(result.err, "loop.lua:2") || contains(result.err, "loop.lua:3");
  CHECK(names_line == test::kStopsPolitely);
}

TEST_CASE("eval --json tells value, cost and failure") {
  const auto good = decode_json(test::run_clade({"eval", "-e", "count(3) return {1, 2}", "--json"}).out);
  REQUIRE(good.has_value());
  CHECK((*good)["ok"].as_bool());
  CHECK((*good)["value"] == Value(Value::Array{1, 2}));
  CHECK((*good)["units"].as_integer() == 3);
  CHECK((*good)["cpu_ms"].is_number());
  CHECK((*good)["memory_kb"].is_number());
  const auto result = test::run_clade({"eval", "-e", "error('x')", "--json"});
  CHECK(result.exit == kFailed);
  const auto bad = decode_json(result.out);
  REQUIRE(bad.has_value());
  CHECK_FALSE((*bad)["ok"].as_bool(true));
  CHECK((*bad)["code"].as_string() == "error");
}

TEST_CASE("eval prints all values of a chunk, each on a line") {
  CHECK(test::run_clade({"eval", "-e", "1, 'two', nil, {3}"}).out == "1\ntwo\nnil\n[3]\n");
  CHECK(test::run_clade({"eval", "-e", "0/0, 1/0, -1/0"}).out == "nan\ninf\n-inf\n");
  CHECK(test::run_clade({"eval", "-e", "'\\255'"}).out == "\xff\n");
  const auto several = decode_json(test::run_clade({"eval", "-e", "1, nil, {3}", "--json"}).out);
  REQUIRE(several.has_value());
  CHECK((*several)["value"] == Value(1));
  CHECK((*several)["values"] == Value(Value::Array{1, Value(), Value::Array{3}}));
  const auto one = decode_json(test::run_clade({"eval", "-e", "{1, 2}", "--json"}).out);
  REQUIRE(one.has_value());
  CHECK((*one)["value"] == Value(Value::Array{1, 2}));
  CHECK_FALSE(one->has("values"));
  CHECK(contains(test::run_clade({"eval", "--help"}).out, "values holds all, if there are several"));
}

TEST_CASE("what JSON cannot hold is an error that says which part it is") {
  for (const auto& [code, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0/0", "the value has no JSON form: the value is not a finite number"},
           {"{a = {1, 1/0}}", "the value has no JSON form: .a[2] is not a finite number"},
           {"1, '\255'", "value 2 has no JSON form: the value is a string that is not UTF-8"},
           {"{['\255'] = 1}", "the value has no JSON form: the value has a key that is not UTF-8"}}) {
    INFO(code);
    const auto result = test::run_clade({"eval", "-e", code, "--json"});
    CHECK(result.exit == kFailed);
    const auto data = decode_json(result.out);
    REQUIRE(data.has_value());
    CHECK_FALSE((*data)["ok"].as_bool(true));
    CHECK((*data)["code"].as_string() == "no_json");
    CHECK(contains((*data)["error"].as_string(), said));
    CHECK_FALSE(data->has("value"));
  }
  const auto result = test::run_clade({"eval", "-e", "1, {0/0}"});
  CHECK(result.exit == kFailed);
  CHECK(result.out.empty());
  CHECK(contains(result.err, "[1] is not a finite number"));
}

TEST_CASE("an error in tail position does not name a script of the host") {
  const auto result = test::run_clade({"eval", "-e", "error('x')"});
  CHECK(result.exit == kFailed);
  CHECK(result.err == "clade: x [error]\n");
}

TEST_CASE("eval reads a file or stdin") {
  const test::TemporaryFolder folder;
  REQUIRE(write_file_atomic(folder / "chunk.lua", "return 'from a file'\n").has_value());
  CHECK(test::run_clade({"eval", folder / "chunk.lua"}).out == "from a file\n");
  CHECK(test::run_clade({"eval", "-"}, {"return 'from stdin'", "", {}}).out == "from stdin\n");
  const auto missing = test::run_clade({"eval", folder / "gone.lua"});
  CHECK(missing.exit == kFailed);
  CHECK(contains(missing.err, folder / "gone.lua"));
  REQUIRE(write_file_atomic(folder / "compiled.lua", "\x1bLJ\x02").has_value());
  const auto compiled = test::run_clade({"eval", folder / "compiled.lua"});
  CHECK(compiled.exit == kFailed);
  CHECK(contains(compiled.err, folder / "compiled.lua: this is compiled bytecode"));
}

}  // namespace
}  // namespace clade::cli
