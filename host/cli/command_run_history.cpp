// clade run list, clade run show
#include <memory>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "run/history.h"
#include "run/status.h"

namespace clade::cli {
namespace {

constexpr size_t kShownColumns = 100;

struct RunHistoryOptions {
  run::RunFilter filter;
  int64_t id = 0;
  int64_t limit = 50;
};

std::string took(const Value& fields) {
  const int64_t end = fields["finished_at"].as_integer();
  return end == 0 ? "" : std::to_string(end - fields["started_at"].as_integer()) + " ms";
}

int list(const RunHistoryOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto runs = run::list_runs(*database, options.filter, options.limit);
  if (!runs) return fail(runs.error());
  if (context.json) {
    print_json(*runs);
    return kOk;
  }
  const int64_t now = SystemClock().wall_ms();
  Table table({"RUN", "AGENT", "VERSION", "FOR", "TRY", "STATUS", "AGE", "TOOK", "ERROR"});
  for (const Value& one : runs->as_array()) {
    table.row({readable(one["id"]), one["agent"].as_string(), short_hash(one["version"].as_string()),
               one["trigger"].as_string() + " " + one["trigger_id"].as_string(), readable(one["attempt"]),
               one["status"].as_string(), format_span(now - one["started_at"].as_integer()), took(one),
               shortened(one["error"].as_string(), 60)});
  }
  print_table(table, "no runs");
  return kOk;
}

void print_entry(const Value& entry) {
  const std::string& status = entry["status"].as_string();
  std::string outcome = "not known: it was under way";
  if (status == "done") outcome = readable(entry["result"]);
  if (status == "error" || status == "cancelled")
    outcome = entry["error"]["code"].as_string() + ": " + entry["error"]["message"].as_string();
  print_line(shortened(plain("  " + entry["strand"].as_string() + "." + readable(entry["position"]) + "  " +
                             entry["op"].as_string() + " " + readable(entry["args"])),
                       kShownColumns));
  print_line(shortened(plain("       → " + outcome + (took(entry).empty() ? "" : "  (" + took(entry) + ")")),
                       kShownColumns));
}

int show(const RunHistoryOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto found = run::run_with_journal(*database, store::Blobs(blobs_path(*folder)), options.id);
  if (!found) return fail(found.error());
  if (found->is_nil()) {
    return fail(
        {"not_found", "no run " + std::to_string(options.id) + " in " + *folder + ": see `clade run list`"});
  }
  if (context.json) {
    print_json(*found);
    return kOk;
  }
  const Value& fields = *found;
  const std::string& trigger = fields["trigger"].as_string();
  print_field("run", readable(fields["id"]));
  print_field("agent", fields["agent"].as_string());
  print_field("version", short_hash(fields["version"].as_string()));
  for (const auto& [skill, hash] : fields["pins"].as_map())
    print_field("skill", skill + " " + short_hash(hash.as_string()));
  print_field("for",
              trigger + " " + fields["trigger_id"].as_string() + ", attempt " + readable(fields["attempt"]));
  print_field("status", fields["status"].as_string());
  print_field("started", format_time(fields["started_at"].as_integer()));
  print_field("took", took(fields));
  print_field("seed", readable(fields["seed"]));
  print_field("error", fields["error"].as_string());
  const auto& journal = fields["journal"].as_array();
  print_line(journal.empty() ? "journal:    empty: it asked for nothing outside" : "journal:");
  for (const Value& entry : journal) print_entry(entry);
  const auto& effects = fields["effects"].as_array();
  print_line(effects.empty() ? "effects:    none but its state and result" : "effects:");
  for (const Value& effect : effects) {
    print_line(plain("  " + effect["kind"].as_string() + " " + effect["id"].as_string() + "  " +
                     effect["text"].as_string()));
  }
  return kOk;
}

}  // namespace

void add_run_history_commands(Command run, Context& context) {
  auto options = std::make_shared<RunHistoryOptions>();
  run.add("list", "List the runs of agents, newest first: one per task or message that was handled",
          "clade run list\n"
          "clade run list --agent builder --status failed\n"
          "clade run list --for t1 --json")
      .option("--agent", options->filter.agent, "AGENT", "Only runs of this agent")
      .choice("--status", options->filter.status, run::run_status_names(), "Only runs that ended so")
      .option("--for", options->filter.trigger, "ID", "Only runs that handled this task or message")
      .number("-n,--limit", options->limit, 1, 1000000, "At most so many (default 50)")
      .json()
      .action([options, &context] { return list(*options, context); });
  run.add("show", "Show a run: what it ran, waited for and committed",
          "clade run show 12\nclade run show 12 --json")
      .number_argument("RUN", options->id, 1, INT64_MAX, "Number of the run")
      .json()
      .action([options, &context] { return show(*options, context); });
}

}  // namespace clade::cli
