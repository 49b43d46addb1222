// What roles need because of their skills.
#include "script/catalogue.h"

#include <string>
#include <vector>

#include "fixture.h"

using test::import_all;
using test::mentions;
using test::names_of;

TEST_CASE("a role asks for what its skills need, also through others", "[catalogue]") {
  test::Swarm swarm;
  swarm.skill("sort.base", "grants: ['mail.send:role:*', cell.eval]\n", "return 'base 1'");
  CHECK(swarm.load_error().code == "invalid");
  CHECK(swarm.load_error().message ==
        "agents/worker/agent.yaml: the skill \"sort.base\" needs the grant \"mail.send:role:*\", which no "
        "grant of "
        "this file covers: add it under `grants` there, or do without the skill");
  // Part of it is not enough, and to be given it neither.
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\ngrants: ['mail.send:role:a*', cell.eval]\n");
  swarm.write("swarm.yaml", "swarm: small\nagents:\n  worker: {grants: ['mail.send:**']}\n");
  CHECK(swarm.load_error().code == "invalid");
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\ngrants: ['mail.send:**']\n");
  CHECK(swarm.load_error().message.find("needs the grant \"cell.eval\"") != std::string::npos);
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\ngrants: ['mail.send:**', cell.eval]\n");
  CHECK(swarm.loaded()->skill("sort.base").grants ==
        std::vector<std::string>{"mail.send:role:*", "cell.eval"});
  // Nobody uses it: nobody needs to ask.
  swarm.write("agents/worker/agent.yaml", "skills: []\n");
  CHECK(swarm.loaded()->has_skill("sort.base"));
}

TEST_CASE("a skill that needs more waits until its roles ask for it", "[catalogue]") {
  test::Swarm swarm;
  const auto library = swarm.loaded();
  swarm.skill("sort.quick", "uses: [sort.base]\ngrants: [cell.eval]\n", "return 'quick 2'");
  CHECK(library->changed().empty());
  CHECK(mentions(
      library->problems(),
      "skills/sort/quick/init.lua waits: agents/worker/agent.yaml:1:10: the skill \"sort.quick\" needs the "
      "grant \"cell.eval\""));
  CHECK(library->skill("sort.quick").grants.empty());
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\ngrants: [cell.eval]\n");
  swarm.write("agents/worker/init.lua", "return { api = 1, more = true }");
  CHECK(names_of(library->changed()) == std::vector<std::string>{"agent:worker"});
  import_all(swarm, *library);
  CHECK(names_of(library->changed()) == std::vector<std::string>{"skill:sort.quick"});
  import_all(swarm, *library);
  CHECK(library->current("skill:sort.quick")->source == "return 'quick 2'");
  // Nor does a role drop what its skills need.
  swarm.write("agents/worker/agent.yaml", "skills: [sort.quick]\n");
  swarm.write("agents/worker/init.lua", "return { api = 1, less = true }");
  CHECK(library->changed().empty());
  CHECK(mentions(library->problems(),
                 "agents/worker/init.lua waits: agents/worker/agent.yaml:1:10: the skill"));
}
