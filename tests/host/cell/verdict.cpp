#include "cell/verdict.h"

#include <csignal>

#include <catch2/catch.hpp>

#include "cell/death.h"
#include "cell/sandbox.h"

namespace clade::cell {
namespace {

const Bounds kBounds{100, 2000, 64};

Error verdict(const FreshCell::Outcome& outcome) {
  const EvalResult result = evaluation_verdict(kBounds, outcome);
  CHECK_FALSE(result.ok);
  return {result.code, result.error};
}

FreshCell::Outcome answered(const char* code, bool interrupted = false) {
  FreshCell::Outcome outcome;
  outcome.answer = {{"ok", false}, {"code", code}, {"error", "a.lua:3: text"}, {"units", 2}};
  outcome.interrupted = interrupted;
  return outcome;
}

FreshCell::Outcome ended(int signal, int code = 0, int64_t cpu_us = 0) {
  FreshCell::Outcome outcome;
  outcome.exit.signal = signal;
  outcome.exit.code = code;
  outcome.exit.cpu_us = cpu_us;
  return outcome;
}

TEST_CASE("what a cell answered is taken, with the limit's name and value") {
  FreshCell::Outcome good;
  good.answer = {{"ok", true}, {"value", 5}, {"units", 2}};
  good.exit.memory_kb = 2;
  good.wall_us = 7;
  good.exit.cpu_us = 9;
  const auto result = evaluation_verdict(kBounds, good);
  CHECK(result.ok);
  CHECK(result.value == Value(5));
  CHECK(result.units == 2);
  CHECK(result.memory_kb == 2);
  CHECK(result.wall_us == 7);
  CHECK(result.cpu_us == 9);

  CHECK(verdict(answered("error")) == Error{"error", "a.lua:3: text"});
  CHECK(verdict(answered("syntax")) == Error{"syntax", "a.lua:3: text"});
  CHECK(verdict(answered("cpu")) == Error{"cpu", "stopped after 100 ms of CPU (cpu_ms): a.lua:3: text"});
  CHECK(verdict(answered("wall", true)) == Error{"wall", "stopped after 2000 ms (wall_ms): a.lua:3: text"});
  CHECK(verdict(answered("memory")) == Error{"memory", "out of memory at 64 MB (memory_mb): a.lua:3: text"});
  // A cell does not decide what else may be called how.
  CHECK(verdict(answered("killed")).code == "error");
  CHECK(verdict(answered("")).code == "error");
}

TEST_CASE("a cell that broke the rules or the hard deadline") {
  FreshCell::Outcome outcome = ended(SIGKILL);
  outcome.broken = "sent a frame of an unknown kind";
  CHECK(verdict(outcome) ==
        Error{"protocol", "its cell was killed because it sent a frame of an unknown kind"});
  outcome.interrupted = true;
  outcome.broken = "was killed after 2500 ms: …";
  CHECK(verdict(outcome) == Error{"wall", "its cell was killed after 2500 ms: …"});
}

TEST_CASE("the ways a cell can end") {
  CHECK(verdict(ended(SIGXCPU)).code == "cpu");
  CHECK(verdict(ended(SIGKILL, 0, 100000)).code == "cpu");
  CHECK(verdict(ended(SIGKILL, 0, 99999)).code == "killed");
  CHECK_THAT(verdict(ended(SIGSEGV)).message, Catch::Contains("SIGSEGV"));
  CHECK(verdict(ended(SIGSEGV)).code == "killed");
  CHECK_THAT(verdict(ended(SIGSYS)).message, Catch::Contains("SIGSYS") && Catch::Contains("forbids"));
  CHECK_THAT(verdict(ended(0, 3)).message, Catch::Contains("status 3"));
  CHECK_THAT(verdict(ended(0, kNotShutIn)).message, Catch::Contains("clade doctor"));
  CHECK(signal_name(SIGTERM) == "SIGTERM");
  CHECK(signal_name(SIGRTMAX + 5) == "signal " + std::to_string(SIGRTMAX + 5));
}

}  // namespace
}  // namespace clade::cell
