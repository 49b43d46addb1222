// What the world outside of the disk saw of a history: which effects began, what scripts were told, what
// clients were promised. No crash takes anything from it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sim/trace.h"

namespace sim {

// A promise that was broken, and how.
struct Broken {
  std::string promise;
  std::string how;
};

// A call of a script: run, strand, and which of the strand's calls.
struct Place {
  int64_t run = 0;
  std::string strand;
  int64_t position = 0;
  auto operator<=>(const Place&) const = default;
};
std::string text(const Place& place);

// What a script did to its agent's data, or read there.
struct DataAct {
  std::string op;
  clade::Value args;
  clade::Value answer;  // nil: there was no such key
  size_t before = 0;    // so many acts of the run had happened when it asked
};

// What a run wanted to happen when it commits, as its script was told.
struct Intent {
  std::vector<std::string> tasks;
  std::vector<std::string> messages;
  std::vector<std::string> proposals;
  std::vector<std::string> votes;  // proposals
  std::vector<std::pair<std::string, std::string>> files;
  std::map<std::string, clade::Value> rules;
  std::vector<DataAct> data;
  bool fails = false;
  std::string review;  // the task that reviews this one; "" for none
  clade::Value state;
  clade::Value result;
};

class Witness {
 public:
  explicit Witness(Trace& trace) : trace_(trace) {}

  // Notes the first promise that is broken.
  void broken(const char* promise, std::string how);
  const std::optional<Broken>& first_broken() const { return broken_; }

  struct Started {
    std::string agent;
    std::string trigger;
    std::string program;     // its key
    bool divergent = false;  // its script asks for other things each time: it may be told so
    uint64_t life = 0;
  };
  // A run's script starts (again). True if it goes on with what it began in an earlier life.
  bool run_started(int64_t run, Started started);
  // It is over for its cell: reported, cancelled, or its cell is gone.
  void run_left(int64_t run);
  // Its handler returned and wants this.
  void run_finished(int64_t run, Intent intent);
  // It called clade.commit, and wants this by now.
  void run_split(const Place& place, Intent intent) { parts[place] = std::move(intent); }
  // A task is nobody's any more, although nobody gave it back.
  void lease_lost(const std::string& task);
  // Everything that lives in the host's process is gone.
  void life_ended();

  // An effect begins in the world.
  void effect_began(const Place& place, bool idempotent);
  // It came to its end, or was called off.
  void effect_ended(const Place& place) { under_way_.erase(place); }
  // A script is told the outcome of an await.
  void answered(const Place& place, const std::string& op, const clade::Result<clade::Value>& result);

  // A script reads shared state, and is told this; it calls for an await after that.
  void answered_read(const Place& place, const std::string& op, const clade::Result<clade::Value>& result);
  void called_await(const Place& place);
  // A script was told whether a version that it publishes loads.
  void answered_trial(const Place& place) { seen_[place.run].push_back({Seen::Kind::trial, place, ""}); }

  // A strand of the script joined others, `outcome` says which group it is and how that came out; what others
  // waited for in `place` was given up with that, and the host was told. True if that is known from before.
  bool decided(int64_t run, const std::string& strand, const std::string& outcome);
  void given_up(const Place& place, const std::string& op);

  // A client asked for something, and was told that it is on disk. `task` and verb, or a message.
  void acknowledged_submit(const std::string& task) { submitted.insert(task); }
  void acknowledged_verb(const std::string& task, const std::string& verb, const std::string& by);
  void acknowledged_mail(const std::string& message) { mailed.insert(message); }

  struct Effect {
    bool idempotent = false;
    int64_t begins = 0;
  };
  std::map<int64_t, Started> runs;     // that ever started
  std::map<int64_t, Intent> finished;  // whose handler returned, the last time
  std::map<Place, Intent> parts;       // what a run wanted when it called clade.commit, the last time
  std::map<Place, Effect> effects;     // that ever began
  std::map<Place, std::string> told;   // the outcome of awaits, as text
  std::set<Place> forsaken;            // awaits that were given up, for good
  std::set<std::string> submitted;     // tasks
  std::set<std::string> mailed;        // messages
  struct Verb {
    std::string task, verb, by;
  };
  std::vector<Verb> verbs;              // of operators
  std::set<int64_t> failed;             // runs whose handler raised, or that took their cell down
  std::map<int64_t, int64_t> suspects;  // runs for which the host suspended an install, and that
  std::set<int64_t> excused;            // these, and others of an install that was suspended already
  std::set<std::string> forced;         // names of people who forced what they installed
  // What the next host does about versions on probation, by how this one and those before it ended.
  enum class Probation { cut_off, either, goes_on } probation = Probation::cut_off;
  std::vector<std::pair<std::string, int64_t>> late;   // task and run of refused writes, acknowledged
  bool approves_itself = false;                        // the host, whatever asks for an approval
  std::map<std::string, std::set<std::string>> files;  // path → every text it ever held

 private:
  // Another run has its number.
  void forget(int64_t run);
  void tell(const Place& place, const std::string& op, const std::string& outcome);
  // What a script saw or decided, and would again: for good once an await after it has begun.
  struct Seen {
    enum class Kind { read, trial, decision, loss } kind;
    Place place;  // of a decision: of the strand that decided it, and no call
    std::string outcome;
  };
  void see(Seen seen);
  void keep(const Seen& seen);
  // What was seen before an await that began.
  void keep_seen(const Place& await);

  Trace& trace_;
  std::optional<Broken> broken_;
  std::map<int64_t, std::vector<Seen>> seen_;  // of a run's execution
  std::map<Place, size_t> seen_before_;        // an await was called for
  std::map<int64_t, size_t> kept_;             // how much of what a run has seen is for good
  std::map<std::pair<int64_t, std::string>, std::string> decided_;  // by run, and strand with its group
  std::set<Place> under_way_;                                       // effects, in this life
  std::set<std::string> asks_given_up_;                             // messages, in this life
  std::map<int64_t, std::string> live_;  // runs that have a script running, and their agents
};

}  // namespace sim
