// clade approval …
#include <memory>

#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "queue/queue.h"

namespace clade::cli {
namespace {

struct ApprovalOptions {
  std::string id;
  std::string reason;
  std::string by;
};

int list(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto tasks = queue::list_tasks(*database, {queue::name(queue::State::awaiting_approval)}, 1000);
  if (!tasks) return fail(tasks.error());
  const int64_t now = SystemClock().wall_ms();
  Value::Array rows;
  Table table({"ID", "TYPE", "WAITS", "QUESTION"});
  for (const queue::Task& task : *tasks) {
    rows.push_back({{"id", task.id},
                    {"type", task.type},
                    {"question", task.approval},
                    {"payload", task.payload},
                    {"since", task.updated_at}});
    table.row({task.id, task.type, format_span(now - task.updated_at), task.approval});
  }
  if (context.json) {
    print_json(rows);
  } else {
    print_table(table, "nothing waits for an approval");
    if (!table.empty())
      print_line("\nDecide with `clade approval approve ID` or `clade approval reject ID --reason TEXT`.");
  }
  return kOk;
}

int decide(const ApprovalOptions& options, const Context& context, const std::string& verb) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto answer = request(*folder, "approval." + verb,
                        {{"id", options.id},
                         {"reason", options.reason},
                         {"by", options.by.empty() ? operator_name() : options.by}});
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
  } else {
    print_line((verb == "approve" ? "approved " : "rejected ") + options.id);
  }
  return kOk;
}

}  // namespace

void add_approval_commands(Command root, Context& context) {
  auto options = std::make_shared<ApprovalOptions>();
  auto approval = root.group("approval", "Decide what waits for a person",
                             "clade approval list\n"
                             "clade approval approve r12.1");
  approval
      .add("list", "List the tasks that wait for an approval",
           "clade approval list\nclade approval list --json")
      .json()
      .action([&context] { return list(context); });
  const auto add_verb = [&](const std::string& verb, const std::string& summary,
                            const std::string& examples) {
    approval.add(verb, summary, examples)
        .argument("ID", options->id, "Id of the task")
        .option("--reason", options->reason, "TEXT", "Recorded with the decision")
        .option("--by", options->by, "NAME", "Who decides (default: the user's name)")
        .json()
        .action([options, &context, verb] { return decide(*options, context, verb); });
  };
  add_verb("approve", "Let a task go on",
           "clade approval approve r12.1\nclade approval approve r12.1 --reason 'worth a try'");
  add_verb("reject", "Cancel a task that waits for an approval",
           "clade approval reject r12.1 --reason 'too costly'");
}

}  // namespace clade::cli
