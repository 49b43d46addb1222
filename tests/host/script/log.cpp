// The log of a script's versions: what became of each, and the paragraph that tells it.
#include "script/log.h"

#include <string>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "fixture.h"
#include "script/library.h"

using clade::Value;
using clade::script::Library;
using clade::script::script_log;
using clade::script::why_text;
using clade::store::Batch;

namespace {

constexpr const char* kQuick = "skills/sort/quick/init.lua";
constexpr const char* kName = "skill:sort.quick";

// Saves, and makes it current.
void save(test::Swarm& swarm, Library& library, const std::string& text) {
  swarm.clock.now += 1000;
  swarm.write(kQuick, text);
  Batch batch;
  library.import(library.changed(), "file", batch);
  swarm.commit(batch);
}

void undo(test::Swarm& swarm, Library& library) {
  swarm.clock.now += 1000;
  Batch batch;
  const Value detail{{"reason", "failed on t7, which the one before handled: boom"}, {"runs", 2}};
  library.undo(library.install_of("worker"), detail, batch);
  swarm.commit(batch);
}

Value log_of(test::Swarm& swarm) {
  auto log = script_log(swarm.database, kName);
  REQUIRE(log);
  return *log;
}

std::vector<std::string> verdicts(const Value& log) {
  std::vector<std::string> list;
  for (const Value& version : log["versions"].as_array()) list.push_back(version["verdict"].as_string());
  return list;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the log says of each version what became of it", "[log]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  CHECK(verdicts(log_of(swarm)) == std::vector<std::string>{"confirmed"});
  save(swarm, *library, "return 'quick 2'");
  CHECK(verdicts(log_of(swarm)) == std::vector<std::string>{"on probation", "confirmed"});
  CHECK(log_of(swarm)["before"] == Value(clade::content_hash("return 'quick 1'")));
  CHECK(has(why_text(log_of(swarm)), "is on probation: if it fails, "));
  save(swarm, *library, "return 'quick 3'");
  CHECK(verdicts(log_of(swarm)) == std::vector<std::string>{"on probation", "replaced", "confirmed"});
  undo(swarm, *library);
  Value log = log_of(swarm);
  CHECK(verdicts(log) == std::vector<std::string>{"undone", "replaced", "confirmed"});
  CHECK(log["current"] == Value(clade::content_hash("return 'quick 1'")));
  CHECK_FALSE(log.has("before"));
  const Value& newest = log["versions"].as_array()[0];
  CHECK(newest["runs"] == Value(2));
  CHECK(newest["decided_at"] == Value(swarm.clock.now));
  CHECK(has(why_text(log), "2 runs later it was undone"));
  CHECK(has(why_text(log), "it failed on t7, which the one before handled: boom"));
  CHECK(has(why_text(log), "`clade script install skill:sort.quick --force`"));

  // What a crash cuts off; then the same text again, which stays.
  save(swarm, *library, "return 'quick 4'");
  library = swarm.loaded();
  CHECK(verdicts(log_of(swarm))[0] == "cut off");
  CHECK(has(why_text(log_of(swarm)), ": its host was killed before it was confirmed"));
  Batch batch;
  library->import({*library->offer(kName, false)}, "ann", batch);
  library->confirm(library->install_of("worker"), Value{{"runs", 20}}, batch);
  swarm.commit(batch);
  log = log_of(swarm);
  CHECK(verdicts(log) == std::vector<std::string>{"confirmed", "cut off", "undone", "replaced", "confirmed"});
  CHECK(has(why_text(log), "was confirmed after 20 runs"));
}

TEST_CASE("a text that is saved back as it was confirmed is confirmed", "[log]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  save(swarm, *library, "return 'quick 2'");
  save(swarm, *library, "return 'quick 1'");
  CHECK(verdicts(log_of(swarm)) == std::vector<std::string>{"confirmed", "replaced", "confirmed"});
}

TEST_CASE("the log names what became current together", "[log]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write("agents/worker/init.lua", "return { api = 1, changed = true }");
  save(swarm, *library, "return 'quick 2'");
  CHECK(log_of(swarm)["versions"].as_array()[0]["with"] == Value(Value::Array{"agent:worker"}));
  CHECK(log_of(swarm)["versions"].as_array()[1]["with"] == Value(Value::Array{}));
}

TEST_CASE("the log tells of refused texts and of going back by hand", "[log]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write(kQuick, "return (");
  Batch batch;
  library->refuse(library->changed().at(0), "unexpected symbol", batch);
  swarm.commit(batch);
  CHECK(verdicts(log_of(swarm))[0] == "refused");
  CHECK(has(why_text(log_of(swarm)), "refused: unexpected symbol"));
  save(swarm, *library, "return 'quick 2'");
  Batch back;
  REQUIRE(library->roll_back(kName, "", "ann", swarm.database, back));
  swarm.commit(back);
  CHECK(verdicts(log_of(swarm)) == std::vector<std::string>{"confirmed", "replaced", "refused", "confirmed"});
  CHECK(has(why_text(log_of(swarm)), "ann went back to it"));
  CHECK(script_log(swarm.database, "skill:sort.quack").error().code == "not_found");
}
