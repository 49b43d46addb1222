// A host on a small file system of its own that gets full. Needs user and mount namespaces.
#include "cli/app.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

// Runs a script of bash with a tmpfs at ./disk; $clade is the binary. What it prints and how it ends.
test::CommandResult on_small_disk(const std::string& script) {
  const test::TemporaryFolder folder;
  const std::string set_up = "set -u; clade=" CLADE_BINARY
                             "; mkdir disk; mount -t tmpfs -o size=64m none disk; cd disk\n"
                             "fill() { dd if=/dev/zero of=filler bs=64k 2>/dev/null; dd if=/dev/zero "
                             "of=filler_end bs=4k 2>/dev/null; }\n"
                             "$clade init swarm >/dev/null; cd swarm\n"
                             "mkdir agents/one; echo 'summary: counts' > agents/one/agent.yaml\n"
                             "printf 'swarm: full\\nagents:\\n  one: {}\\n' > swarm.yaml\n"
                             "echo 'return { api = 1, tasks = { \"count\" }, on_task = function(_, task) "
                             "return #task.payload.text end }' "
                             "> agents/one/init.lua\n";
  return test::run_program("unshare", {"-rm", "bash", "-c", set_up + script}, {"", folder.path(), {}});
}

bool has_namespaces() {
  const bool has = test::run_program("unshare", {"-rm", "true"}).exit == 0;
  if (!has) WARN("this machine gives no user and mount namespaces: not tried");
  return has;
}

TEST_CASE("a host does not start on a full disk, says why, and touches nothing") {
  if (!has_namespaces()) return;
  const auto result = on_small_disk(
      "(cd ..; fill; truncate -s -256K filler)\n"
      "$clade run --until-idle; echo exit $?\n"
      "ls .clade 2>/dev/null\n"
      "rm ../filler ../filler_end\n"
      "$clade run --until-idle >/dev/null; echo exit $?\n"
      "stat -c '%n %s' .clade/ballast");
  INFO(result.out << result.err);
  CHECK(contains(result.err, "is full"));
  CHECK(contains(result.err, "8 MB"));
  CHECK(contains(result.err, "start again"));
  const auto failed = result.out.find("exit 1");
  const auto worked = result.out.find("exit 0");
  REQUIRE(failed != std::string::npos);
  REQUIRE(worked != std::string::npos);
  CHECK(result.out.substr(failed, worked - failed).find("clade.db") == std::string::npos);
  CHECK(contains(result.out, ".clade/ballast 8388608"));
}

TEST_CASE("a disk that gets full stops the host cleanly, and loses nothing that was acknowledged") {
  if (!has_namespaces()) return;
  const auto result = on_small_disk(
      "text=$(head -c 60000 /dev/zero | tr '\\0' x)\n"
      "printf '{\"text\": \"%s\"}' $text > payload.json\n"
      "$clade run 2>../host.err >/dev/null & host=$!\n"
      "until $clade status >/dev/null 2>&1; do kill -0 $host || exit 9; done\n"
      "(cd ..; fill; truncate -s -2M filler)\n"
      "acknowledged=()\n"
      "while id=$($clade task add count --payload @payload.json 2>/dev/null); do acknowledged+=($id); done\n"
      "wait $host; echo host $?\n"
      "cat ../host.err; echo\n"
      "test -e .clade/ballast || echo freed\n"
      "grep -c 'ERROR\\|error' .clade/clade.log\n"
      "$clade task list --json >/dev/null && echo readable\n"
      "rm ../filler ../filler_end\n"
      "$clade run --until-idle >/dev/null; echo again $?\n"
      "for id in \"${acknowledged[@]}\"; do\n"
      "  $clade task show $id --json | grep -q '\"state\":\"completed\"' || echo lost $id\n"
      "done\n"
      "echo acknowledged ${#acknowledged[@]}\n"
      "stat -c '%n %s' .clade/ballast\n"
      "$clade db check");
  INFO(result.out << result.err);
  CHECK(contains(result.out, "host 1"));
  CHECK(contains(result.out, "must stop"));
  CHECK(contains(result.out, "free some space"));
  CHECK(contains(result.out, "freed"));
  CHECK(contains(result.out, "readable"));
  CHECK(contains(result.out, "again 0"));
  CHECK(contains(result.out, "acknowledged "));
  CHECK_FALSE(contains(result.out, "acknowledged 0"));
  CHECK_FALSE(contains(result.out, "lost"));
  CHECK(contains(result.out, ".clade/ballast 8388608"));
  CHECK(contains(result.out, "clean: "));
}

}  // namespace
}  // namespace clade::cli
