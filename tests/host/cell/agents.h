// A pool whose runs report to the test.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "cell/pool.h"
#include "host/cell/fixture.h"
#include "loop/timer.h"

namespace clade::cell {

inline run::Program program(const std::string& agent, const std::string& source,
                            const std::string& version = "v1") {
  run::Program made;
  made.agent = agent;
  made.version = version;
  made.main = {source, "agents/" + agent + "/init.lua@" + version};
  made.key = agent + version + source;
  made.confirmed = true;
  return made;
}

inline run::Invocation task(int64_t run, Value payload = {}) {
  run::Invocation invocation;
  invocation.run = run;
  invocation.handler = "on_task";
  invocation.argument = {{"id", "t1"}, {"type", "work"}, {"payload", std::move(payload)}};
  invocation.now_ms = 1000;
  invocation.seed = 7;
  return invocation;
}

inline std::string handler(const std::string& body) {
  return "return { api = 1, tasks = { 'work' }, state = { runs = 0 },\non_task = function(self, task)\n" +
         body + "\nend }";
}

struct Agents : ZygoteFixture, run::RunEvents {
  explicit Agents(PoolOptions options = {}) : pool(loop, *zygote, options, log) { pool.report_to(this); }

  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override {
    calls.push_back(std::to_string(run) + " " + op + " " + std::to_string(position));
    if (on_call) on_call(run, strand, op, args);
    step();
  }
  void finished(int64_t run, Value result, Value state, run::Usage usage) override {
    results[run] = std::move(result);
    states[run] = std::move(state);
    usages[run] = usage;
    ended(run, "finished");
  }
  void failed(int64_t run, const std::string& message) override { ended(run, "failed: " + message); }
  void lost(int64_t run, bool blamed, const std::string& reason) override {
    ended(run, (blamed ? "blamed: " : "lost: ") + reason);
  }
  void withdrawn(int64_t, const std::string&) override {}
  void rested(int64_t) override {}
  void logged(int64_t run, const std::string&, const std::string& text) override {
    logs.push_back(std::to_string(run) + " " + text);
    step();
  }

  void ended(int64_t run, const std::string& how) {
    REQUIRE(ends.emplace(run, how).second);
    step();
  }
  void step() {
    if (until && until()) loop.stop();
  }
  void run_until(std::function<bool()> condition) {
    until = std::move(condition);
    if (!until()) loop.run();
    until = nullptr;
  }
  // Until so many cells of unconfirmed programs are left.
  void run_until_alone(int64_t count) {
    loop::Timer poll(loop);
    poll.start(
        1,
        [&] {
          if (pool.statistics()["solo"] == Value(count)) loop.stop();
        },
        1);
    loop.run();
  }
  void run_until_ended(const std::set<int64_t>& runs) {
    run_until([&] {
      return std::all_of(runs.begin(), runs.end(), [&](int64_t run) { return ends.count(run) > 0; });
    });
  }

  Log log;
  Pool pool;
  std::function<void(int64_t, const std::string&, const std::string&, const Value&)> on_call;
  std::function<bool()> until;
  std::vector<std::string> calls;
  std::vector<std::string> logs;
  std::map<int64_t, std::string> ends;
  std::map<int64_t, Value> results;
  std::map<int64_t, Value> states;
  std::map<int64_t, run::Usage> usages;
};

inline PoolOptions one_cell() {
  PoolOptions options;
  options.shared_cells = 1;
  return options;
}

// Says over its log that it runs, so much that it is sent at once, and does not end.
inline const char* const kLoop = "clade.log(('x'):rep(2 ^ 17))\nwhile true do end";

}  // namespace clade::cell
