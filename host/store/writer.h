// The writer: one thread that owns the only writing connection and commits in groups. What the loop submits
// until it has nothing else to do is one transaction with one fsync; what is submitted while that runs is the
// next group. Nothing is acknowledged before it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "store/database.h"

namespace clade::store {

// Changes that are committed together or not at all, in order. Built on the loop thread, run on the writer's.
class Batch {
 public:
  using Change = std::function<Status(Database&)>;
  // `change` owns what it needs by value: it runs later, on another thread. `bytes`: what it holds, if that
  // is much.
  void add(Change change, size_t bytes = 0) {
    changes_.push_back(std::move(change));
    bytes_ += kChangeBytes + bytes;
  }
  bool empty() const { return changes_.empty(); }
  // What it takes in memory until it is committed, about.
  size_t bytes() const { return bytes_; }
  // The changes, in order: for the writer.
  const std::vector<Change>& changes() const { return changes_; }

  // For audit.h. The acts that are added from now on are a run's doing; 0, as at first: a person's, or the
  // host's own.
  void act_for(int64_t run) { acting_run_ = run; }
  int64_t acting_run() const { return acting_run_; }
  // One of the changes is an act: the group that commits it gets a link of the audit's chain.
  void mark_act() { has_acts_ = true; }
  bool has_acts() const { return has_acts_; }

 private:
  static constexpr size_t kChangeBytes = 512;  // of a change that holds little
  std::vector<Change> changes_;
  int64_t acting_run_ = 0;
  bool has_acts_ = false;
  size_t bytes_ = 0;
};

// What may wait for the writer before nothing more is taken in; again below half of it.
inline constexpr size_t kHighWaterBytes = 64u << 20;
// Of the log that readers keep from being folded into the database, before they are named.
inline constexpr int64_t kPinnedBytes = 32 << 20;

class Writer {
 public:
  using Done = std::function<void(Status)>;

  // Takes the connection and starts a thread of the loop's.
  Writer(Database database, EventLoop& loop);
  // Commits what was submitted, then ends the thread. Callbacks that are still due are not called.
  ~Writer();

  // Queues a batch, first in, first out. `done` (or nullptr) runs on the loop's thread once the batch is on
  // disk, or with the error: the code of the change or statement that failed ("no_space", "io", "constraint",
  // …; "internal" if a change threw), with a message that says what to do. A batch that fails is fatal for
  // the writer: its whole group is rolled back and gets the error, and so do all that follow; nothing is
  // written any more, and the host is expected to say so and stop. (When the disk itself failed, the next
  // start decides whether that last group is there.) A callback may submit, and may destroy the writer.
  // Thread: the loop's.
  void commit(Batch batch, Done done);

  // Who wants to know how it goes. Called on the loop's thread; empty functions are not called.
  struct Watch {
    // True: more than kHighWaterBytes wait; false: less than half of that again. In turns.
    std::function<void(bool high)> pressure;
    // The log has more than kPinnedBytes that a reader keeps it from folding (how many), or has not any more
    // (0).
    std::function<void(int64_t bytes)> pinned;
  };
  // Before the first commit.
  void watch(Watch watch);

  // Batches whose outcome is not known yet, and what they take in memory.
  size_t pending() const;
  size_t pending_bytes() const;
  // Commits so far, each one fsync.
  uint64_t groups() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clade::store
