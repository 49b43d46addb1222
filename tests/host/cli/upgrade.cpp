// States of every earlier schema, kept as files that hosts of that time wrote: this host takes them up, and
// goes on.
#include <filesystem>

#include "cli/app.h"
#include "store/database.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

const std::string kKept = std::string(CLADE_SOURCE) + "/tests/host/store/kept";

std::string kept_file(int schema) {
  return kKept + "/schema_" + std::to_string(schema) + ".db";
}

// The swarm that the files were made with (kept/make.sh), with one of them as its state.
struct Upgraded {
  explicit Upgraded(int schema) {
    fs::copy(kKept + "/swarm", path(), fs::copy_options::recursive);
    fs::create_directory(path() + "/.clade");
    fs::copy_file(kept_file(schema), path() + "/.clade/clade.db");
    fs::permissions(path() + "/.clade/clade.db", fs::perms::owner_read | fs::perms::owner_write);
  }
  std::string path() const { return folder / "swarm"; }
  test::CommandResult run(const std::vector<std::string>& arguments) const {
    return test::run_clade(arguments, {"", path(), {}});
  }
  store::Database open(store::Database::Mode mode = store::Database::Mode::read_only) const {
    auto database = store::Database::open(path() + "/.clade/clade.db", mode);
    REQUIRE(database);
    return std::move(*database);
  }
  std::string text(const std::string& sql) const {
    auto database = open();
    auto query = database.prepare(sql);
    REQUIRE(query.step() == true);
    return query.text(0);
  }

  test::TemporaryFolder folder;
};

TEST_CASE("there is a kept state of every earlier schema, and of no other") {
  for (int schema = 1; schema < store::schema_version(); ++schema) {
    INFO("make it with tests/host/store/kept/make.sh and the binary of the commit before the new step");
    REQUIRE(fs::exists(kept_file(schema)));
    auto kept = store::Database::open(kept_file(schema), store::Database::Mode::read_only);
    REQUIRE(kept);
    auto query = kept->prepare("PRAGMA user_version");
    REQUIRE(query.step() == true);
    CHECK(query.integer(0) == schema);
  }
  CHECK_FALSE(fs::exists(kept_file(store::schema_version())));
}

TEST_CASE("a state of an earlier schema is taken up, and its work goes on to the end") {
  for (int schema = 1; schema < store::schema_version(); ++schema) {
    INFO("schema " << schema);
    const Upgraded swarm(schema);
    CHECK(swarm.text("SELECT state FROM task WHERE id = 't5'") == "executing");
    const auto refused = swarm.run({"task", "list"});
    CHECK(refused.exit == kFailed);
    CHECK(contains(refused.err, "clade run"));
    const auto host = swarm.run({"run", "--until-idle"});
    INFO(host.out << host.err);
    REQUIRE(host.exit == kOk);
    CHECK(swarm.text("PRAGMA user_version") == std::to_string(store::schema_version()));
    const auto check = swarm.run({"db", "check"});
    INFO(check.out);
    CHECK(check.exit == kOk);
    // t5 waited in the middle of its run, t6 for t5; nothing was done twice.
    CHECK(swarm.text("SELECT count(*) FROM task WHERE state = 'completed'") == "5");
    CHECK(swarm.text("SELECT count(*) FROM task WHERE state = 'dead_letter'") == "1");
    CHECK(swarm.text("SELECT json_extract(state, '$.sum') FROM agent") == "210");
    CHECK(swarm.text("SELECT json_extract(state, '$.mails') FROM agent") == "4");
    CHECK(swarm.text("SELECT count(*) FROM run WHERE trigger_id = 't5'") == "1");
    CHECK(swarm.text("SELECT sum(count) FROM ledger WHERE task = 't5' AND kind = 'cell.eval'") == "1");
  }
}

TEST_CASE("a state of a later schema is refused and left as it is") {
  const Upgraded swarm(1);
  REQUIRE(swarm.open(store::Database::Mode::read_write).execute("PRAGMA user_version = 999"));
  const std::vector<std::vector<std::string>> commands = {{"run", "--until-idle"}, {"db", "check"}};
  for (const auto& command : commands) {
    const auto refused = swarm.run(command);
    CHECK(refused.exit == kFailed);
    CHECK(contains(refused.err, "999"));
  }
  CHECK(swarm.text("SELECT state FROM task WHERE id = 't5'") == "executing");
}

}  // namespace
}  // namespace clade::cli
