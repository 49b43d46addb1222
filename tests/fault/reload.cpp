// Saved files are live between messages; state stays; what does not pass is refused.
#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>

#include "small_swarm.h"
#include "support/command.h"

namespace test {
namespace {

std::string counter(const std::string& word, const std::string& more = "") {
  return "return { api = 1, tasks = { 'count' }, state = { runs = 0 },\n"
         "  on_task = function(self) self.state.runs = self.state.runs + 1 return '" +
         word + "' .. self.state.runs end,\n" + more + "}\n";
}

std::string run_task(const Swarm& swarm) {
  const int64_t before = swarm.count("SELECT count(*) FROM task WHERE state = 'completed'");
  swarm.clade({"task", "add", "count"});
  swarm.until_count("SELECT count(*) FROM task WHERE state = 'completed'", before + 1);
  return swarm.text("SELECT result FROM task ORDER BY created_at DESC, length(id) DESC, id DESC");
}

}  // namespace

TEST_CASE("a saved role is live with the next message, its state kept") {
  Swarm swarm;
  write_swarm(swarm, counter("old "));
  swarm.start();
  swarm.until_up();
  CHECK(run_task(swarm) == "\"old 1\"");
  write_agent(swarm, "one", counter("new "));
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 2);
  CHECK(run_task(swarm) == "\"new 2\"");

  SECTION("what does not compile is refused with its line, and the old version goes on") {
    write_agent(swarm, "one", "return {\n  api = = 1 }\n");
    swarm.until_count(
        "SELECT count(*) FROM script_event WHERE verb = 'refused' AND detail LIKE "
        "'%agents/one/init.lua@%:2:%'",
        1);
    CHECK(run_task(swarm) == "\"new 3\"");
  }
  SECTION("what fails its selftest is refused") {
    write_agent(swarm, "one", counter("bad ", "  selftest = function() error('no good') end,\n"));
    swarm.until_count("SELECT count(*) FROM script_event WHERE verb = 'refused' AND detail LIKE '%no good%'",
                      1);
    CHECK(run_task(swarm) == "\"new 3\"");
  }
  SECTION("a folder that took its place is looked after as well") {
    namespace fs = std::filesystem;
    const fs::path agents = fs::path(swarm.path()) / "agents";
    fs::copy(agents / "one", agents / ".next");
    swarm.write("agents/.next/init.lua", counter("other "));
    fs::rename(agents / "one", agents / ".former");
    fs::rename(agents / ".next", agents / "one");
    swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 3);
    CHECK(run_task(swarm) == "\"other 3\"");
    write_agent(swarm, "one", counter("latest "));
    swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 4);
    CHECK(run_task(swarm) == "\"latest 4\"");
  }
  SECTION("a rollback brings the old version back, in force and in the file") {
    swarm.clade({"script", "rollback", "agent:one"});
    CHECK(swarm.read("agents/one/init.lua") == counter("old "));
    CHECK(run_task(swarm) == "\"old 3\"");
  }
  SECTION("migrate takes the state over") {
    write_agent(swarm, "one",
                counter("moved ",
                        "  migrate = function(from, state) state.runs = state.runs + 100 return "
                        "state end,\n"));
    swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 3);
    CHECK(run_task(swarm) == "\"moved 103\"");
    CHECK(run_task(swarm) == "\"moved 104\"");
  }
}

TEST_CASE("a saved skill is live in the agents that use it") {
  Swarm swarm;
  write_swarm(swarm,
              "return { api = 1, tasks = { 'count' },\n"
              "  on_task = function() return require('text.word').say() end }\n");
  swarm.write("agents/one/agent.yaml", "summary: uses a skill\nskills: [text.word]\n");
  swarm.write("skills/text/word/skill.yaml", "id: text.word\nsummary: a word\n");
  swarm.write("skills/text/word/test.lua", "return {}\n");
  swarm.write("skills/text/word/init.lua", "return { say = function() return 'old' end }\n");
  swarm.start();
  swarm.until_up();
  CHECK(run_task(swarm) == "\"old\"");
  swarm.write("skills/text/word/init.lua", "return { say = function() return 'new' end }\n");
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'skill:text.word' AND verb = 'imported'",
                    2);
  CHECK(run_task(swarm) == "\"new\"");
  swarm.write("skills/text/word/init.lua", "return {\n  say = = 1 }\n");
  swarm.until_count(
      "SELECT count(*) FROM script_event WHERE verb = 'refused' AND detail LIKE "
      "'%skills/text/word/init.lua@%:2:%'",
      1);
  CHECK(run_task(swarm) == "\"new\"");
}

TEST_CASE("a skill that a role does not load with is refused, and the next host starts") {
  Swarm swarm;
  const std::string word = "return { say = function() return 'WORD' end }\n";
  auto with = [&](const std::string& said) { return std::string(word).replace(word.find("WORD"), 4, said); };
  write_swarm(swarm,
              "return { api = 1, tasks = { 'count' },\n"
              "  on_task = function() return require('text.word').say() end,\n"
              "  selftest = function() assert(require('text.word').say() == 'old', 'not old') end }\n");
  swarm.write("agents/one/agent.yaml", "summary: uses a skill\nskills: [text.word]\n");
  swarm.write("skills/text/word/skill.yaml", "id: text.word\nsummary: a word\n");
  swarm.write("skills/text/word/test.lua", "return {}\n");
  swarm.write("skills/text/word/init.lua", with("old"));
  swarm.start();
  swarm.until_up();
  swarm.write("skills/text/word/init.lua", with("new"));
  swarm.until_count("SELECT count(*) FROM script_event WHERE verb = 'refused' AND detail LIKE '%not old%'",
                    1);
  swarm.signal(SIGTERM);
  CHECK(swarm.wait() == 0);
  swarm.start();
  swarm.until_up();
  CHECK(run_task(swarm) == "\"old\"");
}

TEST_CASE("a version that does not load is not published") {
  Swarm swarm;
  write_swarm(
      swarm,
      "return { api = 1, tasks = { 'count' }, on_task = function()\n"
      "  local hash, message, code = clade.script.publish { name = 'agent:two', source = 'return {{{' }\n"
      "  return { hash = hash, code = code } end }\n");
  for (const char* file : {"swarm.yaml", "agents/one/agent.yaml"}) {
    std::string text = swarm.read(file);
    for (size_t at = 0; (at = text.find("cell.eval,", at)) != std::string::npos; at += 30) {
      text.insert(at, "'script.publish:**', ");
    }
    swarm.write(file, text);
  }
  const std::string before = swarm.read("agents/two/init.lua");
  swarm.start();
  swarm.until_up();
  CHECK(run_task(swarm) == "{\"code\":\"does_not_load\"}");
  CHECK(swarm.read("agents/two/init.lua") == before);
}

TEST_CASE("a role that does not load keeps the host from starting, with file and line") {
  Swarm swarm;
  write_swarm(swarm, "return {\n  api = = 1 }\n");
  const auto result = run_clade({"run", swarm.path(), "--until-idle"});
  CHECK(result.exit == 1);
  CHECK(result.err.find("agents/one/init.lua") != std::string::npos);
  CHECK(result.err.find(":2:") != std::string::npos);
}

}  // namespace test
