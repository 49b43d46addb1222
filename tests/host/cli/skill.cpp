#include "cli/app.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

TEST_CASE("the tests of a new skill pass") {
  const Swarm swarm;
  REQUIRE(swarm.run({"skill", "new", "text.words"}).exit == kOk);
  const auto result = swarm.run({"skill", "test", "text.words"});
  CHECK(result.exit == kOk);
  CHECK(result.out == "ok counts_words\nok refuses_what_is_no_text\n2 tests, 0 failed\n");
}

TEST_CASE("a failing test is told with its place, and exits with 1") {
  const Swarm swarm;
  swarm.write("skills/text/greeting/test.lua",
              "return {\n  good = function() end,\n  bad = function(skill)\n    error(skill.greet('x'))\n  "
              "end,\n}\n");
  const auto result = swarm.run({"skill", "test", "text.greeting"});
  CHECK(result.exit == kFailed);
  CHECK(contains(result.out, "not ok bad\n"));
  CHECK(contains(result.out, "skills/text/greeting/test.lua:4: Hello, x!"));
  CHECK(contains(result.out, "ok good\n"));
  CHECK(contains(result.out, "2 tests, 1 failed"));
  CHECK(swarm.run({"skill", "test", "text.greeting", "--filter", "goo"}).exit == kOk);
  const auto none = swarm.run({"skill", "test", "text.greeting", "--filter", "nothing"});
  CHECK(none.exit == kFailed);
  CHECK(contains(none.err, "no test of text.greeting was run"));
}

TEST_CASE("what is wrong with a skill's files is said") {
  const Swarm swarm;
  const std::string tests = "skills/text/greeting/test.lua";
  const std::string test = "skills/text/greeting/init.lua";
  swarm.write(tests, "return 7\n");
  CHECK(contains(swarm.run({"skill", "test", "text.greeting"}).err, "not a number"));
  swarm.write(tests, "return {\n  x = = 1\n}\n");
  CHECK(contains(swarm.run({"skill", "test", "text.greeting"}).err, "skills/text/greeting/test.lua:2"));
  swarm.write(tests, "return {x = function() end}\n");
  swarm.write(test, "return {}\nend\n");
  CHECK(contains(swarm.run({"skill", "test", "text.greeting"}).err, "skills/text/greeting/init.lua:2"));

  const auto missing = swarm.run({"skill", "test", "text.greting"});
  CHECK(missing.exit == kFailed);
  CHECK(contains(missing.err, "did you mean \"text.greeting\"?"));
  CHECK(swarm.run({"skill", "test", "greeting"}).exit == kUsage);
  CHECK(swarm.run({"skill", "new", "Text.x"}).exit == kUsage);
  CHECK(swarm.run({"skill", "test", "../x.y"}).exit == kUsage);
}

TEST_CASE("a skill may use others, tests see them") {
  const Swarm swarm;
  REQUIRE(swarm.run({"skill", "new", "text.loud"}).exit == kOk);
  swarm.write("skills/text/loud/skill.yaml",
              "id: text.loud\nsummary: Loud\nversion: \"1.0.0\"\nuses: [text.greeting]\n");
  swarm.write("skills/text/loud/init.lua",
              "local greeting = require('text.greeting')\nreturn {greet = function(n) return "
              "greeting.greet(n):upper() end}\n");
  swarm.write("skills/text/loud/test.lua",
              "return {loud = function(s) assert(s.greet('a') == 'HELLO, A!') end}\n");
  CHECK(swarm.run({"skill", "test", "text.loud"}).exit == kOk);
  swarm.write("skills/text/loud/skill.yaml",
              "id: text.loud\nsummary: Loud\nversion: \"1.0.0\"\nuses: [text.gone]\n");
  const auto missing = swarm.run({"skill", "test", "text.loud"});
  CHECK(missing.exit == kFailed);
  CHECK(contains(missing.err, "skill text.loud uses text.gone"));
}

TEST_CASE("a benchmark judges the skill from another VM") {
  const Swarm swarm;
  REQUIRE(swarm.run({"skill", "new", "text.words"}).exit == kOk);
  const auto none = swarm.run({"skill", "bench", "text.words"});
  CHECK(none.exit == kFailed);
  CHECK(contains(none.err, "has no benchmark"));
  swarm.write("skills/text/words/bench.lua",
              "return {bench = function(options)\n"
              "  local ok, words = subject.call('count', options.text or 'a b')\n"
              "  if options.seed == 13 then return {valid = false, reason = 'unlucky'} end\n"
              "  return {valid = ok, excess = 3.9764, bins = words, lower_bound = 1, name = options.name}\n"
              "end}\n");
  const auto result = swarm.run({"skill", "bench", "text.words"});
  INFO(result.err);
  CHECK(result.exit == kOk);
  CHECK(result.out == "excess:      3.976 %\nbins:        2\nlower bound: 1\n");
  swarm.write("data.txt", "one two three\n");
  const Value measured = swarm.json({"skill", "bench", "text.words", "--data", "data.txt"});
  CHECK(measured["bins"].as_integer() == 3);
  CHECK(measured["name"].as_string() == "data.txt");
  CHECK(measured["cpu_ms"].is_number());
  const auto invalid = swarm.run({"skill", "bench", "text.words", "--seed", "13"});
  CHECK(invalid.exit == kFailed);
  CHECK(contains(invalid.err, "unlucky"));
  CHECK(swarm.run({"skill", "bench", "text.words", "--data", "gone.txt"}).exit == kFailed);
}

TEST_CASE("a benchmark that returns something else is an error that says what it returns") {
  const Swarm swarm;
  REQUIRE(swarm.run({"skill", "new", "text.words"}).exit == kOk);
  for (const auto& [returned, said] : std::initializer_list<std::pair<std::string, std::string>>{
           {"{excess = 'x'}", "returned excess = x: it returns"},
           {"{excess = 0 / 0}", "returned excess = "},
           {"{valid = 1, excess = 1}", "returned valid = 1: "},
           {"{valid = false}", "returned valid = false and no reason: "},
           {"{valid = true}", "returned no excess: "},
           {"{}", "the benchmark of text.words returned no "},
           {"7", "returned no table with names: "},
           {"nil", "returned no table with names: "}}) {
    swarm.write("skills/text/words/bench.lua", "return {bench = function() return " + returned + " end}\n");
    const auto result = swarm.run({"skill", "bench", "text.words"});
    INFO(returned << ": " << result.err);
    CHECK(result.exit == kFailed);
    CHECK(result.out.empty());
    CHECK(contains(result.err, said));
    CHECK(contains(result.err, "it returns {excess = NUMBER, ...} or {valid = false, reason = TEXT}"));
    CHECK(swarm.run({"skill", "bench", "text.words", "--json"}).exit == kFailed);
  }
  swarm.write(
      "skills/text/words/skill.yaml",
      "id: text.words\nsummary: Words\nversion: \"1.0.0\"\nbenchmark: {metric: speed, better: higher}\n");
  swarm.write("skills/text/words/bench.lua", "return {bench = function() return {speed = 4} end}\n");
  CHECK(swarm.run({"skill", "bench", "text.words"}).out == "speed:       4\n");
  swarm.write("skills/text/words/bench.lua", "return {bench = function() return {speed = 'x'} end}\n");
  CHECK(contains(swarm.run({"skill", "bench", "text.words"}).err, "returned speed = x: it returns {speed ="));
}

TEST_CASE("skills are listed and shown") {
  const Swarm swarm;
  const Value list = swarm.json({"skill", "list"});
  REQUIRE(list.as_array().size() == 1);
  CHECK(list.as_array()[0]["id"].as_string() == "text.greeting");
  const Value shown = swarm.json({"skill", "show", "text.greeting"});
  CHECK(shown["hash"].as_string() == content_hash(shown["source"].as_string()));
  swarm.write("skills/text/greeting/skill.yaml", "id: text.greeting\nnonsense: 1\n");
  CHECK(contains(swarm.run({"skill", "list"}).out, "skill.yaml:2:1"));
}

}  // namespace
}  // namespace clade::cli
