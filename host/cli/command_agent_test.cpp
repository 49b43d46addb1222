// clade agent test
#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/diff.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/scripts.h"
#include "run/saved_replay.h"

namespace clade::cli {
namespace {

constexpr size_t kSavedBytes = 256u << 20;
constexpr CodecLimits kSavedLimits{kSavedBytes, 1024};

struct Outcome {
  std::string role;
  std::string name;  // "selftest", or that of a saved replay
  std::string error;
  std::string diff;  // of a replay that went another way
  bool ok() const { return error.empty() && diff.empty(); }
};

Result<run::SavedReplay> read_saved(const std::string& folder, const std::string& path) {
  auto text = read_file(folder + "/" + path, kSavedBytes);
  if (!text) return failure(text.error());
  auto content = decode_json(*text, kSavedLimits);
  if (!content) return failure(content.error().code, path + ": " + content.error().message);
  auto saved = run::read_saved_replay(*content);
  if (!saved) return failure(saved.error().code, path + ": " + saved.error().message);
  return saved;
}

Outcome test_replay(Replayer& replayer, const std::string& folder, const std::string& role,
                    const std::string& name) {
  Outcome outcome{role, name, "", ""};
  const auto failed = [&outcome](const Error& error) {
    outcome.error = error.message;
    return outcome;
  };
  const std::string path = replay_path(role, name);
  auto saved = read_saved(folder, path);
  if (!saved) return failed(saved.error());
  auto program = program_of_files(folder, role, saved->recording.agent);
  if (!program) return failed(program.error());
  auto replayed = replayer.replay(saved->recording, *program, run::Matching::loose);
  if (!replayed) return failed(replayed.error());
  if (!run::difference(saved->expected, *replayed).empty())
    outcome.diff = unified_diff(replayed_text(saved->expected), replayed_text(*replayed), path,
                                "agents/" + role + "/init.lua");
  return outcome;
}

std::vector<Outcome> test_role(Replayer& replayer, const std::string& folder, const std::string& role) {
  std::vector<Outcome> outcomes;
  Outcome selftest{role, "selftest", "", ""};
  auto program = program_of_files(folder, role, role);
  const Status loads = program ? replayer.selftest(*program) : Status(failure(program.error()));
  if (!loads) selftest.error = loads.error().message;
  outcomes.push_back(std::move(selftest));
  // Without a script that loads, every replay would only say so again.
  if (!loads) return outcomes;
  for (const auto& name : replay_names(folder, role))
    outcomes.push_back(test_replay(replayer, folder, role, name));
  return outcomes;
}

int test(const std::string& only, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  std::vector<std::string> roles = role_names(*folder);
  if (!only.empty()) {
    auto manifest = agent_manifest(*folder, only);
    if (!manifest) return fail(manifest.error());
    roles = {only};
  }
  auto replayer = Replayer::start();
  if (!replayer) return fail(replayer.error());
  Value::Array tests;
  int64_t failed = 0;
  for (const auto& role : roles) {
    for (const auto& outcome : test_role(*replayer, *folder, role)) {
      failed += outcome.ok() ? 0 : 1;
      Value entry{{"role", outcome.role}, {"test", outcome.name}, {"ok", outcome.ok()}};
      if (!outcome.error.empty()) entry.set("error", outcome.error);
      if (!outcome.diff.empty()) entry.set("diff", outcome.diff);
      tests.push_back(std::move(entry));
      if (context.json || outcome.ok()) continue;
      print_line("failed: " + outcome.role + " " + plain(outcome.name));
      if (!outcome.error.empty()) print_line(plain_lines(outcome.error));
      print_diff(outcome.diff);
    }
  }
  if (context.json) {
    print_json({{"tests", tests}, {"failed", failed}});
  } else {
    print_line(std::to_string(tests.size()) + " tests, " + std::to_string(failed) + " failed");
  }
  return failed == 0 ? kOk : kFailed;
}

}  // namespace

void add_agent_test_command(Command agent, Context& context) {
  auto role = std::make_shared<std::string>();
  agent
      .add("test", "Run the selftests of roles and the replays that are saved as their tests, offline",
           "clade agent test\nclade agent test clerk\n# how a test comes to be\nclade replay 12 --save "
           "empty_title")
      .optional_argument("ROLE", *role, "Only this role")
      .json()
      .action([role, &context] { return test(*role, context); });
}

}  // namespace clade::cli
