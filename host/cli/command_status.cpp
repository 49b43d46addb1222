// clade status
#include "base/bytes.h"
#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/lock.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

std::string counts(const Value& by_state) {
  std::string line;
  for (const auto& [state, count] : by_state.as_map()) {
    if (count.as_integer() > 0) line += (line.empty() ? "" : ", ") + readable(count) + " " + state;
  }
  return line.empty() ? "empty" : line;
}

void print_store(const Value& store) {
  std::string removed;
  for (const auto& [what, count] : store["removed"].as_map()) {
    if (count.as_integer() > 0) removed += (removed.empty() ? "" : ", ") + readable(count) + " " + what;
  }
  if (!removed.empty()) print_line("removed:    " + removed + " that were over and old enough");
  const std::string warning = paint(colour_wanted(1), Colour::yellow, "store:") + "      ";
  if (store["cells_wait"].as_bool()) print_line(warning + "behind: the cells wait until it has caught up");
  if (store["pinned_bytes"].as_integer() == 0) return;
  std::string readers;
  for (const Value& reader : store["readers"].as_array()) {
    readers += (readers.empty() ? "" : ", ") + std::string("process ") + readable(reader["pid"]) + " (" +
               reader["command"].as_string() + ")";
  }
  print_line(warning + plain((readers.empty() ? "another process" : readers) +
                             " reads in one long transaction: the write-ahead log grows until that ends"));
}

void print_probation(const Value& installs) {
  for (const Value& install : installs.as_array()) {
    std::string scripts;
    for (const Value& script : install["scripts"].as_array()) {
      const std::string& before = script["before"].as_string();
      scripts += (scripts.empty() ? "" : ", ") + script["name"].as_string() + " " +
                 short_hash(script["hash"].as_string()) +
                 (before.empty() ? "" : " after " + short_hash(before));
    }
    std::string progress = readable(install["runs"]) + " of " + readable(install["of"]) + " runs";
    if (install["suspended"].as_bool()) {
      progress = "suspended: run " + readable(install["suspect"]["run"]) +
                 " failed, the version before is asked about " + install["suspect"]["trigger"].as_string();
    }
    print_line("probation:  " + plain(scripts + ": " + progress));
  }
}

void print_running(const Value& status) {
  const int64_t now = SystemClock().wall_ms();
  print_line("host:       process " + readable(status["pid"]) + ", up " +
             format_span(now - status["started_at"].as_integer()));
  print_line("queue:      " + counts(status["queue"]));
  const int64_t dropped = status["mail"]["dropped"].as_integer();
  print_line("mail:       " + readable(status["mail"]["waiting"]) + " waiting" +
             (dropped > 0 ? ", " + std::to_string(dropped) + " ephemeral ones dropped so far" : ""));
  print_line("in flight:  " + readable(status["in_flight"]));
  print_line(std::string("approvals:  ") + (status["approve"].as_string() == "auto" ? "auto" : "ask"));
  const Value& cells = status["cells"];
  print_line("cells:      " + readable(cells["shared"]) + " shared, " + readable(cells["solo"]) + " alone, " +
             readable(cells["deaths"]) + " died so far" +
             (cells["waiting_alone"].as_integer() > 0
                  ? ", " + readable(cells["waiting_alone"]) + " runs wait for a cell of their own"
                  : ""));
  print_line("evaluated:  " + readable(cells["evaluating"]) + " now, " + readable(cells["waiting"]) +
             " waiting");
  print_line("checked:    " + readable(cells["checking"]) + " now, " + readable(cells["unchecked"]) +
             " waiting");
  const Value& commands = status["commands"];
  print_line("commands:   " + readable(commands["running"]) + " now, " + readable(commands["waiting"]) +
             " waiting");
  print_line("stall:      " + std::to_string(status["longest_stall_us"].as_integer() / 1000) +
             " ms at most, the longest that the host could not be reached");
  print_store(status["store"]);
  for (const auto& [layer, missing] : status["layers"].as_map()) {
    if (missing.as_string().empty()) continue;
    print_line(paint(colour_wanted(1), Colour::yellow, "degraded:") + "   " +
               plain(layer + ": " + missing.as_string()));
  }
  print_probation(status["probation"]);
  for (const auto& [name, hash] : status["uninstalled"].as_map())
    print_line("saved:      " + plain(name) + " " + short_hash(hash.as_string()) +
               " waits for `clade script install " + plain(name) + "`");
  Table table({"AGENT", "ROLE", "STATE", "TASK", "VERSION"});
  for (const Value& agent : status["agents"].as_array()) {
    table.row({agent["name"].as_string(), agent["role"].as_string(), agent["state"].as_string(),
               agent["task"].as_string(), agent["version"].as_string().substr(0, 12)});
  }
  print("\n");
  print_table(table, "no agents");
  std::string told;
  for (const Value& agent : status["agents"].as_array()) {
    const std::string& advice = agent["advice"].as_string();
    if (advice.empty() || advice == told) continue;
    told = advice;
    print_line("\n" + plain(advice));
  }
}

Result<Value> stored_status(const std::string& folder) {
  auto database = open_store(folder);
  if (!database) return failure(database.error());
  const auto group = [&](const char* sql) -> Result<Value> {
    Value found{Value::Map{}};
    auto query = database->prepare(sql);
    for (;;) {
      auto row = query.step();
      if (!row) return failure(row.error());
      if (!*row) return found;
      found.set(query.text(0), query.integer(1));
    }
  };
  auto tasks = group("SELECT state, count(*) FROM task GROUP BY state");
  if (!tasks) return failure(tasks.error());
  auto messages = group("SELECT state, count(*) FROM message GROUP BY state");
  if (!messages) return failure(messages.error());
  return Value{{"queue", *tasks}, {"mail", *messages}};
}

int status(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto running = request(*folder, "status", Value::Map{});
  if (running) {
    if (context.json) {
      print_json(*running);
    } else {
      print_running(*running);
    }
    return kOk;
  }
  if (running.error().code != "no_host") return fail(running.error());
  auto stored = stored_status(*folder);
  if (!stored && stored.error().code != "not_found") return fail(stored.error());
  if (context.json) {
    Value data = stored ? *stored : Value{Value::Map{}};
    data.set("pid", Value());
    print_json(data);
  } else if (stored) {
    print_line("stored:     " + counts((*stored)["queue"]));
    print_line("mail:       " + counts((*stored)["mail"]));
  }
  if (const int pid = Lock::holder(*folder); pid > 0) {
    return fail({"no_host", "process " + std::to_string(pid) + " holds " + *folder +
                                " and does not answer: it starts or stops; see `clade logs`"});
  }
  return fail(running.error());
}

}  // namespace

void add_status_command(Command root, Context& context) {
  root.add("status", "Show what the host does: agents, queue, cells, isolation",
           "clade status\n"
           "clade status -C my-swarm --json")
      .json()
      .action([&context] { return status(context); });
}

}  // namespace clade::cli
