#include "sim/clients.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "run/leases.h"
#include "sim/texts.h"
#include "support/open_tasks.h"

namespace sim {

using clade::Status;
using clade::Value;
using clade::queue::State;
using clade::store::Batch;

namespace {

std::string draw_text(const std::string& script, Random& random) {
  const Nature natures[] = {Nature::calm,   Nature::calm,   Nature::fragile, Nature::fragile,
                            Nature::broken, Nature::deadly, Nature::costly,  Nature::fresh};
  if (random.percent(8)) return text_of(script, Nature::mangled, random.below(4));
  return text_of(script, natures[random.below(std::size(natures))], random.below(4));
}

}  // namespace

std::vector<const clade::queue::Task*> Clients::open_tasks(Life& life) {
  const Disk::Spared spared(world_.disk);
  return clade::test::open_tasks(life.kernel().queue, life.reader());
}

void Clients::act(const Item& item, Life& life) {
  Random random(item.seed);
  world_.trace.line(world_.time.steady_us(), std::string("clients: ") + name(item.deed));
  switch (item.deed) {
    case Deed::submit:
      submit(random, life);
      break;
    case Deed::submit_publish:
      submit_publish(random, life);
      break;
    case Deed::cancel: {
      auto active = open_tasks(life);
      // Some states are left soon, or rarely entered.
      const auto wanted = random.percent(50) ? State::reviewing : State::executing;
      const auto found =
          std::find_if(active.begin(), active.end(), [&](const auto* task) { return task->state == wanted; });
      if (found != active.end() && random.percent(50)) {
        verb("cancel", (*found)->id, life);
      } else if (!active.empty()) {
        verb("cancel", random.pick(active)->id, life);
      }
      break;
    }
    case Deed::retry:
      if (!tasks_.empty()) verb("retry", random.pick(tasks_), life);
      break;
    case Deed::decide:
      decide(random, life);
      break;
    case Deed::mail:
      mail(random, life);
      break;
    case Deed::roll_back:
      roll_back(random, life);
      break;
    case Deed::save:
      save(random, life);
      break;
    case Deed::install:
      install(random, life);
      break;
    case Deed::release:
      release(life);
      break;
    case Deed::stall:
      stall(random.between(1000000, random.percent(50) ? 900000000 : 60000000));
      break;
    case Deed::jump:
      world_.time.jump(random.between(-7200000, 7200000));
      world_.counters.add("clock jumped");
      break;
    case Deed::claim:
      claimant_.claim(life);
      if (random.percent(50)) stall(random.between(1, 3) * clade::run::kLeaseMs * 1000);
      break;
    case Deed::come_back:
      claimant_.come_back(random, life);
      break;
    case Deed::compare:
      life.compare_with_store();
      break;
  }
}

void Clients::stall(int64_t us) {
  world_.time.stall(us);
  world_.counters.add("host stalled");
}

void Clients::submit(Random& random, Life& life) {
  std::vector<clade::queue::NewTask> tasks;
  const char* types[] = {"work_a", "work_b", "check_a", "work_c"};
  const auto& roles = life.dispatcher().roles();
  const uint64_t count = 1 + random.below(3);
  for (uint64_t number = 0; number < count; ++number) {
    clade::queue::NewTask task;
    task.type = types[random.below(4)];
    if (random.percent(50) && roles.handles(kFreshTask)) task.type = kFreshTask;
    task.payload = Value{{"number", static_cast<int64_t>(number)}, {"bad", random.percent(5)}};
    task.priority = static_cast<int>(random.between(1, 10));
    task.max_attempts = static_cast<int>(random.between(1, 4));
    if (random.percent(15)) task.approval = "shall it?";
    if (random.percent(15)) task.due_at = world_.time.wall_ms() + random.between(0, 20000);
    if (!tasks_.empty() && random.percent(35)) task.after.push_back(random.pick(tasks_));
    tasks.push_back(std::move(task));
  }
  Batch batch;
  const auto ids = life.kernel().queue.submit(std::move(tasks), batch);
  if (!ids) return;
  tasks_.insert(tasks_.end(), ids->begin(), ids->end());
  life.commit(std::move(batch), [this, ids = *ids] {
    for (const auto& id : ids) world_.witness.acknowledged_submit(id);
  });
}

void Clients::submit_publish(Random& random, Life& life) {
  clade::queue::NewTask task;
  task.type = "work_publish";
  const std::string script = random.pick(SwarmFolder::scripts());
  task.payload = Value{{"name", script}, {"source", draw_text(script, random)}};
  Batch batch;
  const auto ids = life.kernel().queue.submit({std::move(task)}, batch);
  if (!ids) return;
  life.commit(std::move(batch), [this, id = ids->front()] { world_.witness.acknowledged_submit(id); });
}

void Clients::verb(const std::string& verb, const std::string& task, Life& life) {
  auto& queue = life.kernel().queue;
  const std::string by = next_name();
  Batch batch;
  Status status;
  if (verb == "cancel") status = queue.cancel(task, by, "not needed", batch);
  if (verb == "retry") status = queue.retry(task, by, life.reader(), batch);
  if (verb == "approve") status = queue.approve(task, by, "fine", batch);
  if (verb == "refuse") status = queue.refuse(task, by, "no", batch);
  if (!status) {
    life.commit(std::move(batch), nullptr);
    return;
  }
  life.commit(std::move(batch), [this, task, verb, by] { world_.witness.acknowledged_verb(task, verb, by); });
}

void Clients::decide(Random& random, Life& life) {
  std::vector<std::string> waiting;
  for (const auto* task : open_tasks(life)) {
    if (task->state == State::awaiting_approval) waiting.push_back(task->id);
  }
  if (!waiting.empty()) verb(random.percent(70) ? "approve" : "refuse", random.pick(waiting), life);
}

void Clients::mail(Random& random, Life& life) {
  const char* addresses[] = {"agent:worker", "agent:other", "role:worker", "all"};
  clade::mail::Message message;
  message.sender = "operator";
  message.address = addresses[random.below(4)];
  message.kind = "hint";
  message.body = Value{{"number", static_cast<int64_t>(random.below(1000))}, {"bad", random.percent(5)}};
  Batch batch;
  const auto ids = life.kernel().mail.send(std::move(message), batch);
  if (!ids) return;
  life.commit(std::move(batch), [this, ids = *ids] {
    for (const auto& id : ids) world_.witness.acknowledged_mail(id);
  });
}

void Clients::roll_back(Random& random, Life& life) {
  auto& library = life.kernel().library;
  const auto& scripts = SwarmFolder::scripts();
  const size_t first = random.below(scripts.size());
  for (size_t number = 0; number < scripts.size(); ++number) {
    const std::string& script = scripts[(first + number) % scripts.size()];
    // Back to what it replaced, or to any that it ever was.
    const auto& texts = texts_[script];
    const std::string hash =
        texts.empty() || random.percent(50) ? "" : clade::content_hash(random.pick(texts));
    Batch batch;
    if (!library.roll_back(script, hash, next_name(), life.reader(), batch)) continue;
    life.commit(std::move(batch), [this, script, &life] {
      world_.counters.add("script rolled back");
      life.reload().refresh(script);
      (void)life.kernel().library.write_back(script);
    });
    return;
  }
}

void Clients::save(Random& random, Life& life) {
  const auto& scripts = SwarmFolder::scripts();
  std::vector<std::string> saved = {random.pick(scripts)};
  // A role and the skill that it calls.
  if (random.percent(40)) saved = {scripts[0], scripts[1]};
  for (const auto& script : saved) {
    auto& texts = texts_[script];
    if (texts.empty() || random.percent(75)) texts.push_back(draw_text(script, random));
    life.folder().save(script, random.percent(75) ? texts.back() : random.pick(texts));
    world_.counters.add("script saved");
  }
  if (saved.size() > 1) world_.counters.add("scripts saved together");
  life.reload().look();
}

void Clients::install(Random& random, Life& life) {
  auto& library = life.kernel().library;
  std::vector<std::string> names;
  bool force = false;
  const size_t first = random.below(SwarmFolder::scripts().size());
  for (size_t number = 0; number < SwarmFolder::scripts().size(); ++number) {
    const auto& script = SwarmFolder::scripts()[(first + number) % SwarmFolder::scripts().size()];
    const auto offered = library.offer(script, false);
    const bool undone = !offered && offered.error().code == "quarantined";
    if (!offered && !undone) continue;
    names.push_back(script);
    force = force || undone;
    if (random.percent(50)) break;
  }
  if (names.empty()) return;
  const std::string by = next_name();
  if (force) world_.witness.forced.insert(by);
  life.reload().install(names, force, by, [this, force](const clade::Result<Value>& hashes) {
    if (hashes) world_.counters.add(force ? "undone text forced" : "rejected text installed");
  });
}

bool Clients::release(Life& life) {
  bool any = false;
  for (const auto& [role, advice] : life.dispatcher().stopped()) {
    Batch batch;
    if (!life.dispatcher().release(role, next_name(), batch)) continue;
    any = true;
    life.commit(std::move(batch), [this] { world_.counters.add("role released"); });
  }
  return any;
}

void Clients::cancel_late(const std::string& task, Life& life) {
  const auto* found = life.kernel().queue.find(task);
  if (found && found->state == State::executing) verb("cancel", task, life);
}

bool Clients::tidy(Life& life) {
  Random random(mix(world_.seed, world_.life));
  bool any = release(life) || claimant_.come_back(random, life);
  std::vector<std::pair<std::string, State>> waiting;
  for (const auto* task : open_tasks(life)) {
    if (task->state == State::awaiting_approval || task->state == State::created ||
        task->state == State::failed ||
        (task->state == State::queued && !life.dispatcher().roles().handles(task->type)))
      waiting.emplace_back(task->id, task->state);
  }
  for (const auto& [task, state] : waiting) {
    verb(state == State::awaiting_approval ? "approve" : "cancel", task, life);
    any = true;
  }
  return any;
}

}  // namespace sim
