#include "run/reload.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/bytes.h"
#include "run/program.h"

namespace clade::run {
namespace {

const std::string kAgent = "agent:";
const std::string kSkill = "skill:";
// The instance a candidate is tried as: no agent of a swarm has such a name.
constexpr const char* kTrial = "(trial)";
// In the place of a role's name.
const std::string kVersionBefore = "(before)";
// Of each role; what the states of further agents do, shows when they run.
constexpr size_t kStatesTried = 16;

bool starts_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

// Those that belong together: one uses the other, or a role runs both. Each set in the order of the
// candidates.
std::vector<std::vector<script::Version>> related(const script::Library& library,
                                                  std::vector<script::Version> candidates) {
  std::set<std::string> names;
  for (const auto& candidate : candidates) names.insert(candidate.name);
  std::vector<std::vector<script::Version>> sets;
  std::vector<std::set<std::string>> keys;  // of each set: names and roles
  for (auto& candidate : candidates) {
    std::set<std::string> own = {candidate.name};
    for (const auto& skill : library.uses(candidate)) {
      if (names.count(kSkill + skill) > 0) own.insert(kSkill + skill);
    }
    for (const auto& role : library.users_of(candidate.name)) own.insert("role " + role);
    std::vector<script::Version> set;
    for (size_t index = 0; index < sets.size();) {
      const bool touches =
          std::any_of(own.begin(), own.end(), [&](const auto& key) { return keys[index].count(key) > 0; });
      if (!touches) {
        ++index;
        continue;
      }
      std::move(sets[index].begin(), sets[index].end(), std::back_inserter(set));
      own.merge(keys[index]);
      sets.erase(sets.begin() + static_cast<std::ptrdiff_t>(index));
      keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(index));
    }
    set.push_back(std::move(candidate));
    sets.push_back(std::move(set));
    keys.push_back(std::move(own));
  }
  return sets;
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
  try_before();
}

// What its install would go back to.
void Reload::try_before() {
  for (const auto& [id, install] : kernel_.library.installs()) {
    for (const auto& role : kernel_.library.roles_of(id)) {
      auto program = program_before(kernel_.library, role, kTrial, install);
      if (!program) continue;
      const std::string combination = combination_before(kernel_.library, role, install);
      checks_.start(std::move(*program), "", [this, alive = alive_, role, combination](Result<Value> info) {
        if (*alive && info) dispatcher_.know_role(role, combination, *info);
      });
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
  auto changed = kernel_.library.changed();
  std::erase_if(changed, [&](const auto& candidate) {
    return kernel_.library.reload_mode(candidate.name) == script::ReloadMode::off;
  });
  std::erase_if(waiting_, [&](const auto& waiting) {
    return std::none_of(changed.begin(), changed.end(), [&](const auto& candidate) {
      return candidate.name == waiting.first && candidate.hash == waiting.second;
    });
  });
  for (auto& set : related(kernel_.library, std::move(changed))) {
    const bool is_known = std::all_of(set.begin(), set.end(), [&](const auto& candidate) {
      const auto waiting = waiting_.find(candidate.name);
      return waiting != waiting_.end() && waiting->second == candidate.hash;
    });
    if (!is_known) sets_.push_back(std::move(set));
  }
  for (const auto& problem : kernel_.library.problems()) {
    if (said_.insert(problem.message).second) say_("scripts", problem.message);
  }
}

void Reload::catch_up(const std::vector<std::string>& roles) {
  for (const auto& role : roles) {
    if (!dispatcher_.roles().form(role, current_combination(kernel_.library, role))) refresh(kAgent + role);
  }
}

void Reload::refresh(const std::string& name) {
  for (const auto& role : kernel_.library.users_of(name)) {
    auto program = current_program(kernel_.library, role, kTrial);
    if (!program) continue;
    const std::string combination = combination_of(*program);
    const std::string version = program->version;
    checks_.start(std::move(*program), "",
                  [this, alive = alive_, role, combination, version](Result<Value> info) {
                    if (!*alive || !info) return;
                    store::Batch batch;
                    kernel_.library.note_schema(version, (*info)["schema"].as_integer(1), batch);
                    if (!batch.empty()) dispatcher_.commit(std::move(batch), nullptr);
                    dispatcher_.know_role(role, combination, *info);
                  });
  }
}

void Reload::next() {
  if (sets_.empty() && imported_) gather();  // a skill that uses a new one is offered only now
  if (sets_.empty()) {
    busy_ = false;
    while (!done_.empty()) {
      auto done = std::move(done_.front());
      done_.pop_front();
      done();
    }
    return;
  }
  busy_ = true;
  Set set = std::move(sets_.front());
  sets_.pop_front();
  try_all(set, "", false, [this, set](Result<Findings> findings) {
    if (findings || set.size() == 1) return decide(set, std::move(findings));
    // One that is wrong keeps no other from being tried by itself.
    for (auto candidate = set.rbegin(); candidate != set.rend(); ++candidate) sets_.push_front({*candidate});
    next();
  });
}

void Reload::install(const std::vector<std::string>& names, bool force, const std::string& by,
                     std::function<void(Result<Value>)> done) {
  Set set;
  for (const auto& name : names) {
    auto candidate = kernel_.library.offer(name, force);
    if (!candidate) return done(failure(candidate.error()));
    set.push_back(std::move(*candidate));
  }
  try_all(set, "", force, [this, set, by, done = std::move(done)](Result<Findings> findings) {
    if (!findings) return done(failure("refused", findings.error().message));
    store::Batch batch;
    take_over(set, by, *findings, batch);
    dispatcher_.commit(std::move(batch), [this, alive = alive_, set, done](Status status) {
      if (!status) return done(failure(status.error()));
      Value hashes = Value::Map();
      for (const auto& candidate : set) hashes.set(candidate.name, candidate.hash);
      if (*alive) say_live(set);
      done(std::move(hashes));
    });
  });
}

std::function<void()> Reload::try_version(const script::Version& candidate, const std::string& agent,
                                          std::function<void(Status)> done) {
  const auto trial =
      try_all({candidate}, agent, false, [done = std::move(done)](const Result<Findings>& findings) {
        done(findings ? Status() : failure(findings.error()));
      });
  return [this, alive = alive_, weak = std::weak_ptr<Trial>(trial)] {
    const auto left = weak.lock();
    if (!left || !*alive) return;
    left->done = nullptr;
    checks_.cancel(left->check);
    if (left->call_off) left->call_off();
  };
}

std::shared_ptr<Reload::Trial> Reload::try_all(Set set, const std::string& agent, bool forced,
                                               std::function<void(Result<Findings>)> done) {
  auto trial = std::make_shared<Trial>();
  trial->agent = agent;
  trial->done = std::move(done);
  trial->must_be_same = !forced && kernel_.library.swarm().shadow == script::ShadowMode::require_same;
  const auto fail = [&](const Error& error) {
    kernel_.loop.post([trial, error] {
      if (trial->done) trial->done(failure(error));
    });
    return trial;
  };
  Instead candidates;
  for (const auto& candidate : set) candidates.emplace(candidate.name, &candidate);
  // What is suspended comes into force with them, or again.
  Instead instead = candidates;
  for (const auto& [id, install] : kernel_.library.installs()) {
    for (const auto& [name, before] : install.before) instead.emplace(name, kernel_.library.newest(name));
  }
  for (const auto& candidate : set) {
    if (starts_with(candidate.name, kAgent)) continue;
    auto own = program_of(candidate, candidates);
    if (!own) return fail(own.error());
    trial->programs.emplace_back("", std::move(*own));
  }
  // A skill must also suit those who use it: a role that no longer loads would keep the next host from
  // starting.
  std::set<std::string> roles;
  for (const auto& entry : kernel_.library.swarm().agents) roles.insert(entry.role);
  for (const auto& role : roles) {
    auto program = current_program(kernel_.library, role, kTrial, instead);
    const bool is_one = candidates.count(kAgent + role) > 0;
    if (!program && is_one) return fail(program.error());
    if (program &&
        (is_one || std::any_of(program->modules.begin(), program->modules.end(), [&](const auto& module) {
           return candidates.count(kSkill + module.first) > 0;
         })))
      trial->programs.emplace_back(role, std::move(*program));
    if (is_one) add_version_before(*trial, role, *candidates.at(kAgent + role));
  }
  try_next(trial);
  return trial;
}

// Manifests are no versions: the version before has to load with what the new one brings along.
void Reload::add_version_before(Trial& trial, const std::string& role,
                                const script::Version& candidate) const {
  const script::Library& library = kernel_.library;
  const script::Version* current = library.current(kAgent + role);
  const auto uses = library.uses(candidate);
  const auto& needs = library.agent(role).skills;
  const bool drops = std::any_of(needs.begin(), needs.end(), [&](const std::string& skill) {
    return std::find(uses.begin(), uses.end(), skill) == uses.end();
  });
  if (!current || !drops) return;
  const script::Version before = *current;
  auto program = current_program(library, role, kTrial, {{before.name, &before}});
  if (program) trial.programs.emplace_back(kVersionBefore, std::move(*program));
}

void Reload::try_next(const std::shared_ptr<Trial>& trial) {
  if (trial->programs.empty()) return try_next_state(trial);
  auto [role, program] = std::move(trial->programs.front());
  trial->programs.pop_front();
  trial->check =
      checks_.start(program, trial->agent,
                    [this, alive = alive_, trial, role = role, program = program](Result<Value> answer) {
                      if (!*alive) return;
                      if (!answer) {
                        trial->done(failure(answer.error()));
                        return;
                      }
                      if (!role.empty()) {
                        gather_states(*trial, role, program, *answer);
                        trial->findings.infos[role] = std::move(*answer);
                        trial->findings.programs[role] = program;
                      }
                      try_next(trial);
                    });
}

void Reload::gather_states(Trial& trial, const std::string& role, const Program& program,
                           const Value& info) const {
  const script::Library& library = kernel_.library;
  const int64_t schema = info["schema"].as_integer(1);
  const script::Version* now = library.current(kAgent + role);
  if (!checks_.examine || !now || now->hash == program.version) return;
  if (!info["has"]["migrate"].as_bool() && schema == library.schema_of(now->hash)) return;
  const int64_t install = library.install_of(role);
  auto before = install == 0 ? current_program(library, role, kTrial)
                             : program_before(library, role, kTrial, library.installs().at(install));
  std::set<std::string> seen;  // states that are equal are tried once
  for (const auto& [agent, state] : dispatcher_.states_of(role)) {
    if (seen.size() >= kStatesTried || !seen.insert(state.hash).second) continue;
    trial.states.push_back({role,
                            agent,
                            {state.value, state.version, library.schema_of(state.version)},
                            program,
                            before ? std::optional(*before) : std::nullopt,
                            schema});
  }
}

void Reload::try_next_state(const std::shared_ptr<Trial>& trial) {
  if (trial->states.empty()) {
    std::deque<std::string> roles;
    for (const auto& [role, program] : trial->findings.programs) roles.push_back(role);
    return try_past_runs(
        trial, trial->must_be_same && checks_.shadow ? std::move(roles) : std::deque<std::string>());
  }
  StateTrial tried = std::move(trial->states.front());
  trial->states.pop_front();
  trial->call_off = checks_.examine(
      tried.program, tried.question, [this, alive = alive_, trial, tried](Result<Value> state) {
        if (!*alive) return;
        if (!state) {
          trial->done(failure(state.error().code,
                              "it does not take the state of " + tried.agent + ": " + state.error().message));
          return;
        }
        try_way_back(trial, tried, std::move(*state));
      });
}

void Reload::try_past_runs(const std::shared_ptr<Trial>& trial, std::deque<std::string> roles) {
  if (!trial->done) return;  // called off
  if (roles.empty()) return trial->done(std::move(trial->findings));
  const std::string role = std::move(roles.front());
  roles.pop_front();
  checks_.shadow(role, trial->findings.programs.at(role),
                 [this, alive = alive_, trial, role, roles = std::move(roles)](const ShadowReport& report) {
                   if (!*alive || !trial->done) return;
                   const std::string text = shadow_text(report);
                   if (text.empty()) return try_past_runs(trial, roles);
                   trial->done(failure(
                       "differs", "swarm.yaml has `shadow: require_same`, and " + role + " differs: " + text +
                                      "; `clade script install NAME --force` makes it current all the same"));
                 });
}

void Reload::show_past_runs(const Findings& findings) {
  if (!checks_.shadow || kernel_.library.swarm().shadow != script::ShadowMode::show) return;
  for (const auto& [role, program] : findings.programs) {
    checks_.shadow(role, program, [this, alive = alive_, role = role](const ShadowReport& report) {
      const std::string text = *alive ? shadow_text(report) : "";
      if (text.empty()) return;
      say_(kAgent + role, text + "; `clade replay " + std::to_string(report.differences.front().run) +
                              " --with agents/" + role + "/init.lua` shows it");
    });
  }
}

void Reload::try_way_back(const std::shared_ptr<Trial>& trial, StateTrial tried, Value state) {
  if (!tried.before) return try_next_state(trial);
  Program before = std::move(*tried.before);
  trial->call_off =
      checks_.examine(std::move(before), {std::move(state), tried.program.version, tried.schema},
                      [this, alive = alive_, trial, role = tried.role](const Result<Value>& back) {
                        if (!*alive) return;
                        if (!back) trial->findings.no_way_back.insert(role);
                        try_next_state(trial);
                      });
}

Result<Program> Reload::program_of(const script::Version& candidate, const Instead& candidates) const {
  Program program;
  program.agent = kTrial;
  program.version = candidate.hash;
  program.key = candidate.hash;
  if (!starts_with(candidate.name, kSkill)) {
    program.main = {candidate.source, chunk_name(candidate)};
    return program;
  }
  // A skill is no agent: it is tried as what an agent requires, with its own selftest if it has one.
  const std::string id = candidate.name.substr(kSkill.size());
  program.main = {"local skill = require(\"" + id +
                      "\")\n"
                      "return { api = 1, on_mail = function() end, selftest = function()\n"
                      "  if type(skill) == \"table\" and skill.selftest then skill.selftest() end\n"
                      "end }\n",
                  "trial of " + candidate.name};
  program.modules[id] = {candidate.source, chunk_name(candidate)};
  auto modules = kernel_.library.closure(kernel_.library.uses(candidate));
  if (!modules) return failure(modules.error());
  for (const auto& [used, module] : *modules) {
    const auto changed = candidates.find(kSkill + used);
    const auto& version = changed == candidates.end() ? *module : *changed->second;
    program.modules[used] = {version.source, chunk_name(version)};
  }
  return program;
}

void Reload::take_over(const Set& set, const std::string& by, const Findings& findings, store::Batch& batch) {
  kernel_.library.import(set, by, batch);
  for (const auto& candidate : set) waiting_.erase(candidate.name);
  imported_ = true;
  for (const auto& [role, info] : findings.infos) {
    const Program& program = findings.programs.at(role);
    kernel_.library.note_schema(program.version, info["schema"].as_integer(1), batch);
    dispatcher_.know_role(role, combination_of(program), info);
    // Something beside them may have changed while they were tried.
    const auto now = current_program(kernel_.library, role, kTrial);
    if (now && now->key != program.key) refresh(kAgent + role);
  }
  show_past_runs(findings);
  for (const auto& role : findings.no_way_back) {
    dispatcher_.note_no_way_back(role);
    say_(kAgent + role,
         "leaves a state that the version before cannot go on with: if it fails on probation, its agents "
         "stop");
  }
}

void Reload::say_live(const Set& set) {
  for (const auto& candidate : set) {
    const bool is_tried =
        std::any_of(kernel_.library.installs().begin(), kernel_.library.installs().end(),
                    [&](const auto& install) { return install.second.before.count(candidate.name) > 0; });
    say_(candidate.name,
         "is live at version " + short_hash(candidate.hash) + (is_tried ? ", on probation" : ""));
  }
}

void Reload::ask(const Set& set) {
  std::string names;
  for (const auto& candidate : set) {
    waiting_[candidate.name] = candidate.hash;
    names += " " + candidate.name;
  }
  for (const auto& candidate : set)
    say_(candidate.name, "loads at version " + short_hash(candidate.hash) +
                             " and waits: `clade script install" + names + "`");
}

void Reload::decide(const Set& set, Result<Findings> findings) {
  if (findings && std::any_of(set.begin(), set.end(), [&](const auto& candidate) {
        return kernel_.library.reload_mode(candidate.name) == script::ReloadMode::ask;
      })) {
    ask(set);
    return next();
  }
  store::Batch batch;
  std::string refusal;
  if (findings) {
    take_over(set, "file", *findings, batch);
  } else {
    refusal = "refused, the version in force stays: " + findings.error().message;
    kernel_.library.refuse(set.front(), findings.error().message, batch);
  }
  dispatcher_.commit(std::move(batch), [this, alive = alive_, set, refusal](Status status) {
    if (!*alive || !status) return;
    if (refusal.empty()) {
      say_live(set);
    } else {
      say_(set.front().name, refusal);
    }
    next();
  });
}

}  // namespace clade::run
