// Runs the scripts of tests/lua/hostile against real cells. Each file begins with what it is:
//
//   -- Guard: memory              the folder's name: what holds it back (CONTRIBUTING.md lists them)
//   -- Attack: one line about what it tries
//   -- Runs as: evaluation        or "agent": its chunk returns an agent's table, and on_task is called;
//                                 "mail": the same with on_mail;
//                                 "migration": the same with on_task, of a version that takes over a state;
//                                 "examination": the same, of a version that is asked about a state of schema
//                                 1; "selftest": the same, checked as before it goes live; "judge": an
//                                 evaluation whose subject has echo(...) and fail(value); "module": require'd
//                                 by an evaluation that returns its value
//   -- Limits: cpu_ms = 20000     optional; any of cpu_ms, wall_ms, memory_mb, slice_ms (ample without, but
//   32 MB and
//                                 300 ms of the deadline that it ends at)
//   -- Ends: refused memory "not enough memory: the cap is"
//
// Ends, with a text that the message must hold, is one of these:
//
//   refused CODE "…"   an evaluation or selftest fails with CODE; "refused failed": an agent's handler
//
//   killed "…"         the process is killed; for an agent: and this run is blamed
//
//   kept               it returns true once it has seen by itself that the guard held; an examination: the
//                      state is returned as it was
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cell/pool.h"
#include "cell/system_calls.h"
#include "host/cell/fixture.h"

namespace clade::cell {
namespace {

namespace fs = std::filesystem;

// A deadline that an attack is to end at, where its header sets none.
constexpr int64_t kDeadlineMs = 300;
// From the soft to the hard deadline where an attack is to be killed.
constexpr int64_t kKillMs = 300;

const fs::path kCorpus = fs::path(CLADE_SOURCE) / "tests/lua/hostile";

struct Attack {
  std::string name;  // "memory/strings.lua"
  std::string source;
  std::string runs_as;  // one of those above
  // Deadlines that no attack reaches, however busy the machine is, unless one is what it must end at.
  std::map<std::string, int64_t> limits{
      {"cpu_ms", 60000}, {"wall_ms", 60000}, {"memory_mb", 32}, {"slice_ms", 60000}};
  std::string end;  // "refused", "killed", "kept"
  std::string code;
  std::string text;
};

std::string header(const std::string& source, const std::string& name) {
  std::smatch found;
  return std::regex_search(source, found, std::regex("^-- " + name + ": *(.*)", std::regex::multiline))
             ? found[1].str()
             : "";
}

// Reads a file of the corpus; fails the test where its header is not as above.
Attack read_attack(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  Attack attack;
  attack.name = fs::relative(path, kCorpus).string();
  attack.source = text.str();
  INFO(attack.name);
  REQUIRE(header(attack.source, "Guard") == path.parent_path().filename().string());
  REQUIRE(!header(attack.source, "Attack").empty());
  attack.runs_as = header(attack.source, "Runs as");
  REQUIRE(std::regex_match(attack.runs_as,
                           std::regex("evaluation|agent|mail|migration|examination|selftest|judge|module")));
  const std::string ends = header(attack.source, "Ends");
  if (ends.find("(cpu_ms)") != std::string::npos) attack.limits["cpu_ms"] = kDeadlineMs;
  if (ends.find("(slice_ms)") != std::string::npos) attack.limits["slice_ms"] = kDeadlineMs;
  const std::string limits = header(attack.source, "Limits");
  const std::regex limit("([a-z_]+) = ([0-9]+)");
  for (std::sregex_iterator entry(limits.begin(), limits.end(), limit), end; entry != end; ++entry) {
    REQUIRE(attack.limits.count((*entry)[1]));
    attack.limits[(*entry)[1]] = std::stoll((*entry)[2]);
  }
  std::smatch parts;
  REQUIRE(std::regex_match(ends, parts, std::regex("(refused) ([a-z]+) \"(.+)\"|(killed) \"(.+)\"|(kept)")));
  attack.end = parts[1].str() + parts[4].str() + parts[6].str();
  attack.code = parts[2];
  attack.text = parts[3].str() + parts[5].str();
  return attack;
}

std::vector<fs::path> corpus() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kCorpus)) {
    if (entry.path().extension() == ".lua") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// How an attack ended, in the words of its header.
struct Outcome {
  std::string end;
  std::string code;
  std::string text;
};

// Submits attacks to a pool and waits for their ends.
struct Target : ZygoteFixture, run::RunEvents {
  Outcome attack(const Attack& attack) {
    outcome.reset();
    PoolOptions options;
    options.slice_ms = attack.limits.at("slice_ms");
    options.slice_grace_ms = attack.end == "killed" ? kKillMs : kGraceMs;
    options.wall_grace_ms = options.slice_grace_ms;
    options.check_ms = options.slice_ms;
    options.vm_memory_mb = attack.limits.at("memory_mb");
    options.memory_mb = 2 * options.vm_memory_mb;
    Pool pool(loop, *zygote, options, log);
    pool.report_to(this);
    if (attack.runs_as == "selftest") {
      test_agent(pool, attack);
    } else if (attack.runs_as == "examination") {
      examine(pool, attack);
    } else if (attack.runs_as == "agent" || attack.runs_as == "mail" || attack.runs_as == "migration") {
      start_agent(pool, attack);
    } else {
      evaluate(pool, attack);
    }
    loop.run();
    return *outcome;
  }

  void evaluate(Pool& pool, const Attack& attack) {
    EvalRequest request;
    request.main = {attack.source, attack.name};
    if (attack.runs_as == "module") {
      request.modules["attack"] = request.main;
      request.main = {"return require('attack')", "judge.lua"};
    }
    if (attack.runs_as == "judge") {
      request.subject = EvalRequest::Subject{
          {"return { echo = function(...) return ... end, fail = function(value) error(value, 0) end }",
           "subject.lua"},
          {}};
    }
    request.cpu_ms = attack.limits.at("cpu_ms");
    request.wall_ms = attack.limits.at("wall_ms");
    request.memory_mb = attack.limits.at("memory_mb");
    pool.evaluate(std::move(request), [this](const EvalResult& result) {
      if (result.ok) return end(result.value == Value(true) ? "kept" : "returned something", "", "");
      // What no hook could stop ends as a violation of the clock or by the kernel.
      const bool killed = result.error.find("was killed") != std::string::npos || result.code == "killed" ||
                          result.code == "protocol";
      end(killed ? "killed" : "refused", killed ? "" : result.code, result.error);
    });
  }

  static run::Program program_of(const Attack& attack) {
    run::Program program;
    program.agent = "guest";
    program.version = program.key = "v1";
    program.main = {attack.source, attack.name};
    return program;
  }

  void test_agent(Pool& pool, const Attack& attack) {
    pool.check(program_of(attack), "", [this](const Result<ProgramInfo>& info) {
      if (info) return end("kept", "", "");
      const bool killed = info.error().message.find("was killed") != std::string::npos;
      end(killed ? "killed" : "refused", killed ? "" : info.error().code, info.error().message);
    });
  }

  static Value state() { return {{"count", 1}, {"list", Value::Array{1, 2, 3}}}; }

  void examine(Pool& pool, const Attack& attack) {
    pool.examine(program_of(attack), {state(), "v0", 1}, [this](const Result<Value>& after) {
      if (after) return end(*after == state() ? "kept" : "returned something", "", "");
      const bool killed = after.error().message.find("was killed") != std::string::npos;
      end(killed ? "killed" : "refused", killed ? "" : after.error().code, after.error().message);
    });
  }

  void start_agent(Pool& pool, const Attack& attack) {
    current = &pool;
    run::Invocation run;
    run.run = 1;
    run.handler = "on_task";
    run.argument = {{"id", "t1"}, {"type", "work"}, {"payload", Value::Map{}}};
    if (attack.runs_as == "mail") {
      run.handler = "on_mail";
      run.argument = {
          {"id", "m1"}, {"from", "neighbour"}, {"kind", "note"}, {"body", Value{{"text", "hello"}}}};
    }
    if (attack.runs_as == "migration") {
      run.from_version = "v0";
      run.state = state();
    }
    pool.start(program_of(attack), run);
  }

  void end(const std::string& how, const std::string& code, const std::string& text) {
    outcome = Outcome{how, code, text};
    loop.stop();
  }

  // The host answers nothing useful: no grant was given.
  void called(int64_t run, const std::string& strand, int64_t, const std::string& op, Value) override {
    current->answer(run, strand, failure("refused", "no grant for " + op), 0);
  }
  void finished(int64_t, Value result, Value, run::Usage) override {
    end(result == Value(true) ? "kept" : "returned something", "", "");
  }
  void failed(int64_t, const std::string& message) override { end("refused", "failed", message); }
  void lost(int64_t, bool blamed, const std::string& reason) override {
    end(blamed ? "killed" : "lost", "", reason);
  }
  void withdrawn(int64_t, const std::string&) override {}
  void rested(int64_t) override {}
  void logged(int64_t, const std::string&, const std::string&) override {}

  Log log;
  Pool* current = nullptr;
  std::optional<Outcome> outcome;
};

bool is_stopped_by_deadline(const Attack& attack) {
  return attack.code == "cpu" || attack.code == "wall" || attack.text.find("_ms)") != std::string::npos;
}

void check(const Attack& attack, const Outcome& outcome) {
  INFO(attack.name << " ended: " << outcome.end << " " << outcome.code << ": " << outcome.text);
  // One that calls into the VM may meet its soft deadline all the same.
  if (!kStopsPolitely && is_stopped_by_deadline(attack) && outcome.end == "killed") return;
  CHECK(outcome.end == attack.end);
  CHECK(outcome.code == attack.code);
  CHECK_THAT(outcome.text, Catch::Contains(attack.text));
}

// Waits until the zygote has no cells: those of a pool that is gone are being killed.
void wait_until_childless(pid_t zygote) {
  for (const pid_t child : children_of(zygote)) {
    const int watched = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    if (watched < 0) continue;  // gone meanwhile
    pollfd entry{watched, POLLIN, 0};
    CHECK(poll(&entry, 1, 10000) == 1);
    close(watched);
  }
}

size_t open_descriptors() {
  return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

// Resident memory of this process, in kB.
int64_t resident_kb() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6));
  }
  return 0;
}

// One file, named by the environment: each is a test of its own (tests/CMakeLists.txt).
TEST_CASE("a hostile script ends as its header says", "[.one_attack]") {
  const char* path = std::getenv("CLADE_ATTACK");
  REQUIRE(path);
  const Attack attack = read_attack(path);
  Target target;
  check(attack, target.attack(attack));
  wait_until_childless(target.zygote->pid());
}

TEST_CASE("the hostile corpus leaves no process, descriptor or memory behind") {
  Target target;
  const auto files = corpus();
  REQUIRE(files.size() > 70);
  const auto round = [&] {
    for (const auto& file : files) target.attack(read_attack(file));
  };
  round();
  const size_t descriptors = open_descriptors();
  const int64_t resident = resident_kb();
  round();
  wait_until_childless(target.zygote->pid());
  CHECK(open_descriptors() == descriptors);
  // What one file left behind would show: the smallest message that any of them sends is far larger.
  // A sanitizer keeps what was freed.
  if (!kSanitized) CHECK(resident_kb() - resident < 4096);
}

}  // namespace
}  // namespace clade::cell
