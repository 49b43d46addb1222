// What the command line shows of scripts, from the store alone.
#include "script/history.h"

#include <string>

#include <catch2/catch.hpp>

#include "base/codec.h"
#include "fixture.h"

using clade::Value;
using clade::script::list_scripts;
using clade::script::script_versions;
using clade::script::version_source;
using clade::store::Batch;

TEST_CASE("scripts are listed by name with their version", "[history]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.clock.now = 2000;
  Batch batch;
  REQUIRE(library->publish("skill:sort.quick", "return 'two'", {}, "publisher", batch));
  swarm.commit(batch);
  auto list = list_scripts(swarm.database);
  REQUIRE(list);
  REQUIRE(list->as_array().size() == 3);
  const Value& worker = list->as_array()[0];
  CHECK(worker["name"] == Value("agent:worker"));
  CHECK(worker["versions"] == Value(1));
  CHECK(worker["origin"] == Value("file"));
  CHECK(worker["changed_at"] == Value(1000000));
  const Value& quick = list->as_array()[2];
  CHECK(quick["name"] == Value("skill:sort.quick"));
  CHECK(quick["hash"] == Value(clade::content_hash("return 'two'")));
  CHECK(quick["versions"] == Value(2));
  CHECK(quick["origin"] == Value("published"));
  CHECK(quick["changed_at"] == Value(2000));
}

TEST_CASE("a script's history is shown newest first", "[history]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  const std::string first = library->current("skill:sort.quick")->hash;
  swarm.write("skills/sort/quick/init.lua", "return (");
  Batch batch;
  library->refuse(library->changed().at(0), "unexpected symbol", batch);
  swarm.clock.now = 3000;
  Value lineage;
  lineage.set("task", "t7").set("score", 1.5);
  REQUIRE(library->publish("skill:sort.quick", "return 'two'", lineage, "publisher", batch));
  swarm.commit(batch);
  Batch back;
  REQUIRE(library->roll_back("skill:sort.quick", "", "operator", swarm.database, back));
  swarm.commit(back);

  auto versions = script_versions(swarm.database, "skill:sort.quick");
  REQUIRE(versions);
  const auto& events = versions->as_array();
  REQUIRE(events.size() == 4);
  const std::string second = clade::content_hash("return 'two'");
  CHECK(events[0]["verb"] == Value("rolled_back"));
  CHECK(events[0]["hash"] == Value(first));
  CHECK(events[0]["parent"] == Value(second));
  CHECK(events[0]["by"] == Value("operator"));
  CHECK(events[1]["verb"] == Value("published"));
  CHECK(events[1]["hash"] == Value(second));
  CHECK(events[1]["parent"] == Value(first));
  CHECK(events[1]["by"] == Value("publisher"));
  CHECK(events[1]["at"] == Value(3000));
  CHECK(events[1]["detail"] == lineage);
  CHECK(events[2]["verb"] == Value("refused"));
  CHECK(events[2]["detail"]["reason"] == Value("unexpected symbol"));
  CHECK(events[3]["verb"] == Value("imported"));
  CHECK(events[3]["parent"] == Value(""));
  CHECK(list_scripts(swarm.database)->as_array()[2]["versions"] == Value(2));
}

TEST_CASE("an unknown script is not found, and the nearest named", "[history]") {
  test::Swarm swarm;
  swarm.loaded();
  auto versions = script_versions(swarm.database, "skill:sort.quik");
  REQUIRE_FALSE(versions);
  CHECK(versions.error().code == "not_found");
  CHECK(versions.error().message ==
        "no script \"skill:sort.quik\" (did you mean \"skill:sort.quick\"?): see `clade script list`");
}

TEST_CASE("a source is found by a prefix of its hash", "[history]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  const std::string hash = library->current("skill:sort.quick")->hash;
  CHECK(version_source(swarm.database, hash) == std::string("return 'quick 1'"));
  CHECK(version_source(swarm.database, hash.substr(0, 12)) == std::string("return 'quick 1'"));
  for (const char* bad : {"", "xyz", "%", "A", "ffffffffffffffffffffffffffffffff"}) {
    CAPTURE(bad);
    CHECK(version_source(swarm.database, bad).error().code == "not_found");
  }
  CHECK(version_source(swarm.database, hash + "0").error().code == "not_found");
  // Two versions that begin alike.
  REQUIRE(swarm.database.execute("INSERT INTO version (hash, source, created_at) VALUES ('" +
                                 std::string(64, 'f') + "', 'a', 1), ('" + std::string(63, 'f') +
                                 "0', 'b', 1)"));
  CHECK(version_source(swarm.database, "fff").error().code == "ambiguous");
  CHECK(version_source(swarm.database, std::string(64, 'f')) == std::string("a"));
}

TEST_CASE("a source with any bytes survives the store", "[history]") {
  test::Swarm swarm;
  const std::string source = std::string("return '\0\xff'", 11);
  swarm.write("skills/sort/base/init.lua", source);
  swarm.loaded();
  CHECK(swarm.loaded()->current("skill:sort.base")->source == source);
}

TEST_CASE("half a batch leaves nothing behind", "[history]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  Batch batch;
  REQUIRE(library->publish("skill:sort.quick", "return 'two'", {}, "publisher", batch));
  REQUIRE(swarm.database.execute("BEGIN IMMEDIATE"));
  REQUIRE(batch.changes().at(0)(swarm.database));
  REQUIRE(batch.changes().at(1)(swarm.database));
  REQUIRE(swarm.database.execute("ROLLBACK"));
  CHECK(swarm.loaded()->current("skill:sort.quick")->source == "return 'quick 1'");
}
