#include "sim/life.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <stdlib.h>

#include "base/bytes.h"
#include "queue/history.h"
#include "sim/promises.h"
#include "support/open_tasks.h"

namespace sim {

using clade::Status;
using clade::Value;

namespace {

constexpr const char* kAgentScript = "return { api = 1 }\n";
constexpr const char* kSkillScript = "return {}\n";
constexpr const char* kGrants =
    "['queue.add:**', 'mail.send:**', 'cell.eval', 'process.run:**', 'vote.cast', 'proposal.open:*', "
    "'queue.read', 'rule.set:*', 'rule.read', 'file.write:report/**', 'script.publish:**']\n";

struct Role {
  const char* name;
  int instances;
  std::vector<const char*> tasks;
};
const std::vector<Role>& roles() {
  static const std::vector<Role> all = {
      {"worker", 2, {"work_*", "implement_*"}}, {"other", 1, {"check_*"}}, {"critic", 1, {"review_*"}}};
  return all;
}

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string file_of(const std::string& script) {
  return script == "agent:worker" ? "/agents/worker/init.lua" : "/skills/lib/one/init.lua";
}

std::vector<clade::mail::Recipient> recipients() {
  std::vector<clade::mail::Recipient> all;
  for (const auto& role : roles()) {
    for (int number = 1; number <= role.instances; ++number) {
      const std::string suffix = number == 1 ? "" : "#" + std::to_string(number);
      std::vector<std::string> topics;
      if (std::string_view(role.name) == "other") topics.emplace_back("task.failed");
      all.push_back({role.name + suffix, role.name, topics});
    }
  }
  return all;
}

}  // namespace

SwarmFolder::SwarmFolder() {
  // In memory where there is such a place: what is published is synced.
  const bool memory = std::filesystem::is_directory("/dev/shm");
  std::string name = std::string(memory ? "/dev/shm" : "/tmp") + "/clade-sim-XXXXXX";
  if (!mkdtemp(name.data())) throw std::runtime_error("no folder for the simulated swarm: " + name);
  path_ = name;
  std::string swarm = "swarm: simulated\nagents:\n";
  for (const auto& role : roles()) {
    swarm += std::string("  ") + role.name + ": {instances: " + std::to_string(role.instances) +
             ", grants: " + std::string(kGrants, std::string(kGrants).size() - 1) + "}\n";
    const std::string folder = path_ + "/agents/" + role.name;
    std::string manifest = std::string("summary: played\ngrants: ") + kGrants;
    if (std::string_view(role.name) == "worker") manifest += "skills: [lib.one]\n";
    if (std::string_view(role.name) == "other") manifest += "topics: [task.failed]\n";
    write(folder + "/agent.yaml", manifest);
    write(folder + "/init.lua", kAgentScript);
  }
  swarm += "governance: {quorum: 2, threshold: 0.6, vote_deadline_ms: 20000}\n";
  write(path_ + "/swarm.yaml", swarm);
  write(path_ + "/skills/lib/one/skill.yaml", "id: lib.one\nsummary: played\nversion: '1.0.0'\n");
  write(path_ + "/skills/lib/one/test.lua", kSkillScript);
  write(path_ + "/skills/lib/one/init.lua", kSkillScript);
}

SwarmFolder::~SwarmFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void SwarmFolder::reset() {
  for (const auto& script : scripts())
    write(path_ + file_of(script), script == "agent:worker" ? kAgentScript : kSkillScript);
}

const std::vector<std::string>& SwarmFolder::scripts() {
  static const std::vector<std::string> names = {"agent:worker", "skill:lib.one"};
  return names;
}

Life::Life(World& world, const SwarmFolder& folder, LifeOptions options)
    : world_(world),
      folder_(folder),
      options_(std::move(options)),
      loop_(world.time, world.disk, world.trace, options_.seed),
      blobs_(folder.path() + "/blobs"),
      library_(folder.path(), world.time),
      queue_(world.time, [this](const std::string& type) { return dispatcher_->roles().handles(type); }),
      mail_(world.time),
      cells_(world, loop_, {options_.deaths, options_.hangs}),
      evaluation_(world, loop_, true),
      process_(world, loop_, false),
      sleep_(loop_, world.time) {}

Life::~Life() = default;

Status Life::open() {
  using clade::store::Database;
  auto database = Database::open(kDatabase, Database::Mode::read_write, kFileSystem);
  if (!database) return clade::failure(database.error());
  if (auto status = clade::store::migrate(*database); !status) return status;
  auto reader = Database::open(kDatabase, Database::Mode::read_only, kFileSystem);
  if (!reader) return clade::failure(reader.error());
  reader_ = std::move(*reader);
  writer_ = std::make_unique<clade::store::Writer>(std::move(*database), loop_);
  clade::store::Batch batch;
  if (auto status = library_.load(*reader_, batch); !status) return status;
  const auto& swarm = library_.swarm();
  governance_ = std::make_unique<clade::run::Governance>(
      clade::run::VoteRules{swarm.quorum, swarm.threshold, swarm.vote_deadline_ms});
  if (auto status = governance_->load(*reader_); !status) return status;
  if (auto status = queue_.load(*reader_); !status) return status;
  mail_.set_recipients(recipients());
  if (auto status = mail_.load(*reader_); !status) return status;
  if (auto status = data_.load(*reader_); !status) return status;
  const std::string& path = folder_.path();
  world_.witness.approves_itself = options_.approve_auto;
  kernel_ = std::make_unique<clade::run::Kernel>(
      clade::run::Kernel{world_.time, loop_, log_, *writer_, *reader_, blobs_, queue_, mail_, library_,
                         *governance_, data_, path, path + "/report", Value{{"seed", 1}}});
  settlement_ = std::make_unique<clade::run::Settlement>(*kernel_, options_.approve_auto);
  dispatcher_ = std::make_unique<clade::run::Dispatcher>(*kernel_, *settlement_, cells_, hooks());
  cells_.report_to(*dispatcher_);
  queue_.observe([this](const clade::queue::Task& task, clade::queue::Verb verb, clade::queue::State) {
    world_.trace.line(world_.time.steady_us(),
                      "task " + task.id + " (" + task.type + ") " + name(verb) + " → " + name(task.state));
    if (options_.observed) options_.observed(task, verb);
    settlement_->observe(task, verb);
    dispatcher_->observe(task, verb);
  });
  dispatcher_->add_effect("cell.eval", evaluation_);
  dispatcher_->add_effect("process.run", process_);
  dispatcher_->add_effect("sleep", sleep_);
  for (const auto& role : roles()) set_role(role.name);
  dispatcher_->commit(std::move(batch), nullptr);
  if (options_.loaded) options_.loaded(*this);
  if (auto status = dispatcher_->recover(); !status) return status;
  dispatcher_->start();
  return {};
}

void Life::set_role(const std::string& role) {
  for (const auto& known : roles()) {
    if (known.name != role) continue;
    const Value::Array tasks(known.tasks.begin(), known.tasks.end());
    dispatcher_->set_role(role, Value{{"tasks", tasks}, {"has", Value{{"on_mail", true}}}});
  }
}

clade::run::Dispatcher::Hooks Life::hooks() {
  clade::run::Dispatcher::Hooks hooks;
  hooks.fatal = [this](const clade::Error& error) {
    if (!fatal_) world_.trace.line(world_.time.steady_us(), "the host has to stop: " + error.message);
    if (!fatal_) fatal_ = error;
  };
  hooks.published = [this](const std::string& name) {
    world_.counters.add("script published");
    if (name.rfind("agent:", 0) == 0) set_role(name.substr(6));
  };
  hooks.alarm = [this](const std::string&) { world_.counters.add("role quarantined"); };
  hooks.try_version = [this](const clade::script::Version&, const std::string&,
                             std::function<void(Status)> done) -> std::function<void()> {
    const auto open = std::make_shared<bool>(true);
    const bool loads = !loop_.random().percent(15);
    loop_.after(static_cast<int64_t>(loop_.random().below(100000)), [open, loads, done = std::move(done)] {
      if (*open) done(loads ? Status() : clade::failure("failed", "it does not load"));
    });
    return [open] { *open = false; };
  };
  hooks.write = [this](const clade::run::Kernel&, const std::string& path,
                       const std::string& text) -> Status {
    if (loop_.random().percent(4)) return clade::failure("io", "the folder is write-protected");
    world_.witness.files[path].insert(text);
    world_.counters.add("file written");
    return {};
  };
  return hooks;
}

bool Life::turn() {
  return loop_.turn() && !fatal_;
}

void Life::stop() {
  dispatcher_->stop();
}

void Life::commit(clade::store::Batch batch, std::function<void()> acknowledged) {
  dispatcher_->commit(std::move(batch), [this, acknowledged = std::move(acknowledged)](Status status) {
    if (!status) return;
    if (fatal_) world_.witness.broken(kSilentAfterDeath, "an operator's change, after: " + fatal_->message);
    if (acknowledged) acknowledged();
  });
}

void Life::compare_with_store() {
  if (writer_->pending() > 0 || fatal_) return;
  const Disk::Spared spared(world_.disk);
  Witness& witness = world_.witness;
  clade::queue::Queue queue(world_.time, nullptr);
  clade::mail::Mail mail(world_.time);
  mail.set_recipients(recipients());
  const auto& swarm = library_.swarm();
  clade::run::Governance governance({swarm.quorum, swarm.threshold, swarm.vote_deadline_ms});
  clade::run::Data data;
  if (!queue.load(*reader_) || !mail.load(*reader_) || !governance.load(*reader_) || !data.load(*reader_)) {
    witness.broken(kMemoryIsStore, "it cannot be read");
    return;
  }
  const auto stored = clade::test::open_tasks(queue, *reader_);
  const auto held = clade::test::open_tasks(queue_, *reader_);
  if (stored.size() != held.size())
    witness.broken(kMemoryIsStore, std::to_string(stored.size()) + " tasks are stored, and " +
                                       std::to_string(held.size()) + " in memory");
  for (const auto* task : stored) {
    const auto* mine = queue_.find(task->id);
    auto plain = [](clade::queue::Task copy) {
      copy.lease_until = 0;  // renewed in memory alone
      return clade::queue::task_value(copy);
    };
    if (!mine || plain(*mine) != plain(*task)) witness.broken(kMemoryIsStore, "task " + task->id);
  }
  if (mail.waiting() != mail_.waiting()) witness.broken(kMemoryIsStore, "how many messages wait");
  for (const auto& recipient : recipients()) {
    const auto* next = mail.next(recipient.name);
    const auto* mine = mail_.next(recipient.name);
    if ((next == nullptr) != (mine == nullptr) ||
        (next && (next->id != mine->id || next->attempt != mine->attempt || next->body != mine->body)))
      witness.broken(kMemoryIsStore, "the mail of " + recipient.name);
    const auto keys = [&](const clade::run::Data& of) { return of.keys(recipient.name, {}, "", "", 1000); };
    if (keys(data) != keys(data_)) witness.broken(kMemoryIsStore, "the data of " + recipient.name);
  }
  if (governance.open_count() != governance_->open_count() ||
      governance.rules().threshold != governance_->rules().threshold)
    witness.broken(kMemoryIsStore, "proposals or rules");
}

}  // namespace sim
