// clade script …
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/diff.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "script/library.h"
#include "script/log.h"
#include "script/manifest.h"

namespace clade::cli {
namespace {

struct ScriptOptions {
  std::string name;
  std::string from;
  std::string to;
  std::vector<std::string> names;
  bool source = false;
  bool force = false;
};

// "skill:optimize.bin_packing" may be written without its kind, and so may "agent:builder".
std::string full_name(const std::string& name) {
  if (name.find(':') != std::string::npos) return name;
  return (script::is_skill_id(name) ? "skill:" : "agent:") + name;
}

int list(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto scripts = script::list_scripts(*database);
  if (!scripts) return fail(scripts.error());
  if (context.json) {
    print_json(*scripts);
    return kOk;
  }
  const int64_t now = SystemClock().wall_ms();
  Table table({"NAME", "VERSION", "VERSIONS", "FROM", "AGE", "ON PROBATION"});
  for (const Value& one : scripts->as_array()) {
    const std::string& before = one["before"].as_string();
    table.row({one["name"].as_string(), short_hash(one["hash"].as_string()), readable(one["versions"]),
               one["origin"].as_string(), format_span(now - one["changed_at"].as_integer()),
               before.empty() ? "" : "after " + short_hash(before)});
  }
  print_table(table, "no scripts");
  return kOk;
}

std::string parent_hash(const Value& log, const std::string& hash) {
  for (const Value& version : log["versions"].as_array()) {
    if (version["hash"].as_string() == hash && version["origin"].as_string() != "rolled_back")
      return version["parent"].as_string();
  }
  return "";
}

Colour colour_of(const std::string& verdict) {
  if (verdict == "confirmed") return Colour::green;
  return verdict == "on probation" || verdict == "replaced" ? Colour::yellow : Colour::red;
}

std::string author(const Value& version) {
  const std::string& by = version["by"].as_string();
  if (by == "file" || version["verdict"].as_string() == "refused") return "a saved file";
  return by == "host" ? "the file that the host found" : by;
}

void print_version(const Value& version, bool is_in_force) {
  const std::string& verdict = version["verdict"].as_string();
  print_line(paint(colour_wanted(1), Colour::yellow, "version " + short_hash(version["hash"].as_string())) +
             "  " + paint(colour_wanted(1), colour_of(verdict), verdict) +
             (is_in_force ? "  (in force)" : ""));
  const std::string& parent = version["parent"].as_string();
  if (!parent.empty()) print_line("Parent: " + short_hash(parent));
  print_line("Author: " + plain(author(version)) +
             (version["origin"].as_string() == "rolled_back" ? " (went back to it)" : ""));
  print_line("Date:   " + format_time(version["at"].as_integer()));
  std::string with;
  for (const Value& name : version["with"].as_array()) with += (with.empty() ? "" : ", ") + name.as_string();
  if (!with.empty()) print_line("With:   " + plain(with));
  if (version.has("runs")) print_line("Runs:   " + readable(version["runs"]));
  if (version.has("reason")) {
    print("\n");
    print_foreign("    " + version["reason"].as_string() + "\n");
  } else if (version.has("lineage")) {
    print("\n");
    print_line("    " + plain(shortened(readable(version["lineage"]), 200)));
  }
  print("\n");
}

int log(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  auto log = script::script_log(*database, full_name(options.name));
  if (!log) return fail(log.error());
  if (context.json) {
    print_json(*log);
    return kOk;
  }
  bool is_told = false;  // which one is in force
  for (const Value& version : (*log)["versions"].as_array()) {
    const bool is_in_force =
        !is_told && version["hash"] == (*log)["current"] && version["verdict"].as_string() != "refused";
    print_version(version, is_in_force);
    is_told = is_told || is_in_force;
  }
  return kOk;
}

int install(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  Value names = Value::Array();
  for (const auto& name : options.names) names.push(full_name(name));
  if (names.as_array().empty())
    return fail({"usage", "name the scripts to install: see `clade script list`"});
  auto answer = request(*folder, "script.install",
                        {{"names", names}, {"force", options.force}, {"by", operator_name()}});
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
    return kOk;
  }
  for (const auto& [name, hash] : answer->as_map())
    print_line(plain(name) + " is live at version " + short_hash(hash.as_string()));
  return kOk;
}

int show(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  const std::string name = full_name(options.name);
  auto events = script::script_versions(*database, name);
  if (!events) return fail(events.error());
  auto log = script::script_log(*database, name);
  if (!log) return fail(log.error());
  const std::string current = (*log)["current"].as_string();
  if (options.source) {
    auto source = script::version_source(*database, options.from.empty() ? current : options.from);
    if (!source) return fail(source.error());
    if (context.json) {
      print_json({{"name", name}, {"source", *source}});
    } else {
      print_foreign(*source);
    }
    return kOk;
  }
  if (context.json) {
    print_json({{"name", name}, {"current", current}, {"events", *events}});
    return kOk;
  }
  print_line(plain(name) + " is at version " + short_hash(current));
  Table table({"TIME", "VERSION", "PARENT", "WHAT", "BY", "DETAIL"});
  for (const Value& event : events->as_array()) {
    const Value& detail = event["detail"];
    const std::string told = detail.as_map().empty() ? ""
                             : detail.has("reason")  ? readable(detail["reason"])
                                                     : readable(detail);
    table.row({format_time(event["at"].as_integer()), short_hash(event["hash"].as_string()),
               short_hash(event["parent"].as_string()), event["verb"].as_string(), event["by"].as_string(),
               shortened(told, 80)});
  }
  print_table(table, "no events");
  return kOk;
}

int diff(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  const std::string name = full_name(options.name);
  auto log = script::script_log(*database, name);
  if (!log) return fail(log.error());
  const std::string to = options.to.empty() ? (*log)["current"].as_string() : options.to;
  const std::string from = options.from.empty() ? parent_hash(*log, to) : options.from;
  if (from.empty()) {
    return fail({"not_found", name + " at " + short_hash(to) +
                                  " replaced no other version: name two of `clade script log " + name + "`"});
  }
  auto before = script::version_source(*database, from);
  if (!before) return fail(before.error());
  auto after = script::version_source(*database, to);
  if (!after) return fail(after.error());
  const std::string text =
      unified_diff(*before, *after, name + "@" + short_hash(from), name + "@" + short_hash(to));
  if (context.json) {
    print_json({{"name", name}, {"from", from}, {"to", to}, {"diff", text}});
    return kOk;
  }
  print_diff(text);
  return kOk;
}

int roll_back(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  const std::string name = full_name(options.name);
  auto answer =
      request(*folder, "script.rollback",
              {{"name", name}, {"hash", options.to}, {"force", options.force}, {"by", operator_name()}});
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
  } else {
    print_line(name + " is at version " + short_hash((*answer)["hash"].as_string()));
    if (answer->has("advice")) print_line("but " + plain((*answer)["advice"].as_string()));
  }
  return kOk;
}

int release(const ScriptOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  const std::string prefix = "agent:";
  const std::string role =
      options.name.starts_with(prefix) ? options.name.substr(prefix.size()) : options.name;
  auto answer = request(*folder, "script.release", {{"role", role}, {"by", operator_name()}});
  if (!answer) return fail(answer.error());
  if (context.json) {
    print_json(*answer);
  } else {
    print_line("agent:" + role + " runs again, alone until it has proved itself");
  }
  return kOk;
}

}  // namespace

void add_script_commands(Command root, Context& context) {
  auto options = std::make_shared<ScriptOptions>();
  auto script = root.group("script", "The versions of agents and skills",
                           "clade script list\n"
                           "clade script diff optimize.bin_packing");
  const std::string name_help = "agent:ROLE or skill:LAYER.NAME; the kind may be left out";
  script
      .add("list", "List the scripts and their current versions",
           "clade script list\nclade script list --json")
      .json()
      .action([&context] { return list(context); });
  script
      .add("show", "Show the history of a script, or the text of a version",
           "clade script show builder\n"
           "clade script show skill:optimize.bin_packing --source\n"
           "clade script show optimize.bin_packing 3fa2b1c0 --source")
      .argument("NAME", options->name, name_help)
      .optional_argument("HASH", options->from, "With --source: the version (default: the current one)")
      .flag("--source", options->source, "Print the text of the version")
      .json()
      .action([options, &context] { return show(*options, context); });
  script
      .add("log", "Show the versions of a script, newest first, and what became of each",
           "clade script log builder\n"
           "clade script log optimize.bin_packing --json")
      .argument("NAME", options->name, name_help)
      .json()
      .action([options, &context] { return log(*options, context); });
  script
      .add("install", "Make what files hold current, together, though it was refused or cut off before",
           "clade script install builder\n"
           "clade script install agent:tester skill:optimize.bin_packing\n"
           "# what was undone before\n"
           "clade script install builder --force")
      .arguments("NAME", options->names, name_help)
      .flag("--force", options->force, "Also what failed at work before, and was undone")
      .json()
      .action([options, &context] { return install(*options, context); });
  script
      .add("diff", "Compare two versions of a script",
           "clade script diff optimize.bin_packing\n"
           "clade script diff optimize.bin_packing 3fa2b1c0 9c01d7aa")
      .argument("NAME", options->name, name_help)
      .optional_argument("FROM", options->from, "A version's hash (default: what TO replaced)")
      .optional_argument("TO", options->to, "A version's hash (default: the current one)")
      .json()
      .action([options, &context] { return diff(*options, context); });
  script
      .add("rollback", "Run an older version again; what it did since stays",
           "clade script rollback optimize.bin_packing\n"
           "clade script rollback builder --to 3fa2b1c0")
      .argument("NAME", options->name, name_help)
      .option("--to", options->to, "HASH",
              "The version (default: what was confirmed, of one on probation; else what the current one "
              "replaced)")
      .flag("--force", options->force, "Also one that failed at work before, and was undone")
      .json()
      .action([options, &context] { return roll_back(*options, context); });
  script
      .add("release", "Let an agent's quarantined version run again",
           "clade script release builder\nclade script release agent:builder --json")
      .argument("ROLE", options->name, "The role; \"agent:\" before it may be left out")
      .json()
      .action([options, &context] { return release(*options, context); });
}

}  // namespace clade::cli
