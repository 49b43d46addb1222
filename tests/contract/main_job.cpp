// What the shipped swarm promises, on a small search: every role does its part, the result depends on the
// seed alone, and what should be refused is.
#include <csignal>
#include <set>

#include <catch2/catch.hpp>
#include <sched.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "support/command.h"
#include "support/swarm.h"

namespace test {
namespace {

const std::vector<std::string> kSmall = {"--until-idle",  "--approve", "auto", "--seed", "7",
                                         "--evaluations", "1600"};
constexpr const char* kSkill = "skill:optimize.bin_packing";
constexpr const char* kSource = "skills/optimize/bin_packing/init.lua";

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string current_hash(const Swarm& swarm) {
  return swarm.text(std::string("SELECT hash FROM script WHERE name = '") + kSkill + "'");
}

int64_t published(const Swarm& swarm) {
  return swarm.count(std::string("SELECT count(*) FROM script_event WHERE verb = 'published' AND name = '") +
                     kSkill + "'");
}

// The hash that the small search publishes, found once.
const std::string& expected_hash() {
  static const std::string hash = [] {
    Swarm swarm(true);
    swarm.start(kSmall);
    REQUIRE(swarm.wait() == 0);
    INFO(swarm.read("host.out"));
    REQUIRE(published(swarm) == 1);
    return current_hash(swarm);
  }();
  return hash;
}

}  // namespace

TEST_CASE(
    "the main job goes all the way: every role does its part and the report's figures are the ledger's") {
  Swarm swarm(true);
  const std::string parent = swarm.read(kSource);
  swarm.start(kSmall);
  const int status = swarm.wait();
  INFO(swarm.read("host.out"));
  REQUIRE(status == 0);

  REQUIRE(published(swarm) == 1);
  const std::string source = swarm.read(kSource);
  CHECK(source != parent);
  CHECK(clade::content_hash(source) == current_hash(swarm));
  for (const char* type : {"scan_skills", "evaluate_idea", "write_spec", "build_product", "code_review",
                           "test_product", "publish", "measure_release", "write_report"}) {
    INFO(type);
    CHECK(swarm.count(std::string("SELECT count(*) FROM task WHERE state = 'completed' AND type = '") + type +
                      "'") == 1);
  }
  // Two approvals, both recorded as given by nobody.
  CHECK(swarm.count(
            "SELECT count(*) FROM task_event WHERE verb = 'approve' AND agent || detail LIKE '%nobody%'") ==
        2);
  CHECK(swarm.count("SELECT count(*) FROM proposal WHERE state = 'accepted'") == 1);
  CHECK(swarm.count("SELECT count(*) FROM vote") >= 3);
  CHECK(swarm.count("SELECT count(*) FROM task WHERE state = 'dead_letter'") == 0);
  CHECK(swarm.count("SELECT count(*) FROM file_write WHERE done = 0") == 0);

  const std::string report = swarm.read("report/report.md");
  const int64_t evaluations = swarm.count(
      "SELECT sum(units) FROM ledger JOIN task ON task.id = ledger.task WHERE task.type = 'build_product' "
      "AND "
      "ledger.kind = 'cell.eval' AND units > 100");
  CHECK(evaluations == 1600);
  // The number the report tells is the ledger's.
  const std::string units = swarm.text("SELECT sum(units) FROM ledger WHERE kind = 'cell.eval'");
  CHECK(report.find("| " + units + " |") != std::string::npos);
  for (const char* part : {"3.98", "FunSearch", "clade skill bench optimize.bin_packing", "sqlite3"}) {
    INFO(part);
    CHECK(report.find(part) != std::string::npos);
  }
  CHECK(swarm.read("report/plot.svg").find("<svg") != std::string::npos);
}

TEST_CASE(
    "the published hash depends on the seed alone: not on the test files, not on a kill, not on the cores") {
  Swarm swarm(true);
  SECTION("test files replaced by noise") {
    swarm.write("knowledge/packing/weibull5k.txt", "1 100\n6 10 20 30 40 50 60\n");
    swarm.write("knowledge/packing/orlib_binpack1.txt", "noise\n");
    swarm.start(kSmall);
    CHECK(swarm.wait() == 0);
  }
  SECTION("killed in the middle of the search, twice") {
    swarm.start(kSmall);
    for (const int64_t at_least : {2, 4}) {
      swarm.until_count("SELECT count(*) FROM journal WHERE op = 'cell.eval' AND status = 'done'", at_least);
      swarm.kill();
      swarm.start({"--until-idle"});
    }
    CHECK(swarm.wait() == 0);
    CHECK(swarm.count(
              "SELECT sum(units) FROM ledger JOIN task ON task.id = ledger.task WHERE type = 'build_product' "
              "AND units > 100") == 1600);
  }
  SECTION("on one core") {
    cpu_set_t before;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    int first = 0;
    while (!CPU_ISSET(first, &before)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    swarm.start(kSmall);
    const int status = swarm.wait();
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
    CHECK(status == 0);
  }
  INFO(swarm.read("host.out"));
  REQUIRE(published(swarm) == 1);
  CHECK(current_hash(swarm) == expected_hash());
}

TEST_CASE("uniform instances are beaten too") {
  Swarm swarm(true);
  swarm.start(with(kSmall, {"--instances", "uniform:20-100:150"}));
  CHECK(swarm.wait() == 0);
  INFO(swarm.read("host.out"));
  CHECK(published(swarm) == 1);
}

TEST_CASE("what should be refused is: a costly idea, a worse candidate, a failing task leaves a finding") {
  Swarm swarm(true);
  // Small, and over before the injections: only they are looked at.
  swarm.start({"--approve", "auto", "--seed", "7", "--evaluations", "1600"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'write_report' AND state = 'completed'", 1);

  SECTION("critic rejects an idea that costs more than it can bring") {
    swarm.write("idea.json", R"({"goal": {"name": "x", "skill": "optimize.bin_packing", "target": 1.0},
      "skill": "optimize.bin_packing", "parent": ")" +
                                 current_hash(swarm) + R"(",
      "instances": "weibull:3:45:100:5000", "measured": {"value": 3.9, "instances": 20, "seed": 1},
      "best_known": {"value": 0.68, "method": "FunSearch", "benchmark": "weibull5k"}, "gap": 3.2,
      "cost": {"evaluations": 1000000000}})");
    swarm.clade({"task", "add", "evaluate_idea", "--payload", "@idea.json"});
    swarm.until_count("SELECT count(*) FROM task WHERE type = 'evaluate_idea' AND state = 'completed'", 2);
    CHECK(swarm.count("SELECT count(*) FROM task WHERE type = 'write_spec'") == 1);
    const auto result = swarm.text("SELECT result FROM task WHERE type = 'evaluate_idea' AND run = 0");
    CHECK(result.find("\"rejected\"") != std::string::npos);
    CHECK(result.find("1000000000 evaluations") != std::string::npos);
  }
  SECTION("a failing task becomes a finding with cause and evidence") {
    swarm.clade(
        {"task", "add", "build_product", "--payload",
         R"({"spec": {"skill": "no.such", "parent": "x", "instances": "weibull:3:45:100:5000", "seed": 1,
                     "limits": {"evaluations": 10}}})"});
    swarm.until_count("SELECT count(*) FROM task WHERE type = 'finding' AND state = 'completed'", 1);
    CHECK(swarm.text("SELECT payload FROM task WHERE type = 'finding'").find("no.such") != std::string::npos);
  }
  SECTION("an approved change of the threshold is in force") {
    swarm.clade(
        {"task", "add", "implement_proposal", "--payload", R"({"rule": "vote.threshold", "value": 0.75})"});
    swarm.until_count("SELECT count(*) FROM rule WHERE name = 'vote.threshold' AND value = '0.75'", 1);
  }
  SECTION("a candidate that is worse than its parent is refused") {
    const std::string worse =
        "local packing = { api = 1 }\nlocal used = 0\n"
        "function packing.start() used = 0 end\n"
        "function packing.place() used = used + 1 return used end\n"
        "function packing.new() used = 0 return { place = packing.place } end\n"
        "return packing\n";
    clade::Value payload{{"skill", "optimize.bin_packing"}, {"source", worse}};
    swarm.write("worse.json", clade::encode_json(payload));
    swarm.clade({"task", "add", "test_product", "--payload", "@worse.json"});
    swarm.until_count("SELECT count(*) FROM task WHERE type = 'test_product' AND state = 'completed'", 2);
    CHECK(swarm.text("SELECT result FROM task WHERE type = 'test_product' AND run = 0").find("refused") !=
          std::string::npos);
    CHECK(published(swarm) == 1);
  }
  swarm.signal(SIGTERM);
  CHECK(swarm.wait() == 0);
}

TEST_CASE("with --approve ask the job waits for a person") {
  Swarm swarm(true);
  swarm.start({"--until-idle", "--approve", "ask", "--seed", "7", "--evaluations", "1600"});
  CHECK(swarm.wait() == 0);
  CHECK(swarm.count(
            "SELECT count(*) FROM task WHERE type = 'build_product' AND state = 'awaiting_approval'") == 1);
  swarm.start();
  swarm.until_up();
  const std::string build = swarm.text("SELECT id FROM task WHERE type = 'build_product'");
  swarm.clade({"approval", "approve", build});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'publish' AND state = 'awaiting_approval'", 1);
  CHECK(published(swarm) == 0);
  swarm.clade({"approval", "reject", swarm.text("SELECT id FROM task WHERE type = 'publish'"), "--reason",
               "not today"});
  swarm.until_count("SELECT count(*) FROM task WHERE type = 'publish' AND state = 'cancelled'", 1);
  CHECK(published(swarm) == 0);
}

TEST_CASE("a role edited during the job is live in it, and the job ends as it would have") {
  Swarm swarm(true);
  swarm.start(kSmall);
  swarm.until_count("SELECT count(*) FROM journal WHERE op = 'cell.eval' AND status = 'done'", 2);
  swarm.write("agents/critic/init.lua", swarm.read("agents/critic/init.lua") + "-- edited\n");
  CHECK(swarm.wait() == 0);
  CHECK(swarm.count("SELECT count(*) FROM script_event WHERE name = 'agent:critic' AND verb = 'imported'") ==
        2);
  CHECK(current_hash(swarm) == expected_hash());
}

TEST_CASE("with --commit there is one commit with the lineage") {
  Swarm swarm(true);
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"init", "-q"},
                                             {"config", "user.name", "Tester"},
                                             {"config", "user.email", "tester@example.org"},
                                             {"add", "-A"},
                                             {"commit", "-q", "-m", "start"}}) {
    REQUIRE(run_program("git", arguments, {.input = "", .folder = swarm.path(), .environment = {}}).exit ==
            0);
  }
  swarm.start(with(kSmall, {"--commit"}));
  CHECK(swarm.wait() == 0);
  INFO(swarm.read("host.out"));
  const auto log = run_program("git", {"log", "--format=%B", "-1", "--stat"},
                               {.input = "", .folder = swarm.path(), .environment = {}});
  CHECK(log.out.find("Lineage") != std::string::npos);
  CHECK(log.out.find(kSource) != std::string::npos);
  const auto count = run_program("git", {"rev-list", "--count", "HEAD"},
                                 {.input = "", .folder = swarm.path(), .environment = {}});
  CHECK(count.out == "2\n");
}

}  // namespace test
