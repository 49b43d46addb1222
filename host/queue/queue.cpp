#include "queue/queue.h"

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "queue/index.h"
#include "queue/rows.h"

namespace clade::queue {
namespace {

constexpr std::array kLeased = {State::assigned, State::executing};

std::string with_reason(const std::string& text, const std::string& reason) {
  if (reason.empty()) return text;
  return text.empty() ? reason : text + ": " + reason;
}

}  // namespace

Queue::Queue(const Clock& clock, Handles handles, Describe describe)
    : index_(std::make_unique<Index>(clock, std::move(handles), std::move(describe))) {}

Queue::~Queue() = default;

void Queue::observe(Observer observer) {
  index_->observers.push_back(std::move(observer));
}

Status Queue::load(store::Database& database) {
  auto& index = *index_;
  index.tasks.clear();
  index.bytes = 0;
  index.stored_bytes = 0;
  index.ended.clear();
  index.ended_by_age.clear();
  index.stored = &database;
  index.schedule.clear();
  index.counts = {};
  index.by_state = {};
  index.surplus.clear();
  index.dependents.clear();
  index.reviewed.clear();
  if (auto status = index.read_numbers(database); !status) return status;
  if (auto status = index.read_held(database); !status) return status;
  return index.read_queued(database);
}

Result<std::vector<std::string>> Queue::submit(std::vector<NewTask> tasks, store::Batch& batch) {
  auto& index = *index_;
  if (auto status = check(tasks, {}); !status) return failure(status.error());
  std::set<std::string> chosen;
  for (const auto& fresh : tasks) chosen.insert(fresh.id);
  for (auto& fresh : tasks) {
    if (fresh.id.empty()) fresh.id = index.next_id(chosen);
  }
  std::vector<std::string> ids;
  std::vector<std::string> by;
  const int64_t now = index.clock.wall_ms();
  for (auto& fresh : tasks) {
    Task task;
    task.id = std::move(fresh.id);
    task.type = std::move(fresh.type);
    task.payload = std::move(fresh.payload);
    task.priority = fresh.priority;
    task.after = std::move(fresh.after);
    std::sort(task.after.begin(), task.after.end());
    task.after.erase(std::unique(task.after.begin(), task.after.end()), task.after.end());
    task.approval = valid_utf8(fresh.approval);
    task.parent = std::move(fresh.parent);
    task.run = fresh.run;
    task.max_attempts = fresh.max_attempts;
    task.due_at = fresh.due_at;
    task.created_at = task.updated_at = now;
    task.seq = index.next_seq++;
    ids.push_back(task.id);
    by.push_back(std::move(fresh.by));
    index.enter(*index.keep({std::move(task), ""}));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string& id = ids[i];
    const Task& task = index.tasks.at(id).task;
    const auto [verb, cause] = index.placement(task);
    const bool at_once = verb == Verb::enqueue;
    insert_event({id, now, at_once ? kSubmitted : "submit", name(at_once ? State::queued : State::created),
                  task.run, std::move(by[i]), ""},
                 batch);
    index.move(id, verb, cause, batch, {}, at_once ? Index::Write::nothing : Index::Write::event);
    insert_task(task, batch);
    if (task.state == State::blocked) index.note_waiting(id, batch);
    const bool enough =
        index.counts[static_cast<size_t>(State::queued)] > kMostHeld || index.bytes > kMostHeldBytes;
    if (task.state == State::queued && enough) index.surplus.push_back(id);
  }
  index.shed();
  return ids;
}

Status Queue::check_room(size_t more) const {
  const size_t waiting = index_->tasks.size() + index_->schedule.stored();
  const size_t bytes = index_->bytes + index_->stored_bytes;
  if (waiting + more <= kMostTasks && bytes <= kMostBytes) return {};
  return failure("limit", "the queue is full: " + std::to_string(waiting) + " tasks wait in it and take " +
                              std::to_string(bytes >> 20) + " MB; agents may fill it up to " +
                              std::to_string(kMostTasks) + " tasks or " + std::to_string(kMostBytes >> 20) +
                              " MB");
}

Status Queue::check(const std::vector<NewTask>& tasks, const std::vector<std::string>& pending) const {
  return check_submission(tasks, pending, index_->surroundings);
}

Result<std::optional<std::string>> Queue::peek(const Schedule::Takes& takes) {
  const auto next = index_->schedule.first(index_->clock.wall_ms(), takes);
  if (!next) return std::optional<std::string>();
  if (!next->id.empty()) return std::optional(next->id);
  const auto entry = index_->load_by_number(next->order);
  if (!entry) return failure(entry.error());
  return std::optional((*entry)->task.id);
}

Result<Lease> Queue::claim(const std::string& id, int64_t run, int64_t lease_ms, const std::string& agent,
                           store::Batch& batch) {
  if (run < 1) return failure("invalid", "task " + id + ": a claim needs a run");
  auto entry = index_->legal(id, Verb::assign);
  if (!entry) return failure(entry.error());
  const Lease lease{run, (*entry)->task.lease_epoch + 1};
  const Cause cause{run, agent, ""};
  const auto take = [&](Task& task) {
    task.attempt += 1;
    task.lease_run = lease.run;
    task.lease_epoch = lease.epoch;
    task.lease_until = index_->clock.wall_ms() + lease_ms;
  };
  index_->move(id, Verb::assign, cause, batch, take, Index::Write::nothing);
  (*entry)->agent = agent;
  index_->move(id, Verb::start, cause, batch, {}, Index::Write::nothing);
  const Task& task = (*entry)->task;
  update_task(task, false, batch);
  insert_event({id, task.updated_at, kStarted, name(task.state), run, agent, ""}, batch);
  return lease;
}

Status Queue::renew(const std::string& id, const Lease& lease, int64_t lease_ms) {
  auto found = index_->tasks.find(id);
  if (found == index_->tasks.end() || !Index::holds(found->second.task, lease)) {
    return failure("fenced",
                   "run " + std::to_string(lease.run) + " holds no lease on task " + id + " any more");
  }
  found->second.task.lease_until = index_->clock.wall_ms() + lease_ms;
  return {};
}

Status Queue::complete(const std::string& id, const Lease& lease, Value result, store::Batch& batch) {
  auto entry = index_->held(
      id, lease, Verb::complete, [&] { return encode_json(result); }, batch);
  if (!entry) return failure(entry.error());
  if (auto status = check_json(result); !status) {
    return failure(status.error().code, "the result of task " + id + ": " + status.error().message);
  }
  const auto end = [&](Task& task) {
    task.result = std::move(result);
    task.error.clear();
  };
  index_->move(id, Verb::complete, {lease.run, (*entry)->agent, ""}, batch, end, Index::Write::result);
  return {};
}

Status Queue::fail(const std::string& id, const Lease& lease, const std::string& error, bool retry,
                   store::Batch& batch) {
  auto entry = index_->held(
      id, lease, Verb::fail, [&] { return error; }, batch);
  if (!entry) return failure(entry.error());
  const std::string text = valid_utf8(error);
  index_->move(id, Verb::fail, {lease.run, (*entry)->agent, text}, batch,
               [&](Task& task) { task.error = text; });
  index_->after_failure(id, retry, batch);
  return {};
}

Status Queue::release(const std::string& id, const Lease& lease, const std::string& reason,
                      store::Batch& batch) {
  auto entry = index_->held(
      id, lease, Verb::release, [&] { return reason; }, batch);
  if (!entry) return failure(entry.error());
  index_->move(id, Verb::release, {lease.run, (*entry)->agent, valid_utf8(reason)}, batch,
               [](Task& task) { task.attempt -= 1; });
  return {};
}

Status Queue::review(const std::string& id, const Lease& lease, Value result, const std::string& reviewer,
                     store::Batch& batch) {
  auto entry = index_->held(
      id, lease, Verb::review, [&] { return encode_json(result); }, batch);
  if (!entry) return failure(entry.error());
  if (auto status = check_json(result); !status) {
    return failure(status.error().code, "the result of task " + id + ": " + status.error().message);
  }
  const auto hand_over = [&](Task& task) {
    task.result = std::move(result);
    task.reviewer = reviewer;
    task.error.clear();
  };
  index_->move(id, Verb::review, {lease.run, (*entry)->agent, reviewer}, batch, hand_over,
               Index::Write::result);
  index_->note_waiting(id, batch);
  return {};
}

Status Queue::accept(const std::string& id, const std::string& reviewer, store::Batch& batch) {
  auto entry = index_->legal(id, Verb::accept);
  if (!entry) return failure(entry.error());
  const Task& task = (*entry)->task;
  if (task.reviewer != reviewer) {
    return index_->late(id, task.state, Verb::accept, 0, task.lease_epoch, "accepted by " + reviewer, batch);
  }
  index_->move(id, Verb::accept, {0, "", "by " + reviewer}, batch,
               [](Task& changed) { changed.error.clear(); });
  return {};
}

Status Queue::reject(const std::string& id, const std::string& reviewer, const std::string& reason,
                     store::Batch& batch) {
  auto entry = index_->legal(id, Verb::reject);
  if (!entry) return failure(entry.error());
  const Task& task = (*entry)->task;
  const std::string text = valid_utf8(reason);
  if (task.reviewer != reviewer) {
    return index_->late(id, task.state, Verb::reject, 0, task.lease_epoch,
                        "rejected by " + reviewer + ": " + text, batch);
  }
  const bool last = task.attempt >= task.max_attempts;
  const Cause cause{0, "", with_reason((last ? "rejected by " : "by ") + reviewer, text)};
  index_->move(id, last ? Verb::fail : Verb::reject, cause, batch, [&](Task& changed) {
    changed.error = text;
    changed.reviewer.clear();
  });
  if (last) index_->after_failure(id, true, batch);
  return {};
}

Status Queue::approve(const std::string& id, const std::string& by, const std::string& reason,
                      store::Batch& batch) {
  if (auto entry = index_->legal(id, Verb::approve); !entry) return failure(entry.error());
  index_->move(id, Verb::approve, {0, by, valid_utf8(reason)}, batch);
  return {};
}

Status Queue::refuse(const std::string& id, const std::string& by, const std::string& reason,
                     store::Batch& batch) {
  if (auto entry = index_->legal(id, Verb::refuse); !entry) return failure(entry.error());
  const std::string text = valid_utf8(reason);
  index_->move(id, Verb::refuse, {0, by, text}, batch,
               [&](Task& task) { task.error = with_reason("refused by " + by, text); });
  return {};
}

Status Queue::cancel(const std::string& id, const std::string& by, const std::string& reason,
                     store::Batch& batch) {
  if (auto entry = index_->legal(id, Verb::cancel); !entry) return failure(entry.error());
  const std::string text = valid_utf8(reason);
  index_->move(id, Verb::cancel, {0, by, text}, batch,
               [&](Task& task) { task.error = with_reason("cancelled by " + by, text); });
  return {};
}

Status Queue::retry(const std::string& id, const std::string& by, store::Database& database,
                    store::Batch& batch) {
  auto& index = *index_;
  const auto state = index.state_of(id);
  if (!state) return unknown(id);
  if (!next_state(*state, Verb::retry)) return illegal(id, *state, Verb::retry);
  if (index.tasks.count(id) == 0) {
    auto entry = index.read_final(id, index.elsewhere(id).value(), database);
    if (!entry) return failure(entry.error());
    index.ended.erase(id);
    index.keep(std::move(*entry));
  }
  const auto begin_anew = [](Task& task) {
    task.result = Value();
    task.reviewer.clear();
    task.error.clear();
    task.attempt = 0;
    task.due_at = 0;
    ++task.lease_epoch;  // tells its next end from the one before
  };
  index.move(id, Verb::retry, {0, by, "by an operator"}, batch, begin_anew, Index::Write::event);
  const Task& task = index.tasks.at(id).task;
  if (task.state == State::created) {
    const auto [verb, cause] = index.placement(task);
    index.move(id, verb, cause, batch, {}, Index::Write::event);
  }
  update_task(task, true, batch);
  if (task.state == State::blocked) index.note_waiting(id, batch);
  index.settle(id, batch);
  return {};
}

std::vector<std::string> Queue::expired() const {
  std::vector<std::string> ids;
  const int64_t now = index_->clock.wall_ms();
  for (const State state : kLeased) {
    for (const auto& id : this->ids(state)) {
      if (index_->tasks.at(id).task.lease_until <= now) ids.push_back(id);
    }
  }
  return ids;
}

void Queue::extend_leases(int64_t extend_by_ms) {
  for (const State state : kLeased) {
    for (const auto& id : ids(state)) index_->tasks.at(id).task.lease_until += extend_by_ms;
  }
}

const Task* Queue::find(const std::string& id) const {
  const auto found = index_->entry(id);
  return found && *found ? &(*found)->task : nullptr;
}

size_t Queue::count(State state) const {
  const size_t held = index_->counts.at(static_cast<size_t>(state));
  return state == State::queued ? held + index_->schedule.stored() : held;
}

std::map<std::string, int64_t> Queue::counts() const {
  std::map<std::string, int64_t> counts;
  for (int i = 0; i < kStates; ++i) {
    const auto state = static_cast<State>(i);
    if (const size_t tasks = count(state); tasks > 0) counts[name(state)] = static_cast<int64_t>(tasks);
  }
  return counts;
}

const std::set<std::string>& Queue::ids(State state) const {
  return index_->by_state.at(static_cast<size_t>(state));
}

std::map<std::string, size_t> Queue::queued_types() const {
  return index_->schedule.types();
}

std::optional<int64_t> Queue::next_due() const {
  return index_->schedule.next_due(index_->clock.wall_ms());
}

}  // namespace clade::queue
