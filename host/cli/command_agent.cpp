// clade agent …
#include <memory>

#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "cli/scripts.h"
#include "cli/templates.h"
#include "run/data.h"
#include "run/standing.h"
#include "script/catalogue.h"
#include "script/nearest.h"

namespace clade::cli {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  return texts.empty() ? "none" : script::join_words(texts);
}

Value array_of(const std::vector<std::string>& texts) {
  return Value::Array(texts.begin(), texts.end());
}

std::vector<std::string> texts_of(const std::vector<script::GivenGrant>& grants) {
  std::vector<std::string> texts;
  for (const auto& given : grants) texts.push_back(script::grant_text(given));
  return texts;
}

// What the skills of a role need: [{skill, grant, asked}]. Empty while a file of the swarm is broken: other
// commands say which.
Value needs_of(const std::string& folder, const std::string& role) {
  Value::Array needs;
  if (auto catalogue = script::read_catalogue(folder)) {
    for (const auto& need : script::needs_of(*catalogue, role))
      needs.push_back({{"skill", need.skill}, {"grant", need.grant}, {"asked", need.asked}});
  }
  return needs;
}

// As swarm.yaml has them: texts, and those with limits as maps.
Value array_of(const std::vector<script::GivenGrant>& grants) {
  Value::Array array;
  for (const auto& given : grants) {
    if (!given.rate && !given.size) {
      array.emplace_back(given.grant);
      continue;
    }
    Value entry{{"grant", given.grant}};
    if (given.rate) entry.set("rate", script::rate_text(*given.rate));
    if (given.size) entry.set("size", script::size_text(*given.size)).set("bytes", *given.size);
    array.push_back(std::move(entry));
  }
  return array;
}

// What the store knows of an agent's instances: {name → {version, state, updated_at, data: {keys, bytes}}}.
// Empty without a store.
Result<Value> stored_agents(const std::string& folder) {
  Value agents{Value::Map{}};
  auto database = open_store(folder);
  if (!database) {
    if (database.error().code == "not_found") return agents;
    return failure(database.error());
  }
  auto query = database->prepare("SELECT name, version, state, updated_at FROM agent");
  for (;;) {
    auto row = query.step();
    if (!row) return failure(row.error());
    if (!*row) return agents;
    auto state = decode_json(query.text(2));
    auto data = run::data_totals(*database, query.text(0));
    if (!data) return failure(data.error());
    agents.set(query.text(0), {{"version", query.text(1)},
                               {"state", state ? *state : Value()},
                               {"updated_at", query.integer(3)},
                               {"data", std::move(*data)}});
  }
}

// What a person is to do about a role that is stopped, "" for any other. Other commands say what is wrong
// with a swarm that does not load.
Result<std::string> stopped_advice(const std::string& folder, const std::string& role) {
  auto catalogue = script::read_catalogue(folder);
  auto database = open_store(folder);
  if (!catalogue || !database) return std::string();
  return run::stopped_advice(*database, *catalogue, role);
}

int list(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto swarm = script::read_swarm_manifest(*folder + "/swarm.yaml");
  if (!swarm) return fail(swarm.error());
  Value::Array rows;
  Table table({"AGENT", "ROLE", "INSTANCES", "GRANTS", "SUMMARY"});
  for (const auto& entry : swarm->agents) {
    auto manifest = agent_manifest(*folder, entry.role);
    const std::string summary = manifest ? manifest->summary : "broken: " + manifest.error().message;
    rows.push_back({{"name", entry.name},
                    {"role", entry.role},
                    {"instances", entry.instances},
                    {"grants", array_of(entry.grants)},
                    {"summary", summary}});
    table.row({entry.name, entry.role, std::to_string(entry.instances), std::to_string(entry.grants.size()),
               summary});
  }
  if (context.json) {
    print_json(rows);
  } else {
    print_table(table, "no agents in swarm.yaml: make one with `clade agent new NAME`");
  }
  return kOk;
}

int show(const std::string& name, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto swarm = script::read_swarm_manifest(*folder + "/swarm.yaml");
  if (!swarm) return fail(swarm.error());
  const script::AgentEntry* entry = nullptr;
  std::vector<std::string> known;
  for (const auto& one : swarm->agents) {
    known.push_back(one.name);
    if (one.name == name) entry = &one;
  }
  if (!entry) {
    return fail({"not_found", "no agent " + legible(name) + " in " + *folder + "/swarm.yaml" +
                                  script::did_you_mean(name, known) + ": see `clade agent list`"});
  }
  auto manifest = agent_manifest(*folder, entry->role);
  if (!manifest) return fail(manifest.error());
  auto stored = stored_agents(*folder);
  if (!stored) return fail(stored.error());
  auto stopped = stopped_advice(*folder, entry->role);
  if (!stopped) return fail(stopped.error());
  const Value needs = needs_of(*folder, entry->role);
  Value instances{Value::Map{}};
  for (const std::string& instance : instance_names(*entry)) instances.set(instance, (*stored)[instance]);
  if (context.json) {
    print_json({{"name", entry->name},
                {"role", entry->role},
                {"summary", manifest->summary},
                {"topics", array_of(manifest->topics)},
                {"skills", array_of(manifest->skills)},
                {"asks", array_of(manifest->grants)},
                {"gets", array_of(entry->grants)},
                {"needs", needs},
                {"stopped", *stopped},
                {"instances", instances}});
    return kOk;
  }
  print_line("agent:     " + name);
  print_line("role:      " + entry->role + " (agents/" + entry->role + "/init.lua)");
  print_line("summary:   " + plain(manifest->summary));
  print_line("topics:    " + plain(joined(manifest->topics)));
  print_line("skills:    " + plain(joined(manifest->skills)));
  print_line("asks for:  " + plain(joined(manifest->grants)));
  print_line("is given:  " + plain(joined(texts_of(entry->grants))));
  for (const auto& need : needs.as_array()) {
    const std::string missing =
        need["asked"].as_bool() ? "" : ", which agent.yaml does not ask for: add it there";
    print_line("needs:     " + plain(need["grant"].as_string()) + " for " + need["skill"].as_string() +
               missing);
  }
  if (!stopped->empty())
    print_line(paint(colour_wanted(STDOUT_FILENO), Colour::red, "stopped:") + "   " + plain(*stopped));
  for (const auto& [instance, found] : instances.as_map()) {
    if (found.is_nil()) {
      print_line(instance + " has not run yet");
    } else {
      print_line(instance + " runs version " + short_hash(found["version"].as_string()) + ", state of " +
                 format_time(found["updated_at"].as_integer()) + ": " + plain(encode_json(found["state"])));
      if (const Value& data = found["data"]; data["keys"].as_integer() > 0) {
        print_line(instance + " keeps " + std::to_string(data["keys"].as_integer()) +
                   (data["keys"].as_integer() == 1 ? " key" : " keys") + " in clade.data, " +
                   std::to_string(data["bytes"].as_integer()) + " bytes");
      }
    }
  }
  return kOk;
}

// The text of swarm.yaml with an entry below its line "agents:", or "" if it has no such line of its own.
std::string with_agent(const std::string& text, const std::string& name) {
  const std::string heading = "agents:";
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    const bool last = end == std::string::npos;
    if (last) end = text.size();
    const std::string line = text.substr(at, end - at);
    const bool found =
        line.rfind(heading, 0) == 0 && line.find_first_not_of(" \r", heading.size()) == std::string::npos;
    if (found) {
      // As far in as the entries that follow.
      size_t next = std::min(end + 1, text.size());
      while (next < text.size() && (text[next] == '\n' || text[text.find_first_not_of(' ', next)] == '#')) {
        next = std::min(text.find('\n', next), text.size() - 1) + 1;
      }
      const size_t entry = text.find_first_not_of(' ', next);
      const size_t depth = entry == std::string::npos || entry == next ? 2 : entry - next;
      return text.substr(0, end) + "\n" + std::string(depth, ' ') + name + ": {grants: []}" +
             (last ? "\n" : "") + text.substr(end);
    }
    at = end + 1;
  }
  return "";
}

int make(const std::string& name, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  if (!script::is_name(name)) {
    return fail(
        {"usage", "\"" + name + "\" is no name of a role: use small letters, digits and _, a letter first"});
  }
  const std::string swarm_path = *folder + "/swarm.yaml";
  auto swarm = script::read_swarm_manifest(swarm_path);
  if (!swarm) return fail(swarm.error());
  for (const auto& entry : swarm->agents) {
    if (entry.name == name)
      return fail({"conflict", swarm_path + " has an agent " + name + " already: choose another name"});
  }
  auto text = read_file(swarm_path);
  if (!text) return fail(text.error());
  const Files files = agent_template(name);
  if (auto written = write_new_files(*folder, files); !written) return fail(written.error());
  // Only an entry that leaves swarm.yaml valid stays there.
  const std::string extended = with_agent(*text, name);
  bool entered = false;
  if (!extended.empty() && write_file_atomic(swarm_path, extended)) {
    auto again = script::read_swarm_manifest(swarm_path);
    entered = again && again->agents.size() == swarm->agents.size() + 1;
    if (!entered) (void)write_file_atomic(swarm_path, *text);
  }
  if (context.json) {
    Value::Array paths;
    for (const auto& [path, content] : files) paths.push_back(path);
    print_json({{"name", name}, {"files", paths}, {"entered", entered}});
    return kOk;
  }
  for (const auto& [path, content] : files) print_line("wrote " + path);
  if (entered) {
    print_line("entered it in swarm.yaml; the next `clade run` has it");
  } else {
    print_line("now add to `agents` in swarm.yaml:  " + name + ": {grants: []}");
  }
  print_line("try it with `clade task add " + name + "_try`");
  return kOk;
}

}  // namespace

void add_agent_commands(Command root, Context& context) {
  auto name = std::make_shared<std::string>();
  auto agent = root.group("agent", "The agents of a swarm", "clade agent list\nclade agent new sorter");
  agent.add("new", "Make an agent that works at once, and enter it in swarm.yaml", "clade agent new sorter")
      .argument("NAME", *name, "Name of the role: small letters, digits, _")
      .json()
      .action([name, &context] { return make(*name, context); });
  agent.add("list", "List the agents of swarm.yaml", "clade agent list\nclade agent list --json")
      .json()
      .action([&context] { return list(context); });
  add_agent_test_command(agent, context);
  agent
      .add("show", "Show what an agent may do, its version and state",
           "clade agent show builder\nclade agent show builder --json")
      .argument("NAME", *name, "Name of the agent in swarm.yaml")
      .json()
      .action([name, &context] { return show(*name, context); });
}

}  // namespace clade::cli
