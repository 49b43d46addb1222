// Versions on probation: what they go back to, together, and what a crash, an orderly end and a verdict
// leave.
#include "script/install.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "fixture.h"
#include "script/library.h"

using clade::Value;
using clade::script::Library;
using clade::store::Batch;

namespace {

constexpr const char* kWorker = "agents/worker/init.lua";
constexpr const char* kQuick = "skills/sort/quick/init.lua";
const std::string kChanged = "return { api = 1, changed = true }";

void import_changed(test::Swarm& swarm, Library& library) {
  Batch batch;
  library.import(library.changed(), "file", batch);
  swarm.commit(batch);
}

void save(test::Swarm& swarm, Library& library, const std::string& file, const std::string& text) {
  swarm.write(file, text);
  import_changed(swarm, library);
}

std::vector<std::string> undo(test::Swarm& swarm, Library& library, int64_t install) {
  Batch batch;
  auto names = library.undo(install, Value{{"reason", "it failed"}}, batch);
  swarm.commit(batch);
  return names;
}

std::string source_of(const Library& library, const std::string& name) {
  return library.current(name)->source;
}

}  // namespace

TEST_CASE("a version that replaces another is on probation, a first one is not", "[install]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  CHECK(library->installs().empty());
  save(swarm, *library, kWorker, kChanged);
  REQUIRE(library->installs().size() == 1);
  const int64_t install = library->install_of("worker");
  CHECK(install == library->installs().begin()->first);
  CHECK(library->roles_of(install) == std::vector<std::string>{"worker"});
  CHECK(source_of(*library, "agent:worker") == kChanged);
}

TEST_CASE("a skill that no role runs has nothing to be tried by", "[install]") {
  test::Swarm swarm;
  swarm.skill("sort.alone", "", "return 1");
  const auto library = swarm.loaded();
  save(swarm, *library, "skills/sort/alone/init.lua", "return 2");
  CHECK(library->installs().empty());
  CHECK(source_of(*swarm.loaded(), "skill:sort.alone") == "return 2");
}

TEST_CASE("what was on probation when its host was killed is cut off", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  save(swarm, *library, kWorker, kChanged);
  library = swarm.loaded();
  CHECK(source_of(*library, "agent:worker") == "return { api = 1 }");
  CHECK(library->installs().empty());
  CHECK(test::mentions(library->problems(), "the host was killed while"));
  // What the person saved stays where it is, and is nothing new.
  CHECK(swarm.read(kWorker) == kChanged);
  CHECK(library->changed().empty());
  library = swarm.loaded();
  CHECK(source_of(*library, "agent:worker") == "return { api = 1 }");
  CHECK(library->problems().empty());
  // It failed at nothing, so it may be published.
  Batch batch;
  CHECK(library->publish("agent:worker", kChanged, Value(), "publisher", batch));
}

TEST_CASE("what was published and cut off leaves its file", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  Batch batch;
  REQUIRE(library->publish("skill:sort.quick", "return 'evolved'", Value(), "publisher", batch));
  swarm.commit(batch);
  REQUIRE(library->write_back("skill:sort.quick"));
  REQUIRE(swarm.read(kQuick) == "return 'evolved'");
  library = swarm.loaded();
  CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 1'");
  CHECK(swarm.read(kQuick) == "return 'quick 1'");
}

TEST_CASE("what was on probation when its host ended in order goes on", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  save(swarm, *library, kWorker, kChanged);
  const int64_t install = library->install_of("worker");
  Batch batch;
  library->pause(batch);
  swarm.commit(batch);
  library = swarm.loaded();
  CHECK(source_of(*library, "agent:worker") == kChanged);
  CHECK(library->install_of("worker") == install);
  // That holds for one end.
  library = swarm.loaded();
  CHECK(source_of(*library, "agent:worker") == "return { api = 1 }");
}

TEST_CASE("a confirmed version stays, whatever happens to its host", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  save(swarm, *library, kWorker, kChanged);
  Batch batch;
  library->confirm(library->install_of("worker"), Value{{"runs", 20}}, batch);
  swarm.commit(batch);
  CHECK(library->installs().empty());
  CHECK(source_of(*swarm.loaded(), "agent:worker") == kChanged);
}

TEST_CASE("a role and a skill that it calls are undone together", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write(kWorker, kChanged);
  save(swarm, *library, kQuick, "return 'quick 2'");
  REQUIRE(library->installs().size() == 1);
  CHECK(undo(swarm, *library, library->install_of("worker")).empty());
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    if (restarted) library = swarm.loaded();
    CHECK(source_of(*library, "agent:worker") == "return { api = 1 }");
    CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 1'");
    CHECK(library->changed().empty());
    CHECK(swarm.read(kQuick) == "return 'quick 2'");
    CHECK(library->was_undone("skill:sort.quick", clade::content_hash("return 'quick 2'")));
    Batch batch;
    const auto again = library->publish("skill:sort.quick", "return 'quick 2'", Value(), "publisher", batch);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == "quarantined");
  }
}

TEST_CASE("an undone version of an agent is to be taken out of its file", "[install]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  Batch batch;
  REQUIRE(library->publish("skill:sort.quick", "return 'evolved'", Value(), "publisher", batch));
  swarm.commit(batch);
  REQUIRE(library->write_back("skill:sort.quick"));
  CHECK(undo(swarm, *library, library->install_of("worker")) == std::vector<std::string>{"skill:sort.quick"});
  REQUIRE(library->write_back("skill:sort.quick"));
  CHECK(swarm.read(kQuick) == "return 'quick 1'");
}

TEST_CASE("while an install is suspended, what it replaced is in force", "[install]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  save(swarm, *library, kQuick, "return 'quick 2'");
  const int64_t install = library->install_of("worker");
  library->suspend(install, true);
  CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 1'");
  CHECK(library->closure({"sort.quick"})->at("sort.quick")->source == "return 'quick 1'");
  CHECK(library->newest("skill:sort.quick")->source == "return 'quick 2'");
  CHECK(library->install_of("worker") == 0);
  CHECK(library->changed().empty());
  library->suspend(install, false);
  CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 2'");
  CHECK(library->install_of("worker") == install);
}

TEST_CASE("a change on top of one on probation goes back to what was confirmed", "[install]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  save(swarm, *library, kQuick, "return 'quick 2'");
  const int64_t first = library->install_of("worker");
  save(swarm, *library, kQuick, "return 'quick 3'");
  save(swarm, *library, kWorker, kChanged);
  REQUIRE(library->installs().size() == 1);
  CHECK(library->install_of("worker") > first);
  undo(swarm, *library, library->install_of("worker"));
  CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 1'");
  CHECK(source_of(*library, "agent:worker") == "return { api = 1 }");
  CHECK(source_of(*swarm.loaded(), "skill:sort.quick") == "return 'quick 1'");
}

TEST_CASE("agents that share no script are on probation by themselves", "[install]") {
  test::Swarm swarm;
  swarm.write("swarm.yaml", "swarm: small\nagents:\n  worker:\n  loner:\n");
  swarm.write("agents/loner/agent.yaml", "summary: alone\n");
  swarm.write("agents/loner/init.lua", "return { api = 1 }");
  auto library = swarm.loaded();
  save(swarm, *library, "agents/loner/init.lua", kChanged);
  save(swarm, *library, kQuick, "return 'quick 2'");
  REQUIRE(library->installs().size() == 2);
  undo(swarm, *library, library->install_of("loner"));
  CHECK(source_of(*library, "agent:loner") == "return { api = 1 }");
  CHECK(source_of(*library, "skill:sort.quick") == "return 'quick 2'");
}

TEST_CASE("a text that is saved back as it was confirmed is on probation no more", "[install]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  save(swarm, *library, kQuick, "return 'quick 2'");
  save(swarm, *library, kQuick, "return 'quick 1'");
  CHECK(library->installs().empty());
  CHECK(source_of(*swarm.loaded(), "skill:sort.quick") == "return 'quick 1'");
}

TEST_CASE("a person goes back at once, and for good", "[install]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  save(swarm, *library, kQuick, "return 'quick 2'");
  Batch batch;
  REQUIRE(library->roll_back("skill:sort.quick", "", "operator", swarm.database, batch));
  swarm.commit(batch);
  CHECK(library->installs().empty());
  CHECK(source_of(*swarm.loaded(), "skill:sort.quick") == "return 'quick 1'");
}
