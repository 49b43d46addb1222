// clade replay
#include <filesystem>
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
#include "run/program.h"
#include "run/saved_replay.h"
#include "run/status.h"
#include "script/manifest.h"

namespace clade::cli {
namespace {

using run::Replayed;

struct ReplayOptions {
  int64_t id = 0;
  std::optional<std::string> with;
  std::optional<std::string> save;
  bool force = false;
};

// Why a replay of the recorded version is not what the store says of the run; "" if it is.
std::string departure(const run::Recording& recording, const Replayed& replayed) {
  const std::string& status = recording.status;
  if (status == run::name(run::RunStatus::cancelled) || status == run::name(run::RunStatus::fenced))
    return "";
  if (status == run::name(run::RunStatus::lost))
    return replayed.end == Replayed::End::lost ? "" : "it did not take its cell down this time";
  if (status != run::name(run::RunStatus::committed)) {
    if (replayed.end == Replayed::End::raised && replayed.text == recording.error) return "";
    if (replayed.end == Replayed::End::returned)
      return "it returned, as it may have then; the host did not accept that: " + recording.error;
    return replayed.end == Replayed::End::raised ? "it raised something else" : "it did not raise";
  }
  if (replayed.end != Replayed::End::returned) return "it did not return";
  if (content_hash(encode_msgpack(replayed.result)) != recording.result) return "the result is another";
  const bool same = replayed.state == recording.invocation.state
                        ? true
                        : content_hash(encode_json(replayed.state)) == recording.state_after;
  return same ? "" : "the state is another";
}

// Writes agents/ROLE/replays/NAME.json; its path.
Result<std::string> save(const std::string& folder, const run::Recording& recording, const Replayed& expected,
                         const ReplayOptions& options) {
  const std::string& name = *options.save;
  if (!script::is_name(name)) {
    return failure("usage", "\"" + plain(name) +
                                "\" is no name of a test: use small letters, digits and _, a letter first");
  }
  const std::string path = replay_path(recording.role, name);
  std::error_code ignored;
  if (!options.force && std::filesystem::exists(folder + "/" + path, ignored)) {
    return failure("conflict", path + " is there already: choose another name, or replace it with --force");
  }
  auto content = run::saved_replay(recording, expected);
  if (!content) return failure(content.error());
  if (auto written = write_file_below(folder, path, encode_json(*content, true) + "\n"); !written)
    return failure(written.error());
  return path;
}

void print_run(const run::Recording& recording) {
  const auto& invocation = recording.invocation;
  print_field("run", std::to_string(invocation.run) + " of " + recording.agent + ", " + invocation.handler +
                         " for " + recording.trigger);
  print_field("was", recording.status + (recording.error.empty() ? "" : ": " + recording.error));
}

int replay(const ReplayOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  std::optional<Replacement> replacement;
  if (options.with) {
    auto found = read_replacement(*folder, *options.with);
    if (!found) return fail(found.error());
    replacement = std::move(*found);
  }
  // Before the store is open: the process that makes cells inherits nothing.
  auto replayer = Replayer::start();
  if (!replayer) return fail(replayer.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto recording = run::read_recording(*database, store::Blobs(blobs_path(*folder)), options.id);
  if (!recording) return fail(recording.error());
  auto program =
      run::pinned_program(*database, recording->role, recording->agent, recording->version, recording->pins);
  if (!program) return fail(program.error());

  // Two versions are compared under the same rule, whichever order the original's strands had.
  auto before =
      replayer->replay(*recording, *program, replacement ? run::Matching::loose : run::Matching::exact);
  if (!before) return fail(before.error());
  std::optional<Replayed> after;
  if (replacement) {
    auto outcome = replayer->replay(*recording, replaced_program(*folder, *recording, *program, *replacement),
                                    run::Matching::loose);
    if (!outcome) return fail(outcome.error());
    after = std::move(*outcome);
  }
  const std::string departed = after ? "" : departure(*recording, *before);
  const std::string difference =
      after ? unified_diff(replayed_text(*before), replayed_text(*after),
                           "run " + std::to_string(options.id) + "@" + short_hash(recording->version),
                           *options.with)
            : "";
  const bool same = departed.empty() && difference.empty();
  std::string saved;
  if (options.save) {
    auto path = save(*folder, *recording, after ? *after : *before, options);
    if (!path) return fail(path.error());
    saved = std::move(*path);
  }

  if (context.json) {
    Value data{{"run", options.id},
               {"agent", recording->agent},
               {"version", recording->version},
               {"status", recording->status},
               {"error", recording->error},
               {"same", same},
               {"replay", replayed_value(*before)}};
    if (after) data.set("with", replayed_value(*after)).set("diff", difference);
    if (!after && !same) data.set("departure", departed);
    if (!saved.empty()) data.set("saved", saved);
    print_json(data);
    return same ? kOk : kFailed;
  }
  print_run(*recording);
  if (!after) {
    print_field("replay",
                std::to_string(before->answers.size()) + " answers from its journal; nothing took effect");
    print(plain_lines(replayed_text(*before)));
    print_line(same ? "the same as it was" : "not as it was: " + plain(departed));
  } else if (same) {
    print_line("the same with " + plain(*options.with));
  } else {
    print_diff(difference);
  }
  if (!saved.empty())
    print_line("saved as " + saved + ": `clade agent test " + recording->role + "` checks it");
  return same ? kOk : kFailed;
}

}  // namespace

void add_replay_command(Command root, Context& context) {
  auto options = std::make_shared<ReplayOptions>();
  root.add("replay", "Run a past run again, offline: nothing takes effect, nothing is paid for",
           "clade run list --status failed\n"
           "clade replay 12\n"
           "# what would the edited role, or skill, have done?\n"
           "clade replay 12 --with agents/clerk/init.lua\n"
           "# keep it as a test of the role\n"
           "clade replay 12 --with agents/clerk/init.lua --save empty_title && clade agent test clerk")
      .number_argument("RUN", options->id, 1, INT64_MAX, "Number of the run")
      .option("--with", options->with, "FILE",
              "Replay with this script instead: one of skills/ in the place of that skill, any other as the "
              "agent's")
      .option("--save", options->save, "NAME", "Save it as agents/ROLE/replays/NAME.json, a test of the role")
      .flag("--force", options->force, "Replace a saved test of this name")
      .json()
      .notes(
          "What the handler asks for is answered from the run's journal; what it sends is only shown.\n"
          "With another script, calls find their answers by operation and arguments; one that the journal\n"
          "cannot answer ends the replay there (\"stuck\").\n"
          "Exit status 0 if it went as it did then (with --with: the same), 1 if not.")
      .action([options, &context] { return replay(*options, context); });
}

}  // namespace clade::cli
