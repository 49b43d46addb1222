// Bad versions of a role at work, each of its kind: the host undoes them by itself, no message is lost, no
// effect doubled.
#include <csignal>
#include <string>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "cell_processes.h"
#include "small_swarm.h"

namespace test {
namespace {

// Counts its tasks, computes for a millisecond or so, and tells "two" of each.
std::string worker(const std::string& bad, const std::string& upvalues = "") {
  return upvalues + R"lua(
local function compute(rounds)
  local sum = 0
  for n = 1, rounds do sum = sum + n % 7 end
  return sum
end
return { api = 1, tasks = { "work" }, state = { runs = 0 },
  on_task = function(self, task)
    self.state.runs = self.state.runs + 1
    local runs = self.state.runs
    compute(1000000)
    )lua" +
         bad + R"lua(
    clade.mail.send { to = "agent:two", kind = "note", body = runs }
    return runs
  end,
  check = function(state) return type(state.runs) == "number" end,
}
)lua";
}

constexpr const char* kListener = R"lua(
return { api = 1, state = { heard = 0 }, on_mail = function(self) self.state.heard = self.state.heard + 1 end }
)lua";

constexpr int64_t kBefore = 6;  // tasks that the good version has done
constexpr int64_t kAfter = 14;  // and that wait when it is replaced

const char* kDone = "SELECT count(*) FROM task WHERE type = 'work' AND state = 'completed' AND attempt = 1";
const char* kUndone = "SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'undone'";

void add(const Swarm& swarm, int64_t tasks) {
  for (int64_t n = 0; n < tasks; ++n) swarm.clade({"task", "add", "work"});
}

// A host that has done kBefore tasks.
void start_working(Swarm& swarm) {
  swarm.start();
  swarm.until_up();
  add(swarm, kBefore);
  swarm.until_count(kDone, kBefore);
}

// Every task was done once, and told of once; nothing of it was an attempt that somebody has to answer for.
void check_all_done(const Swarm& swarm) {
  const int64_t all = kBefore + kAfter;
  swarm.until_count(kDone, all);
  INFO(swarm.text("SELECT group_concat(id || ' ' || status || ': ' || error, char(10)) FROM run"));
  swarm.until_count("SELECT json_extract(state, '$.heard') FROM agent WHERE name = 'two'", all);
  CHECK(swarm.count("SELECT json_extract(state, '$.runs') FROM agent WHERE name = 'one'") == all);
  CHECK(swarm.count("SELECT count(DISTINCT result) FROM task WHERE type = 'work'") == all);
  CHECK(swarm.count("SELECT count(*) FROM message WHERE state = 'handled' AND attempt = 1") == all);
}

void check_undone(const Swarm& swarm, const std::string& good, const std::string& reason) {
  swarm.until_count(kUndone, 1);
  CHECK(swarm.text("SELECT hash FROM script WHERE name = 'agent:one'") == clade::content_hash(good));
  const std::string told =
      swarm.text("SELECT detail FROM script_event WHERE name = 'agent:one' AND verb = 'undone'");
  INFO(told);
  CHECK(told.find(reason) != std::string::npos);
  check_all_done(swarm);
  // It is not taken up again, though its file still holds it.
  CHECK(swarm.count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'") == 2);
}

}  // namespace

TEST_CASE("a bad version is undone by itself, and every message is handled once") {
  const auto [name, bad, upvalues, reason] =
      GENERATE(table<std::string, std::string, std::string, std::string>({
          {"raises on the third message", "if runs % 3 == 0 then error('no third') end", "", "no third"},
          {"never ends", "if runs % 4 == 0 then while true do end end", "", "soft deadline"},
          {"allocates",
           "if runs % 4 == 0 then local all = {} for n = 1, 1e9 do all[n] = ('x'):rep(1000000) .. n end end",
           "", "memory"},
          {"is ten times as slow", "compute(12000000)", "", "of processor time"},
          {"leaks", "for n = 1, 2000 do kept[#kept + 1] = { n } end", "local kept = {}", "grew with each"},
          {"floods", "for n = 1, 300 do clade.mail.send { to = 'agent:two', kind = 'flood', body = n } end",
           "", "301 tasks and messages"},
          {"returns what cannot be kept", "if runs % 3 == 0 then self.state.handler = print end", "",
           "state.handler"},
      }));
  CAPTURE(name);
  Swarm swarm;
  const std::string good = worker("");
  write_swarm(swarm, good, kListener);
  start_working(swarm);
  write_agent(swarm, "one", worker(bad, upvalues));
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 2);
  add(swarm, kAfter);
  check_undone(swarm, good, reason);
}

TEST_CASE("a state that the version before would not have is not kept") {
  Swarm swarm;
  const std::string good = worker("");
  write_swarm(swarm, good, kListener);
  start_working(swarm);
  // Its own check has gone with the mistake.
  std::string bad = worker("self.state.runs = 'many'");
  const std::string check = "check = function(state) return type(state.runs) == \"number\" end,";
  bad.replace(bad.find(check), check.size(), "");
  write_agent(swarm, "one", bad);
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 2);
  add(swarm, kAfter);
  check_undone(swarm, good, "does not take the state that it leaves");
}

TEST_CASE("a version that the state cannot be brought to does not go live, and the state stays as it is") {
  Swarm swarm;
  const std::string good = worker("");
  write_swarm(swarm, good, kListener);
  start_working(swarm);
  const std::string state = swarm.text("SELECT state FROM agent WHERE name = 'one'");
  std::string numbered = good;
  numbered.insert(numbered.find("tasks ="), "schema = 2, ");
  write_agent(swarm, "one", numbered);
  swarm.until_count(
      "SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'refused' AND detail LIKE "
      "'%migrate[2]%'",
      1);
  CHECK(swarm.text("SELECT state FROM agent WHERE name = 'one'") == state);
  add(swarm, kAfter);
  swarm.until_count(kDone, kBefore + kAfter);
}

TEST_CASE(
    "a version that past runs would have ended otherwise with does not go live where the same is required") {
  Swarm swarm;
  const std::string good = worker("");
  write_swarm(swarm, good, kListener);
  swarm.write("swarm.yaml", swarm.read("swarm.yaml") + "shadow: require_same\n");
  start_working(swarm);
  // It counts as before and tells of it otherwise; then it is written otherwise and does the same.
  write_agent(swarm, "one", worker("runs = runs * 2"));
  swarm.until_count(
      "SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'refused' AND detail LIKE '%of "
      "its last 5 "
      "runs 5 would have ended otherwise%'",
      1);
  write_agent(swarm, "one", worker("runs = runs * 1"));
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 2);
  CHECK(swarm.count("SELECT json_extract(state, '$.heard') FROM agent WHERE name = 'two'") == kBefore);
}

TEST_CASE("a version that takes its cell down is undone") {
  Swarm swarm;
  const std::string good = worker("");
  write_swarm(swarm, good, kListener);
  start_working(swarm);
  write_agent(swarm, "one", worker("if runs == 9 then while true do end end"));
  swarm.until_count("SELECT count(*) FROM script_event WHERE name = 'agent:one' AND verb = 'imported'", 2);
  add(swarm, kAfter);
  swarm.until_count(kDone, 8);
  // As if its VM had crashed. (A cell is the first process of its namespace: of what others send only this
  // ends it.)
  swarm.until([&] {
    for (const pid_t cell : cells_of(swarm.pid())) {
      if (busy_ms(cell) >= 300) return kill(cell, SIGKILL) == 0;
    }
    return false;
  });
  check_undone(swarm, good, "SIGKILL");
}

}  // namespace test
