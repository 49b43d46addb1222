#include "script/manifest.h"

#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "support/temporary_folder.h"

using namespace clade::script;
using clade::Value;

namespace {

class Files {
 public:
  Files() { std::filesystem::create_directories(folder_ / "worker"); }

  clade::Result<AgentManifest> agent(const std::string& text) const {
    return read_agent_manifest(write("worker/agent.yaml", text));
  }
  clade::Result<SkillManifest> skill(const std::string& text) const {
    return read_skill_manifest(write("skill.yaml", text));
  }
  clade::Result<SwarmManifest> swarm(const std::string& text) const {
    return read_swarm_manifest(write("swarm.yaml", text));
  }

  // The message without the folder it begins with.
  template <class T>
  std::string error(const clade::Result<T>& result) const {
    REQUIRE_FALSE(result);
    CHECK(result.error().code == "invalid");
    const std::string& message = result.error().message;
    REQUIRE(message.rfind(folder_.path() + "/", 0) == 0);
    return message.substr(folder_.path().size() + 1);
  }

 private:
  std::string write(const std::string& name, const std::string& text) const {
    REQUIRE(clade::write_file_atomic(folder_ / name, text));
    return folder_ / name;
  }
  const test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("an agent's manifest is read", "[manifest]") {
  const Files files;
  auto manifest = files.agent(
      "summary: does things\n"
      "topics: [task.failed, news]\n"
      "skills:\n  - optimize.bin_packing\n"
      "grants: [\"queue.add:test_*\", cell.eval, 'mail.send:role:reviewer']\n");
  REQUIRE(manifest);
  CHECK(manifest->role == "worker");
  CHECK(manifest->summary == "does things");
  CHECK(manifest->topics == std::vector<std::string>{"task.failed", "news"});
  CHECK(manifest->skills == std::vector<std::string>{"optimize.bin_packing"});
  CHECK(manifest->grants ==
        std::vector<std::string>{"queue.add:test_*", "cell.eval", "mail.send:role:reviewer"});
  auto empty = files.agent("");
  REQUIRE(empty);
  CHECK(empty->grants.empty());
}

TEST_CASE("an agent's manifest says what is wrong and where", "[manifest]") {
  const Files files;
  CHECK(files.error(files.agent("summary: x\nskils: []\n")) ==
        "worker/agent.yaml:2:1: unknown key \"skils\" (did you mean \"skills\"?)");
  CHECK(files.error(files.agent("colour: red\n")) ==
        "worker/agent.yaml:1:1: unknown key \"colour\"; known: summary, topics, skills, grants");
  CHECK(files.error(files.agent("summary: x\nsummary: y\n")) ==
        "worker/agent.yaml:2:1: key \"summary\" appears twice (first on line 1): remove one");
  CHECK(files.error(files.agent("grants: queue.read\n")) ==
        "worker/agent.yaml:1:9: \"grants\" must be a list, not text");
  CHECK(files.error(files.agent("grants:\n  - cell.eval\n  - 12\n")) ==
        "worker/agent.yaml:3:5: an entry of \"grants\" must be text, not a number: put it in quotes");
  CHECK(files.error(files.agent("grants: [cell.evil]\n")) ==
        "worker/agent.yaml:1:10: the grant \"cell.evil\" names no capability (did you mean \"cell.eval\"?)");
  CHECK(files.error(files.agent("grants:\n- queue.add: test\n")) ==
        "worker/agent.yaml:2:3: an entry of \"grants\" must be text, not a map");
  CHECK(files.error(files.agent("skills: [packing]\n")) ==
        "worker/agent.yaml:1:10: \"packing\" is no id of a skill: write \"<layer>.<name>\" in small letters, "
        "digits and \"_\"");
  CHECK(files.error(files.agent("topics: [Task]\n")) ==
        "worker/agent.yaml:1:10: \"Task\" is no topic: use small letters, digits, \"_\" and dots, like "
        "\"task.failed\"");
  CHECK(files.error(files.agent("- a\n")) ==
        "worker/agent.yaml:1:1: expected a map with the keys summary, topics, skills, grants, found a list");
}

TEST_CASE("of several problems the first in the file is named", "[manifest]") {
  const Files files;
  CHECK(files.error(files.agent("topics: 1\nsumary: x\n")) ==
        "worker/agent.yaml:1:9: \"topics\" must be a list, not a number");
  CHECK(files.error(files.agent("sumary: x\ntopics: 1\n")) ==
        "worker/agent.yaml:1:1: unknown key \"sumary\" (did you mean \"summary\"?)");
}

TEST_CASE("a skill's manifest is read", "[manifest]") {
  const Files files;
  auto manifest = files.skill(
      "id: optimize.bin_packing\nsummary: packs\nversion: 1.0.0\ntags: [a, b]\nuses: [math.stats]\n"
      "benchmark: {metric: excess, better: lower, instances: 'weibull:3'}\n");
  REQUIRE(manifest);
  CHECK(manifest->id == "optimize.bin_packing");
  CHECK(manifest->version == "1.0.0");
  CHECK(manifest->uses == std::vector<std::string>{"math.stats"});
  CHECK(manifest->benchmark["better"] == Value("lower"));
  CHECK(manifest->benchmark["instances"] == Value("weibull:3"));
  auto least = files.skill("id: a.b\n");
  REQUIRE(least);
  CHECK(least->version == "0.0.0");
  CHECK(least->benchmark.is_nil());
}

TEST_CASE("a skill's manifest says what is wrong and where", "[manifest]") {
  const Files files;
  CHECK(files.error(files.skill("summary: x\n")) == "skill.yaml:1:1: the key \"id\" is missing");
  CHECK(files.error(files.skill("")) == "skill.yaml:1:1: the key \"id\" is missing");
  CHECK(files.error(files.skill("id: a.b\nversion: 1.0\n")) ==
        "skill.yaml:2:10: \"version\" must be text, not a number: put it in quotes");
  CHECK(files.error(files.skill("id: a.b\nversion: \"1.0\"\n")) ==
        "skill.yaml:2:10: \"1.0\" is no version: write three numbers, like \"1.0.0\"");
  CHECK(files.error(files.skill("id: a.b\nbenchmark: {metric: excess}\n")) ==
        "skill.yaml:2:12: the key \"better\" is missing");
  CHECK(files.error(files.skill("id: a.b\nbenchmark:\n  metric: excess\n  better: less\n")) ==
        "skill.yaml:4:11: \"less\" must be lower or higher");
  CHECK(files.error(files.skill("id: a.b\nsummary: |\n  two\n  lines\n")) ==
        "skill.yaml:2:10: a summary is one line");
  CHECK(files.error(files.skill("id: a/b.c\n")).rfind("skill.yaml:1:5: \"a/b.c\" is no id of a skill", 0) ==
        0);
}

TEST_CASE("a swarm's manifest is read, agents in order", "[manifest]") {
  const Files files;
  auto manifest = files.swarm(
      "swarm: First-swarm_1\n"
      "require: [seccomp, landlock]\n"
      "agents:\n"
      "  zoe: {role: worker, instances: 2, grants: [queue.read]}\n"
      "  adam:\n"
      "goals:\n"
      "  - {name: tighter, skill: optimize.bin_packing, metric: excess, target: 1.0, knowledge: packing}\n"
      "settings: {seed: 1, evaluations: 16000, instances: 'weibull:3:45:100:5000'}\n"
      "governance: {quorum: 4, threshold: 0.75, vote_deadline_ms: 1000}\n"
      "probation: {runs: 5, seconds: 7}\n"
      "reload: {agents: ask, skills: off, scripts: auto}\n"
      "shadow: require_same\n"
      "drain: 2h\n");
  REQUIRE(manifest);
  CHECK(manifest->name == "First-swarm_1");
  CHECK(manifest->require == std::vector<std::string>{"seccomp", "landlock"});
  REQUIRE(manifest->agents.size() == 2);
  CHECK(manifest->agents[0].name == "zoe");
  CHECK(manifest->agents[0].role == "worker");
  CHECK(manifest->agents[0].instances == 2);
  CHECK(manifest->agents[0].grants == std::vector<GivenGrant>{{"queue.read"}});
  CHECK(manifest->agents[1].role == "adam");
  CHECK(manifest->agents[1].instances == 1);
  CHECK(manifest->goals.as_array().at(0)["target"] == Value(1));
  CHECK(manifest->settings["evaluations"] == Value(16000));
  CHECK(manifest->quorum == 4);
  CHECK(manifest->threshold == 0.75);
  CHECK(manifest->vote_deadline_ms == 1000);
  CHECK(manifest->shadow == clade::script::ShadowMode::require_same);
  CHECK(manifest->drain_ms == 7200000);
  CHECK(manifest->probation.runs == 5);
  CHECK(manifest->probation.ms == 7000);
  CHECK(manifest->reload.agents == clade::script::ReloadMode::ask);
  CHECK(manifest->reload.skills == clade::script::ReloadMode::off);
  CHECK(manifest->reload.scripts == clade::script::ReloadMode::automatic);
}

TEST_CASE("a swarm needs a name, all else has a default", "[manifest]") {
  const Files files;
  auto manifest = files.swarm("swarm: s\nagents:\ngoals:\nsettings:\n");
  REQUIRE(manifest);
  CHECK(manifest->agents.empty());
  CHECK(manifest->goals.is_array());
  CHECK(manifest->settings.is_map());
  CHECK(manifest->quorum == 3);
  CHECK(manifest->threshold == 0.6);
  CHECK(files.error(files.swarm("agents: {}\n")) == "swarm.yaml:1:1: the key \"swarm\" is missing");
}

TEST_CASE("a swarm's manifest says what is wrong and where", "[manifest]") {
  const Files files;
  const auto wrong = [&](const std::string& text) { return files.error(files.swarm("swarm: s\n" + text)); };
  CHECK(wrong("swarn: t\n") == "swarm.yaml:2:1: unknown key \"swarn\" (did you mean \"swarm\"?)");
  CHECK(wrong("require: [landlok]\n") ==
        "swarm.yaml:2:11: \"landlok\" is no isolation layer (did you mean \"landlock\"?)");
  CHECK(wrong("agents: [hunter]\n") == "swarm.yaml:2:9: \"agents\" must be a map, not a list");
  CHECK(wrong("agents:\n  Hunter: {}\n") ==
        "swarm.yaml:3:3: \"Hunter\" is no name: use small letters, digits and \"_\", a letter first");
  CHECK(wrong("agents:\n  hunter: {role: ../x}\n") ==
        "swarm.yaml:3:18: \"../x\" is no name: use small letters, digits and \"_\", a letter first");
  CHECK(wrong("agents:\n  hunter:\n    instance: 2\n") ==
        "swarm.yaml:4:5: unknown key \"instance\" (did you mean \"instances\"?)");
  CHECK(wrong("agents:\n  hunter: {instances: 0}\n") ==
        "swarm.yaml:3:23: \"instances\" must be from 1 to 64, not 0");
  CHECK(wrong("agents:\n  hunter: {instances: 1.5}\n") ==
        "swarm.yaml:3:23: \"instances\" must be a whole number, not a fraction");
  CHECK(wrong("agents:\n  hunter: {instances: two}\n") ==
        "swarm.yaml:3:23: \"instances\" must be a whole number, not text");
  CHECK(wrong("agents:\n  hunter: {}\n  hunter: {}\n") ==
        "swarm.yaml:4:3: key \"hunter\" appears twice (first on line 3): remove one");
  CHECK(wrong("agents:\n  hunter: {grants: [queue.add]}\n") ==
        "swarm.yaml:3:21: the grant \"queue.add\" needs a pattern after a colon: write it like "
        "\"queue.add:test_*\"");
  CHECK(wrong("governance: {threshold: 1.5}\n") ==
        "swarm.yaml:2:25: \"threshold\" must be above 0 and at most 1, not 1.5");
  CHECK(wrong("governance: {threshold: high}\n") ==
        "swarm.yaml:2:25: \"threshold\" must be a number, not text");
  CHECK(wrong("governance: {quorum: 0}\n") == "swarm.yaml:2:22: \"quorum\" must be from 1 to 1000, not 0");
  CHECK(wrong("probation: {runs: 0}\n") == "swarm.yaml:2:19: \"runs\" must be from 1 to 1000000, not 0");
  CHECK(wrong("reload: {agents: sometimes}\n") ==
        "swarm.yaml:2:18: \"sometimes\" is neither auto, ask nor off");
  CHECK(wrong("shadow: yes\n") == "swarm.yaml:2:9: \"yes\" is neither require_same, show nor off");
  CHECK(wrong("settings: {seed: abc}\n") == "swarm.yaml:2:18: \"seed\" must be a whole number, not text");
  CHECK(wrong("goals:\n  - {skill: a.b}\n") == "swarm.yaml:3:5: the key \"name\" is missing");
  CHECK(wrong("goals:\n  - {skill: a.b}\n  - {skill: a.b}\n") ==
        "swarm.yaml:3:5: the key \"name\" is missing");
  CHECK(wrong("goals:\n  - {name: a}\n  - {name: a}\n") ==
        "swarm.yaml:4:12: two goals are named \"a\": name one otherwise");
  CHECK(wrong("goals:\n  - {name: a, target: low}\n") ==
        "swarm.yaml:3:23: \"target\" must be a number, not text");
  CHECK(wrong("goals: [x]\n") ==
        "swarm.yaml:2:9: a goal is a map with name, skill, metric and target, not text");
  CHECK(files.error(files.swarm("swarm: my swarm\n")) ==
        "swarm.yaml:1:8: \"my swarm\" is no name of a swarm: use letters, digits, \"_\" and \"-\"");
}

TEST_CASE("a given grant may have limits", "[manifest]") {
  const Files files;
  auto manifest = files.swarm(
      "swarm: s\n"
      "agents:\n"
      "  clerk:\n"
      "    grants:\n"
      "      - queue.add:clerk_*\n"
      "      - {grant: 'mail.send:role:*', rate: 10/min, size: 64 KB}\n"
      "      - {grant: 'process.run:git *', rate: 100/h}\n"
      "      - {grant: cell.eval, size: 512}\n"
      "      - {grant: queue.read}\n");
  REQUIRE(manifest);
  constexpr int64_t kMinuteUs = 60000000;
  CHECK(manifest->agents[0].grants ==
        std::vector<GivenGrant>{{"queue.add:clerk_*"},
                                {"mail.send:role:*", Rate{10, kMinuteUs}, 65536},
                                {"process.run:git *", Rate{100, 60 * kMinuteUs}},
                                {"cell.eval", std::nullopt, 512},
                                {"queue.read"}});
}

TEST_CASE("limits say what is wrong and where", "[manifest]") {
  const Files files;
  const auto wrong = [&](const std::string& entry) {
    return files.error(files.swarm("swarm: s\nagents:\n  a:\n    grants:\n      - " + entry + "\n"));
  };
  const std::string rates =
      ": write a whole number from 1 to 1000000, \"/\" and s, min, h or day, like \"10/min\"";
  const std::string sizes = ": write a whole number and B, KB or MB, from 1 B to 128 MB, like \"64 KB\"";
  CHECK(wrong("{grant: cell.eval, rat: 1/s}") ==
        "swarm.yaml:5:28: unknown key \"rat\" (did you mean \"rate\"?)");
  CHECK(wrong("{grant: cell.eval, rate: 0/min}") == "swarm.yaml:5:34: \"0/min\" is no rate" + rates);
  CHECK(wrong("{grant: cell.eval, rate: 0}") == "swarm.yaml:5:34: \"0\" is no rate" + rates);
  CHECK(wrong("{grant: cell.eval, rate: 10/fortnight}") ==
        "swarm.yaml:5:34: \"10/fortnight\" is no rate" + rates);
  CHECK(wrong("{grant: cell.eval, rate: 10/mins}") ==
        "swarm.yaml:5:34: \"10/mins\" is no rate (did you mean \"min\"?)" + rates);
  CHECK(wrong("{grant: cell.eval, rate: 1000001/s}") == "swarm.yaml:5:34: \"1000001/s\" is no rate" + rates);
  CHECK(wrong("{grant: cell.eval, rate: -1/s}") == "swarm.yaml:5:34: \"-1/s\" is no rate" + rates);
  CHECK(wrong("{grant: cell.eval, rate: [1/s]}") ==
        "swarm.yaml:5:34: \"rate\" must be text like 10/min, not a list");
  CHECK(wrong("{grant: cell.eval, size: 0}") == "swarm.yaml:5:34: \"0\" is no size" + sizes);
  CHECK(wrong("{grant: cell.eval, size: 1.5}") ==
        "swarm.yaml:5:34: \"size\" must be text like 64 KB, not a number");
  CHECK(wrong("{grant: cell.eval, size: 2 kB}") == "swarm.yaml:5:34: \"2 kB\" is no size" + sizes);
  CHECK(wrong("{grant: cell.eval, size: 129 MB}") == "swarm.yaml:5:34: \"129 MB\" is no size" + sizes);
  CHECK(wrong("{grant: cell.eval, size: 99999999999999999999 KB}") ==
        "swarm.yaml:5:34: \"99999999999999999999 KB\" is no size" + sizes);
  CHECK(wrong("{rate: 1/s}") == "swarm.yaml:5:9: the key \"grant\" is missing");
  CHECK(wrong("{grant: cell.evil, rate: 1/s}") ==
        "swarm.yaml:5:17: the grant \"cell.evil\" names no capability (did you mean \"cell.eval\"?)");
  CHECK(wrong("cell.eval\n      - {grant: cell.eval, rate: 1/s}") ==
        "swarm.yaml:6:9: the grant \"cell.eval\" is given twice with different limits: remove one");
}

TEST_CASE("limits are given, not asked for", "[manifest]") {
  const Files files;
  const std::string hint =
      "an entry of \"grants\" is text here: limits belong in swarm.yaml, beside the grant that is given";
  CHECK(files.error(files.agent("grants:\n  - {grant: cell.eval, rate: 1/s}\n")) ==
        "worker/agent.yaml:2:5: " + hint);
  CHECK(files.error(files.skill("id: a.b\ngrants: [{grant: cell.eval}]\n")) == "skill.yaml:2:10: " + hint);
  auto skill = files.skill("id: a.b\ngrants: [cell.eval]\n");
  REQUIRE(skill);
  CHECK(skill->grants == std::vector<std::string>{"cell.eval"});
}

TEST_CASE("no agent has the name of another sender of mail", "[manifest]") {
  const Files files;
  CHECK(files.error(files.swarm("swarm: s\nagents:\n  host: {}\n")) ==
        "swarm.yaml:3:3: \"host\" sends mail of its own: name the agent otherwise");
  CHECK_FALSE(files.swarm("swarm: s\nagents: {operator: {}}\n"));
}

TEST_CASE("names and ids have one form", "[manifest]") {
  for (const char* good : {"a", "bin_packing", "x2"}) CHECK(is_name(good));
  for (const char* bad : {"", "A", "2x", "_a", "a-b", "a.b", "a/b", "ä"}) CHECK_FALSE(is_name(bad));
  CHECK(is_skill_id("optimize.bin_packing"));
  for (const char* bad : {"", "a", ".a", "a.", "a..b", "a.b.c", "a.B", "../a.b"})
    CHECK_FALSE(is_skill_id(bad));
}
