// Past runs that are replayed with a new version, with cells that the test plays.
#include "run/shadow.h"

#include <optional>
#include <string>

#include "fixture.h"

namespace clade::run {
namespace {

struct Stage {
  explicit Stage(const Folder& folder)
      : host(folder),
        shadow(host.loop, *host.reader, host.blobs, cells, [this](RunEvents* told) { events = told; }) {}
  void work(const std::string& result) {
    host.add("work_a");
    host.dispatcher->finished(host.next_start().invocation.run, Value(result), Value{{"runs", 1}});
    host.settle();
  }
  void compare() {
    Program program;
    program.main = {"return { api = 1, changed = true }\n", "agents/worker/init.lua@new"};
    program.version = "new";
    program.key = "new";
    shadow.compare("worker", program, [this](ShadowReport made) { report = std::move(made); });
    host.settle();
  }
  // The next replay, of this source, returns so.
  void replayed(bool changed, const std::string& result) {
    host.settle();
    REQUIRE_FALSE(cells.starts.empty());
    const auto start = cells.starts.front();
    cells.starts.pop_front();
    CHECK((start.program.main.source.find("changed") != std::string::npos) == changed);
    CHECK(start.program.agent == "worker");
    CHECK_FALSE(start.program.confirmed);
    events->finished(start.invocation.run, Value(result), Value{{"runs", 1}}, {});
    host.settle();
  }

  PlayedHost host;
  PlayedExecutor cells;
  RunEvents* events = nullptr;
  std::optional<ShadowReport> report;
  Shadow shadow;
};

}  // namespace

TEST_CASE("past runs are replayed as they were and with the new version, the newest first") {
  const Folder folder;
  Stage stage(folder);
  stage.work("one");
  stage.work("two");
  const int64_t runs = stage.host.count("SELECT count(*) FROM run");
  stage.compare();
  CHECK_FALSE(stage.report);
  stage.replayed(false, "two");
  stage.replayed(true, "two");
  CHECK_FALSE(stage.report);
  stage.replayed(false, "one");
  stage.replayed(true, "ONE");
  REQUIRE(stage.report);
  CHECK(stage.report->runs == 2);
  REQUIRE(stage.report->differences.size() == 1);
  CHECK(stage.report->differences[0].run == 1);
  CHECK(shadow_text(*stage.report) ==
        "of its last 2 runs 1 would have ended otherwise, run 1: result \"ONE\", not result \"one\"");
  // Nothing of that has happened.
  CHECK(stage.host.count("SELECT count(*) FROM run") == runs);
  CHECK(stage.host.executor.starts.empty());
}

TEST_CASE("what the new version would have done is compared, though nothing of it happens") {
  const Folder folder;
  Stage stage(folder);
  stage.work("one");
  stage.compare();
  stage.replayed(false, "one");
  const auto start = stage.cells.starts.front();
  stage.cells.starts.pop_front();
  const int64_t run = start.invocation.run;
  stage.events->called(run, "0", 1, "mail.send", Value{{"to", "agent:other"}, {"kind", "note"}, {"body", 1}});
  stage.events->rested(run);
  stage.events->finished(run, Value("one"), Value{{"runs", 1}}, {});
  stage.host.settle();
  REQUIRE(stage.report);
  REQUIRE(stage.report->differences.size() == 1);
  CHECK(stage.report->differences[0].now.find("mail.send") != std::string::npos);
  CHECK(stage.host.count("SELECT count(*) FROM message") == 0);
}

TEST_CASE("a role that has not run has nothing to be compared with") {
  const Folder folder;
  Stage stage(folder);
  stage.compare();
  REQUIRE(stage.report);
  CHECK(stage.report->runs == 0);
  CHECK(shadow_text(*stage.report).empty());
}

TEST_CASE("comparisons are made one after the other, of five runs each") {
  const Folder folder;
  Stage stage(folder);
  for (int n = 0; n < 7; ++n) stage.work("one");
  int reports = 0;
  for (int n = 0; n < 2; ++n) {
    Program program;
    program.main = {"return { changed = true }", "new"};
    stage.shadow.compare("worker", program, [&](const ShadowReport& report) {
      ++reports;
      CHECK(report.runs == kShadowRuns);
      CHECK(report.differences.empty());
    });
  }
  for (int64_t n = 0; n < 2 * kShadowRuns; ++n) {
    CHECK(reports == n / kShadowRuns);
    stage.replayed(false, "one");
    stage.replayed(true, "one");
  }
  CHECK(reports == 2);
}

}  // namespace clade::run
