#include "sim/life.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <stdlib.h>

#include "base/bytes.h"
#include "queue/history.h"
#include "run/program.h"
#include "sim/promises.h"
#include "sim/texts.h"
#include "support/open_tasks.h"

namespace sim {

using clade::Status;
using clade::Value;

namespace {

constexpr const char* kLibrary = "skill:lib.one";
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
  return script == kLibrary ? "/skills/lib/one/init.lua" : "/agents/" + script.substr(6) + "/init.lua";
}

// What the script of a role says of itself.
Value info_of(const clade::run::Program& program) {
  const std::string role = role_in(program.main.source);
  Value::Array tasks;
  for (const auto& known : roles()) {
    if (known.name == role) tasks.assign(known.tasks.begin(), known.tasks.end());
  }
  if (takes_fresh(program)) tasks.emplace_back("fresh_*");
  return Value{{"tasks", std::move(tasks)}, {"has", Value{{"on_mail", true}}}};
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
    write(folder + "/init.lua", first_text("agent:" + std::string(role.name)));
  }
  swarm += "governance: {quorum: 2, threshold: 0.6, vote_deadline_ms: 20000}\n";
  swarm += "probation: {runs: 6, seconds: 20}\n";
  write(path_ + "/swarm.yaml", swarm);
  write(path_ + "/skills/lib/one/skill.yaml", "id: lib.one\nsummary: played\nversion: '1.0.0'\n");
  write(path_ + "/skills/lib/one/test.lua", first_text(kLibrary));
  write(path_ + "/skills/lib/one/init.lua", first_text(kLibrary));
}

SwarmFolder::~SwarmFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void SwarmFolder::reset() {
  for (const auto& script : scripts()) save(script, first_text(script));
}

void SwarmFolder::save(const std::string& script, const std::string& text) const {
  write(path_ + file_of(script), text);
}

const std::vector<std::string>& SwarmFolder::scripts() {
  static const std::vector<std::string> names = {"agent:worker", kLibrary, "agent:other"};
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
  const auto before = in_force();
  clade::store::Batch batch;
  if (auto status = library_.load(*reader_, batch); !status) return status;
  check_start(before);
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
  suspicions_.emplace(world_.witness, library_, *dispatcher_);
  cells_.report_to(*dispatcher_, *suspicions_);
  make_reload();
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
  set_roles();
  using Probation = Witness::Probation;
  auto& probation = world_.witness.probation;
  if (probation == Probation::goes_on) probation = Probation::either;
  dispatcher_->commit(std::move(batch), [&probation](const Status& status) {
    if (status) probation = Probation::cut_off;
  });
  if (options_.loaded) options_.loaded(*this);
  if (auto status = dispatcher_->recover(); !status) return status;
  dispatcher_->start();
  reload_->look();
  return {};
}

InForce Life::in_force() {
  const Disk::Spared spared(world_.disk);
  const auto events = read_script_events(*reader_);
  if (!events) world_.witness.broken(kStarts, events.error().message);
  return {events ? *events : std::vector<Stored::ScriptEvent>(), world_.witness.forced};
}

void Life::check_start(const InForce& before) {
  using Probation = Witness::Probation;
  const Probation wanted = world_.witness.probation;
  bool cut_off = wanted != Probation::goes_on;
  bool goes_on = wanted != Probation::cut_off;
  std::string how;
  for (const auto& [name, script] : before.scripts()) {
    if (script.newest.empty()) continue;
    const std::string& hash = library_.newest(name)->hash;
    const auto install = library_.installs().find(script.install);
    const bool is_on_probation =
        install != library_.installs().end() && install->second.before.count(name) > 0;
    cut_off = cut_off && hash == script.confirmed && !is_on_probation;
    goes_on = goes_on && hash == script.newest && is_on_probation == (script.install != 0);
    if (script.install != 0)
      how += (how.empty() ? "" : ", ") + name + (is_on_probation ? " is" : " is not") + " on probation";
    if (script.install != 0)
      world_.counters.add(is_on_probation ? "version still on probation" : "version cut off");
  }
  if (!cut_off && !goes_on)
    world_.witness.broken(kBeginsConfirmed, "life " + std::to_string(world_.life) + ": " + how);
}

void Life::set_roles() {
  for (const auto& role : roles()) {
    if (const auto program = clade::run::current_program(library_, role.name, role.name))
      dispatcher_->set_role(role.name, info_of(*program));
  }
  for (const auto& [id, install] : library_.installs()) {
    for (const auto& role : library_.roles_of(id)) {
      if (const auto program = clade::run::program_before(library_, role, role, install))
        dispatcher_->know_role(role, clade::run::combination_before(library_, role, install),
                               info_of(*program));
    }
  }
}

// Trials take their time, and may find that a version does not load.
void Life::make_reload() {
  clade::run::Reload::Checks checks;
  checks.start = [this, open = open_checks_](clade::run::Program program, const std::string&,
                                             std::function<void(clade::Result<Value>)> done) {
    const uint64_t check = ++checks_;
    open->insert(check);
    loop_.after(static_cast<int64_t>(loop_.random().below(60000)),
                [open, check, program = std::move(program), done = std::move(done)] {
                  if (open->erase(check) == 0) return;
                  done(loads(program) ? clade::Result<Value>(info_of(program))
                                      : clade::failure("failed", "it does not load"));
                });
    return check;
  };
  checks.cancel = [open = open_checks_](uint64_t check) { open->erase(check); };
  reload_ = std::make_unique<clade::run::Reload>(*kernel_, *dispatcher_, std::move(checks),
                                                 [](const std::string&, const std::string&) {});
}

clade::run::Dispatcher::Hooks Life::hooks() {
  clade::run::Dispatcher::Hooks hooks;
  hooks.fatal = [this](const clade::Error& error) {
    if (!fatal_) world_.trace.line(world_.time.steady_us(), "the host has to stop: " + error.message);
    if (!fatal_) fatal_ = error;
  };
  hooks.published = [this](const std::string& name) {
    world_.counters.add("script published");
    reload_->refresh(name);
  };
  hooks.alarm = [this](const std::string&) { world_.counters.add("role quarantined"); };
  hooks.try_version = [this](const clade::script::Version& candidate, const std::string& agent,
                             std::function<void(Status)> done) {
    return reload_->try_version(candidate, agent, std::move(done));
  };
  hooks.decided = [this](const clade::run::Decision& decision) {
    const char* kinds[] = {"suspended", "resumed", "confirmed", "undone"};
    world_.trace.line(world_.time.steady_us(), decision.text);
    reload_->catch_up(decision.roles);
    world_.counters.add(std::string("version ") + kinds[static_cast<int>(decision.kind)]);
    if (decision.kind != clade::run::Decision::Kind::undone) return;
    if (decision.text.find("is worse: ") != std::string::npos)
      world_.counters.add("version undone, as worse");
    if (decision.text.find("no version before takes") != std::string::npos)
      world_.counters.add("version undone, and nobody could be asked");
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
  stopping_ = true;
  reload_->stop();
  dispatcher_->stop();
  using Probation = Witness::Probation;
  auto& probation = world_.witness.probation;
  clade::store::Batch batch;
  library_.pause(batch);
  const auto before = probation;
  probation = Probation::either;
  bool done = false;
  writer_->commit(std::move(batch), [&](const Status& status) {
    done = true;
    if (status) probation = before == Probation::cut_off ? Probation::goes_on : before;
  });
  while (!done && loop_.turn()) continue;
}

void Life::commit(clade::store::Batch batch, std::function<void()> acknowledged) {
  dispatcher_->commit(std::move(batch), [this, acknowledged = std::move(acknowledged)](Status status) {
    if (!status || stopping_) return;  // nobody is there any more
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
  for (const auto& role : roles()) {
    const auto program = clade::run::current_program(library_, role.name, role.name);
    const bool takes = dispatcher_->roles().takes(role.name, kFreshTask);
    // Until a version that was not tried for its role has been asked, it is held to what the one before said.
    if (open_checks_->empty() && (!program || takes != takes_fresh(*program)))
      witness.broken(kOwnWords,
                     std::string(role.name) + (takes ? " takes" : " does not take") + " fresh tasks");
  }
  if (governance.open_count() != governance_->open_count() ||
      governance.rules().threshold != governance_->rules().threshold)
    witness.broken(kMemoryIsStore, "proposals or rules");
}

}  // namespace sim
