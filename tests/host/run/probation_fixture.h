// A host whose worker gets other versions, which are on probation.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fixture.h"
#include "run/probation.h"
#include "run/program.h"

namespace clade::run {

inline const std::string kBefore = "return { api = 1 }\n";
inline const std::string kChanged = "return { api = 1, changed = true }\n";

// A host whose worker has just got another version, which is confirmed after three runs.
struct Trial {
  explicit Trial(const Folder& folder) { restart(folder); }
  void restart(const Folder& folder) {
    host.reset();
    Dispatcher::Hooks hooks;
    hooks.examine = [this](Program program, StateQuestion question, std::function<void(Result<Value>)> done) {
      examined.push_back({std::move(program), std::move(question), std::move(done)});
      return [this] { ++called_off; };
    };
    hooks.decided = [this](const Decision& decision) { decisions.push_back(decision); };
    host.emplace(folder, false, std::move(hooks));
  }
  void save(const std::string& text) {
    std::ofstream(host->kernel->folder + "/agents/worker/init.lua") << text;
    store::Batch batch;
    host->library.import(host->library.changed(), "file", batch);
    host->dispatcher->commit(std::move(batch), nullptr);
    set_worker({"work_*", "implement_*", "check"});
    host->settle();
  }
  void set_worker(const std::vector<std::string>& tasks) {
    host->dispatcher->set_role("worker", Value{{"tasks", Value::Array(tasks.begin(), tasks.end())},
                                               {"schema", schema},
                                               {"has", Value{{"on_mail", true}, {"check", checks}}}});
  }
  // The next start: of this source.
  int64_t started(const std::string& source) {
    auto start = host->next_start();
    CHECK(start.program.main.source == source);
    return start.invocation.run;
  }
  void finish(int64_t run) {
    host->dispatcher->finished(run, Value("done"), Value(Value::Map()));
    host->settle();
  }
  void fail(int64_t run, const std::string& error = "init.lua:3: boom") {
    host->dispatcher->failed(run, error);
    host->settle();
  }
  std::vector<Decision::Kind> kinds() const {
    std::vector<Decision::Kind> list;
    for (const auto& decision : decisions) list.push_back(decision.kind);
    return list;
  }
  std::string in_force() const { return host->library.current("agent:worker")->source; }

  struct Examination {
    Program program;
    StateQuestion question;
    std::function<void(Result<Value>)> done;
  };
  std::vector<Examination> examined;
  int called_off = 0;
  bool checks = false;  // the worker's versions
  int64_t schema = 1;   // of those that are saved from now on
  std::vector<Decision> decisions;
  std::optional<PlayedHost> host;
};

struct ThreeRuns : Folder {
  ThreeRuns() { std::ofstream(path + "/swarm.yaml", std::ios::app) << "probation: {runs: 3, seconds: 60}\n"; }
};

using Kind = Decision::Kind;

}  // namespace clade::run
