// The dispatcher: gives every idle agent its next message or task as a run, answers what its script asks for,
// and commits what it did. The transaction of a handler, from delivery to commit; see design rules 2 and 3 in
// README's promises.
//
//   deliver ─► executing ─┬─ finished ─► commit ─► (acknowledged) done
//                 ▲       ├─ failed ───► attempt spent, backoff or dead letter
//                 │       └─ lost ─────► blamed: as failed · neighbour: the same run again, from its journal
//                 └── recovered at start from run and journal rows
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "run/awaits.h"
#include "run/drain.h"
#include "run/effect.h"
#include "run/emissions.h"
#include "run/executor.h"
#include "run/file_writer.h"
#include "run/handover.h"
#include "run/kernel.h"
#include "run/leases.h"
#include "run/probation.h"
#include "run/read_queue.h"
#include "run/roles.h"
#include "run/roster.h"
#include "run/run.h"
#include "run/settlement.h"
#include "run/split.h"
#include "run/standing.h"
#include "run/status.h"

namespace clade::run {

class Dispatcher final : public RunEvents {
 public:
  struct Hooks {
    // Something went wrong that the host cannot go on with (the store failed).
    std::function<void(const Error&)> fatal;
    // A run published a version of this name: it is in force.
    std::function<void(const std::string& name)> published;
    Emissions::TryVersion try_version;
    // Without it nobody asks a version what it makes of the state that another one leaves.
    Examine examine;
    // An agent's run began or ended: for the live view.
    std::function<void(const std::string& agent, const std::string& what)> activity;
    // Something that a person should know and do something about.
    std::function<void(const std::string& text)> alarm;
    // What became of a version on probation.
    std::function<void(const Decision& decision)> decided;
    // How the files that runs want are written, on a thread beside the loop's.
    FileWriter::Write write = write_file;
  };

  Dispatcher(const Kernel& kernel, Settlement& settlement, Executor& executor, Hooks hooks);
  ~Dispatcher() override;

  // Effects by operation name; each outlives the dispatcher.
  void add_effect(const std::string& op, Effect& effect);
  // What the script of a role handles, from its own words (ProgramInfo::info), as it is in force. Also after
  // a reload.
  void set_role(const std::string& role, const Value& info);
  // The same of another combination of versions (program.h), which may come into force again.
  void know_role(const std::string& role, const std::string& combination, const Value& info);
  const Roles& roles() const { return roles_; }

  // To be called for every edge of every task (Queue::observe): ends the run of a task that was cancelled.
  void observe(const queue::Task& task, queue::Verb verb);

  // Reads agents' states and takes up the runs a former host left: they start again from their journals. Call
  // once, after set_role for every role.
  Status recover();
  // Begins to deliver.
  void start();
  // Delivers nothing any more and forgets the runs under way; they start again with the next host, which also
  // writes the files that are left. Waits for the one that is being written.
  void stop();
  // Looks for work soon: after anything outside changed the queue, mail or scripts.
  void wake();
  // Commits what an operator or the host changed, with what it calls for; `done` once it is on disk.
  void commit(store::Batch batch, std::function<void(Status)> done);

  // Lets a role's quarantined version run again. Errors: "not_found", "unchanged" (it is not quarantined).
  Status release(const std::string& role, const std::string& by, store::Batch& batch);

  // True if nothing is queued, in flight, waiting for its time, open for votes or to be written to a file.
  // What waits for approvals (or for tasks that do) does not count, nor what no role handles any more.
  bool idle() const;
  // True while the host has to do by itself what runs asked for: reads, and files to write.
  bool busy() const;
  // The roles whose agents are stopped, because what they run is quarantined: what to do about it, by role.
  std::map<std::string, std::string> stopped() const;
  // How many tasks are at work or wait for an agent or their time; not those that wait for another task, for
  // a person, or for a role that is stopped or that nobody plays any more.
  size_t unfinished() const;
  // Of a queued task that only stopped roles handle: what to do about one of them; "" of any other.
  std::string held_up(const queue::Task& task) const;
  size_t in_flight() const;
  // [{name, role, state: idle|busy|stopped, task, version, advice=<what to do, of a stopped one>}]
  Value agents() const;
  // The states of a role's agents, by name; none of those that have not run.
  std::map<std::string, AgentState> states_of(const std::string& role) const;
  // A trial has found that the state which a role leaves at its current versions has no way back.
  void note_no_way_back(const std::string& role);
  // What is on probation, see Probation::status.
  Value on_probation() const { return probation_.status(); }

  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override;
  void finished(int64_t run, Value result, Value state, Usage usage = {}) override;
  void failed(int64_t run, const std::string& message) override;
  void lost(int64_t run, bool blamed, const std::string& reason) override;
  void withdrawn(int64_t run, const std::string& strand) override;
  void rested(int64_t run) override;
  void logged(int64_t run, const std::string& level, const std::string& text) override;

 private:
  void deliver();
  // False if there is nothing for it.
  bool deliver_to(Agent& agent);
  // Does a role take tasks of this type that is not one of these?
  bool is_taken(const std::string& type, const std::map<std::string, std::string>& stopped) const;
  std::unique_ptr<Run> next_for(Agent& agent);
  // Is it among those of the former host that have not started again yet?
  bool is_recovered(int64_t run) const;
  void execute(Run& run);
  // Goes on with a call that the journal knows, once the run has come as far as it was.
  void take_up(Run& run, const Place& place);
  // Fails a run that asks too much of the host; true if it did.
  bool end_if_too_much(Run& run);
  void end(Run& run);
  // Commits what a run wants to happen, with the state that it leaves, unless that is too much for a version
  // on probation or the version before refuses the state: then the run fails.
  void commit_checked(Run& run, const Value& state, std::function<void(Run&)> commits);
  void split(Run& run, const Place& place, const Value& args);
  // Why a run cannot begin with the state of its agent: it has a form that its version cannot go back from.
  // "" if it can.
  std::string problem_of_state(const Run& run) const;
  // May the version before run at all?
  bool has_judge(const Run& run) const;
  void conclude_run(Run& run, const Value& result, Value state);
  // The agents of its role do nothing more at these versions, until somebody has looked.
  void stop_role(const Run& run, const std::string& why, store::Batch& batch);
  void tell_stopped(const Run& run);
  // Could the version before go on with the state that this run's version leaves?
  bool has_way_back(const Run& run) const;
  // A run that came to nothing: another attempt, unless its version is on probation and another one is asked.
  void fail(Run& run, RunStatus status, const std::string& error);
  // Ends it. Returns what is to be called once that is on disk.
  std::function<void()> spend_attempt(Run& run, RunStatus status, const std::string& error,
                                      store::Batch& batch);
  // Ends it; its task or message is there for another run, and no attempt is spent.
  void hand_over(Run& run, RunStatus status, const std::string& error, store::Batch& batch);
  // Does its role, as it is in force, take what the run is about?
  bool handles_trigger(const Run& run) const;
  // Roles run what is in force after a decision; runs of what was undone are handed over.
  void take(const Decision& decision, store::Batch& batch);
  // To be called once it is on disk.
  void tell(const Decision& decision);
  void after_commit(const AfterCommit& after);
  // Commits, and calls `answer` (if any) once that is on disk.
  void commit_and_answer(store::Batch batch, std::function<void()> answer);
  void arm_timer();
  void renew_leases();
  Run* find(int64_t run);

  Kernel kernel_;
  Settlement& settlement_;
  Executor& executor_;
  Hooks hooks_;
  Roles roles_;
  Roster roster_;
  std::map<int64_t, std::unique_ptr<Run>> runs_;
  std::map<std::string, int64_t> recovered_;  // agent → run to take up first
  int64_t next_run_ = 1;
  bool delivering_ = false;
  bool woken_ = false;
  std::unique_ptr<Timer> due_;
  std::unique_ptr<Timer> renew_;
  Leases leases_;
  Drain drain_;
  Standing standing_;
  Probation probation_;
  std::set<std::string> no_way_back_;  // combinations
  Handover handover_;
  Awaits awaits_;
  Split split_;
  Emissions emissions_;
  ReadQueue reads_;
  FileWriter files_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
