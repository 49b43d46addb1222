// A run in flight: one handling of one message or task by one agent, under pinned versions. Its effects are
// collected in the outbox and exist for nobody else until the run commits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "mail/mail.h"
#include "queue/queue.h"
#include "run/agent_state.h"
#include "run/course.h"
#include "run/data.h"
#include "run/executor.h"
#include "run/governance.h"
#include "run/journal.h"
#include "script/grants.h"

namespace clade::run {

// What a run wants to happen when it commits. Ids are "r<run>.<n>", n counted per run: a second execution of
// the same handler gives the same ids.
struct Outbox {
  struct Verdict {
    std::string task;
    bool accept = false;
    std::string reason;
  };
  struct Vote {
    std::string proposal;
    std::string choice;
    std::string reason;
  };
  struct Publication {
    std::string name;
    std::string source;
    Value lineage;
  };
  struct FileWrite {
    std::string path;
    std::string text;
  };
  struct Rule {
    std::string name;
    Value value;
  };
  struct Failure {
    std::string reason;
    bool retry = true;
  };

  int64_t next = 1;
  std::vector<queue::NewTask> tasks;
  std::vector<mail::Message> messages;
  // Of those that are stored, by address.
  struct Sum {
    size_t messages = 0;
    size_t bytes = 0;
  };
  std::map<std::string, Sum> mail;
  std::vector<Verdict> verdicts;
  std::vector<Proposal> proposals;
  std::vector<Vote> votes;
  std::vector<Publication> publications;
  std::vector<FileWrite> files;
  std::vector<Rule> rules;
  DataChanges data;
  std::optional<Failure> failure;          // this run's task fails
  std::optional<std::string> review_task;  // this run's task waits for that task's verdict

  // Tasks and messages.
  int64_t emitted() const { return static_cast<int64_t>(tasks.size() + messages.size()); }

  // Does its commit change anything but memory?
  bool is_durable() const {
    const bool only_ephemeral = std::all_of(messages.begin(), messages.end(),
                                            [](const mail::Message& message) { return message.ephemeral; });
    return !only_ephemeral || !tasks.empty() || !verdicts.empty() || !proposals.empty() || !votes.empty() ||
           !publications.empty() || !files.empty() || !rules.empty() || !data.values.empty() || failure ||
           review_task;
  }
};

// What one run may make the host hold: what it asked, got and wants to happen, in bytes of memory.
inline constexpr size_t kMostRunBytes = script::kLargestSize;

// So many calls one execution of a handler may make.
inline constexpr int64_t kMostCalls = 20000;
// The error of one that makes more.
inline std::string too_many_calls() {
  return "more than " + std::to_string(kMostCalls) + " calls in one run: do less at a time";
}

// So often a run may lose its cell without blame: a script that takes its cell down only while it waits goes
// on no longer.
inline constexpr int64_t kMostLosses = 50;

enum class Trigger { task, mail };

struct Run {
  Run(int64_t number, const store::Blobs& blobs) : id(number), journal(number, blobs) {}

  int64_t id;
  std::string agent;  // instance
  std::string role;
  Trigger trigger = Trigger::task;
  std::string trigger_id;
  bool ephemeral = false;  // its message is in memory alone
  queue::Lease lease;      // of a task
  int64_t attempt = 1;
  Program program;
  std::string version;        // hash of the agent's script
  Value pins = Value::Map();  // skill id → hash
  std::string combination;    // version and pins as one name, see combination_of
  int64_t install = 0;        // that is on probation with these versions; 0: none
  int64_t started_at = 0;
  int64_t seed = 0;
  Journal journal;
  Outbox outbox;
  script::Grants* grants = nullptr;       // the instance's; outlives the run
  AgentState* state = nullptr;            // the same; the run began with it, and changes it when it commits
  std::optional<AgentState> first_state;  // what it began with, once a split has changed that
  int64_t splits = 0;                     // that its journal has (split.h)
  int64_t splits_ahead = 0;   // of these, the handler has not come to: what it emits is committed already
  std::string state_before;   // hash of that state; "" if there was none
  std::string state_version;  // the version that wrote it
  std::string task_error;     // what its task's last attempt left
  std::string state_after;    // hash, once the handler returned
  std::string result;         // hash of what it returned, as MessagePack
  bool recorded = false;      // its row is in the store or in a batch
  bool restored = false;      // a former host began it
  int64_t calls = 0;          // of this execution
  size_t bytes = 0;           // the footprint of their arguments and results, and of the journal
  int64_t execution = 0;      // counts executions of the handler under this run
  int64_t losses = 0;         // of its cell, while it waited
  Course course;              // of this execution
  std::function<void()> call_off;  // what its end waits for, if anything
  Usage usage;                     // the same, once the handler returned
  int64_t emitted = 0;             // tasks and messages, of the parts that are committed
  // Awaits that are under way, whichever execution began them.
  struct Awaiting {
    std::string op;
    uint64_t handle = 0;  // of the effect; 0 while `started` or the result is being stored
    bool begun = false;
  };
  std::map<Place, Awaiting> awaiting;
};

}  // namespace clade::run
