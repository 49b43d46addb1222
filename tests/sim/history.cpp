#include "sim/history.h"

#include <exception>

#include "sim/clients.h"
#include "sim/plan.h"
#include "sim/promises.h"
#include "support/open_tasks.h"

namespace sim {
namespace {

using clade::store::Database;

constexpr uint64_t kMostEvents = 25000;

// The database with its schema and nothing in it, as every history finds it.
const std::string& empty_database() {
  static const std::string bytes = [] {
    Trace trace(false);
    Disk disk(0, trace);
    disk.install(kDatabase, "");
    const Mounted mounted(disk, 0, [] { return int64_t{0}; });
    {
      auto database = Database::open(kDatabase, Database::Mode::read_write, kFileSystem);
      if (!database || !clade::store::migrate(*database)) throw std::runtime_error("no empty database");
    }
    return disk.find(kDatabase)->current;
  }();
  return bytes;
}

// Tasks in states in which no host of today lets one rest: an older one, or another program, may have.
constexpr const char* kOddTasks = R"sql(
INSERT INTO task (id, type, state, priority, payload, result, parent, run, approval, reviewer, attempt,
  max_attempts, error, created_at, updated_at, due_at, lease_run, lease_epoch, lease_until, seq)
  SELECT 'old' || number, 'work_a', state, 5, '{}', 'null', '', 0, '', '', attempt, 3, '', 1, 1, 0, lease, lease, 1,
  number FROM (SELECT 1 AS number, 'created' AS state, 0 AS attempt, 0 AS lease
    UNION SELECT 2, 'created', 0, 0 UNION SELECT 3, 'failed', 1, 0 UNION SELECT 4, 'failed', 1, 0
    UNION SELECT 5, 'assigned', 1, 1000 UNION SELECT 6, 'assigned', 1, 1001);
INSERT INTO task_event (task, at, verb, state, run, agent, detail)
  SELECT id, 1, 'submit', 'created', 0, '', '' FROM task;
INSERT INTO task_event (task, at, verb, state, run, agent, detail)
  SELECT id, 1, 'enqueue', 'queued', 0, '', '' FROM task WHERE state != 'created';
INSERT INTO task_event (task, at, verb, state, run, agent, detail)
  SELECT id, 1, 'assign', 'assigned', lease_run, '', '' FROM task WHERE state != 'created';
INSERT INTO task_event (task, at, verb, state, run, agent, detail)
  SELECT id, 1, 'start', 'executing', 0, '', '' FROM task WHERE state = 'failed';
INSERT INTO task_event (task, at, verb, state, run, agent, detail)
  SELECT id, 1, 'fail', 'failed', 0, '', '' FROM task WHERE state = 'failed';
)sql";

class History {
 public:
  History(const HistoryOptions& options, SwarmFolder& folder, Counters& counters)
      : options_(options),
        folder_(folder),
        counters_(counters),
        plan_(options.seed, options.without),
        trace_(options.print),
        disk_(mix(options.seed, "disk"), trace_),
        witness_(trace_),
        habits_(mix(options.seed, "habits")),
        world_{options.seed, trace_, time_, disk_, witness_, counters_, habits_},
        clients_(world_) {}

  HistoryEnd play() {
    disk_.install(kDatabase, empty_database());
    const Mounted mounted(disk_, mix(options_.seed, "SQLite"), [this] { return time_.wall_ms(); });
    folder_.reset();
    if (plan_.odd_tasks) leave_odd_tasks();
    if (options_.lying_disk) disk_.lie();
    for (const auto& life : plan_.lives) {
      if (!witness_.first_broken()) live(&life);
    }
    if (!witness_.first_broken()) live(nullptr);
    if (!witness_.first_broken()) look(true);
    count();
    return {witness_.first_broken(), trace_.hash(), events_};
  }

 private:
  void leave_odd_tasks() {
    auto database = Database::open(kDatabase, Database::Mode::read_write, kFileSystem);
    if (!database || !database->execute(kOddTasks)) throw std::runtime_error("no odd tasks");
  }

  // One life; the last one has no plan and goes on until everything has come to rest.
  void live(const LifePlan* plan) {
    ++world_.life;
    trace_.line(time_.steady_us(), "life " + std::to_string(world_.life) + " begins");
    disk_.arm(plan ? plan->fault : std::nullopt);
    bool failed = false;
    {
      LifeOptions options;
      options.seed = mix(mix(options_.seed, "life"), world_.life);
      options.deaths = plan ? plan_.deaths : 0;
      options.hangs = plan_.hangs;
      options.approve_auto = plan_.approve_auto;
      options.observed = [this](const clade::queue::Task& task, clade::queue::Verb verb) {
        if (verb == clade::queue::Verb::release) witness_.lease_lost(task.id);
        clients_.observe(task, verb);
      };
      options.loaded = [this](Life& life) { loaded(life); };
      Life life(world_, folder_, std::move(options));
      const auto opened = life.open();
      if (!opened) stopped_by(opened.error(), kStarts);
      if (opened) go_on(life, plan);
      failed = life.fatal().has_value();
      if (failed) stopped_by(*life.fatal(), kStopsWithDisk);
      end(life, plan, opened.has_value());
      events_ += life.loop().events();
    }
    witness_.life_ended();
    const bool crashed = disk_.stopped() && !killed_;
    counters_.add(crashed   ? "life: power lost"
                  : failed  ? "life: store failed"
                  : killed_ ? "life: killed"
                            : "life: stopped in order");
    const bool power_lost = crashed || (plan && plan->power_lost_after);
    trace_.line(time_.steady_us(), power_lost ? "the power is gone" : "the process is gone");
    killed_ = false;
    disk_.restart(power_lost);
    time_.advance_to(time_.steady_us() + 1000000);
  }

  // A host does not go on, or does not start: it may only if the disk failed, and says so.
  void stopped_by(const clade::Error& error, const char* promise) {
    if (disk_.stopped()) return;
    if (!disk_.failed()) witness_.broken(promise, error.message);
    const bool is_clear = (error.code == "io" || error.code == "no_space") &&
                          error.message.find(kDatabase) != std::string::npos;
    if (!is_clear) witness_.broken(kSaysWhy, error.code + ": " + error.message);
  }

  // What the store holds when a host has loaded it.
  void loaded(Life& life) {
    check(life.reader(), false, false);
    life.cells().on_late_return([this, &life](const std::string& task) { clients_.cancel_late(task, life); });
    // Only now can a task be cancelled that is assigned and not begun.
    clade::store::Batch batch;
    if (plan_.odd_tasks && world_.life == 1 && life.kernel().queue.cancel("old5", "operator", "odd", batch))
      life.commit(std::move(batch), nullptr);
  }

  void go_on(Life& life, const LifePlan* plan) {
    size_t acted = 0;
    int64_t next_at = time_.steady_us();
    for (;;) {
      if (witness_.first_broken()) return;
      const bool has_items = item_ < plan_.items.size() && (!plan || acted < plan->items);
      const bool at_once = acted == 0 && plan && plan->early;
      const int64_t gap_us = has_items && !at_once ? plan_.items[item_].gap_us : 0;
      if (has_items && (at_once || life.loop().next_us() > next_at + gap_us)) {
        next_at += gap_us;
        time_.advance_to(next_at);
        clients_.act(plan_.items[item_++], life);
        next_at = time_.steady_us();
        ++acted;
        continue;
      }
      if (!has_items && plan && time_.steady_us() > next_at + plan->linger_us) return;
      if (!has_items && !plan && life.dispatcher().in_flight() == 0 && life.kernel().writer.pending() == 0 &&
          !clients_.tidy(life) && life.dispatcher().idle()) {
        life.compare_with_store();
        return;
      }
      if (!life.turn()) return;
      if (events_ + life.loop().events() > kMostEvents) {
        const Disk::Spared spared(disk_);
        witness_.broken(
            kEnds, "it goes on and on: " + std::to_string(life.dispatcher().in_flight()) +
                       " runs are in flight, " + std::to_string(life.kernel().writer.pending()) +
                       " commits, " + std::to_string(life.kernel().mail.waiting()) + " messages wait, " +
                       std::to_string(clade::test::open_tasks(life.kernel().queue, life.reader()).size()) +
                       " tasks, " + std::to_string(life.kernel().governance.open_count()) + " proposals");
        return;
      }
    }
  }

  // How a life that has not crashed ends.
  void end(Life& life, const LifePlan* plan, bool opened) {
    if (disk_.stopped() || !opened) return;
    const End how = plan && !life.fatal() ? plan->end : End::stop;
    if (how == End::stop) {
      life.stop();
      return;
    }
    killed_ = how == End::kill;
    disk_.stop();
  }

  // Reads the store as another program could.
  void look(bool rests) {
    const Disk::Spared spared(disk_);
    auto database = Database::open(kDatabase, Database::Mode::read_only, kFileSystem);
    if (!database) {
      witness_.broken(kStarts, database.error().message);
      return;
    }
    check(*database, true, rests);
  }

  void check(Database& database, bool thorough, bool rests) {
    const Disk::Spared spared(disk_);
    const auto stored = read_stored(database, thorough);
    if (!stored) {
      witness_.broken(kStarts, stored.error().message);
      return;
    }
    check_stored(*stored, witness_, rests);
    if (rests) count_edges(*stored, counters_);
  }

  void count() {
    for (size_t point = 0; point < fault_points().size(); ++point)
      counters_.add("disk: " + name(fault_points()[point]), disk_.hits()[point]);
    const char* losses[] = {"all of it lost", "all of it kept", "some of it kept", "a write torn"};
    for (size_t kind = 0; kind < disk_.losses().size(); ++kind)
      counters_.add(std::string("power loss, not synced: ") + losses[kind], disk_.losses()[kind]);
    counters_.history(events_);
  }

  const HistoryOptions& options_;
  SwarmFolder& folder_;
  Counters& counters_;
  const Plan plan_;
  Trace trace_;
  Time time_;
  Disk disk_;
  Witness witness_;
  const Habits habits_;
  World world_;
  Clients clients_;
  size_t item_ = 0;
  uint64_t events_ = 0;
  bool killed_ = false;
};

}  // namespace

HistoryEnd play(const HistoryOptions& options, SwarmFolder& folder, Counters& counters) {
  History history(options, folder, counters);
  try {
    return history.play();
  } catch (const std::exception& bug) {
    return {Broken{kNoBug, bug.what()}, 0, 0};
  }
}

}  // namespace sim
