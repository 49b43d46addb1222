// clade run, clade stop
#include <cerrno>
#include <filesystem>
#include <memory>

#include <unistd.h>

#include "base/bytes.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/detach.h"
#include "cli/folder.h"
#include "cli/instances.h"
#include "cli/lock.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "store/audit.h"

namespace clade::cli {
namespace {

struct RunOptions {
  ServeOptions serve;
  std::string approve;
  bool detach = false;
};

int run_detached(const ServeOptions& options) {
  auto detached = detach([&](int descriptor) {
    ServeOptions here = options;
    here.ready_descriptor = descriptor;
    return serve(here);
  });
  if (!detached) return fail(detached.error());
  if (detached->status != 0) return detached->status;
  if (options.json) {
    print_json({{"pid", detached->pid}, {"folder", options.folder}});
  } else {
    print_line("the host runs as process " + std::to_string(detached->pid) + ": see `clade status -C " +
               options.folder + "`, end it with `clade stop -C " + options.folder + "`");
  }
  return kOk;
}

int run(RunOptions options, const Context& context) {
  if (options.serve.instances) {
    if (auto form = check_instances(*options.serve.instances); !form) return fail(form.error());
  }
  auto folder = find_swarm(options.serve.folder.empty() ? context.directory : options.serve.folder);
  if (!folder) return fail(folder.error());
  options.serve.folder = *folder;
  if (!options.approve.empty()) options.serve.approve_auto = options.approve == "auto";
  if (access(folder->c_str(), W_OK) != 0) {
    return fail({"io", "cannot write in " + *folder + ": " + system_reason(errno) +
                           "; a running swarm keeps its state there, so copy it to a folder of yours"});
  }
  // Named from where the command was typed, not from the swarm's folder.
  if (!options.serve.report.empty())
    options.serve.report = std::filesystem::absolute(options.serve.report).string();
  std::error_code ignored;
  if (std::filesystem::exists(options.serve.report, ignored) &&
      !std::filesystem::is_directory(options.serve.report, ignored)) {
    return fail(
        {"usage", "--report: " + options.serve.report + " is no folder; name one, it need not be there yet"});
  }
  options.serve.json = context.json;
  options.serve.live = !context.json && !options.detach && isatty(STDOUT_FILENO) == 1;
  return options.detach ? run_detached(options.serve) : serve(options.serve);
}

int stop(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  const int pid = Lock::holder(*folder);
  if (auto asked = request(*folder, "stop", {{"by", operator_name()}}); !asked) return fail(asked.error());
  Lock::wait_until_free(*folder);
  auto database = open_store(*folder);
  const auto head = database ? store::audit_head(*database) : failure(database.error());
  if (context.json) {
    Value answer{{"stopped", pid}};
    if (head) answer.set("audit", Value{{"head", head->hash}, {"line", head->line}});
    print_json(answer);
  } else {
    print_line("stopped process " + std::to_string(pid));
    if (head) print_line("audit head: " + head->hash + " (line " + std::to_string(head->line) + ")");
  }
  return kOk;
}

}  // namespace

void add_run_commands(Command root, Context& context) {
  auto options = std::make_shared<RunOptions>();
  auto command = root.add("run", "Run the host of a swarm until it is stopped",
                          "clade run\n"
                          "clade run my-swarm --until-idle --approve auto\n"
                          "clade run --detach && clade status\n"
                          "clade run --until-idle --seed 7 --evaluations 4000 --json | tail -1\n"
                          "clade run --instances weibull:3:45:100:5000\n"
                          "clade run list --agent builder");
  command.optional_argument("DIR", options->serve.folder, "The swarm's folder (default: as -C)")
      .flag("--until-idle", options->serve.until_idle, "Stop once nothing is queued, in flight or due")
      .flag("--detach", options->detach, "Go on in the background once the host is up; prints its process id")
      .choice("--approve", options->approve, {"ask", "auto"},
              "What happens to tasks that need an approval: ask waits for `clade approval`, auto lets them "
              "pass and records that nobody looked (default: ask)")
      .number("--seed", options->serve.seed, 0, INT64_MAX,
              "Seed of everything random; equal seeds give equal results")
      .number("--evaluations", options->serve.evaluations, 1, 1000000000,
              "How many evaluations the search may use (default: what swarm.yaml says)")
      .option(
          "--instances", options->serve.instances, "SPEC",
          "Instances to train on: weibull:SHAPE:SCALE:CAPACITY[:ITEMS] or uniform:LOW-HIGH:CAPACITY[:ITEMS]")
      .flag("--commit", options->serve.commit, "Make a git commit for every version that is published")
      .option("--report", options->serve.report, "DIR",
              "Where the report goes (default: report in the swarm's folder)")
      .notes(
          "The store remembers --approve, --evaluations, --seed, --instances and --commit: they hold for "
          "later "
          "runs of the swarm too, until others are given.\nA folder called list or show is ./list or ./show.")
      .json()
      .action([options, &context] { return run(*options, context); });
  add_run_history_commands(command, context);

  root.add("stop", "Stop the running host and wait until it is gone; its work can be taken up again",
           "clade stop\n"
           "clade stop -C my-swarm")
      .json()
      .action([&context] { return stop(context); });
}

}  // namespace clade::cli
