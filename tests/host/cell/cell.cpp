// A Cell whose peer is the test: whatever a hostile cell sends ends the connection, and the loop goes on.
#include "cell/cell.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/timer.h"

namespace clade::cell {
namespace {

struct Recorder final : CellEvents {
  void loaded(int64_t vm, Result<Value> info) override {
    seen.push_back("loaded " + std::to_string(vm) + (info ? "" : " " + info.error().message));
  }
  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value) override {
    seen.push_back("called " + std::to_string(run) + " " + strand + " " + std::to_string(position) + " " +
                   op);
    if (on_call) on_call();
  }
  void finished(int64_t run, Value, Value, run::Usage its_usage) override {
    seen.push_back("finished " + std::to_string(run));
    usage = its_usage;
  }
  void failed(int64_t run, const std::string& message) override {
    seen.push_back("failed " + std::to_string(run) + " " + message);
  }
  void withdrawn(int64_t run, const std::string& strand) override {
    seen.push_back("withdrawn " + std::to_string(run) + " " + strand);
  }
  void rested(int64_t run) override { rests.push_back(run); }
  void logged(int64_t, const std::string& level, const std::string& text) override {
    seen.push_back("logged " + level + " " + text);
    check();
  }
  void cancelled(int64_t run) override { seen.push_back("cancelled " + std::to_string(run)); }
  void result(Value frame) override { seen.push_back(frame["ok"].as_bool() ? "result" : "no result"); }
  void idle(int64_t) override { seen.push_back("idle"), check(); }
  void overdue() override { seen.push_back("overdue"), check(); }
  void broken(const std::string& reason) override {
    seen.push_back("broken " + reason);
    is_broken = true;
    check();
  }

  void check() {
    if (is_broken || (until && until())) loop->stop();
  }

  loop::Loop* loop = nullptr;
  std::function<bool()> until;
  std::function<void()> on_call;
  std::vector<std::string> seen;
  std::vector<int64_t> rests;
  run::Usage usage;  // of the last run that finished
  bool is_broken = false;
};

// The other end of the socket is a script of this test: what it sends is sent at once, without waiting for
// the host.
struct Fixture {
  explicit Fixture(SliceLimits limits = {}) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    peer = ends[1];
    events.loop = &loop;
    cell.emplace(loop, ends[0], limits, events);
  }
  ~Fixture() {
    if (peer >= 0) close(peer);
  }

  void say(const Value& frame) {
    std::string bytes;
    REQUIRE(append_frame(bytes, frame));
    say_bytes(bytes);
  }
  void say_bytes(const std::string& bytes) {
    REQUIRE(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void say_idle() { say({{"t", "idle"}, {"memory", 4096}}); }
  // Where a run has ended.
  void say_idle(const Value& cpu_us, const Value& vm_memory) {
    say({{"t", "idle"}, {"memory", 4096}, {"cpu", cpu_us}, {"vm_memory", vm_memory}});
  }
  // Runs the loop until the cell was idle that many times or broke.
  std::vector<std::string> until_idle(int times = 1) {
    events.seen.clear();
    events.until = [this, times] {
      return std::count(events.seen.begin(), events.seen.end(), "idle") >= times;
    };
    loop.run();
    return events.seen;
  }
  void ask(const Value& frame) { REQUIRE(cell->send(frame)); }

  loop::Loop loop;
  Recorder events;
  std::optional<Cell> cell;
  int peer = -1;
};

Value run_frame_of(int64_t run) {
  return {{"t", "run"}, {"vm", 1}, {"run", run}, {"handler", "on_task"}};
}

Value call_of(int64_t run, const char* strand, int64_t position) {
  return {{"t", "call"},          {"run", run},        {"strand", strand},
          {"position", position}, {"op", "queue.get"}, {"args", Value()}};
}

Value withdrawal_of(int64_t run, const char* strand) {
  return {{"t", "withdraw"}, {"run", run}, {"strand", strand}};
}

TEST_CASE("a run calls, is answered and ends, frames go one at a time") {
  Fixture fixture;
  fixture.ask({{"t", "load"}, {"vm", 1}});
  fixture.ask(run_frame_of(7));
  fixture.say({{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", Value::Map{}}});
  CHECK(fixture.cell->slice() == "load");
  fixture.say_idle();
  CHECK(fixture.until_idle() == std::vector<std::string>{"loaded 1", "idle"});
  CHECK(fixture.cell->slice() == "run");
  CHECK(fixture.cell->executing_run() == 7);
  fixture.say({{"t", "log"}, {"run", 7}, {"level", "info"}, {"text", "hello"}});
  fixture.say(call_of(7, "1", 1));
  fixture.say_idle();
  CHECK(fixture.until_idle() ==
        std::vector<std::string>{"logged info hello", "called 7 1 1 queue.get", "idle"});
  CHECK(fixture.cell->slice().empty());
  CHECK(fixture.cell->awaits(7, "1"));
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
  CHECK_FALSE(fixture.cell->awaits(7, "1"));
  fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
  fixture.say_idle(0, 0);
  CHECK(fixture.until_idle() == std::vector<std::string>{"finished 7", "idle"});
}

TEST_CASE("what a run used is told with its end, and is no more than there was time in its slices") {
  Fixture fixture;
  const SystemClock clock;
  const auto usage_after = [&](const Value& cpu_us, const Value& memory) {
    fixture.ask(run_frame_of(7));
    fixture.say(call_of(7, "1", 1));
    fixture.say_idle();
    fixture.until_idle();
    fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
    fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
    fixture.say_idle(cpu_us, memory);
    CHECK(fixture.until_idle() == std::vector<std::string>{"finished 7", "idle"});
    return fixture.events.usage;
  };
  // Sending, waiting and reading takes longer than that.
  run::Usage usage = usage_after(3, 4711);
  CHECK(usage.cpu_us == 3);
  CHECK(usage.memory_bytes == 4711);

  const int64_t begin = clock.steady_us();
  usage = usage_after(INT64_MAX, INT64_MAX);
  CHECK(usage.cpu_us <= clock.steady_us() - begin);
  usage = usage_after(-1, INT64_MIN);
  CHECK(usage.cpu_us == 0);
  CHECK(usage.memory_bytes == 0);
}

TEST_CASE("all slices of a run bound what it used, not the last one alone") {
  Fixture fixture;
  const SystemClock clock;
  fixture.ask(run_frame_of(7));
  const int64_t asked = clock.steady_us();
  while (clock.steady_us() < asked + 2000) {
  }
  fixture.say(call_of(7, "1", 1));
  fixture.say_idle();
  fixture.until_idle();
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
  fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
  fixture.say_idle(2000, 0);
  fixture.until_idle();
  CHECK(fixture.events.usage.cpu_us == 2000);
}

TEST_CASE("a handler that returned is done when its slice has ended, not before") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
  fixture.say({{"t", "shell"}});
  CHECK_THAT(fixture.until_idle(),
             Catch::VectorContains(std::string("broken sent a frame of an unknown kind")));
  CHECK(fixture.events.seen.size() == 1);
}

TEST_CASE("an answer to a run that ended is not sent") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  fixture.events.on_call = [&] { fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}}); };
  fixture.say(call_of(7, "1", 1));
  fixture.say({{"t", "failed"}, {"run", 7}, {"error", "another strand raised"}});
  fixture.say_idle();
  CHECK(fixture.until_idle().back() == "idle");
  CHECK(fixture.cell->slice().empty());
}

TEST_CASE("a cancelled run is forgotten after the cell was told, one not begun is taken back") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  fixture.ask(run_frame_of(8));
  CHECK(fixture.cell->withdraw(8));
  CHECK_FALSE(fixture.cell->withdraw(7));
  fixture.ask({{"t", "cancel"}, {"run", 7}});
  fixture.say(call_of(7, "1", 1));
  fixture.say_idle();
  fixture.until_idle();
  fixture.say_idle();
  CHECK(fixture.until_idle() == std::vector<std::string>{"cancelled 7", "idle"});
}

TEST_CASE("what does not fit breaks the connection, and says what it was") {
  struct Case {
    const char* what;
    std::vector<Value> frames;
    const char* reason;
  };
  const Value idle{{"t", "idle"}, {"memory", 1}, {"cpu", 1}, {"vm_memory", 1}};
  const Case cases[] = {
      {"unknown kind", {{{"t", "shell"}}}, "an unknown kind"},
      {"no kind", {{{"x", 1}}}, "an unknown kind"},
      {"kind of a wrong type", {{{"t", 5}}}, "an unknown kind"},
      {"another run", {call_of(8, "1", 1)}, "spoke for run 8"},
      {"end of another run", {{{"t", "done"}, {"run", 8}}}, "spoke for run 8"},
      {"log of another run",
       {{{"t", "log"}, {"run", 8}, {"level", "info"}, {"text", ""}}},
       "spoke for run 8"},
      {"run 0", {{{"t", "failed"}, {"run", 0}, {"error", ""}}}, "spoke for run 0"},
      {"run of a wrong type", {{{"t", "done"}, {"run", "7"}}}, "no number"},
      {"strand of a wrong type", {{{"t", "call"}, {"run", 7}, {"strand", 1}, {"op", "x"}}}, "no short text"},
      {"long strand",
       {{{"t", "call"}, {"run", 7}, {"strand", std::string(300, 'x')}, {"op", "x"}}},
       "no short text"},
      {"empty op", {{{"t", "call"}, {"run", 7}, {"strand", "1"}, {"op", ""}}}, "no short text"},
      {"no position", {{{"t", "call"}, {"run", 7}, {"strand", "1"}, {"op", "x"}}}, "`position`"},
      {"negative position", {call_of(7, "1", -1)}, "does not increase"},
      {"strand waits twice", {call_of(7, "1", 1), call_of(7, "1", 2)}, "already waits"},
      {"withdrawal of another run", {withdrawal_of(8, "1")}, "spoke for run 8"},
      {"withdrawal of no strand", {withdrawal_of(7, "1")}, "does not wait"},
      {"withdrawal of another strand", {call_of(7, "1", 1), withdrawal_of(7, "1.1")}, "does not wait"},
      {"withdrawal of what is no name",
       {call_of(7, "1", 1), {{"t", "withdraw"}, {"run", 7}, {"strand", 1}}},
       "does not wait"},
      {"withdrawal twice",
       {call_of(7, "1", 1), withdrawal_of(7, "1"), withdrawal_of(7, "1")},
       "does not wait"},
      {"call of a withdrawn strand",
       {call_of(7, "1", 1), withdrawal_of(7, "1"), call_of(7, "1", 2)},
       "has withdrawn"},
      {"nothing but a withdrawn strand",
       {call_of(7, "1", 1), withdrawal_of(7, "1"), idle},
       "neither ended nor waits"},
      {"end twice", {{{"t", "done"}, {"run", 7}}, {{"t", "done"}, {"run", 7}}}, "spoke for run 7"},
      {"call after the end", {{{"t", "done"}, {"run", 7}}, call_of(7, "1", 1)}, "spoke for run 7"},
      {"state that is no table", {{{"t", "done"}, {"run", 7}, {"state", 5}}}, "no table"},
      {"failed without text", {{{"t", "failed"}, {"run", 7}}}, "without a text"},
      {"log that is no text", {{{"t", "log"}, {"run", 7}, {"level", "info"}, {"text", 5}}}, "no text"},
      {"loaded unasked", {{{"t", "loaded"}, {"vm", 1}, {"ok", true}}}, "without being asked"},
      {"result unasked", {{{"t", "result"}, {"ok", true}}}, "without being asked"},
      {"idle without memory", {{{"t", "idle"}}}, "`memory`"},
      {"end without cpu",
       {{{"t", "done"}, {"run", 7}}, {{"t", "idle"}, {"memory", 1}, {"vm_memory", 1}}},
       "whole numbers `cpu`"},
      {"end with a cpu that is no number",
       {{{"t", "done"}, {"run", 7}}, {{"t", "idle"}, {"memory", 1}, {"cpu", "1"}, {"vm_memory", 1}}},
       "whole numbers `cpu`"},
      {"end with a memory that is no whole number",
       {{{"t", "done"}, {"run", 7}}, {{"t", "idle"}, {"memory", 1}, {"cpu", 1}, {"vm_memory", 0.5}}},
       "whole numbers `cpu`"},
      {"a run that neither ended nor waits", {idle}, "neither ended nor waits"},
      {"unasked frame", {{{"t", "done"}, {"run", 7}}, idle, idle}, "without being asked"},
  };
  for (const auto& one : cases) {
    INFO(one.what);
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    for (const auto& frame : one.frames) fixture.say(frame);
    const auto seen = fixture.until_idle(1000);
    CHECK_THAT(seen.back(), Catch::StartsWith("broken ") && Catch::Contains(one.reason));
    // Nothing is reported after the end, whatever else comes.
    const size_t count = fixture.events.seen.size();
    fixture.say_idle();
    fixture.loop.post([&] { fixture.loop.stop(); });
    fixture.loop.run();
    CHECK(fixture.events.seen.size() == count);
  }
}

TEST_CASE("what a withdrawn strand was to be answered is dropped") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  fixture.say(call_of(7, "1", 1));
  fixture.say(call_of(7, "2", 1));
  fixture.say_idle();
  CHECK(fixture.until_idle().back() == "idle");
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "2"}, {"value", 2}});
  CHECK_FALSE(fixture.cell->at_rest(7));
  fixture.say(withdrawal_of(7, "2"));
  fixture.say(call_of(7, "1", 2));
  fixture.say_idle();
  CHECK(fixture.until_idle() == std::vector<std::string>{"withdrawn 7 2", "called 7 1 2 queue.get", "idle"});
  CHECK(fixture.cell->at_rest(7));
  CHECK_FALSE(fixture.cell->awaits(7, "2"));
  CHECK(fixture.cell->slice().empty());
}

TEST_CASE("a run is at rest when all that was sent for it is worked off") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  CHECK_FALSE(fixture.cell->at_rest(7));
  fixture.say(call_of(7, "1", 1));
  fixture.say(call_of(7, "2", 1));
  fixture.say_idle();
  fixture.until_idle();
  CHECK(fixture.events.rests == std::vector<int64_t>{7});
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "2"}, {"value", 1}});
  fixture.ask(run_frame_of(8));
  fixture.say(call_of(7, "1", 2));
  fixture.say_idle();
  fixture.until_idle();
  CHECK_FALSE(fixture.cell->at_rest(7));  // the other answer
  CHECK(fixture.events.rests.size() == 1);
  fixture.say(call_of(7, "2", 2));
  fixture.say_idle();
  fixture.until_idle();
  CHECK(fixture.cell->at_rest(7));
  CHECK_FALSE(fixture.cell->at_rest(8));
  CHECK(fixture.events.rests == std::vector<int64_t>{7, 7});
}

TEST_CASE("a position must increase on its strand, also after an answer") {
  Fixture fixture;
  fixture.ask(run_frame_of(7));
  fixture.say(call_of(7, "1", 3));
  fixture.say(call_of(7, "2", 1));
  fixture.say_idle();
  CHECK(fixture.until_idle().back() == "idle");
  fixture.ask({{"t", "answer"}, {"run", 7}, {"strand", "1"}, {"value", 1}});
  fixture.say(call_of(7, "1", 3));
  CHECK_THAT(fixture.until_idle().back(), Catch::Contains("does not increase"));
}

TEST_CASE("answers to load and eval must come, once and well-formed") {
  const Value idle{{"t", "idle"}, {"memory", 1}};
  const Value load{{"t", "load"}, {"vm", 1}};
  const Value eval{{"t", "eval"}, {"source", ""}};
  const Value examine{{"t", "examine"}, {"vm", 1}};
  const Value good{{"t", "result"}, {"ok", true}};
  const Value many{{"tasks", Value::Array(vm::kTaskPatterns + 1, Value("a"))}};
  const Value wide{{"tasks", Value::Array{std::string(vm::kNameBytes + 1, 'a')}}};
  struct Case {
    Value asked;
    std::vector<Value> frames;
    const char* reason;
  };
  const Case cases[] = {
      {load, {idle}, "did not answer"},
      {load, {{{"t", "loaded"}, {"vm", 2}, {"ok", true}}}, "not its own"},
      {load, {{{"t", "loaded"}, {"vm", 1}}}, "boolean `ok`"},
      {load, {{{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", 5}}}, "map `info`"},
      {load, {{{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", many}}}, "too many or too long patterns"},
      {load, {{{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", wide}}}, "too many or too long patterns"},
      {load, {{{"t", "loaded"}, {"vm", 1}, {"ok", false}}}, "text `error`"},
      {load, {good}, "without being asked"},
      {load, {call_of(1, "1", 1)}, "spoke for run 1"},
      {load,
       {{{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", Value{{"schema", 0}}}}},
       "a `schema` that is"},
      {load,
       {{{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", Value{{"schema", "2"}}}}},
       "a `schema` that is"},
      {examine, {idle}, "did not answer"},
      {examine, {good}, "a state that is no table"},
      {examine, {{{"t", "result"}, {"ok", true}, {"value", 5}}}, "a state that is no table"},
      {eval, {idle}, "did not answer"},
      {eval, {good, good}, "without being asked"},
      {eval, {{{"t", "result"}}}, "boolean `ok`"},
      {eval, {{{"t", "result"}, {"ok", false}, {"error", 1}}}, "`error` and `code`"},
  };
  for (const auto& one : cases) {
    INFO(one.reason);
    Fixture fixture;
    fixture.ask(one.asked);
    for (const auto& frame : one.frames) fixture.say(frame);
    CHECK_THAT(fixture.until_idle(1000).back(), Catch::StartsWith("broken ") && Catch::Contains(one.reason));
  }
}

TEST_CASE("garbage, oversize and a flood break the connection") {
  SECTION("garbage") {
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    fixture.say_bytes(std::string("\x03\x00\x00\x00\xc1\xc1\xc1", 7));
    CHECK_THAT(fixture.until_idle().back(), Catch::Contains("cannot be read"));
  }
  SECTION("oversize") {
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    fixture.say_bytes("\xff\xff\xff\x7f");
    CHECK_THAT(fixture.until_idle().back(), Catch::Contains("announced a frame"));
  }
  SECTION("flood within one slice") {
    SliceLimits limits;
    limits.answer_bytes = 4096;
    Fixture fixture(limits);
    fixture.ask(run_frame_of(7));
    for (int i = 0; i < 100; ++i) {
      fixture.say({{"t", "log"}, {"run", 7}, {"level", "info"}, {"text", std::string(64, 'x')}});
    }
    CHECK_THAT(fixture.until_idle().back(), Catch::Contains("in one slice"));
  }
  SECTION("more log lines than a slice may have") {
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    const Value line{{"t", "log"}, {"run", 7}, {"level", "info"}, {"text", std::string(140000, 'x')}};
    fixture.say(line);
    fixture.events.until = [&] { return !fixture.events.seen.empty(); };
    fixture.loop.run();
    fixture.say(line);
    CHECK_THAT(fixture.until_idle().back(), Catch::Contains("logged more than 256 KB in one slice"));
  }
  SECTION("part of a frame that nobody asked for") {
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    fixture.say(call_of(7, "0", 1));
    fixture.say_idle();
    fixture.say_bytes(std::string("\x10\x00", 2));
    CHECK_THAT(fixture.until_idle(2).back(), Catch::Contains("sent bytes without being asked"));
  }
  SECTION("the end") {
    Fixture fixture;
    fixture.ask(run_frame_of(7));
    close(std::exchange(fixture.peer, -1));
    CHECK(fixture.until_idle().back() == "broken ");
    CHECK(fixture.cell->executing_run() == 7);
  }
}

TEST_CASE("a cell whose frames cost the host much leaves others their turns") {
  Fixture fixture;
  const SystemClock clock;
  int turns = 0;
  loop::Timer other(fixture.loop);
  other.start(
      1, [&] { ++turns; }, 1);
  std::vector<int> turns_before;
  fixture.events.on_call = [&] {
    turns_before.push_back(turns);
    const int64_t until = clock.steady_us() + 3000;
    while (clock.steady_us() < until) {
    }
  };
  fixture.ask(run_frame_of(7));
  for (const char* strand : {"0", "0.1", "0.2", "0.3"}) fixture.say(call_of(7, strand, 1));
  fixture.say_idle();
  fixture.until_idle();
  REQUIRE(turns_before.size() == 4);
  for (size_t call = 1; call < 4; ++call) CHECK(turns_before[call] > turns_before[call - 1]);
}

TEST_CASE("no deadline runs while the host itself is at work") {
  SliceLimits limits;
  limits.slice_ms = 200;
  limits.grace_ms = 100;
  Fixture fixture(limits);
  const SystemClock clock;
  fixture.events.on_call = [&] {
    const int64_t until = clock.steady_us() + 400000;
    while (clock.steady_us() < until) {
    }
  };
  fixture.ask(run_frame_of(7));
  fixture.say(call_of(7, "0", 1));
  fixture.say_idle();
  CHECK(fixture.until_idle() == std::vector<std::string>{"called 7 0 1 queue.get", "idle"});
}

TEST_CASE("a cell that is held is not heard and not to blame, and goes on where it was") {
  SliceLimits limits;
  limits.slice_ms = 20;
  Fixture fixture(limits);
  fixture.ask(run_frame_of(7));
  fixture.cell->hold(true);
  fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
  fixture.say_idle(0, 0);
  // Much longer than its slice may take.
  loop::Timer wait(fixture.loop);
  wait.start(100, [&] { fixture.loop.stop(); });
  fixture.loop.run();
  CHECK(fixture.events.seen.empty());
  fixture.cell->hold(false);
  CHECK(fixture.until_idle() == std::vector<std::string>{"finished 7", "idle"});
}

TEST_CASE("what a cell said before its end is heard, even from a host that rests") {
  Fixture fixture;
  const SystemClock clock;
  fixture.events.on_call = [&] {
    const int64_t until = clock.steady_us() + 3000;
    while (clock.steady_us() < until) {
    }
    fixture.loop.stop();
  };
  fixture.ask(run_frame_of(7));
  fixture.say(call_of(7, "0", 1));
  fixture.say({{"t", "done"}, {"run", 7}, {"value", 1}, {"state", Value::Map{}}});
  fixture.say_idle(0, 0);
  fixture.loop.run();
  CHECK(fixture.events.seen == std::vector<std::string>{"called 7 0 1 queue.get"});
  fixture.cell->hear_out();
  CHECK(fixture.events.seen == std::vector<std::string>{"called 7 0 1 queue.get", "finished 7", "idle"});
  CHECK(fixture.cell->executing_run() == 0);
}

TEST_CASE("a slice that takes too long is interrupted, nothing is sent until that arrived") {
  SliceLimits limits;
  limits.slice_ms = 1;
  limits.grace_ms = 60000;
  Fixture fixture(limits);
  fixture.ask(run_frame_of(7));
  fixture.ask(run_frame_of(8));
  fixture.events.until = [&] { return fixture.events.seen.back() == "overdue"; };
  fixture.loop.run();
  fixture.say({{"t", "failed"}, {"run", 7}, {"error", "deadline"}});
  fixture.say_idle();
  CHECK(fixture.until_idle() == std::vector<std::string>{"failed 7 deadline", "idle"});
  CHECK(fixture.cell->was_interrupted());
  CHECK(fixture.cell->slice().empty());
  fixture.cell->interrupted();
  CHECK(fixture.cell->executing_run() == 8);
}

TEST_CASE("a slice that ignores the interrupt breaks the connection") {
  SliceLimits limits;
  limits.slice_ms = 1;
  limits.grace_ms = 1;
  Fixture fixture(limits);
  fixture.ask(run_frame_of(7));
  const auto seen = fixture.until_idle();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == "overdue");
  CHECK_THAT(seen[1], Catch::Contains("killed after 2 ms") && Catch::Contains("slice_ms = 1"));
  CHECK(fixture.cell->executing_run() == 7);
}

}  // namespace
}  // namespace clade::cell
