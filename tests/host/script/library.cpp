// The library against a folder and a store: loading, versions, and files that differ from them.
#include "script/library.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "fixture.h"

using clade::Value;
using clade::script::Library;
using clade::script::Version;
using clade::store::Batch;
using test::import_all;
using test::mentions;
using test::names_of;

namespace {

constexpr const char* kQuick = "skills/sort/quick/init.lua";

// Publishes for good and commits, but does not write back.
Version published(test::Swarm& swarm, Library& library, const std::string& source) {
  Batch batch;
  auto version =
      library.publish("skill:sort.quick", source, Value(Value::Map{{"task", "t1"}}), "publisher", batch);
  REQUIRE(version);
  swarm.commit(batch);
  test::confirm_all(swarm, library);
  return *version;
}

}  // namespace

TEST_CASE("a new swarm is imported from its files", "[library]") {
  test::Swarm swarm;
  swarm.write("scripts/govern/priority.lua", "return function() return 5 end");
  swarm.write("agents/idle/init.lua", "not in swarm.yaml, not read");
  const auto library = swarm.loaded();
  CHECK(library->swarm().name == "small");
  CHECK(library->skills() == std::vector<std::string>{"sort.base", "sort.quick"});
  CHECK(library->has_skill("sort.base"));
  CHECK_FALSE(library->has_skill("sort.slow"));
  CHECK(library->agent("worker").skills == std::vector<std::string>{"sort.quick"});
  CHECK_THROWS_AS(library->agent("idle"), std::out_of_range);
  CHECK_THROWS_AS(library->skill("sort.slow"), std::out_of_range);
  const Version* quick = library->current("skill:sort.quick");
  REQUIRE(quick);
  CHECK(quick->source == "return 'quick 1'");
  CHECK(quick->hash == clade::content_hash("return 'quick 1'"));
  CHECK(quick->path == kQuick);
  CHECK(quick->parent.empty());
  CHECK(quick->origin == "file");
  CHECK(quick->created_at == 1000000);
  CHECK(library->current("rule:priority"));
  CHECK(library->current("agent:worker"));
  CHECK_FALSE(library->current("agent:idle"));
  CHECK(library->changed().empty());
  CHECK(library->problems().empty());
}

TEST_CASE("a second start finds the versions in the store", "[library]") {
  test::Swarm swarm;
  swarm.loaded();
  swarm.clock.now = 2000;
  Library library(swarm.folder.path(), swarm.clock);
  Batch batch;
  REQUIRE(library.load(swarm.database, batch));
  CHECK(batch.empty());
  CHECK(library.current("skill:sort.quick")->created_at == 1000000);
  CHECK(library.current("skill:sort.quick")->path == kQuick);
}

TEST_CASE("a swarm that does not load says which file and who needs it", "[library]") {
  test::Swarm swarm;
  const auto message = [&] { return swarm.load_error().message; };
  SECTION("no swarm.yaml") {
    swarm.remove("swarm.yaml");
    CHECK(message() == swarm.path("swarm.yaml") + " is missing: `clade init " + swarm.folder.path() +
                           "` makes a swarm there");
    CHECK(swarm.load_error().code == "not_found");
  }
  SECTION("no agent.yaml") {
    swarm.remove("agents/worker/agent.yaml");
    CHECK(message().rfind(swarm.path("agents/worker/agent.yaml") + " is missing, and swarm.yaml has an agent",
                          0) == 0);
  }
  SECTION("a manifest that is not right") {
    swarm.write("skills/sort/base/skill.yaml", "id: sort.base\nuse: []\n");
    CHECK(message() ==
          swarm.path("skills/sort/base/skill.yaml") + ":2:1: unknown key \"use\" (did you mean \"uses\"?)");
  }
  SECTION("a skill without manifest") {
    swarm.remove("skills/sort/base/skill.yaml");
    CHECK(message() == swarm.path("skills/sort/base/skill.yaml") +
                           " is missing: a skill needs one with at least `id: sort.base`");
  }
  SECTION("an id that is not the folder's") {
    swarm.write("skills/sort/base/skill.yaml", "id: sort.basis\n");
    CHECK(message() ==
          swarm.path("skills/sort/base/skill.yaml") +
              ": the id \"sort.basis\" must be that of the folder: write `id: sort.base`, or move the "
              "folder to skills/sort/basis");
  }
  SECTION("no source of a role") {
    swarm.remove("agents/worker/init.lua");
    CHECK(message() == "cannot read " + swarm.path("agents/worker/init.lua") +
                           ": No such file or directory; needed by agent \"worker\" of swarm.yaml");
  }
  SECTION("no source of a skill") {
    swarm.remove(kQuick);
    CHECK(message() ==
          "cannot read " + swarm.path(kQuick) + ": No such file or directory; needed by role \"worker\"");
  }
  SECTION("no source of a skill that ran before") {
    const std::string hash = swarm.loaded()->current("skill:sort.base")->hash;
    swarm.remove("skills/sort/base/init.lua");
    CHECK(message() == "cannot read " + swarm.path("skills/sort/base/init.lua") +
                           ": No such file or directory; needed by skill \"sort.quick\"; `clade script show "
                           "skill:sort.base " +
                           clade::short_hash(hash) + " --source` prints its last version");
  }
  SECTION("an empty source") {
    swarm.write(kQuick, " \n");
    CHECK(message() ==
          std::string(kQuick) + " is empty: a script returns a table; needed by role \"worker\"");
  }
  SECTION("a compiled source") {
    swarm.write(kQuick, "\x1bLJ\x02");
    CHECK(message().find("is compiled Lua, which is not run") != std::string::npos);
  }
  SECTION("a source that is a folder") {
    swarm.remove(kQuick);
    std::filesystem::create_directories(swarm.path(kQuick));
    CHECK(swarm.load_error().code == "io");
  }
  SECTION("a role's skill that is not there") {
    swarm.write("agents/worker/agent.yaml", "skills: [sort.quik]\n");
    CHECK(message() ==
          "agents/worker/agent.yaml:1:10: no skill \"sort.quik\" (did you mean \"sort.quick\"?): add "
          "skills/sort/quik, or "
          "take it out");
  }
  SECTION("a skill's skill that is not there") {
    swarm.skill("sort.quick", "uses: [math.none]\n", "return 1");
    CHECK(message() ==
          "skills/sort/quick/skill.yaml:2:8: no skill \"math.none\": add skills/math/none, or take it out");
  }
  SECTION("a circle") {
    swarm.skill("sort.base", "uses: [sort.quick]\n", "return 1");
    CHECK(swarm.load_error().code == "cycle");
    CHECK(message() ==
          "skills use each other in a circle: sort.base → sort.quick → sort.base: take one `uses` out of "
          "skills/sort/quick/skill.yaml");
  }
  SECTION("a goal without its skill") {
    swarm.write("swarm.yaml", "swarm: s\ngoals: [{name: g, skill: sort.quikc}]\n");
    CHECK(message() ==
          "swarm.yaml: the goal \"g\" is about the skill \"sort.quikc\", which is not there (did you mean "
          "\"sort.quick\"?): add skills/sort/quikc, or change the goal");
  }
}

TEST_CASE("a closure holds what a skill uses, transitively", "[library]") {
  test::Swarm swarm;
  swarm.skill("a.top", "uses: [sort.quick, sort.base]\n", "return 'top'");
  const auto library = swarm.loaded();
  auto modules = library->closure({"a.top"});
  REQUIRE(modules);
  REQUIRE(modules->size() == 3);
  CHECK(modules->at("sort.base")->source == "return 'base 1'");
  CHECK(modules->at("sort.base") == library->current("skill:sort.base"));
  CHECK(library->closure({})->empty());
  auto missing = library->closure({"sort.bose"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == "not_found");
  CHECK(missing.error().message.find("did you mean \"sort.base\"?") != std::string::npos);
}

TEST_CASE("a skill's other files are read from its folder only", "[library]") {
  test::Swarm swarm;
  swarm.write("skills/sort/quick/test.lua", "return 'test'");
  const auto library = swarm.loaded();
  CHECK(library->skill_file("sort.quick", "test.lua") == std::string("return 'test'"));
  CHECK(library->skill_file("sort.quick", "bench.lua").error().code == "not_found");
  CHECK(library->skill_file("sort.slow", "test.lua").error().code == "not_found");
  for (const char* file : {"../base/init.lua", "/etc/passwd", "..", ".", "", ".hidden"}) {
    CAPTURE(file);
    CHECK(library->skill_file("sort.quick", file).error().code == "invalid");
  }
}

TEST_CASE("a saved file is a candidate until it is imported", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  const std::string before = library->current("skill:sort.quick")->hash;
  swarm.write(kQuick, "return 'quick 2'");
  const auto candidates = library->changed();
  REQUIRE(names_of(candidates) == std::vector<std::string>{"skill:sort.quick"});
  CHECK(candidates[0].source == "return 'quick 2'");
  CHECK(candidates[0].parent == before);
  CHECK(candidates[0].origin == "file");
  CHECK(library->uses(candidates[0]) == std::vector<std::string>{"sort.base"});
  CHECK(library->current("skill:sort.quick")->hash == before);
  CHECK(library->changed().size() == 1);

  import_all(swarm, *library);
  CHECK(library->current("skill:sort.quick")->source == "return 'quick 2'");
  CHECK(library->current("skill:sort.quick")->parent == before);
  CHECK(library->changed().empty());
  const auto again = swarm.loaded();
  CHECK(again->current("skill:sort.quick")->source == "return 'quick 2'");
  CHECK(again->current("skill:sort.quick")->parent == before);
}

TEST_CASE("a file changed while the host was down is a candidate too", "[library]") {
  test::Swarm swarm;
  swarm.loaded();
  swarm.write("agents/worker/init.lua", "return { api = 1, changed = true }");
  const auto library = swarm.loaded();
  CHECK(library->current("agent:worker")->source == "return { api = 1 }");
  CHECK(names_of(library->changed()) == std::vector<std::string>{"agent:worker"});
}

TEST_CASE("going back to an imported version's parent by hand is a candidate", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write(kQuick, "return 'quick 2'");
  import_all(swarm, *library);
  swarm.write(kQuick, "return 'quick 1'");
  CHECK(library->changed().size() == 1);
  library = swarm.loaded();
  CHECK(library->problems().empty());
  CHECK(library->changed().size() == 1);
}

TEST_CASE("a refused candidate is not offered again, nor after a restart", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write(kQuick, "return (");
  {
    Batch batch;
    const auto candidates = library->changed();
    REQUIRE(candidates.size() == 1);
    library->refuse(candidates[0], "unexpected symbol near <eof>", batch);
    swarm.commit(batch);
  }
  CHECK(library->changed().empty());
  CHECK(library->current("skill:sort.quick")->source == "return 'quick 1'");
  library = swarm.loaded();
  CHECK(library->changed().empty());
  CHECK(library->current("skill:sort.quick")->source == "return 'quick 1'");
  CHECK(swarm.read(kQuick) == "return (");
  // The refused text is kept.
  CHECK(clade::script::version_source(swarm.database, clade::content_hash("return (")) ==
        std::string("return ("));

  swarm.write(kQuick, "return 'better'");
  CHECK(library->changed().size() == 1);
}

TEST_CASE("a file that is no source is a problem, not a candidate", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write(kQuick, "");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "is empty: a script returns a table; the current version"));
  library = swarm.loaded();
  CHECK(mentions(library->problems(), "goes on running"));
  swarm.remove(kQuick);
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "cannot read " + swarm.path(kQuick)));
}

TEST_CASE("a published version is current at once and written back to its file", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  const std::string before = library->current("skill:sort.quick")->hash;
  swarm.clock.now = 5000;
  const Version version = published(swarm, *library, "return 'evolved'");
  CHECK(version.parent == before);
  CHECK(version.origin == "published");
  CHECK(version.created_at == 5000);
  CHECK(library->current("skill:sort.quick")->hash == version.hash);
  // The file still holds the parent, and that is nobody's change.
  CHECK(swarm.read(kQuick) == "return 'quick 1'");
  CHECK(library->changed().empty());

  REQUIRE(library->write_back("skill:sort.quick"));
  CHECK(swarm.read(kQuick) == "return 'evolved'");
  CHECK(library->changed().empty());
  REQUIRE(library->write_back("skill:sort.quick"));

  library = swarm.loaded();
  CHECK(library->problems().empty());
  const Version* again = library->current("skill:sort.quick");
  CHECK(again->hash == version.hash);
  CHECK(again->parent == before);
  CHECK(again->origin == "published");
  CHECK(again->created_at == 5000);
  CHECK(again->lineage["task"] == Value("t1"));
  // After the write-back the parent's text is a person's wish.
  swarm.write(kQuick, "return 'quick 1'");
  CHECK(library->changed().size() == 1);
}

TEST_CASE("a crash between the commit and the write-back is made good at the next start", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  published(swarm, *library, "return 'evolved 1'");
  SECTION("one version behind") {}
  SECTION("two versions behind") {
    published(swarm, *library, "return 'evolved 2'");
  }
  const Version last = *library->current("skill:sort.quick");
  library = swarm.loaded();
  CHECK(library->current("skill:sort.quick")->hash == last.hash);
  CHECK(swarm.read(kQuick) == last.source);
  REQUIRE(library->problems().size() == 1);
  CHECK(library->problems()[0].code == "written_back");
  CHECK(library->changed().empty());
  CHECK(swarm.loaded()->problems().empty());
}

TEST_CASE("a text that a person saved during a publish is not overwritten", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  const Version version = published(swarm, *library, "return 'evolved'");
  swarm.write(kQuick, "return 'by hand'");
  auto status = library->write_back("skill:sort.quick");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "conflict");
  CHECK(swarm.read(kQuick) == "return 'by hand'");
  const auto candidates = library->changed();
  REQUIRE(candidates.size() == 1);
  CHECK(candidates[0].parent == version.hash);
  library = swarm.loaded();
  CHECK(swarm.read(kQuick) == "return 'by hand'");
  CHECK(library->changed().size() == 1);
}

TEST_CASE("a text refused before a publish is overwritten, as the store keeps it", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write(kQuick, "return (");
  Batch batch;
  library->refuse(library->changed().at(0), "syntax", batch);
  swarm.commit(batch);
  published(swarm, *library, "return 'evolved'");
  SECTION("by the write-back") {
    REQUIRE(library->write_back("skill:sort.quick"));
  }
  SECTION("at the next start") {
    library = swarm.loaded();
  }
  CHECK(swarm.read(kQuick) == "return 'evolved'");
}

TEST_CASE("a candidate tested while another version was published replaces that one", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write(kQuick, "return 'by hand'");
  const auto candidates = library->changed();
  const Version version = published(swarm, *library, "return 'evolved'");
  Batch batch;
  library->import({candidates.at(0)}, "file", batch);
  swarm.commit(batch);
  CHECK(library->current("skill:sort.quick")->source == "return 'by hand'");
  CHECK(library->current("skill:sort.quick")->parent == version.hash);
  REQUIRE(library->write_back("skill:sort.quick"));
  CHECK(swarm.read(kQuick) == "return 'by hand'");
}

TEST_CASE("what cannot be published is refused", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  Batch batch;
  const auto code = [&](const std::string& name, const std::string& source) {
    auto version = library->publish(name, source, {}, "publisher", batch);
    REQUIRE_FALSE(version);
    return version.error().code;
  };
  CHECK(code("skill:sort.slow", "return 1") == "not_found");
  CHECK(code("skill:../../etc", "return 1") == "not_found");
  CHECK(code("skill:sort.quick", "") == "invalid");
  CHECK(code("skill:sort.quick", "\x1bLJ") == "invalid");
  CHECK(code("skill:sort.quick", std::string((1u << 20) + 1, 'x')) == "invalid");
  CHECK(code("skill:sort.quick", "return 'quick 1'") == "unchanged");
  CHECK(batch.empty());
}

TEST_CASE("a roll back goes along the line of parents", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  const std::string first = library->current("skill:sort.quick")->hash;
  const std::string second = published(swarm, *library, "return 'second'").hash;
  const std::string third = published(swarm, *library, "return 'third'").hash;
  REQUIRE(library->write_back("skill:sort.quick"));
  const auto back = [&](const std::string& hash) {
    Batch batch;
    auto version = library->roll_back("skill:sort.quick", hash, "operator", swarm.database, batch);
    swarm.commit(batch);
    return version;
  };
  auto version = back("");
  REQUIRE(version);
  CHECK(version->hash == second);
  CHECK(version->parent == third);
  CHECK(version->origin == "rolled_back");
  // A crash here: the file still holds what was rolled back, and does not come back.
  CHECK(library->changed().empty());
  library = swarm.loaded();
  CHECK(swarm.read(kQuick) == "return 'second'");
  CHECK(library->current("skill:sort.quick")->origin == "rolled_back");

  version = back("");
  REQUIRE(version);
  CHECK(version->hash == first);
  CHECK(back("").error().code == "not_found");
  version = back(third.substr(0, 12));
  REQUIRE(version);
  CHECK(version->source == "return 'third'");
  CHECK(back(third).error().code == "unchanged");
  CHECK(back("abcdef").error().code == "not_found");
  CHECK(back("' OR 1=1").error().code == "not_found");
  // A version of another script is none of this one's.
  CHECK(back(library->current("skill:sort.base")->hash).error().code == "not_found");
  Batch batch;
  CHECK(library->roll_back("skill:none.such", "", "operator", swarm.database, batch).error().code ==
        "not_found");
}

TEST_CASE("one cannot roll back to a refused text", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write(kQuick, "return (");
  Batch batch;
  library->refuse(library->changed().at(0), "syntax", batch);
  swarm.commit(batch);
  auto version = library->roll_back("skill:sort.quick", clade::content_hash("return ("), "operator",
                                    swarm.database, batch);
  REQUIRE_FALSE(version);
  CHECK(version.error().code == "not_found");
}

TEST_CASE("a file that cannot be written back is a problem, the version runs all the same", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  published(swarm, *library, "return 'evolved'");
  // Stands where the new file would be written first; a read-only folder would not stop root.
  const std::string obstacle = "skills/sort/quick/.init.lua.clade-new";
  std::filesystem::create_directories(swarm.path(obstacle));
  auto status = library->write_back("skill:sort.quick");
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("runs all the same and is written at the next start") !=
        std::string::npos);
  CHECK(library->changed().empty());
  library = swarm.loaded();
  CHECK(library->current("skill:sort.quick")->source == "return 'evolved'");
  CHECK(mentions(library->problems(), "is written at the next start"));
  swarm.remove(obstacle);
  swarm.loaded();
  CHECK(swarm.read(kQuick) == "return 'evolved'");
}

TEST_CASE("a new skill's folder becomes a candidate once its manifest and uses are right", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write("skills/math/mean/skill.yaml", "id: math.mean\nuses: [math.sum]\n");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "skills/math/mean/init.lua"));
  swarm.write("skills/math/mean/init.lua", "return 'mean'");
  swarm.write("skills/math/sum/init.lua", "return 'sum'");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "skills/math/sum/skill.yaml is missing"));
  CHECK(mentions(library->problems(), "skills/math/mean/init.lua waits: "));
  swarm.write("skills/math/sum/skill.yaml", "id: math.sum\nsumary: x\n");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "skills/math/sum/skill.yaml:2:1: unknown key \"sumary\""));
  swarm.write("skills/math/sum/skill.yaml", "id: math.sum\n");
  CHECK(names_of(library->changed()) == std::vector<std::string>{"skill:math.sum"});
  CHECK_FALSE(library->has_skill("math.sum"));
  import_all(swarm, *library);
  CHECK(library->has_skill("math.sum"));
  const auto candidates = library->changed();
  REQUIRE(names_of(candidates) == std::vector<std::string>{"skill:math.mean"});
  CHECK(library->uses(candidates[0]) == std::vector<std::string>{"math.sum"});
  import_all(swarm, *library);
  CHECK(library->closure({"math.mean"})->size() == 2);
  CHECK(library->problems().empty());
}

TEST_CASE("a new skill that was refused stays out until its file changes", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.skill("math.sum", "", "return (");
  Batch batch;
  library->refuse(library->changed().at(0), "syntax", batch);
  swarm.commit(batch);
  CHECK_FALSE(library->has_skill("math.sum"));
  library = swarm.loaded();
  CHECK_FALSE(library->has_skill("math.sum"));
  CHECK(mentions(library->problems(), "skills/math/sum/init.lua still holds the text that was refused"));
  swarm.write("skills/math/sum/init.lua", "return 'sum'");
  CHECK(names_of(library->changed()) == std::vector<std::string>{"skill:math.sum"});
}

TEST_CASE("a manifest takes effect with its script's next version", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\ngrants: [cell.eval]\n");
  CHECK(library->changed().empty());
  REQUIRE(library->problems().size() == 1);
  CHECK(library->problems()[0].code == "restart");
  CHECK(library->agent("worker").grants.empty());
  swarm.write("agents/worker/init.lua", "return { api = 1, more = true }");
  const auto& manifest = library->agent("worker");
  import_all(swarm, *library);
  CHECK(manifest.grants == std::vector<std::string>{"cell.eval"});
  CHECK(library->agent("worker").grants == std::vector<std::string>{"cell.eval"});
  CHECK(library->changed().empty());
  CHECK(library->problems().empty());
}

TEST_CASE("a manifest that would close a circle keeps its candidate waiting", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.skill("sort.base", "uses: [sort.quick]\n", "return 'base 2'");
  CHECK(library->changed().empty());
  CHECK(
      mentions(library->problems(), "skills use each other in a circle: sort.base → sort.quick → sort.base"));
  CHECK(library->closure({"sort.quick"}));
}

TEST_CASE("a broken or missing manifest keeps the version in force", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.write(kQuick, "return 'quick 2'");
  swarm.write("skills/sort/quick/skill.yaml", "id: [");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "skills/sort/quick/skill.yaml:1:"));
  swarm.remove("skills/sort/quick");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "the folder of the skill sort.quick is gone"));
  CHECK(library->closure({"sort.quick"}));
}

TEST_CASE("a changed swarm.yaml is a problem until the next start", "[library]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  CHECK(library->changed().empty());
  CHECK(library->problems().empty());
  swarm.write("swarm.yaml", "swarm: [broken");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(), "it takes effect when the host starts again"));
}

TEST_CASE("a rule's file can be added and changed", "[library]") {
  test::Swarm swarm;
  auto library = swarm.loaded();
  swarm.write("scripts/govern/vote.lua", "return 1");
  CHECK(names_of(library->changed()) == std::vector<std::string>{"rule:vote"});
  import_all(swarm, *library);
  REQUIRE(library->current("rule:vote"));
  CHECK(library->current("rule:vote")->path == "scripts/govern/vote.lua");
  swarm.write("scripts/govern/vote.lua", "return 2");
  import_all(swarm, *library);
  library = swarm.loaded();
  CHECK(library->current("rule:vote")->source == "return 2");
  swarm.remove("scripts/govern/vote.lua");
  CHECK_FALSE(swarm.loaded()->current("rule:vote"));
}

TEST_CASE("every folder where a change may come is watched", "[library]") {
  test::Swarm swarm;
  std::filesystem::create_directories(swarm.path("skills/empty"));
  std::filesystem::create_directories(swarm.path("skills/.git/x"));
  const auto library = swarm.loaded();
  const std::vector<std::string> expected = {swarm.path("").substr(0, swarm.path("").size() - 1),
                                             swarm.path("agents"),
                                             swarm.path("agents/worker"),
                                             swarm.path("skills"),
                                             swarm.path("skills/empty"),
                                             swarm.path("skills/sort"),
                                             swarm.path("skills/sort/base"),
                                             swarm.path("skills/sort/quick")};
  CHECK(library->watched_folders() == expected);
}
