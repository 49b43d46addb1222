#include "cli/app.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

struct Logged : Swarm {
  Logged() {
    REQUIRE(make_folders(path(".clade"), 0700).has_value());
    write(".clade/clade.log",
          "2026-01-01T00:00:00.000Z info host up as process 7\n"
          "2026-01-01T00:00:01.000Z info gone hello from an agent that was removed since\n");
  }
};

TEST_CASE("following a log ends when its reader is gone, though nothing is added") {
  const Logged swarm;
  // `timeout` only keeps a command that does not end from outliving the test.
  const auto result =
      test::run_program("sh", {"-c", "{ timeout 60 \"$0\" logs -f; echo $? >&2; } | head -1", CLADE_BINARY},
                        {"", swarm.path(), {}});
  CHECK(contains(result.out, "up as process 7"));
  CHECK(result.err == "0\n");
}

TEST_CASE("the log of an agent that there is none of is an error that names a near one") {
  const Logged swarm;
  const auto unknown = swarm.run({"logs", "greter"});
  CHECK(unknown.exit == kFailed);
  CHECK(unknown.out.empty());
  CHECK(contains(unknown.err,
                 "no agent greter in " + swarm.path("swarm.yaml") + " (did you mean \"greeter\"?)"));
  CHECK(swarm.run({"logs", "greter", "-f"}).exit == kFailed);
  // Known and silent is no error, nor is one that was there once.
  const auto silent = swarm.run({"logs", "greeter"});
  CHECK(silent.exit == kOk);
  CHECK(silent.out.empty());
  CHECK(contains(swarm.run({"logs", "gone"}).out, "removed since"));
}

}  // namespace
}  // namespace clade::cli
