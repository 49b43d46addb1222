// clade db: check, backup, vacuum.
#include <filesystem>

#include "cli/app.h"
#include "store/blob.h"
#include "store/database.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

constexpr const char* kAgent = R"lua(
return { api = 1, state = { sum = 0 }, tasks = { "count" }, on_task = function(self, task)
  self.state.sum = self.state.sum + 1
  return self.state.sum
end }
)lua";

// A swarm with a few finished tasks, and no host.
struct Counted : Swarm {
  Counted() {
    write("swarm.yaml", "swarm: counted\nagents:\n  one: {}\n");
    REQUIRE(make_folders(path("agents/one")).has_value());
    write("agents/one/agent.yaml", "summary: counts\n");
    write("agents/one/init.lua", kAgent);
    start();
    add(3);
    run({"stop"});
    started = false;
    REQUIRE(run({"run", "--until-idle"}).exit == 0);
  }

  void add(int tasks) const {
    for (int number = 0; number < tasks; ++number) REQUIRE(run({"task", "add", "count"}).exit == 0);
  }
  int64_t number(const std::string& sql) const {
    auto database = store::Database::open(path(".clade/clade.db"), store::Database::Mode::read_only);
    REQUIRE(database);
    auto query = database->prepare(sql);
    REQUIRE(query.step() == true);
    return query.integer(0);
  }
  void execute(const std::string& sql) const {
    auto database = store::Database::open(path(".clade/clade.db"), store::Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(database->execute(sql));
  }
};

TEST_CASE("the state of a swarm at work is clean, and so is that of one at rest") {
  Counted swarm;
  const auto rest = swarm.run({"db", "check"});
  CHECK(rest.exit == kOk);
  CHECK(contains(rest.out, "clean: "));
  CHECK(rest.err.empty());  // no progress but on a terminal
  swarm.start();
  swarm.add(1);
  const Value report = swarm.json({"db", "check"});
  CHECK(report["clean"].as_bool());
  CHECK(report["findings"].as_array().empty());
  CHECK(report["rows"].as_integer() > 4);
}

TEST_CASE("a problem in the state is told in a line and by the exit status") {
  const Counted swarm;
  swarm.execute("UPDATE task SET payload = '{' WHERE id = 't2'");
  const auto result = swarm.run({"db", "check"});
  CHECK(result.exit == kFailed);
  CHECK(contains(result.out, "problem: task t2: its payload is damaged"));
  const Value report = swarm.json({"db", "check"});
  CHECK_FALSE(report["clean"].as_bool());
  CHECK(report["findings"].as_array().at(0)["where"].as_string() == "task t2");
}

TEST_CASE("a blob that nothing names is a warning and no failure") {
  const Counted swarm;
  const store::Blobs blobs(swarm.path(".clade/blobs"));
  REQUIRE(blobs.prepare());
  REQUIRE(blobs.put("nobody's"));
  const auto result = swarm.run({"db", "check"});
  CHECK(result.exit == kOk);
  CHECK(contains(result.out, "warning: "));
}

TEST_CASE("a state that is no database is told as such") {
  const Counted swarm;
  swarm.write(".clade/clade.db", std::string(8192, 'x'));
  const auto result = swarm.run({"db", "check"});
  CHECK(result.exit == kFailed);
  CHECK(contains(result.err, "clade.db"));
  CHECK(swarm.run({"db", "check", "--odd"}).exit == kUsage);
  CHECK(test::run_clade({"db", "check"}, {"", "/", {}}).exit == kUsage);
}

TEST_CASE("a database that is gone or empty is a problem once the swarm has been used") {
  const Swarm fresh;
  const auto unused = fresh.run({"db", "check"});
  CHECK(unused.exit == kFailed);
  CHECK(contains(unused.err, "no state yet"));

  const Counted swarm;
  const std::string path = swarm.path(".clade/clade.db");
  for (const std::string what : {"it is empty", "it is not there"}) {
    if (what == "it is empty") {
      std::filesystem::resize_file(path, 0);
    } else {
      std::filesystem::remove(path);
    }
    const auto result = swarm.run({"db", "check"});
    CHECK(result.exit == kFailed);
    CHECK(contains(result.out,
                   "problem: the database " + path + ": " + what + ", but the swarm has been used: "));
    CHECK(contains(result.out, "clade db backup --help"));
    const Value report = swarm.json({"db", "check"});
    CHECK_FALSE(report["clean"].as_bool(true));
    CHECK(report["findings"].as_array().at(0)["severity"].as_string() == "problem");
    // Nothing else takes it for a swarm that was never started.
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"task", "list"}, {"db", "backup", swarm.folder / "copy"}}) {
      const auto other = swarm.run(command);
      CHECK(other.exit == kFailed);
      CHECK(contains(other.err, what + ", but the swarm has been used"));
    }
  }
}

TEST_CASE("a swarm started from a backup that was taken beside a host goes on") {
  Counted swarm;
  swarm.start();
  swarm.add(1);
  const std::string copy = swarm.folder / "copy";
  const Value backup = swarm.json({"db", "backup", copy});
  CHECK(backup["bytes"].as_integer() > 0);
  CHECK(swarm.run({"db", "backup", copy}).exit == kFailed);
  swarm.add(2);
  CHECK(swarm.run({"db", "backup", "--force", copy}).exit == kOk);
  swarm.run({"stop"});
  swarm.started = false;
  // As --help says.
  std::filesystem::rename(swarm.path(".clade"), swarm.path(".clade.before"));
  std::filesystem::copy(copy, swarm.path(".clade"), std::filesystem::copy_options::recursive);
  CHECK(swarm.run({"db", "check"}).exit == kOk);
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == 0);
  swarm.start();
  swarm.add(1);
  swarm.run({"stop"});
  swarm.started = false;
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == 0);
  // Whatever the backup held is done once, and the count goes on from there.
  CHECK(swarm.number("SELECT json_extract(state, '$.sum') FROM agent WHERE name = 'one'") == 7);
  CHECK(swarm.number("SELECT count(*) FROM task WHERE state = 'completed'") == 7);
}

TEST_CASE("a state is vacuumed beside a host and without one") {
  Counted swarm;
  const store::Blobs blobs(swarm.path(".clade/blobs"));
  REQUIRE(blobs.prepare());
  const bool beside = GENERATE(true, false);
  REQUIRE(blobs.put("nobody's"));
  swarm.execute(
      "CREATE TABLE filler (data BLOB); INSERT INTO filler VALUES (zeroblob(8000000)); DROP TABLE filler");
  if (beside) swarm.start();
  const Value done = swarm.json({"db", "vacuum"});
  CHECK(done["blobs"].as_integer() == 1);
  CHECK(done["bytes"].as_integer() > 7000000);
  CHECK(swarm.run({"db", "check"}).exit == kOk);
  if (beside) swarm.add(1);
}

}  // namespace
}  // namespace clade::cli
