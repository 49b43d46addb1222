#include "cli/view.h"

#include <catch2/catch.hpp>

#include "base/codec.h"

namespace clade::cli {
namespace {

struct TestClock final : Clock {
  int64_t wall_ms() const override { return now; }
  int64_t steady_us() const override { return now * 1000; }
  int64_t now = 1000000;
};

struct Fixture {
  View view(ViewMode mode, int columns = 60) {
    ViewOptions options;
    options.mode = mode;
    options.swarm = "test";
    options.columns = columns;
    options.rows = rows;
    return View(options, clock, [this](std::string_view text) { written += text; });
  }
  std::string taken() { return std::exchange(written, ""); }

  static queue::Task task() {
    queue::Task task;
    task.id = "t1";
    task.type = "work";
    task.state = queue::State::failed;
    task.error = "it broke\nat line 3";
    return task;
  }
  static ViewState state() {
    ViewState state;
    state.agents = {{"builder", "build_product r5.1", 1000000}, {"critic", "", 0}};
    state.queue = {{"executing", 1}, {"queued", 2}};
    state.done = 500;
    state.goal = 1000;
    return state;
  }

  TestClock clock;
  std::string written;
  int rows = 24;
};

TEST_CASE("in a pipe an event is a plain line") {
  Fixture fixture;
  View view = fixture.view(ViewMode::plain);
  fixture.clock.now += 75000;
  view.task(Fixture::task(), queue::Verb::fail, "builder");
  CHECK(fixture.taken() == "1:15 t1 work failed by builder: it broke\n");
  view.task(Fixture::task(), queue::Verb::assign);
  CHECK(fixture.taken().empty());
  view.event("critic", "evil \x1b[2J text\nstack traceback:\n\t…");
  CHECK(fixture.taken() == "1:15 critic evil \\x1b[2J text\n");
  view.banner("no landlock");
  CHECK(fixture.taken() == "1:15 no landlock\n");
}

TEST_CASE("a task that ends with a decision says which and why") {
  Fixture fixture;
  View view = fixture.view(ViewMode::plain);
  auto task = Fixture::task();
  task.state = queue::State::completed;
  task.result = {{"decision", "refused"}, {"reason", "not better than its parent"}};
  view.task(task, queue::Verb::complete);
  CHECK(fixture.taken() == "0:00 t1 work completed: refused, not better than its parent\n");
  view.finish({{"approvals waiting", Value::Array{"r3.1", "t4"}}});
  CHECK(fixture.taken() == "approvals waiting:  r3.1, t4\n");
}

TEST_CASE("in a pipe progress is told now and then") {
  Fixture fixture;
  View view = fixture.view(ViewMode::plain);
  auto state = Fixture::state();
  view.tick(state);
  CHECK(fixture.taken() == "0:00 500/1,000 evaluations\n");
  fixture.clock.now += 2000;
  state.done = 600;
  view.tick(state);
  CHECK(fixture.taken().empty());
  fixture.clock.now += 8000;
  view.tick(state);
  CHECK(fixture.taken() == "0:10 600/1,000 evaluations\n");
}

TEST_CASE("on a terminal the state is redrawn below the events") {
  Fixture fixture;
  View view = fixture.view(ViewMode::live, 40);
  auto state = Fixture::state();
  state.approvals = {"r7.1"};
  fixture.clock.now += 3000;
  view.tick(state);
  const std::string block =
      "test · 0:03 · 500/1,000 evaluations\n"
      "████████████░░░░░░░░░░░░\n"
      "1 executing · 2 queued\n"
      "  builder  build_product r5.1  3 s\n"
      "  critic   idle\n"
      "waits for you: r7.1 (clade approval li…\n";
  CHECK(fixture.taken() == block);
  view.event("critic", "hm");
  CHECK(fixture.taken() == "\x1b[6F\x1b[J0:03 critic hm\n" + block);
  fixture.clock.now += 1000;
  state.done = 750;
  view.tick(state);
  CHECK(fixture.taken().starts_with("\x1b[6F\x1b[Jtest · 0:04 · 750/1,000 evaluations (2…\n"));
  view.finish({{"report", "report/report.md"}});
  CHECK(fixture.taken() == "report:  report/report.md\n");
}

TEST_CASE("an agent of a stopped role is not shown as idle") {
  Fixture fixture;
  View view = fixture.view(ViewMode::live);
  ViewState state;
  state.agents = {{"a", "", 0, true}, {"b", "", 0}};
  view.tick(state);
  CHECK(fixture.taken() ==
        "test · 0:00\n"
        "no tasks\n"
        "  a  stopped (clade status says why)\n"
        "  b  idle\n");
}

TEST_CASE("on a terminal that is too low the busy agents are shown") {
  Fixture fixture;
  fixture.rows = 8;
  View view = fixture.view(ViewMode::live);
  ViewState state;
  for (const char* name : {"a", "b", "c", "d"}) state.agents.push_back({name, "", 0});
  state.agents.push_back({"e", "work t1", 1000000});
  view.tick(state);
  CHECK(fixture.taken() ==
        "test · 0:00\n"
        "no tasks\n"
        "  e  work t1  0 s\n"
        "  a  idle\n"
        "  and 3 more (clade agent list)\n");
  view.tick(state);
  CHECK(fixture.taken().starts_with("\x1b[5F"));
}

TEST_CASE("as JSON every event is a line with its time") {
  Fixture fixture;
  View view = fixture.view(ViewMode::json);
  view.task(Fixture::task(), queue::Verb::bury, "builder");
  view.event("a", "b");
  view.tick(Fixture::state());
  view.finish({{"report", "x"}});
  std::vector<Value> lines;
  std::string text = fixture.taken();
  for (size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
    auto line = decode_json(text.substr(0, end));
    REQUIRE(line.has_value());
    CHECK((*line)["at"].as_integer() == 1000000);
    lines.push_back(*line);
  }
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["event"].as_string() == "task");
  CHECK(lines[0]["verb"].as_string() == "bury");
  CHECK(lines[0]["error"].as_string() == "it broke\nat line 3");
  CHECK(lines[1]["event"].as_string() == "log");
  CHECK(lines[2]["done"].as_integer() == 500);
  CHECK(lines[3]["event"].as_string() == "finish");
  CHECK(lines[3]["report"].as_string() == "x");
}

}  // namespace
}  // namespace clade::cli
