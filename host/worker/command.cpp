#include "worker/command.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/turns.h"
#include "loop/process.h"
#include "loop/timer.h"
#include "script/nearest.h"

namespace clade::worker {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTimeoutMs = 60000;
constexpr int64_t kLongestMs = 3600000;
constexpr size_t kMostArguments = 1000;
constexpr size_t kArgumentBytes = 100000;  // of all together; the kernel refuses a single one of 128 KB
constexpr size_t kInputBytes = 8u << 20;
// Each takes a few processes and descriptors of the host's: 64 at most, a quarter of them for who has none
// yet.
constexpr TurnBounds kAtOnce{48, 16, 16};

bool needs_quotes(const std::string& argument) {
  if (argument.empty()) return true;
  for (const char letter : argument) {
    const auto code = static_cast<unsigned char>(letter);
    if (code <= 0x20 || code == 0x7f || letter == '\'' || letter == '"' || letter == '\\') return true;
  }
  return false;
}

std::vector<std::string> texts_of(const Value& array) {
  std::vector<std::string> texts;
  for (const auto& item : array.as_array()) texts.push_back(item.as_string());
  return texts;
}

Status check_arguments(const Value& arguments) {
  const std::string start = "process.run: ";
  if (!arguments.is_array() || arguments.as_array().empty()) {
    return failure("invalid",
                   start +
                       "expected the program and its arguments as texts, like {\"git\", \"status\"}, got " +
                       (arguments.is_array() ? "none" : arguments.type_name()));
  }
  size_t bytes = 0;
  size_t position = 0;
  for (const auto& item : arguments.as_array()) {
    ++position;
    if (!item.is_string()) {
      return failure("invalid", start + "argument " + std::to_string(position) + " must be a string, not " +
                                    item.type_name());
    }
    if (item.as_string().find('\0') != std::string::npos) {
      return failure("invalid", start + "argument " + std::to_string(position) + " holds a zero byte");
    }
    bytes += item.as_string().size() + 1;
  }
  if (arguments.as_array()[0].as_string().empty()) {
    return failure("invalid", start + "the program's name is empty");
  }
  if (position > kMostArguments || bytes > kArgumentBytes) {
    return failure("invalid", start + "at most " + std::to_string(kMostArguments) + " arguments of " +
                                  std::to_string(kArgumentBytes) + " bytes together: pass more as `input`");
  }
  return {};
}

Status check_options(const Value& args) {
  const std::string start = "process.run: ";
  const std::vector<std::string> known = {"arguments", "cwd", "input", "timeout_ms"};
  for (const auto& [key, value] : args.as_map()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    return failure("invalid", start + "unknown option \"" + key + "\"" + script::did_you_mean(key, known) +
                                  "; known: cwd, input, timeout_ms");
  }
  for (const char* key : {"cwd", "input"}) {
    const Value& value = args[key];
    if (value.is_nil() || value.is_string()) continue;
    return failure("invalid", start + "`" + key + "` must be a string, not " + value.type_name());
  }
  if (args["input"].as_string().size() > kInputBytes) {
    return failure("invalid", start + "`input` is larger than " + std::to_string(kInputBytes) + " bytes");
  }
  const Value& timeout = args["timeout_ms"];
  if (timeout.is_nil()) return {};
  if (!timeout.is_integer() || timeout.as_integer() < 1 || timeout.as_integer() > kLongestMs) {
    return failure("invalid",
                   start + "`timeout_ms` must be a whole number from 1 to " + std::to_string(kLongestMs));
  }
  return {};
}

// Where a command works: `cwd` below `folder`, links followed. A folder that is not there passes with
// `must_exist` false.
Result<std::string> working_folder(const std::string& folder, const std::string& cwd, bool must_exist) {
  const std::string start = "process.run: cwd \"" + cwd + "\" ";
  if (cwd.find('\0') != std::string::npos) return failure("invalid", start + "holds a zero byte");
  std::error_code code;
  const fs::path root = fs::canonical(folder, code);
  if (code)
    return failure("io", "process.run: cannot resolve the swarm's folder " + folder + ": " + code.message());
  if (cwd.empty()) return root.string();
  const fs::path path = fs::weakly_canonical(root / cwd, code);
  if (code) return failure("io", start + "cannot be resolved: " + code.message());
  const auto [end_of_root, rest] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (end_of_root != root.end()) {
    return failure("refused", start + "leads out of the swarm's folder: give a path below it");
  }
  if (must_exist && !fs::is_directory(path, code)) {
    return failure("not_found", start + "is no folder of the swarm: create it first");
  }
  return path.string();
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "HOME", "LANG", "TZ"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  // To git any folder with the right files is a repository, whose config names programs to run. Scripts that
  // may write files could make one; none without a .git, which file.write refuses, counts.
  for (const char* setting :
       {"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.bareRepository", "GIT_CONFIG_VALUE_0=explicit"}) {
    variables.emplace_back(setting);
  }
  return variables;
}

}  // namespace

std::string command_text(const std::vector<std::string>& arguments) {
  std::string text;
  for (const auto& argument : arguments) {
    if (!text.empty()) text += ' ';
    if (!needs_quotes(argument)) {
      text += argument;
      continue;
    }
    text += '\'';
    for (const char letter : argument) {
      if (letter == '\'') {
        text += "'\\''";
      } else {
        text += letter;
      }
    }
    text += '\'';
  }
  return text;
}

struct CommandEffect::State : std::enable_shared_from_this<State> {
  // One whose turn has not come.
  struct Waiting {
    int64_t run = 0;
    Value args;
    Done done;
  };
  // A command under way, or one that could not start and is about to say so.
  struct Command {
    explicit Command(loop::Loop& loop) : timer(loop) {}
    std::optional<loop::Process> process;
    loop::Timer timer;
    Done done;
    int64_t run = 0;
    std::string text;
    int64_t started_us = 0;
    bool timed_out = false;
  };

  State(loop::Loop& its_loop, std::string its_folder, loop::Keeper its_keeper)
      : loop(its_loop), folder(std::move(its_folder)), keeper(std::move(its_keeper)) {}

  void finish(uint64_t handle, Result<Value> result) {
    auto found = commands.extract(handle);
    if (!found) return;
    turns.end(handle);
    start_waiting();
    found.mapped().done(std::move(result));
  }

  void start_waiting() {
    while (auto turn = turns.next()) {
      const uint64_t handle = turn->handle;
      Command& command = commands.try_emplace(handle, loop).first->second;
      command.done = std::move(turn->item.done);
      command.run = turn->item.run;
      command.text = command_text(texts_of(turn->item.args["arguments"]));
      if (auto status = spawn(handle, turn->item.args); !status) {
        later([handle, error = status.error()](State& state) { state.finish(handle, failure(error)); });
      }
    }
  }

  // Calls the function soon, unless the effect is gone by then.
  void later(std::function<void(State&)> function) {
    loop.post([weak = weak_from_this(), function = std::move(function)] {
      if (const auto state = weak.lock()) function(*state);
    });
  }

  void on_exit(uint64_t handle, loop::ProcessExit exit) {
    if (exit.failure) return finish(handle, failure(*exit.failure));
    const Command& command = commands.at(handle);
    Value result;
    result.set("code", exit.code).set("signal", exit.signal).set("truncated", exit.truncated);
    result.set("out", std::move(exit.out)).set("error", std::move(exit.error)).set("cpu_us", exit.cpu_us);
    result.set("wall_us", clock.steady_us() - command.started_us).set("timed_out", command.timed_out);
    finish(handle, std::move(result));
  }

  // Starts the process of a command that is in the map already.
  Status spawn(uint64_t handle, const Value& args) {
    auto cwd = working_folder(folder, args["cwd"].as_string(), true);
    if (!cwd) return failure(cwd.error());
    loop::ProcessOptions options;
    options.arguments = texts_of(args["arguments"]);
    const std::string& program = options.arguments[0];
    // Relative to the folder and not to cwd, which no grant speaks of.
    if (program.find('/') != std::string::npos) {
      std::error_code code;
      options.arguments[0] = (fs::canonical(folder, code) / program).string();
    }
    options.folder = std::move(*cwd);
    options.environment = environment();
    options.input = args["input"].as_string();
    options.keeper = keeper;
    Command& command = commands.at(handle);
    command.started_us = clock.steady_us();
    auto process = loop::Process::spawn(loop, std::move(options), [this, handle](loop::ProcessExit exit) {
      on_exit(handle, std::move(exit));
    });
    if (!process) return failure(process.error());
    command.process = std::move(*process);
    command.timer.start(args["timeout_ms"].as_integer(kTimeoutMs), [&command] {
      command.timed_out = true;
      command.process->kill(SIGKILL);
    });
    return {};
  }

  loop::Loop& loop;
  std::string folder;
  loop::Keeper keeper;
  SystemClock clock;
  uint64_t last_handle = 0;
  Turns<Waiting> turns{kAtOnce};
  std::map<uint64_t, Command> commands;  // whose turn it is
};

CommandEffect::CommandEffect(loop::Loop& loop, std::string folder, loop::Keeper keeper)
    : state_(std::make_shared<State>(loop, std::move(folder), std::move(keeper))) {}

CommandEffect::~CommandEffect() = default;

Status CommandEffect::check(const Value& args, script::Call& call) const {
  if (auto status = check_arguments(args["arguments"]); !status) return status;
  if (auto status = check_options(args); !status) return status;
  if (auto status = call.check("process.run", command_text(texts_of(args["arguments"]))); !status)
    return status;
  auto cwd = working_folder(state_->folder, args["cwd"].as_string(), false);
  return cwd ? Status() : failure(cwd.error());
}

uint64_t CommandEffect::start(const run::EffectRequest& request, Done done) {
  const uint64_t handle = ++state_->last_handle;
  state_->turns.wait(request.agent, handle, {request.run, request.args, std::move(done)});
  state_->start_waiting();
  return handle;
}

void CommandEffect::cancel(uint64_t handle) {
  state_->commands.erase(handle);
  state_->turns.end(handle);
  // Later: whoever cancels all that a run waits for must not start its next ones.
  state_->later([](State& state) { state.start_waiting(); });
}

Value CommandEffect::statistics() const {
  return {{"running", static_cast<int64_t>(state_->turns.running())},
          {"waiting", static_cast<int64_t>(state_->turns.waiting())}};
}

Value CommandEffect::programs(int64_t run) const {
  Value::Array programs;
  for (const auto& [handle, command] : state_->commands) {
    if (command.run != run || !command.process) continue;
    programs.push_back({{"pid", command.process->pid()},
                        {"command", command.text},
                        {"took_ms", (state_->clock.steady_us() - command.started_us) / 1000}});
  }
  return programs;
}

}  // namespace clade::worker
