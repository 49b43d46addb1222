#include "cli/replay.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/codec.h"
#include "cell/pool.h"
#include "cli/output.h"
#include "cli/scripts.h"
#include "loop/loop.h"

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

Error no_cells(const std::string& why) {
  return {"io",
          "the process that makes cells ended (" + why + "): run `clade doctor` to see what is missing"};
}

// "optimize.bin_packing" for skills/optimize/bin_packing/init.lua below the swarm's folder, otherwise "".
std::string skill_of(const std::string& folder, const std::string& file) {
  std::error_code error;
  const fs::path relative =
      fs::weakly_canonical(file, error).lexically_relative(fs::weakly_canonical(folder, error));
  std::vector<std::string> parts;
  for (const auto& part : relative) parts.push_back(part.string());
  const bool skill = !error && parts.size() == 4 && parts[0] == "skills" && parts[3] == "init.lua";
  return skill ? parts[1] + "." + parts[2] : "";
}

void set_key(run::Program& program) {
  std::string text = program.agent + program.main.chunk + program.main.source;
  for (const auto& [id, module] : program.modules) text += id + module.source;
  program.key = content_hash(text);
}

}  // namespace

struct Replayer::State {
  explicit State(cell::Zygote made) : zygote(std::move(made)), pool(loop, zygote, options(), log) {
    zygote.attach(loop, [this](const std::string& reason) {
      death = reason;
      loop.stop();
    });
  }
  static cell::PoolOptions options() {
    cell::PoolOptions options;
    options.shared_cells = 0;
    return options;
  }

  loop::Loop loop;
  cell::Zygote zygote;
  Log log;
  cell::Pool pool;
  std::string death;
};

Replayer::Replayer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Replayer::Replayer(Replayer&&) noexcept = default;
Replayer& Replayer::operator=(Replayer&&) noexcept = default;
Replayer::~Replayer() = default;

Result<Replayer> Replayer::start() {
  auto zygote = cell::Zygote::start();
  if (!zygote) return failure(zygote.error());
  return Replayer(std::make_unique<State>(std::move(*zygote)));
}

Result<run::Replayed> Replayer::replay(const run::Recording& recording, const run::Program& program,
                                       run::Matching matching) {
  std::optional<run::Replayed> replayed;
  run::Replay replay(recording, state_->pool, matching, [&](run::Replayed done) {
    replayed = std::move(done);
    state_->loop.stop();
  });
  state_->pool.report_to(&replay);
  replay.start(program);
  if (!replayed && state_->death.empty()) state_->loop.run();
  state_->pool.report_to(nullptr);
  if (!replayed) return failure(no_cells(state_->death));
  return std::move(*replayed);
}

Status Replayer::selftest(const run::Program& program) {
  std::optional<Status> outcome;
  state_->pool.check(program, "", [&](const Result<cell::ProgramInfo>& info) {
    outcome = info ? Status() : Status(failure(info.error()));
    state_->loop.stop();
  });
  if (!outcome && state_->death.empty()) state_->loop.run();
  return outcome ? *outcome : Status(failure(no_cells(state_->death)));
}

Value replayed_value(const run::Replayed& replayed) {
  return {{"end", run::name(replayed.end)}, {"text", replayed.text},       {"result", replayed.result},
          {"state", replayed.state},        {"effects", replayed.effects}, {"answers", replayed.answers}};
}

Result<Replacement> read_replacement(const std::string& folder, const std::string& file) {
  auto source = read_file(file, 4u << 20);
  if (!source) return failure(source.error());
  return Replacement{skill_of(folder, file), {std::move(*source), file}};
}

run::Program replaced_program(const std::string& folder, const run::Recording& recording,
                              run::Program program, const Replacement& replacement) {
  if (replacement.skill.empty()) {
    program.main = replacement.module;
    program.version = content_hash(replacement.module.source);
    // What the new script requires beyond what the old one had. If that cannot be read, requiring it says so.
    auto manifest = agent_manifest(folder, recording.role);
    auto modules = manifest ? read_skills(folder, manifest->skills) : Result<Modules>(Modules());
    if (modules) program.modules.insert(modules->begin(), modules->end());
  } else {
    program.modules[replacement.skill] = replacement.module;
  }
  set_key(program);
  return program;
}

Result<run::Program> program_of_files(const std::string& folder, const std::string& role,
                                      const std::string& agent) {
  auto manifest = agent_manifest(folder, role);
  if (!manifest) return failure(manifest.error());
  auto main = read_module(folder, "agents/" + role + "/init.lua");
  if (!main) return failure(main.error());
  auto modules = read_skills(folder, manifest->skills);
  if (!modules) return failure(modules.error());
  run::Program program;
  program.agent = agent;
  program.version = content_hash(main->source);
  program.main = std::move(*main);
  program.modules = std::move(*modules);
  set_key(program);
  return program;
}

}  // namespace clade::cli
