#include "run/left_runs.h"

#include <set>
#include <vector>

#include "base/codec.h"
#include "run/program.h"

namespace clade::run {
namespace {

// A run that is not taken up again.
struct Loss {
  int64_t run;
  std::string kind;  // of what it was about
  std::string id;
  std::string reason;
};

void record_loss(const Loss& loss, int64_t now, store::Batch& batch) {
  batch.add([run = loss.run, reason = loss.reason, now](store::Database& database) {
    auto update = database.prepare("UPDATE run SET status = 'lost', error = ?, finished_at = ? WHERE id = ?");
    return update.bind(1, reason).bind(2, now).bind(3, run).run();
  });
}

bool owns_trigger(const Kernel& kernel, int64_t run, const std::string& kind, const std::string& id) {
  if (kind != "task") return kernel.mail.find(id) != nullptr;
  const auto* task = kernel.queue.find(id);
  return task && task->state == queue::State::executing && task->lease_run == run;
}

// What a lost run has waited for is in its journal. What starts afresh knows nothing of that, and so is
// another attempt.
Status spend_attempt(const Kernel& kernel, const Loss& loss, store::Batch& batch) {
  if (!owns_trigger(kernel, loss.run, loss.kind, loss.id)) return {};
  if (loss.kind == "task") {
    const queue::Task& task = *kernel.queue.find(loss.id);
    return kernel.queue.fail(loss.id, {task.lease_run, task.lease_epoch}, loss.reason, true, batch);
  }
  auto dead = kernel.mail.failed(loss.id, loss.reason, batch);
  return dead ? Status() : failure(dead.error());
}

Status release_orphans(const Kernel& kernel, const std::set<int64_t>& kept, store::Batch& batch) {
  std::vector<queue::Task> orphans;
  for (const auto state : {queue::State::assigned, queue::State::executing}) {
    for (const auto& id : kernel.queue.ids(state)) {
      const auto* task = kernel.queue.find(id);
      if (!kept.count(task->lease_run)) orphans.push_back(*task);
    }
  }
  for (const auto& task : orphans) {
    const queue::Lease lease{task.lease_run, task.lease_epoch};
    if (auto status = kernel.queue.release(task.id, lease, "the host restarted", batch); !status)
      return status;
  }
  return {};
}

}  // namespace

Result<std::map<std::string, int64_t>> left_runs(const Kernel& kernel, const Standing& standing,
                                                 const std::function<bool(const std::string& agent)>& knows,
                                                 store::Batch& batch) {
  std::map<std::string, int64_t> runs;
  std::set<int64_t> kept;
  std::vector<Loss> losses;
  std::vector<Loss> withdrawn;
  auto query = kernel.reader.prepare(
      "SELECT id, agent, trigger_kind, trigger_id, version, pins, role FROM run WHERE status = 'running'");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) break;
    const int64_t id = query.integer(0);
    const std::string agent = query.text(1);
    const auto pins = decode_json(query.text(5));
    // Whoever takes its place has nothing to answer for: the attempt is not spent.
    if (pins && was_withdrawn(kernel.library, query.text(6), query.text(4), *pins)) {
      withdrawn.push_back({id, query.text(2), query.text(3), "its version was undone, or cut off"});
      continue;
    }
    const bool may = pins && !standing.quarantined(combination_of(query.text(4), *pins));
    if (may && knows(agent) && !runs.count(agent) && owns_trigger(kernel, id, query.text(2), query.text(3))) {
      runs[agent] = id;
      kept.insert(id);
    } else {
      const char* reason = !may            ? "its version is quarantined"
                           : !knows(agent) ? "its agent is gone from swarm.yaml"
                                           : "nothing to go on with";
      losses.push_back({id, query.text(2), query.text(3), reason});
    }
  }
  for (const auto& loss : withdrawn) record_loss(loss, kernel.clock.wall_ms(), batch);
  for (const auto& loss : losses) {
    record_loss(loss, kernel.clock.wall_ms(), batch);
    if (auto status = spend_attempt(kernel, loss, batch); !status) return failure(status.error());
  }
  if (auto status = release_orphans(kernel, kept, batch); !status) return failure(status.error());
  return runs;
}

}  // namespace clade::run
