#include "store/writer.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/audit.h"

namespace clade::store {
namespace {

// A checkpoint each time the log grew by this much: it costs two fsyncs, and readers walk the log.
constexpr int64_t kCheckpointBytes = 4 << 20;
// Worth a group of their own: waiting for more would only leave the disk idle.
constexpr size_t kEnoughChanges = 96;

struct Submitted {
  Batch batch;
  Writer::Done done;
};

// What the loop's thread knows. Outlives the Writer in the functions that are posted.
struct Ledger {
  bool alive = true;
  size_t pending = 0;
  size_t bytes = 0;
  bool high = false;
  Writer::Watch watch;

  void add(size_t more) {
    ++pending;
    bytes += more;
    if (high || bytes <= kHighWaterBytes) return;
    high = true;
    if (watch.pressure) watch.pressure(true);
  }
  void remove(size_t less) {
    --pending;
    bytes -= less;
    if (!high || bytes > kHighWaterBytes / 2) return;
    high = false;
    if (watch.pressure) watch.pressure(false);
  }
};

Status run_change(const Batch::Change& change, Database& database) {
  try {
    return change(database);
  } catch (const std::exception& bug) {
    return failure("internal",
                   std::string("a change to the store threw: ") + bug.what() + " (please report this)");
  }
}

Error fatal(const Error& cause) {
  return {cause.code, "the state cannot be written any more and the host must stop: " + cause.message +
                          ". Whatever was acknowledged is on disk: remove the cause, then start again"};
}

}  // namespace

struct Writer::State {
  State(Database given, EventLoop& owner) : database(std::move(given)), loop(owner) {}

  void work() {
    for (;;) {
      std::deque<Submitted> group;
      {
        const std::lock_guard lock(mutex);
        working = !queue.empty();
        if (!working) return;
        group.swap(queue);
      }
      if (!dead) {
        if (auto status = commit_group(group); !status) dead = fatal(status.error());
      }
      acknowledge(std::move(group));
      if (!dead) checkpoint_if_due();
    }
  }

  // All of the group or nothing of it.
  Status commit_group(const std::deque<Submitted>& group) {
    bool any = false;
    for (const auto& submitted : group) any = any || !submitted.batch.empty();
    if (!any) return {};
    if (auto status = database.execute("BEGIN IMMEDIATE"); !status) return status;
    auto status = run_changes(group);
    if (status) status = database.execute("COMMIT");
    if (!status) {
      // SQLite may have rolled back already; there is nothing left to do about a failure here.
      (void)database.execute("ROLLBACK");
      return status;
    }
    ++groups;
    return {};
  }

  Status run_changes(const std::deque<Submitted>& group) {
    for (const auto& submitted : group) {
      for (const auto& change : submitted.batch.changes()) {
        if (auto status = run_change(change, database); !status) return status;
      }
    }
    const bool acts = std::any_of(group.begin(), group.end(),
                                  [](const auto& submitted) { return submitted.batch.has_acts(); });
    return acts ? seal_acts(database) : Status();
  }

  void acknowledge(std::deque<Submitted> group) {
    struct Acknowledged {
      Done done;
      size_t bytes;
    };
    std::vector<Acknowledged> callbacks;
    callbacks.reserve(group.size());
    for (auto& submitted : group) callbacks.push_back({std::move(submitted.done), submitted.batch.bytes()});
    group.clear();
    const Status outcome = dead ? Status(failure(*dead)) : Status();
    loop.post([ledger = ledger, callbacks = std::move(callbacks), outcome] {
      for (const auto& [done, bytes] : callbacks) {
        if (!ledger->alive) return;  // a callback may have destroyed the Writer
        ledger->remove(bytes);
        if (done) done(outcome);
      }
    });
  }

  void checkpoint_if_due() {
    const int64_t size = database.log_bytes();
    if (size < checkpointed_at) checkpointed_at = 0;  // the log started over
    if (size < checkpointed_at + kCheckpointBytes) return;
    checkpointed_at = size;
    // Its fsync may fail like any other, and then nothing more may be promised.
    if (auto status = database.checkpoint(false); !status) {
      dead = fatal(status.error());
      return;
    }
    const int64_t left = database.unfolded_bytes();
    const bool is_pinned = left > kPinnedBytes;
    if (is_pinned == pinned) return;
    pinned = is_pinned;
    loop.post([ledger = ledger, bytes = is_pinned ? left : 0] {
      if (ledger->alive && ledger->watch.pinned) ledger->watch.pinned(bytes);
    });
  }

  // Of the writer's thread.
  Database database;
  EventLoop& loop;
  std::optional<Error> dead;
  int64_t checkpointed_at = 0;
  bool pinned = false;

  // Gives the thread what has been gathered.
  void hand_over() {
    if (gathered.empty()) return;
    bool resting = false;
    {
      const std::lock_guard lock(mutex);
      for (auto& submitted : gathered) queue.push_back(std::move(submitted));
      resting = !std::exchange(working, true);
    }
    gathered.clear();
    gathered_changes = 0;
    if (resting) thread->run([this] { work(); });
  }

  // Of the loop's thread.
  std::shared_ptr<Ledger> ledger = std::make_shared<Ledger>();
  std::vector<Submitted> gathered;
  size_t gathered_changes = 0;

  // Shared.
  std::atomic<uint64_t> groups{0};
  std::mutex mutex;
  std::deque<Submitted> queue;  // guarded by mutex
  bool working = false;         // guarded by mutex: the thread looks into the queue before it rests
  std::unique_ptr<Thread> thread;
};

Writer::Writer(Database database, EventLoop& loop)
    : state_(std::make_unique<State>(std::move(database), loop)) {
  state_->database.checkpoint_by_hand();
  state_->thread = loop.make_thread("store");
}

Writer::~Writer() {
  state_->hand_over();
  state_->thread.reset();
  state_->ledger->alive = false;
  // Leaves the state as one file where it can; a reader in the way, or a failure, costs nothing but the
  // tidiness.
  if (!state_->dead) (void)state_->database.checkpoint(true);
}

void Writer::commit(Batch batch, Done done) {
  const size_t bytes = batch.bytes();
  state_->gathered_changes += batch.changes().size();
  state_->gathered.push_back({std::move(batch), std::move(done)});
  if (state_->gathered_changes >= kEnoughChanges) {
    state_->hand_over();
  } else if (state_->gathered.size() == 1) {
    state_->loop.defer([state = state_.get(), ledger = state_->ledger] {
      if (ledger->alive) state->hand_over();
    });
  }
  state_->ledger->add(bytes);
}

void Writer::watch(Watch watch) {
  state_->ledger->watch = std::move(watch);
}

size_t Writer::pending_bytes() const {
  return state_->ledger->bytes;
}

size_t Writer::pending() const {
  return state_->ledger->pending;
}

uint64_t Writer::groups() const {
  return state_->groups.load();
}

}  // namespace clade::store
