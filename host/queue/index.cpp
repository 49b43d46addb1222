#include "queue/index.h"

#include <algorithm>

#include "base/codec.h"
#include "queue/rows.h"

namespace clade::queue {
namespace {

constexpr size_t kEvidenceBytes = 4096;
// Ends kept in memory until they are seen on disk, at least; far more than the writer ever has waiting.
constexpr size_t kMostEnded = 4096;
// As many are let go of at once, with one look at the store.
constexpr int kEndsAtOnce = 64;

bool is_leased(State state) {
  return state == State::assigned || state == State::executing;
}

// Those that are asked for by their state: they hold a lease, or wait for somebody.
bool is_listed(State state) {
  return is_leased(state) || state == State::reviewing || state == State::awaiting_approval;
}

// What a refused write attempted, as JSON of bounded size.
std::string evidence(Verb verb, int64_t epoch, const std::string& attempted) {
  size_t keep = std::min(attempted.size(), kEvidenceBytes);
  while (true) {
    Value value{{"verb", name(verb)}, {"epoch", epoch}, {"attempted", valid_utf8(attempted.substr(0, keep))}};
    if (keep < attempted.size()) value.set("bytes", static_cast<int64_t>(attempted.size()));
    std::string text = encode_json(value);
    if (text.size() <= kEvidenceBytes || keep == 0) return text;
    keep /= 2;
  }
}

}  // namespace

tl::unexpected<Error> illegal(const std::string& id, State state, Verb verb) {
  std::string possible;
  for (int i = 0; i < kStates; ++i) {
    const auto from = static_cast<State>(i);
    if (next_state(from, verb)) possible += (possible.empty() ? "" : ", ") + std::string(name(from));
  }
  return failure("illegal", "task " + id + " is " + name(state) + ": " + name(verb) +
                                " is possible only from " + possible + "; see `clade why " + id + "`");
}

tl::unexpected<Error> unknown(const std::string& id) {
  return failure("not_found", "no task " + legible(id) + ": see `clade task list`");
}

std::optional<State> Queue::Index::state_of(const std::string& id) const {
  if (auto found = tasks.find(id); found != tasks.end()) return found->second.task.state;
  if (const auto end = elsewhere(id)) return end->state;
  return std::nullopt;
}

std::optional<Queue::Index::Ended> Queue::Index::elsewhere(const std::string& id) const {
  if (auto found = ended.find(id); found != ended.end()) return found->second;
  if (!stored) return std::nullopt;
  auto query = stored->prepare("SELECT state FROM task WHERE id = ?1");
  query.bind(1, id);
  auto row = query.step();
  if (!row || !*row) return std::nullopt;
  const auto state = state_from_name(query.text(0));
  if (!state || (!is_final(*state) && *state != State::queued)) return std::nullopt;
  return Ended{*state};
}

Result<Queue::Index::Entry*> Queue::Index::entry(const std::string& id) {
  if (const auto found = tasks.find(id); found != tasks.end()) return &found->second;
  if (schedule.stored() == 0 || ended.count(id) > 0) return nullptr;
  auto query = stored->prepare("SELECT seq FROM task WHERE id = ?1 AND state = 'queued'");
  query.bind(1, id);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) return nullptr;
  return load_by_number(query.integer(0));
}

Result<Queue::Index::Entry*> Queue::Index::load_by_number(int64_t seq) {
  auto query = stored->prepare("SELECT " + std::string(kTaskColumns) + " FROM task WHERE seq = ?1");
  query.bind(1, seq);
  auto row = query.step();
  if (!row) return failure(row.error());
  if (!*row) {
    return failure("corrupt", "the queued task with the number " + std::to_string(seq) +
                                  " is not in the store any more; it was changed by another program");
  }
  auto task = read_task(query);
  if (!task) return failure(task.error());
  auto after = read_dependencies(*stored, task->id);
  if (!after) return failure(after.error());
  task->after = std::move(*after);
  schedule.remove_stored(task->type, task->priority, task->seq);
  Entry read{std::move(*task), ""};
  enter(read);
  Entry* kept = keep(std::move(read));
  stored_bytes -= std::min(stored_bytes, kept->bytes);
  return kept;
}

void Queue::Index::shed() {
  while (!surplus.empty()) {
    const auto found = tasks.find(surplus.front());
    if (found != tasks.end() && found->second.task.state == State::queued && found->second.task.due_at == 0) {
      const Task& task = found->second.task;
      auto query = stored->prepare("SELECT state, lease_epoch, attempt FROM task WHERE seq = ?1");
      query.bind(1, task.seq);
      const auto row = query.step();
      const bool on_disk = row && *row && query.text(0) == name(task.state) &&
                           query.integer(1) == task.lease_epoch && query.integer(2) == task.attempt;
      if (!on_disk) return;  // the next time
      if (schedule.add_stored(task.type, task.priority, task.seq)) {
        leave(found->second);
        bytes -= found->second.bytes;
        stored_bytes += found->second.bytes;
        tasks.erase(found);
      }
    }
    surplus.pop_front();
  }
}

void Queue::Index::keep_end(const std::string& id, Ended end) {
  end.number = ++ends;
  ended[id] = end;
  ended_by_age.emplace_back(id, end.number);
  if (ended_by_age.size() < kMostEnded + kEndsAtOnce || !stored) return;
  // Changes reach the disk in order: once the youngest of these ends is there, so are all before it. (One
  // that came back and ended again is there twice, and the first time counts no more.)
  std::vector<std::string> ids;
  for (size_t i = 0; i < kEndsAtOnce; ++i) {
    const auto& [one, number] = ended_by_age[i];
    if (const auto found = ended.find(one); found != ended.end() && found->second.number == number)
      ids.push_back(one);
  }
  if (!ids.empty()) {
    const Ended& youngest = ended.at(ids.back());
    // Tasks come to the disk by number: one that is missing among the others was taken away by retention.
    auto query = stored->prepare(
        "SELECT state, lease_epoch FROM task WHERE seq = ?1 UNION ALL SELECT '', max(seq) FROM task");
    query.bind(1, youngest.seq);
    auto row = query.step();
    if (!row) return;
    const bool is_there = !query.text(0).empty();
    const bool on_disk = is_there
                             ? query.text(0) == name(youngest.state) && query.integer(1) == youngest.epoch
                             : query.integer(1) > youngest.seq;
    if (!on_disk) return;  // the next time
  }
  for (const auto& one : ids) ended.erase(one);
  ended_by_age.erase(ended_by_age.begin(), ended_by_age.begin() + kEndsAtOnce);
}

Result<Queue::Index::Entry*> Queue::Index::legal(const std::string& id, Verb verb) {
  auto found = entry(id);
  if (!found) return found;
  if (!*found) {
    const auto end = elsewhere(id);
    if (!end) return unknown(id);
    return illegal(id, end->state, verb);
  }
  const State state = (*found)->task.state;
  if (!next_state(state, verb)) return illegal(id, state, verb);
  return found;
}

Result<Queue::Index::Entry*> Queue::Index::held(const std::string& id, const Lease& lease, Verb verb,
                                                const std::function<std::string()>& attempted,
                                                store::Batch& batch) {
  const auto state = state_of(id);
  if (!state) return unknown(id);
  auto found = tasks.find(id);  // one that the store alone has is queued: nobody holds it
  if (found != tasks.end() && holds(found->second.task, lease)) {
    if (!next_state(*state, verb)) return illegal(id, *state, verb);
    return &found->second;
  }
  return late(id, *state, verb, lease.run, lease.epoch, attempted(), batch);
}

bool Queue::Index::holds(const Task& task, const Lease& lease) {
  return lease.run > 0 && task.lease_run == lease.run && task.lease_epoch == lease.epoch;
}

tl::unexpected<Error> Queue::Index::late(const std::string& id, State state, Verb verb, int64_t run,
                                         int64_t epoch, const std::string& attempted, store::Batch& batch) {
  insert_event({id, clock.wall_ms(), "late", name(state), run, "", evidence(verb, epoch, attempted)}, batch);
  return failure("fenced", std::string("the ") + name(verb) + " of task " + id + " by run " +
                               std::to_string(run) + " (epoch " + std::to_string(epoch) +
                               ") came too late: it is " + name(state) +
                               " and the lease is gone; nothing changed, `clade task show " + id +
                               "` keeps what was attempted");
}

Queue::Index::Entry* Queue::Index::keep(Entry entry) {
  entry.payload_bytes = entry.task.payload.footprint();
  weigh(entry);
  std::string id = entry.task.id;
  return &tasks.emplace(std::move(id), std::move(entry)).first->second;
}

void Queue::Index::weigh(Entry& entry) {
  const Task& task = entry.task;
  bytes -= entry.bytes;
  entry.bytes = sizeof entry + entry.payload_bytes + task.result.footprint();
  for (const std::string* text :
       {&task.id, &task.type, &task.parent, &task.approval, &task.reviewer, &task.error})
    entry.bytes += text->capacity();
  for (const auto& dependency : task.after) entry.bytes += sizeof dependency + dependency.capacity();
  bytes += entry.bytes;
}

void Queue::Index::enter(const Entry& entry) {
  const Task& task = entry.task;
  if (is_final(task.state)) return;
  ++counts[static_cast<size_t>(task.state)];
  if (task.state == State::queued) schedule.add(task.id, task.type, task.priority, task.seq, task.due_at);
  if (is_listed(task.state)) by_state[static_cast<size_t>(task.state)].insert(task.id);
  if (task.state == State::blocked) {
    for (const auto& dependency : task.after) dependents[dependency].insert(task.id);
  }
  if (task.state == State::reviewing) reviewed[task.reviewer].insert(task.id);
}

void Queue::Index::leave(const Entry& entry) {
  const Task& task = entry.task;
  if (is_final(task.state)) return;
  --counts[static_cast<size_t>(task.state)];
  if (task.state == State::queued) schedule.remove(task.id);
  if (is_listed(task.state)) by_state[static_cast<size_t>(task.state)].erase(task.id);
  if (task.state == State::blocked) {
    for (const auto& dependency : task.after) forget(dependents, dependency, task.id);
  }
  if (task.state == State::reviewing) forget(reviewed, task.reviewer, task.id);
}

void Queue::Index::forget(std::map<std::string, std::set<std::string>>& index, const std::string& key,
                          const std::string& id) {
  auto found = index.find(key);
  if (found == index.end()) return;
  found->second.erase(id);
  if (found->second.empty()) index.erase(found);
}

void Queue::Index::move(const std::string& id, Verb verb, const Cause& cause, store::Batch& batch,
                        const std::function<void(Task&)>& change, Write write) {
  Entry& entry = tasks.at(id);
  const State from = entry.task.state;
  leave(entry);
  entry.task.state = next_state(from, verb).value();
  entry.task.updated_at = clock.wall_ms();
  if (!is_leased(entry.task.state)) {
    entry.task.lease_run = 0;
    entry.task.lease_until = 0;
    entry.agent.clear();
  }
  if (change) change(entry.task);
  weigh(entry);
  enter(entry);
  if (write == Write::state || write == Write::result) update_task(entry.task, write == Write::result, batch);
  if (write != Write::nothing) {
    insert_event(
        {id, entry.task.updated_at, name(verb), name(entry.task.state), cause.run, cause.agent, cause.detail},
        batch);
  }
  const State to = entry.task.state;
  if (!is_final(to)) {
    tell(entry.task, verb, from);
    return;
  }
  keep_end(id, {to, entry.task.seq, entry.task.lease_epoch, 0});
  auto gone = tasks.extract(id);
  bytes -= gone.mapped().bytes;
  tell(gone.mapped().task, verb, from);
  settle(id, batch);
}

void Queue::Index::tell(const Task& task, Verb verb, State from) const {
  for (const auto& observer : observers) observer(task, verb, from);
}

Queue::Index::Placement Queue::Index::placement(const Task& task) const {
  if (const std::string missing = unmet(task); !missing.empty())
    return {Verb::block, {0, "", "waits for " + missing}};
  if (!task.approval.empty()) return {Verb::hold, {0, "", task.approval}};
  return {Verb::enqueue, {}};
}

std::string Queue::Index::unmet(const Task& task) const {
  std::string missing;
  for (const auto& dependency : task.after) {
    // One that is not there any more was completed when it was waited for, and retention took it away.
    if (state_of(dependency).value_or(State::completed) == State::completed) continue;
    missing += (missing.empty() ? "" : ", ") + dependency;
  }
  return missing;
}

void Queue::Index::settle(const std::string& id, store::Batch& batch) {
  for (const auto& waiting : by_age(dependents, id)) {
    const Task& task = tasks.at(waiting).task;
    if (!unmet(task).empty()) {
      note_waiting(waiting, batch);
      continue;
    }
    const Cause cause{0, "", task.approval.empty() ? id + " is completed" : task.approval};
    move(waiting, task.approval.empty() ? Verb::unblock : Verb::hold, cause, batch,
         [](Task& changed) { changed.error.clear(); });
  }
  for (const auto& waiting : by_age(reviewed, id)) note_waiting(waiting, batch);
}

std::vector<std::string> Queue::Index::by_age(const std::map<std::string, std::set<std::string>>& index,
                                              const std::string& key) const {
  auto found = index.find(key);
  if (found == index.end()) return {};
  std::vector<std::string> ids(found->second.begin(), found->second.end());
  std::sort(ids.begin(), ids.end(), [this](const std::string& left, const std::string& right) {
    return tasks.at(left).task.seq < tasks.at(right).task.seq;
  });
  return ids;
}

void Queue::Index::note_waiting(const std::string& id, store::Batch& batch) {
  Task& task = tasks.at(id).task;
  std::string error;
  auto add = [&](const std::string& other, const char* role) {
    const auto state = state_of(other);
    if (state != State::cancelled && state != State::dead_letter) return;
    error += (error.empty() ? "" : "; ") + std::string(role) + other + " ended " + name(*state) +
             ": `clade task retry " + other + "` or `clade task cancel " + id + "`";
  };
  if (task.state == State::blocked) {
    for (const auto& dependency : task.after) add(dependency, "its dependency ");
  } else {
    add(task.reviewer, "its review ");
  }
  if (error == task.error) return;
  task.error = error;
  task.updated_at = clock.wall_ms();
  update_task(task, false, batch);
  insert_event({id, task.updated_at, "note", name(task.state), 0, "",
                error.empty() ? "what it waits for is in the queue again" : error},
               batch);
}

void Queue::Index::after_failure(const std::string& id, bool retry, store::Batch& batch) {
  const Task& task = tasks.at(id).task;
  const std::string attempts =
      "attempt " + std::to_string(task.attempt) + " of " + std::to_string(task.max_attempts);
  if (!retry || task.attempt >= task.max_attempts) {
    move(id, Verb::bury, {0, "", retry ? attempts + " failed" : attempts + " failed for good"}, batch);
    return;
  }
  const int64_t wait = backoff_ms(task.attempt);
  move(id, Verb::retry, {0, "", attempts + " failed, again after " + std::to_string(wait) + " ms"}, batch,
       [due_at = clock.wall_ms() + wait](Task& changed) { changed.due_at = due_at; });
}

std::string Queue::Index::next_id(const std::set<std::string>& taken) {
  while (true) {
    std::string id = "t" + std::to_string(next_number++);
    if (!state_of(id) && !taken.count(id)) return id;
  }
}

// All that is not final and not queued: it is at work, or something else waits for it.
Status Queue::Index::read_held(store::Database& database) {
  // The states that there are, without a look at every task.
  auto states = database.prepare(
      "WITH RECURSIVE found (state) AS (SELECT min(state) FROM task UNION ALL SELECT (SELECT min(state) FROM "
      "task WHERE task.state > found.state) FROM found WHERE found.state IS NOT NULL) SELECT state FROM "
      "found "
      "WHERE state IS NOT NULL");
  while (true) {
    auto row = states.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    const std::string text = states.text(0);
    const auto state = state_from_name(text);
    if (state && (is_final(*state) || *state == State::queued)) continue;
    if (auto status = read_all_in(text, database); !status) return status;
  }
}

Status Queue::Index::read_all_in(const std::string& state, store::Database& database) {
  auto query = database.prepare(
      "SELECT " + std::string(kTaskColumns) +
      ", CASE WHEN lease_run = 0 THEN '' ELSE COALESCE((SELECT agent FROM task_event WHERE task_event.task = "
      "task.id AND verb IN ('assign', '" +
      std::string(kStarted) +
      "') ORDER BY seq DESC LIMIT 1), '') END "
      "FROM task WHERE state = ?1");
  query.bind(1, state);
  while (true) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return {};
    auto task = read_task(query);
    if (!task) return failure(task.error());
    auto after = read_dependencies(database, task->id);
    if (!after) return failure(after.error());
    task->after = std::move(*after);
    Entry entry{std::move(*task), query.text(kTaskColumnCount)};
    if (!is_leased(entry.task.state)) entry.agent.clear();
    enter(entry);
    keep(std::move(entry));
  }
}

// Of the queued ones as much as an index tells; those that wait for their time are read whole.
Status Queue::Index::read_queued(store::Database& database) {
  std::vector<int64_t> later;
  {
    auto query =
        database.prepare("SELECT seq, type, priority, due_at FROM task WHERE state = 'queued' ORDER BY seq");
    while (true) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) break;
      const int64_t seq = query.integer(0);
      const bool kept = query.integer(3) == 0 &&
                        schedule.add_stored(query.text(1), static_cast<int>(query.integer(2)), seq);
      if (!kept) later.push_back(seq);
    }
  }
  for (const int64_t seq : later) {
    if (auto entry = load_by_number(seq); !entry) return failure(entry.error());
  }
  return {};
}

// Where the numbers go on: after those of tasks that are there, and of those that retention took away. They
// grow with the order of submission; one that a person chose is passed over when its turn comes.
Status Queue::Index::read_numbers(store::Database& database) {
  auto query = database.prepare(
      "SELECT coalesce((SELECT CAST(substr(id, 2) AS INTEGER) FROM task WHERE id GLOB 't[0-9]*' ORDER BY seq "
      "DESC LIMIT 1), 0), coalesce((SELECT value FROM mark WHERE name = 'task'), 0), "
      "coalesce((SELECT max(seq) FROM task), 0)");
  if (auto row = query.step(); !row) return failure(row.error());
  next_number = std::max(query.integer(0), query.integer(1)) + 1;
  next_seq = query.integer(2) + 1;
  return {};
}

// Reads a final task back. Its row may be older than memory knows: then its end is not on disk yet.
Result<Queue::Index::Entry> Queue::Index::read_final(const std::string& id, const Ended& known,
                                                     store::Database& database) const {
  auto query = database.prepare("SELECT " + std::string(kTaskColumns) + " FROM task WHERE id = ?1");
  query.bind(1, id);
  auto row = query.step();
  if (!row) return failure(row.error());
  const auto busy = failure("busy", "task " + id + " ended just now and is not on disk yet: try again");
  if (!*row) return busy;
  auto task = read_task(query);
  if (!task) return failure(task.error());
  if (task->state != known.state || (known.epoch >= 0 && task->lease_epoch != known.epoch)) return busy;
  auto after = read_dependencies(database, id);
  if (!after) return failure(after.error());
  task->after = std::move(*after);
  return Entry{std::move(*task), ""};
}

}  // namespace clade::queue
