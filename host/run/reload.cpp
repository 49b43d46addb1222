#include "run/reload.h"

#include "base/bytes.h"
#include "run/program.h"

namespace clade::run {
namespace {

constexpr const char* kAgent = "agent:";
constexpr const char* kSkill = "skill:";
// The instance a candidate is tried as: no agent of a swarm has such a name.
constexpr const char* kTrial = "(trial)";

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

}  // namespace

Reload::Reload(const Kernel& kernel, Dispatcher& dispatcher, Checks checks, Say say)
    : kernel_(kernel), dispatcher_(dispatcher), checks_(std::move(checks)), say_(std::move(say)) {}

Reload::~Reload() {
  *alive_ = false;
}

void Reload::try_roles(std::function<void(Status)> done) {
  std::set<std::string> roles;
  for (const auto& agent : kernel_.library.swarm().agents) roles.insert(agent.role);
  if (roles.empty()) {
    done({});
    return;
  }
  struct Progress {
    size_t left;
    Status status;
  };
  auto progress = std::make_shared<Progress>(Progress{roles.size(), {}});
  for (const auto& role : roles) {
    auto finish = [this, alive = alive_, role, progress, done](Result<Value> info) {
      if (!*alive) return;
      if (info) {
        dispatcher_.set_role(role, *info);
      } else if (progress->status) {
        progress->status =
            failure(info.error().code, "the role " + role + " does not load: " + info.error().message);
      }
      if (--progress->left == 0) done(progress->status);
    };
    auto program = current_program(kernel_.library, role, kTrial);
    if (program) {
      checks_.start(std::move(*program), "", finish);
    } else {
      kernel_.loop.post([finish, error = program.error()] { finish(failure(error)); });
    }
  }
}

void Reload::look(std::function<void()> done) {
  if (done) done_.push_back(std::move(done));
  if (busy_) return;
  gather();
  next();
}

void Reload::gather() {
  imported_ = false;
  for (auto& candidate : kernel_.library.changed()) candidates_.push_back(std::move(candidate));
  for (const auto& problem : kernel_.library.problems()) {
    if (said_.insert(problem.message).second) say_("scripts", problem.message);
  }
}

void Reload::refresh(const std::string& name) {
  if (!starts_with(name, kAgent)) return;
  const std::string role = name.substr(std::string(kAgent).size());
  auto program = current_program(kernel_.library, role, kTrial);
  if (!program) return;
  checks_.start(std::move(*program), "", [this, alive = alive_, role](Result<Value> info) {
    if (*alive && info) dispatcher_.set_role(role, *info);
  });
}

void Reload::next() {
  if (candidates_.empty() && imported_) gather();  // a skill that uses a new one is offered only now
  if (candidates_.empty()) {
    busy_ = false;
    while (!done_.empty()) {
      auto done = std::move(done_.front());
      done_.pop_front();
      done();
    }
    return;
  }
  busy_ = true;
  script::Version candidate = std::move(candidates_.front());
  candidates_.pop_front();
  try_all(candidate, "", [this, candidate](Result<Value> info) { decide(candidate, std::move(info)); });
}

std::function<void()> Reload::try_version(const script::Version& candidate, const std::string& agent,
                                          std::function<void(Status)> done) {
  const auto trial = try_all(candidate, agent, [done = std::move(done)](Result<Value> info) {
    done(info ? Status() : failure(info.error()));
  });
  return [this, alive = alive_, weak = std::weak_ptr<Trial>(trial)] {
    const auto left = weak.lock();
    if (!left || !*alive) return;
    left->done = nullptr;
    checks_.cancel(left->check);
  };
}

std::shared_ptr<Reload::Trial> Reload::try_all(const script::Version& candidate, const std::string& agent,
                                               std::function<void(Result<Value>)> done) {
  auto trial = std::make_shared<Trial>();
  trial->agent = agent;
  trial->done = std::move(done);
  auto own = program_of(candidate);
  if (!own) {
    kernel_.loop.post([trial, error = own.error()] {
      if (trial->done) trial->done(failure(error));
    });
    return trial;
  }
  trial->programs.push_back(std::move(*own));
  // A skill must also suit those who use it: a role that no longer loads would keep the next host from
  // starting.
  if (starts_with(candidate.name, kSkill)) {
    const std::string id = candidate.name.substr(std::string(kSkill).size());
    std::set<std::string> roles;
    for (const auto& entry : kernel_.library.swarm().agents) roles.insert(entry.role);
    for (const auto& role : roles) {
      auto program = current_program(kernel_.library, role, kTrial, &candidate);
      if (program && program->modules.count(id)) trial->programs.push_back(std::move(*program));
    }
  }
  try_next(trial);
  return trial;
}

void Reload::try_next(const std::shared_ptr<Trial>& trial) {
  if (trial->programs.empty()) {
    trial->done(std::move(trial->info));
    return;
  }
  Program program = std::move(trial->programs.front());
  trial->programs.pop_front();
  trial->check =
      checks_.start(std::move(program), trial->agent, [this, alive = alive_, trial](Result<Value> answer) {
        if (!*alive) return;
        if (!answer) {
          trial->done(failure(answer.error()));
          return;
        }
        if (trial->info.is_nil()) trial->info = std::move(*answer);
        try_next(trial);
      });
}

Result<Program> Reload::program_of(const script::Version& candidate) const {
  if (starts_with(candidate.name, kAgent)) {
    return current_program(kernel_.library, candidate.name.substr(std::string(kAgent).size()), kTrial,
                           &candidate);
  }
  Program program;
  program.agent = kTrial;
  program.version = candidate.hash;
  program.key = candidate.hash;
  if (!starts_with(candidate.name, kSkill)) {
    program.main = {candidate.source, chunk_name(candidate)};
    return program;
  }
  // A skill is no agent: it is tried as what an agent requires, with its own selftest if it has one.
  const std::string id = candidate.name.substr(std::string(kSkill).size());
  program.main = {"local skill = require(\"" + id +
                      "\")\n"
                      "return { api = 1, on_mail = function() end, selftest = function()\n"
                      "  if type(skill) == \"table\" and skill.selftest then skill.selftest() end\n"
                      "end }\n",
                  "trial of " + candidate.name};
  program.modules[id] = {candidate.source, chunk_name(candidate)};
  auto modules = kernel_.library.closure(kernel_.library.uses(candidate));
  if (!modules) return failure(modules.error());
  for (const auto& [used, module] : *modules) program.modules[used] = {module->source, chunk_name(*module)};
  return program;
}

void Reload::decide(const script::Version& candidate, Result<Value> info) {
  store::Batch batch;
  std::string text;
  if (info) {
    kernel_.library.import(candidate, "file", batch);
    imported_ = true;
    if (starts_with(candidate.name, kAgent)) {
      dispatcher_.set_role(candidate.name.substr(std::string(kAgent).size()), *info);
    }
    text = "is live at version " + short_hash(candidate.hash);
  } else {
    kernel_.library.refuse(candidate, info.error().message, batch);
    text = "refused, the version in force stays: " + info.error().message;
  }
  dispatcher_.commit(std::move(batch), [this, alive = alive_, name = candidate.name, text](Status status) {
    if (!*alive || !status) return;
    say_(name, text);
    next();
  });
}

}  // namespace clade::run
