#include "run/retention.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "store/audit.h"
#include "store/vacuum.h"

namespace clade::run {
namespace {

constexpr int64_t kRowsPerSlice = 100;
constexpr int64_t kRunsPerSlice = 10;  // each with its journal
constexpr int kBlobGroupsPerSlice = 16;
constexpr int64_t kBetweenSlicesMs = 100;
constexpr int64_t kBetweenWalksMs = 10 * 60 * 1000;

using store::Database;
using store::Statement;

// Before this moment; nothing is, if the rule says for ever.
int64_t limit(int64_t now, int64_t span) {
  return span == INT64_MAX ? INT64_MIN : now - span;
}

// A task that is over, and that nothing live refers to: no unfinished task waits for it, came of it, or is
// reviewed by it; no open proposal was made for it; no run works on it. What a goal began with marks the goal
// as begun.
constexpr const char* kTaskMayGo =
    "state IN ('completed', 'cancelled', 'dead_letter') "
    "AND updated_at < CASE state WHEN 'dead_letter' THEN ?2 ELSE ?1 END "
    "AND id NOT GLOB 'g-*' "
    "AND NOT EXISTS (SELECT 1 FROM task_dependency d JOIN task a ON a.id = d.task WHERE d.after = task.id "
    "  AND a.state NOT IN ('completed', 'dead_letter', 'cancelled')) "
    "AND NOT EXISTS (SELECT 1 FROM task c WHERE c.parent = task.id AND c.parent <> '' "
    "  AND c.state NOT IN ('completed', 'dead_letter', 'cancelled')) "
    "AND NOT EXISTS (SELECT 1 FROM task r WHERE r.state = 'reviewing' AND r.reviewer = task.id) "
    "AND NOT EXISTS (SELECT 1 FROM proposal p WHERE p.state = 'open' AND p.task = task.id) "
    "AND NOT EXISTS (SELECT 1 FROM run WHERE run.status = 'running' AND run.trigger_id = task.id)";

constexpr const char* kMessageMayGo =
    "state <> 'stored' AND created_at < CASE state WHEN 'dead_letter' THEN ?2 ELSE ?1 END "
    "AND NOT EXISTS (SELECT 1 FROM run WHERE run.status = 'running' "
    "  AND (run.trigger_id = message.id OR run.id = message.run))";

// The newest run stays: the numbers of runs go on from it.
constexpr const char* kRunMayGo =
    "status <> 'running' AND finished_at < ?1 AND id < (SELECT max(id) FROM run) "
    "AND NOT EXISTS (SELECT 1 FROM task WHERE task.id = run.trigger_id "
    "  AND task.state NOT IN ('completed', 'dead_letter', 'cancelled'))";

// Runs statements that have one parameter, one after the other.
template <class Key>
Status run_all(Database& database, const Key& key, std::initializer_list<const char*> statements) {
  for (const char* sql : statements) {
    auto statement = database.prepare(sql);
    if (auto status = statement.bind(1, key).run(); !status) return status;
  }
  return {};
}

// What one window of rows holds: whether each may go, and where the next window begins.
template <class Key>
struct Window {
  std::vector<Key> keys;
  int64_t last = 0;
  bool is_last = false;
};

// `sql` gives (place, at, may go, key) for the next rows; those from `youngest` on are too young, and all
// after them.
template <class Key, class Read>
Result<Window<Key>> look(Statement& query, int64_t rows, int64_t youngest, Read read) {
  Window<Key> window;
  for (int64_t count = 0;; ++count) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) {
      window.is_last = count < rows;
      return window;
    }
    if (query.integer(1) >= youngest) {
      window.is_last = true;
      return window;
    }
    window.last = query.integer(0);
    if (query.integer(2) != 0) window.keys.push_back(read(query));
  }
}

constexpr const char* kSumUp =
    "INSERT INTO ledger (at, run, task, agent, kind, units, cpu_us, wall_us, count) "
    "SELECT max(at), 0, heir, agent, kind, sum(units), sum(cpu_us), sum(wall_us), sum(count) FROM ";
constexpr const char* kIntoSum =
    " GROUP BY heir, agent, kind ON CONFLICT (task, agent, kind) WHERE run = 0 DO UPDATE SET "
    "at = max(at, excluded.at), units = units + excluded.units, cpu_us = cpu_us + excluded.cpu_us, "
    "wall_us = wall_us + excluded.wall_us, count = count + excluded.count";

// What is taken out of the store in one slice, for the audit: the lines that tell of it.
class Forgetting {
 public:
  explicit Forgetting(Database& database) : database_(database) {}
  Status row(const std::string& source, const std::string& key) {
    return add(store::lines_of(database_, source, key));
  }
  Status run(int64_t id) { return add(store::lines_of_run(database_, id)); }
  // The rows whose keys `sql` gives, with one parameter.
  Status rows(const std::string& source, const char* sql, const std::string& parameter) {
    std::vector<std::string> keys;
    auto query = database_.prepare(sql);
    query.bind(1, parameter);
    for (;;) {
      auto found = query.step();
      if (!found) return failure(found.error());
      if (!*found) break;
      keys.push_back(query.text(0));
    }
    for (const auto& key : keys) {
      if (auto status = row(source, key); !status) return status;
    }
    return {};
  }
  Status record(int64_t now_ms) { return store::forget_lines(database_, lines_, now_ms); }

 private:
  Status add(const Result<std::vector<int64_t>>& lines) {
    if (!lines) return failure(lines.error());
    lines_.insert(lines_.end(), lines->begin(), lines->end());
    return {};
  }
  Database& database_;
  std::vector<int64_t> lines_;
};

constexpr const char* kEventsOfTask = "SELECT seq FROM task_event WHERE task = ?1";
constexpr const char* kVotesOfProposal = "SELECT proposal || ' ' || voter FROM vote WHERE proposal = ?1";

// The state that a run which is gone began with, if no other did and no agent has it still: its next run
// begins with it.
constexpr const char* kDropState =
    "DELETE FROM state WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE run.state = ?1 AND run.state "
    "<> '') "
    "AND NOT EXISTS (SELECT 1 FROM agent WHERE agent.state = state.content)";

// A task's children become its parent's, and so do its sums: what a family took together stays the same.
Status remove_task(Database& database, const std::string& id) {
  {
    auto sum =
        database.prepare(std::string(kSumUp) +
                         "(SELECT ledger.*, coalesce((SELECT p.id FROM task t JOIN task p ON p.id = t.parent "
                         "WHERE t.id = ?1), '') AS heir FROM ledger WHERE run = 0 AND task = ?1) WHERE true" +
                         kIntoSum);
    if (auto status = sum.bind(1, id).run(); !status) return status;
  }
  return run_all(
      database, id,
      {"DELETE FROM ledger WHERE run = 0 AND task = ?1",
       "UPDATE ledger SET task = coalesce((SELECT p.id FROM task t JOIN task p ON p.id = t.parent "
       "WHERE t.id = ?1), "
       "'') WHERE task = ?1",
       "UPDATE task SET parent = (SELECT parent FROM task WHERE id = ?1) WHERE parent = ?1 AND parent <> ''",
       "DELETE FROM task_dependency WHERE task = ?1", "DELETE FROM task_event WHERE task = ?1",
       "INSERT INTO mark SELECT 'task', CAST(substr(?1, 2) AS INTEGER) WHERE ?1 GLOB 't[0-9]*' "
       "ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
       "DELETE FROM task WHERE id = ?1"});
}

Status remove_run(Database& database, int64_t id) {
  std::string state;
  {
    auto query = database.prepare("SELECT state FROM run WHERE id = ?1");
    query.bind(1, id);
    if (auto row = query.step(); !row) return failure(row.error());
    state = query.text(0);
  }
  {
    auto sum =
        database.prepare(std::string(kSumUp) +
                         "(SELECT ledger.*, task AS heir FROM ledger WHERE run = ?1) WHERE true" + kIntoSum);
    if (auto status = sum.bind(1, id).run(); !status) return status;
  }
  auto status =
      run_all(database, id,
              {"DELETE FROM ledger WHERE run = ?1", "DELETE FROM journal WHERE run = ?1",
               "DELETE FROM file_write WHERE run = ?1 AND done <> 0", "DELETE FROM run WHERE id = ?1"});
  if (status && !state.empty()) status = run_all(database, state, {kDropState});
  return status;
}

Result<int64_t> files_given_up(Database& database, int64_t run) {
  auto query = database.prepare("SELECT count(*) FROM file_write WHERE run = ?1 AND done = 2");
  query.bind(1, run);
  if (auto row = query.step(); !row) return failure(row.error());
  return query.integer(0);
}

// Moves a walk on: to the next window of its part, or to the next part.
template <class Key>
void move_on(Sweep& sweep, const Window<Key>& window, Sweep::Part next) {
  if (window.is_last) {
    sweep = {next, 0};
  } else {
    sweep.after = window.last;
  }
}

// The next window of tasks or messages: `may_go` has as parameters the limits of those that are over and of
// dead letters.
Result<Window<std::string>> window_of(Database& database, const std::string& table, const char* may_go,
                                      int64_t over, int64_t dead, const Sweep& sweep) {
  auto query = database.prepare("SELECT seq, created_at, " + std::string(may_go) + ", id FROM " + table +
                                " WHERE seq > ?3 ORDER BY seq LIMIT ?4");
  query.bind(1, over).bind(2, dead).bind(3, sweep.after).bind(4, kRowsPerSlice);
  return look<std::string>(query, kRowsPerSlice, std::max(over, dead),
                           [](const Statement& row) { return row.text(3); });
}

Result<Removed> sweep_tasks(Database& database, const script::RetentionRules& rules, int64_t now,
                            Sweep& sweep) {
  const auto window = window_of(database, "task", kTaskMayGo, limit(now, rules.completed_tasks_ms),
                                limit(now, rules.dead_letters_ms), sweep);
  if (!window) return failure(window.error());
  Removed removed;
  Forgetting forgetting(database);
  for (const auto& id : window->keys) {
    Status status = forgetting.rows("task_event", kEventsOfTask, id);
    if (status) status = remove_task(database, id);
    if (!status) return failure(status.error());
    ++removed.tasks;
  }
  if (auto status = forgetting.record(now); !status) return failure(status.error());
  move_on(sweep, *window, Sweep::Part::runs);
  return removed;
}

Result<Removed> sweep_runs(Database& database, const script::RetentionRules& rules, int64_t now,
                           Sweep& sweep) {
  const int64_t oldest = limit(now, rules.runs_ms);
  Result<Window<int64_t>> window;
  {
    auto query = database.prepare("SELECT id, started_at, " + std::string(kRunMayGo) +
                                  " FROM run WHERE id > ?2 ORDER BY id LIMIT ?3");
    query.bind(1, oldest).bind(2, sweep.after).bind(3, kRunsPerSlice);
    window = look<int64_t>(query, kRunsPerSlice, oldest, [](const Statement& row) { return row.integer(0); });
  }
  if (!window) return failure(window.error());
  Removed removed;
  Forgetting forgetting(database);
  for (const int64_t id : window->keys) {
    auto given_up = files_given_up(database, id);
    if (!given_up) return failure(given_up.error());
    removed.files_given_up += *given_up;
    Status status = forgetting.run(id);
    if (status) status = remove_run(database, id);
    if (!status) return failure(status.error());
    ++removed.runs;
  }
  if (auto status = forgetting.record(now); !status) return failure(status.error());
  move_on(sweep, *window, Sweep::Part::messages);
  return removed;
}

Result<Removed> sweep_messages(Database& database, const script::RetentionRules& rules, int64_t now,
                               Sweep& sweep) {
  const auto window = window_of(database, "message", kMessageMayGo, limit(now, rules.handled_mail_ms),
                                limit(now, rules.dead_letters_ms), sweep);
  if (!window) return failure(window.error());
  Removed removed;
  for (const auto& id : window->keys) {
    auto status =
        run_all(database, id,
                {"INSERT INTO mark SELECT 'message', CAST(substr(?1, 2) AS INTEGER) WHERE ?1 GLOB 'm[0-9]*' "
                 "ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                 "DELETE FROM message WHERE id = ?1"});
    if (!status) return failure(status.error());
    ++removed.messages;
  }
  move_on(sweep, *window, Sweep::Part::proposals);
  return removed;
}

// Closed ones, unless the task that one set off is under way. They are few: no windows.
Result<Removed> sweep_proposals(Database& database, const script::RetentionRules& rules, int64_t now,
                                Sweep& sweep) {
  Removed removed;
  std::vector<std::string> ids;
  {
    auto query = database.prepare(
        "SELECT id FROM proposal WHERE state <> 'open' AND closed_at < ?1 AND NOT EXISTS (SELECT 1 FROM task "
        "WHERE task.id = proposal.id || '.accept' AND task.state NOT IN ('completed', 'dead_letter', "
        "'cancelled')) "
        "LIMIT ?2");
    query.bind(1, limit(now, rules.completed_tasks_ms)).bind(2, kRowsPerSlice);
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      ids.push_back(query.text(0));
    }
  }
  Forgetting forgetting(database);
  for (const auto& id : ids) {
    Status status = forgetting.rows("vote", kVotesOfProposal, id);
    if (status) status = forgetting.row("proposal", id);
    if (status) {
      status = run_all(database, id,
                       {"DELETE FROM vote WHERE proposal = ?1", "DELETE FROM proposal WHERE id = ?1"});
    }
    if (!status) return failure(status.error());
    ++removed.proposals;
  }
  if (auto status = forgetting.record(now); !status) return failure(status.error());
  if (removed.proposals < kRowsPerSlice) sweep = {Sweep::Part::blobs, 0};
  return removed;
}

Result<Removed> sweep_blobs(Database& database, const std::string& path, const store::Blobs& blobs,
                            Sweep& sweep) {
  auto committed = Database::open(path, Database::Mode::read_only);
  if (!committed) return failure(committed.error());
  Removed removed;
  for (int step = 0; step < kBlobGroupsPerSlice; ++step) {
    auto collected = store::collect_blobs(database, *committed, blobs, static_cast<int>(sweep.after++));
    if (!collected) return failure(collected.error());
    removed.blobs += collected->blobs;
  }
  if (sweep.after >= store::Blobs::kGroups) sweep = {Sweep::Part::done, 0};
  return removed;
}

}  // namespace

void Removed::add(const Removed& more) {
  tasks += more.tasks;
  runs += more.runs;
  messages += more.messages;
  proposals += more.proposals;
  files_given_up += more.files_given_up;
  blobs += more.blobs;
}

Value Removed::value() const {
  return Value{
      {"tasks", tasks}, {"runs", runs}, {"messages", messages}, {"proposals", proposals}, {"blobs", blobs}};
}

Result<Removed> sweep_slice(Database& database, const std::string& path, const store::Blobs& blobs,
                            const script::RetentionRules& rules, int64_t now_ms, Sweep& sweep) {
  switch (sweep.part) {
    case Sweep::Part::tasks:
      return sweep_tasks(database, rules, now_ms, sweep);
    case Sweep::Part::runs:
      return sweep_runs(database, rules, now_ms, sweep);
    case Sweep::Part::messages:
      return sweep_messages(database, rules, now_ms, sweep);
    case Sweep::Part::proposals:
      return sweep_proposals(database, rules, now_ms, sweep);
    case Sweep::Part::blobs:
      return sweep_blobs(database, path, blobs, sweep);
    case Sweep::Part::done:
      break;
  }
  return Removed{};
}

Retention::Retention(const Kernel& kernel, const script::RetentionRules& rules, Commit commit)
    : kernel_(kernel), rules_(rules), commit_(std::move(commit)), timer_(kernel.loop.make_timer()) {}

Retention::~Retention() {
  *alive_ = false;
}

void Retention::start() {
  stopped_ = false;
  sweep_ = {};
  timer_->start(kBetweenSlicesMs, [this] { slice(); });
}

void Retention::stop() {
  stopped_ = true;
  timer_->stop();
}

void Retention::slice() {
  struct Outcome {
    Removed removed;
    Sweep sweep;
  };
  auto outcome = std::make_shared<Outcome>(Outcome{{}, sweep_});
  store::Batch batch;
  batch.mark_act();  // what it takes out may be what the audit tells of
  const std::string state = kernel_.folder + "/.clade";
  batch.add([outcome, rules = rules_, path = state + "/clade.db", blobs = kernel_.blobs,
             now = kernel_.clock.wall_ms()](Database& database) -> Status {
    auto removed = sweep_slice(database, path, blobs, rules, now, outcome->sweep);
    if (!removed) return failure(removed.error());
    outcome->removed = *removed;
    return {};
  });
  commit_(std::move(batch), [this, alive = alive_, outcome](Status status) {
    if (*alive && status) ended(outcome->removed, outcome->sweep);
  });
}

void Retention::ended(const Removed& part, const Sweep& sweep) {
  removed_.add(part);
  of_walk_.add(part);
  sweep_ = sweep;
  const bool over = sweep.part == Sweep::Part::done;
  if (over) {
    const Removed all = std::exchange(of_walk_, {});
    if (all.tasks + all.runs + all.messages + all.proposals + all.blobs > 0) {
      kernel_.log.info("host", "retention took away " + encode_json(all.value()));
    }
    sweep_ = {};
  }
  if (!stopped_) timer_->start(over ? kBetweenWalksMs : kBetweenSlicesMs, [this] { slice(); });
}

}  // namespace clade::run
