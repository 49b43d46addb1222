// Reload: a saved file becomes the current version once it has been tried. Each candidate is loaded (and its
// `selftest` run) in a cell of its own; what does not pass is refused with the reason, and the version in
// force stays. Those that belong together, a role and a skill that it calls, are tried together and become
// current together; if they do not pass, each by itself. States of its agents are brought to a role's
// candidate and back, on copies: what cannot be brought there refuses it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "run/dispatcher.h"
#include "run/executor.h"
#include "run/kernel.h"
#include "run/program.h"
#include "run/shadow.h"

namespace clade::run {

class Reload {
 public:
  // Tries programs in isolation, for an agent or, if that is "", for the host itself; the answer is what one
  // says of itself (see protocol.h, "loaded"). `done` is never called from within.
  struct Checks {
    std::function<uint64_t(Program, const std::string& agent, std::function<void(Result<Value>)> done)> start;
    std::function<void(uint64_t)> cancel;  // of no check: does nothing
    Examine examine = {};                  // without it no state is tried
    // As Shadow::compare; without it no past run is replayed.
    std::function<void(const std::string& role, Program program, std::function<void(ShadowReport)> done)>
        shadow = {};
  };
  // Says what became of a candidate: "agent:builder is live at 3fa2…", "skill:x.y refused: …".
  using Say = std::function<void(const std::string& name, const std::string& text)>;

  Reload(const Kernel& kernel, Dispatcher& dispatcher, Checks checks, Say say);
  ~Reload();

  // Decides nothing any more: what is being tried is found again by the next host.
  void stop() { *alive_ = false; }

  // Tries the scripts in force of every role, then calls `done`: with the first error, if one does not load.
  void try_roles(std::function<void(Status)> done);
  // Looks for changed files and tries them, set after set; `done` once all are decided.
  void look(std::function<void()> done = {});
  // Tries what the files of these names hold, together, though they were refused before; with `force` what
  // was undone as well. `done` once they are current, with {name → hash}, or with the first error; nothing is
  // recorded of that.
  void install(const std::vector<std::string>& names, bool force, const std::string& by,
               std::function<void(Result<Value>)> done);
  // Tries a version that is no file yet, for an agent: by itself and, if it is a skill, in every role that
  // requires it. Returns what calls it off: then `done` is not called.
  std::function<void()> try_version(const script::Version& candidate, const std::string& agent,
                                    std::function<void(Status)> done);
  // What files hold that waits for `install`: name → hash.
  const std::map<std::string, std::string>& waiting() const { return waiting_; }
  // Other versions may be in force for these roles, by a decision (probation.h): asks those whose words
  // nobody has heard.
  void catch_up(const std::vector<std::string>& roles);
  // Takes over the words of the roles that run a script, after it changed by other ways than a file.
  void refresh(const std::string& name);

 private:
  // Candidates that are tried and decided about together.
  using Set = std::vector<script::Version>;
  // What a trial has found.
  struct Findings {
    std::map<std::string, Value> infos;  // what the programs of roles say of themselves
    std::map<std::string, Program> programs;
    std::set<std::string> no_way_back;  // roles whose state the version before cannot go on with
  };
  // An agent's state on its way to a new version and back, on a copy.
  struct StateTrial {
    std::string role;
    std::string agent;
    StateQuestion question;
    Program program;
    std::optional<Program> before;
    int64_t schema = 1;  // of what it becomes
  };
  struct Trial {
    std::string agent;
    // Still to check, with their roles; "" of a skill by itself.
    std::deque<std::pair<std::string, Program>> programs;
    std::deque<StateTrial> states;   // still to bring there and back
    uint64_t check = 0;              // under way
    std::function<void()> call_off;  // of the examination under way
    bool must_be_same = false;       // past runs have to end as they did
    Findings findings;
    std::function<void(Result<Findings>)> done;
  };
  void try_before();
  void gather();
  void next();
  void decide(const Set& set, Result<Findings> findings);
  // Somebody has to say whether these become current.
  void ask(const Set& set);
  void take_over(const Set& set, const std::string& by, const Findings& findings, store::Batch& batch);
  void say_live(const Set& set);
  // `forced`: whatever past runs would have done.
  std::shared_ptr<Trial> try_all(Set set, const std::string& agent, bool forced,
                                 std::function<void(Result<Findings>)> done);
  void add_version_before(Trial& trial, const std::string& role, const script::Version& candidate) const;
  void try_next(const std::shared_ptr<Trial>& trial);
  void gather_states(Trial& trial, const std::string& role, const Program& program, const Value& info) const;
  void try_next_state(const std::shared_ptr<Trial>& trial);
  // Replays the past runs of the roles that are left.
  void try_past_runs(const std::shared_ptr<Trial>& trial, std::deque<std::string> roles);
  // Tells what past runs would have done, of what is live.
  void show_past_runs(const Findings& findings);
  void try_way_back(const std::shared_ptr<Trial>& trial, StateTrial tried, Value state);
  Result<Program> program_of(const script::Version& candidate, const Instead& candidates) const;

  Kernel kernel_;
  Dispatcher& dispatcher_;
  Checks checks_;
  Say say_;
  std::deque<Set> sets_;
  std::map<std::string, std::string> waiting_;  // for somebody to install them: name → hash
  std::deque<std::function<void()>> done_;
  std::set<std::string> said_;  // problems, each said once
  bool busy_ = false;
  bool imported_ = false;  // since the files were looked at: then others may be ready
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
