// What the queue holds in memory, and the one way to change it: `move`. Only queue.cpp uses it. Thread: the
// loop's.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/queue.h"

namespace clade::queue {

// Who makes a change, and what is to be remembered of it.
struct Cause {
  int64_t run = 0;
  std::string agent;
  std::string detail;
};

// The errors of a verb on a task in the wrong state, and on no task.
tl::unexpected<Error> illegal(const std::string& id, State state, Verb verb);
tl::unexpected<Error> unknown(const std::string& id);

struct Queue::Index {
  struct Entry {
    Task task;
    std::string agent;         // holder of the lease
    size_t payload_bytes = 0;  // its footprint: nothing changes a payload
    size_t bytes = 0;          // that all of it takes in memory
  };
  // What is kept of a task that ended until that is seen on disk; the store knows the others.
  struct Ended {
    State state;
    int64_t seq = 0;
    int64_t epoch = -1;  // -1: as the store has it
    uint64_t number = 0;
  };

  const Clock& clock;
  Surroundings surroundings;
  std::vector<Observer> observers;
  // Every task that is not final, but for queued ones that the store has as they are: there may be a million
  // of them. `schedule` knows their numbers, and `entry` and `load_by_number` read them when they are wanted.
  std::unordered_map<std::string, Entry> tasks;
  std::unordered_map<std::string, Ended> ended;
  std::deque<std::pair<std::string, uint64_t>> ended_by_age;  // its keys, and which of their ends
  uint64_t ends = 0;
  store::Database* stored = nullptr;  // the loop's reading connection
  Schedule schedule;
  std::array<size_t, kStates> counts{};                 // of `tasks`, by state
  std::array<std::set<std::string>, kStates> by_state;  // ids of those that hold something up
  std::deque<std::string> surplus;                      // queued ones that `tasks` should not hold for long
  std::map<std::string, std::set<std::string>> dependents;  // dependency → blocked tasks
  std::map<std::string, std::set<std::string>> reviewed;    // review task → reviewing tasks
  size_t bytes = 0;                                         // of all entries
  size_t stored_bytes = 0;  // what of these was let go of would take, since the start
  int64_t next_seq = 1;
  int64_t next_number = 1;

  // Asks `handles` and `describe` at each submission.
  Index(const Clock& host_clock, Handles handles, Describe describe) : clock(host_clock) {
    surroundings.handles = std::move(handles);
    surroundings.describe = std::move(describe);
    surroundings.state = [this](const std::string& id) { return state_of(id); };
  }

  // The state of a task, final ones included; nothing if there is none, or none any more.
  std::optional<State> state_of(const std::string& id) const;
  // A task that is not among `tasks`: its end, or that the store has it queued; nothing if there is none.
  std::optional<Ended> elsewhere(const std::string& id) const;
  // The entry of a task that is not final, or nullptr. Errors: those of the store.
  Result<Entry*> entry(const std::string& id);
  // Reads the task with this number, which waits in the store alone, among the others.
  Result<Entry*> load_by_number(int64_t seq);
  // Lets go of the surplus that is on disk.
  void shed();
  // Keeps the end of a task, and forgets older ones that are on disk.
  void keep_end(const std::string& id, Ended end);

  // The entry of a task that is not final, if `verb` is legal there. Errors: "not_found", "illegal".
  Result<Entry*> legal(const std::string& id, Verb verb);

  // The entry whose lease is this one; otherwise "fenced", and what was attempted is kept as evidence.
  Result<Entry*> held(const std::string& id, const Lease& lease, Verb verb,
                      const std::function<std::string()>& attempted, store::Batch& batch);

  // Is this the token of the task's live lease?
  static bool holds(const Task& task, const Lease& lease);

  // Keeps a refused write as evidence; the error to return for it: "fenced".
  tl::unexpected<Error> late(const std::string& id, State state, Verb verb, int64_t run, int64_t epoch,
                             const std::string& attempted, store::Batch& batch);

  // Puts a task that is not final among the others.
  Entry* keep(Entry entry);
  // Counts what the task takes in memory anew.
  void weigh(Entry& entry);
  // Into and out of the indexes of the task's state.
  void enter(const Entry& entry);
  void leave(const Entry& entry);

  // Takes an id out of an index of ids, and an empty key with it.
  static void forget(std::map<std::string, std::set<std::string>>& index, const std::string& key,
                     const std::string& id);

  // What an edge writes: an event and the row's state, its result too, the event alone as the caller writes
  // the row, or nothing as the caller writes both.
  enum class Write { state, result, event, nothing };
  // One edge: memory, row, event, observers, and what waits for a task that ended. `change` edits the task
  // between leaving the old state's index and entering the new one's. The edge must be legal.
  void move(const std::string& id, Verb verb, const Cause& cause, store::Batch& batch,
            const std::function<void(Task&)>& change = {}, Write write = Write::state);

  // Calls the observers.
  void tell(const Task& task, Verb verb, State from) const;

  // Where a created task waits first, and why.
  struct Placement {
    Verb verb;
    Cause cause;
  };
  Placement placement(const Task& task) const;

  // The dependencies that are not completed, as text.
  std::string unmet(const Task& task) const;

  // A task ended or came back: those that wait for it go on, or say why they cannot.
  void settle(const std::string& id, store::Batch& batch);

  // The ids below a key, oldest first: a copy, as what is done to them changes the index.
  std::vector<std::string> by_age(const std::map<std::string, std::set<std::string>>& index,
                                  const std::string& key) const;

  // Keeps the error of a waiting task in step with what it waits for: set when that ended badly, empty again
  // when not.
  void note_waiting(const std::string& id, store::Batch& batch);

  // failed → queued after a backoff, or dead_letter.
  void after_failure(const std::string& id, bool retry, store::Batch& batch);

  // The next "t<N>" that is neither in the queue nor among `taken`.
  std::string next_id(const std::set<std::string>& taken);

  // The parts of load, and one final task read back ("busy": its end is not on disk yet).
  Status read_held(store::Database& database);
  Status read_all_in(const std::string& state, store::Database& database);
  Status read_queued(store::Database& database);
  Status read_numbers(store::Database& database);
  Result<Entry> read_final(const std::string& id, const Ended& known, store::Database& database) const;
};

}  // namespace clade::queue
