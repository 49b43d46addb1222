// clade task …, clade why
#include <memory>

#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/task_view.h"
#include "cli/why_view.h"
#include "queue/history.h"
#include "queue/queue.h"
#include "queue/why.h"
#include "run/task_story.h"
#include "script/log.h"

namespace clade::cli {
namespace {

struct TaskOptions {
  std::string type;
  std::string id;
  std::string reason;
  queue::TaskFilter filter;
  std::optional<std::string> payload;
  std::vector<std::string> after;
  int64_t priority = 5;
  int64_t limit = 50;
};

// JSON as it was typed, "@FILE", or "@-" for what is piped in.
Result<Value> read_payload(const std::string& text) {
  std::string json = text;
  std::string where = "--payload";
  if (!text.empty() && text.front() == '@') {
    const bool piped = text == "@-";
    where = piped ? "the payload on stdin" : text.substr(1);
    if (where.empty()) return failure("usage", "--payload @ names no file: write @FILE, or @- for stdin");
    auto file = read_stream(piped ? "/dev/stdin" : where, kControlLineBytes);
    if (!file && file.error().code == "limit") return failure(too_large(where));
    if (!file) return failure(file.error());
    json = std::move(*file);
  }
  auto payload = decode_json(json);
  if (!payload && payload.error().code == "limit") {
    return failure("usage", where + ", " + payload.error().message);
  }
  if (!payload) {
    return failure("usage", where + " is not JSON: " + payload.error().message +
                                R"x(; write e.g. --payload '{"path":"a.txt"}', or --payload @FILE)x");
  }
  return payload;
}

// Runs a command of the host and says `done` (with the answer's `key` behind it) or prints the answer as
// JSON.
int ask(const Context& context, const std::string& command, const Value& args, const std::string& done) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto answer = request(*folder, command, args);
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
  } else {
    print_line(done.empty() ? (*answer)["id"].as_string() : done);
  }
  return kOk;
}

int add(const TaskOptions& options, const Context& context) {
  Value payload{Value::Map{}};
  if (options.payload) {
    auto read = read_payload(*options.payload);
    if (!read) return fail(read.error());
    payload = *read;
  }
  Value::Array after(options.after.begin(), options.after.end());
  return ask(context, "task.add",
             {{"type", options.type},
              {"payload", payload},
              {"priority", options.priority},
              {"after", after},
              {"by", operator_name()}},
             "");
}

int list(const TaskOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto tasks = queue::list_tasks(*database, options.filter, static_cast<int>(options.limit));
  if (!tasks) return fail(tasks.error());
  if (context.json) {
    Value::Array rows;
    for (const queue::Task& task : *tasks) rows.push_back(queue::task_value(task));
    print_json(rows);
    return kOk;
  }
  const int64_t now = SystemClock().wall_ms();
  Table table({"ID", "TYPE", "STATE", "PRIO", "TRY", "AGE", "NOTE"});
  for (const queue::Task& task : *tasks) {
    const std::string note = !task.error.empty() ? task.error : task.approval;
    table.row({task.id, task.type, queue::name(task.state), std::to_string(task.priority),
               std::to_string(task.attempt) + "/" + std::to_string(task.max_attempts),
               format_span(now - task.created_at), shortened(note, 60)});
  }
  print_table(table, "no tasks");
  return kOk;
}

// What the host has of a task besides the store; an empty map if none runs.
Value live_part(const std::string& folder, const std::string& id) {
  auto live = request(folder, "task.live", {{"id", id}});
  return live ? *live : Value(Value::Map());
}

int show(const TaskOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto task = run::task_story(*database, store::Blobs(blobs_path(*folder)), options.id);
  if (!task) return fail(task.error());
  if (task->is_nil())
    return fail(
        {"not_found", "no task " + legible(options.id) + " in " + *folder + ": see `clade task list`"});
  task->set("live", live_part(*folder, options.id));
  if (context.json) {
    print_json(*task);
  } else {
    print_task(*task, SystemClock().wall_ms());
  }
  return kOk;
}

int explain(const TaskOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  if (options.id.find(':') != std::string::npos) {
    auto log = script::script_log(*database, options.id);
    if (!log) return fail(log.error());
    if (context.json) {
      print_json({{"name", options.id}, {"why", script::why_text(*log)}, {"log", *log}});
    } else {
      print_foreign(script::why_text(*log) + "\n");
    }
    return kOk;
  }
  auto chain = queue::why(*database, options.id);
  if (!chain) return fail(chain.error());
  // Which roles handle the task, and that they are stopped, only a host knows.
  if (const Value live = live_part(*folder, options.id); live.has("advice")) {
    Value::Array waits = (*chain)["waits_for"].as_array();
    waits.push_back(live["advice"]);
    chain->set("waits_for", std::move(waits));
  }
  if (context.json) {
    print_json(*chain);
  } else {
    print_why(*chain, options.id);
  }
  return kOk;
}

}  // namespace

void add_task_commands(Command root, Context& context) {
  auto options = std::make_shared<TaskOptions>();
  auto task = root.group("task", "Submit, look at and steer tasks",
                         "clade task add scan_skills\n"
                         "clade task list --state failed\n"
                         "clade task show t1");

  task.add("add", "Submit a task; prints its id",
           "clade task add scan_skills\n"
           "clade task add evaluate_idea --priority 8 --payload '{\"skill\":\"optimize.bin_packing\"}'\n"
           "clade task add evaluate_idea --payload @idea.json --after t1 --after t2")
      .argument("TYPE", options->type, "Type of the task; a role with a matching pattern takes it")
      .number("-p,--priority", options->priority, 1, 10, "1 to 10, 10 first (default 5)")
      .option("--payload", options->payload, "JSON|@FILE",
              "What the task is about: JSON, @FILE, or @- for stdin; at most 1 MB")
      .option("--after", options->after, "ID",
              "Wait until this task is completed; may be given several times")
      .json()
      .action([options, &context] { return add(*options, context); });
  task.add("list", "List tasks, newest first",
           "clade task list\n"
           "clade task list --state awaiting_approval\n"
           "clade task list --type 'test_*' --json\n"
           "clade task list --parent t1 --limit 1000")
      .choice("--state", options->filter.state, queue::state_names(), "Only tasks in this state")
      .option("--type", options->filter.type, "PATTERN", "Only this type; a trailing * stands for any rest")
      .option("--parent", options->filter.parent, "ID", "Only those that the runs of this task submitted")
      .number("-n,--limit", options->limit, 1, 1000000, "At most so many (default 50)")
      .json()
      .action([options, &context] { return list(*options, context); });
  task.add("show", "Show a task: its attempts and their journals, lease, processes, mail, files and history",
           "clade task show t1\nclade task show r12.1 --json")
      .argument("ID", options->id, "Id of the task")
      .json()
      .action([options, &context] { return show(*options, context); });
  task.add("cancel", "Cancel a task that is not finished",
           "clade task cancel t1 --reason 'not needed any more'")
      .argument("ID", options->id, "Id of the task")
      .option("--reason", options->reason, "TEXT", "Recorded with the task")
      .json()
      .action([options, &context] {
        return ask(context, "task.cancel",
                   {{"id", options->id}, {"reason", options->reason}, {"by", operator_name()}},
                   "cancelled " + options->id);
      });
  task.add("retry", "Queue a failed, dead-lettered or cancelled task again", "clade task retry t1")
      .argument("ID", options->id, "Id of the task")
      .json()
      .action([options, &context] {
        return ask(context, "task.retry", {{"id", options->id}, {"by", operator_name()}},
                   "queued " + options->id + " again");
      });

  root.add("why", "Tell what led to a task and what it waits for, or why a script runs what it runs",
           "clade why t1\nclade why r12.1 --json\nclade why agent:builder")
      .argument("TASK", options->id, "Id of a task, or name of a script with its kind")
      .json()
      .action([options, &context] { return explain(*options, context); });
}

}  // namespace clade::cli
