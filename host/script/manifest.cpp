#include "script/manifest.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "script/grants.h"
#include "script/nearest.h"
#include "script/yaml.h"

namespace clade::script {
namespace {

const std::vector<std::string> kLayers = {"seccomp", "landlock",     "namespaces",
                                          "rlimits", "no_new_privs", "checkhook"};
constexpr int64_t kMostInstances = 64;
constexpr int64_t kMostVoters = 1000;
constexpr int64_t kMostProbation = 1000000;
constexpr int64_t kLongestVoteMs = 30LL * 24 * 3600 * 1000;

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

// Segments of names with dots between.
bool is_dotted(std::string_view text) {
  for (;;) {
    const size_t dot = text.find('.');
    if (!is_name(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text = text.substr(dot + 1);
  }
}

std::string check_name(const std::string& text) {
  if (is_name(text)) return {};
  return quoted(text) + " is no name: use small letters, digits and \"_\", a letter first";
}

std::string check_skill_id(const std::string& text) {
  if (is_skill_id(text)) return {};
  return quoted(text) + " is no id of a skill: write \"<layer>.<name>\" in small letters, digits and \"_\"";
}

std::string check_topic(const std::string& text) {
  if (is_dotted(text)) return {};
  return quoted(text) + " is no topic: use small letters, digits, \"_\" and dots, like \"task.failed\"";
}

std::string check_grant(const std::string& text) {
  const auto status = check_grant_form(text);
  return status ? "" : status.error().message;
}

// `grants` of agent.yaml and skill.yaml.
std::vector<std::string> read_asked(YamlFields& fields, YamlReport& report) {
  std::vector<std::string> grants;
  const YamlNode* list = fields.list("grants");
  if (!list) return grants;
  for (const auto& item : list->items) {
    if (item.find("grant") || item.find("rate") || item.find("size")) {
      report.add(
          item.mark,
          "an entry of \"grants\" is text here: limits belong in swarm.yaml, beside the grant that is given");
      continue;
    }
    grants.push_back(fields.item_text(item, "grants", check_grant));
  }
  return grants;
}

// A limit in `entry` by `parse`; a number without a unit is for that to judge.
template <class Limit>
std::optional<Limit> read_limit(const YamlNode& entry, const std::string& key, const std::string& example,
                                Result<Limit> (*parse)(const std::string&), YamlReport& report) {
  const YamlNode* node = entry.find(key);
  if (!node) return std::nullopt;
  if (!node->scalar.is_string() && !node->scalar.is_integer()) {
    report.add(node->mark, quoted(key) + " must be text like " + example + ", not " + node->kind_name());
    return std::nullopt;
  }
  auto limit =
      parse(node->scalar.is_string() ? node->scalar.as_string() : std::to_string(node->scalar.as_integer()));
  if (limit) return *limit;
  report.add(node->mark, limit.error().message);
  return std::nullopt;
}

// `grants` of an agent in swarm.yaml: texts, and maps with limits.
std::vector<GivenGrant> read_given(YamlFields& agent, YamlReport& report) {
  std::vector<GivenGrant> grants;
  const YamlNode* list = agent.list("grants");
  if (!list) return grants;
  for (const auto& item : list->items) {
    GivenGrant given;
    if (item.kind == YamlNode::Kind::map) {
      YamlFields fields(item, {"grant", "rate", "size"}, report);
      fields.require("grant");
      given.grant = fields.text("grant", check_grant);
      given.rate = read_limit(item, "rate", "10/min", parse_rate, report);
      given.size = read_limit(item, "size", "64 KB", parse_size, report);
    } else {
      given.grant = agent.item_text(item, "grants", check_grant);
    }
    const auto twin = std::find_if(grants.cbegin(), grants.cend(),
                                   [&](const GivenGrant& other) { return other.grant == given.grant; });
    // The wider of the two would be in force, and the other a limit that limits nothing.
    if (twin != grants.end() && *twin != given) {
      report.add(item.mark,
                 "the grant " + quoted(twin->grant) + " is given twice with different limits: remove one");
    }
    grants.push_back(std::move(given));
  }
  return grants;
}

std::string check_reload(const std::string& text) {
  return text == "auto" || text == "ask" || text == "off" ? ""
                                                          : quoted(text) + " is neither auto, ask nor off";
}

std::string check_shadow(const std::string& text) {
  return text == "require_same" || text == "show" || text == "off"
             ? ""
             : quoted(text) + " is neither require_same, show nor off";
}

ReloadModes read_reload(const YamlNode& node, YamlReport& report) {
  ReloadModes modes;
  YamlFields fields(node, {"agents", "skills", "scripts"}, report);
  for (const auto& [key, mode] : {std::pair{"agents", &modes.agents}, std::pair{"skills", &modes.skills},
                                  std::pair{"scripts", &modes.scripts}}) {
    const std::string text = fields.text(key, check_reload);
    if (!text.empty())
      *mode = text == "ask" ? ReloadMode::ask : text == "off" ? ReloadMode::off : ReloadMode::automatic;
  }
  return modes;
}

RetentionRules read_retention(const YamlNode& node, YamlReport& report) {
  RetentionRules rules;
  const std::pair<const char*, int64_t*> spans[] = {{"completed_tasks", &rules.completed_tasks_ms},
                                                    {"dead_letters", &rules.dead_letters_ms},
                                                    {"handled_mail", &rules.handled_mail_ms},
                                                    {"runs", &rules.runs_ms}};
  std::vector<std::string> known = {"log"};
  for (const auto& [key, span] : spans) known.emplace_back(key);
  const YamlFields fields(node, known, report);
  for (const auto& [key, span] : spans)
    *span = read_limit(node, key, "30d", parse_span, report).value_or(*span);
  rules.log_bytes = read_limit(node, "log", "64 MB", parse_size, report).value_or(rules.log_bytes);
  return rules;
}

std::string check_swarm_name(const std::string& text) {
  const bool fits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  return fits ? "" : quoted(text) + " is no name of a swarm: use letters, digits, \"_\" and \"-\"";
}

std::string check_layer(const std::string& text) {
  if (std::find(kLayers.begin(), kLayers.end(), text) != kLayers.end()) return {};
  const std::string hint = did_you_mean(text, kLayers);
  return quoted(text) + " is no isolation layer" + (hint.empty() ? "; known: " + join_words(kLayers) : hint);
}

std::string check_line(const std::string& text) {
  return text.find('\n') == std::string::npos ? "" : "a summary is one line";
}

// "1.0.0", perhaps with "-suffix"
std::string check_version(const std::string& text) {
  const std::string numbers = text.substr(0, text.find('-'));
  int digits = 0;
  int dots = 0;
  bool fits = true;
  for (const char c : numbers) {
    if (c == '.') {
      fits = fits && digits > 0;
      digits = 0;
      ++dots;
    } else {
      fits = fits && c >= '0' && c <= '9';
      ++digits;
    }
  }
  if (fits && digits > 0 && dots == 2) return {};
  return quoted(text) + " is no version: write three numbers, like \"1.0.0\"";
}

std::string check_better(const std::string& text) {
  return text == "lower" || text == "higher" ? "" : quoted(text) + " must be lower or higher";
}

// One value that must be there or not, but if so must be a number; where other values of the map are free.
void check_number(const YamlNode& map, const std::string& key, YamlReport& report) {
  const YamlNode* node = map.find(key);
  if (node && !node->scalar.is_number()) {
    report.add(node->mark, quoted(key) + " must be a number, not " + node->kind_name());
  }
}

std::vector<AgentEntry> read_agents(const YamlNode& map, YamlReport& report) {
  std::vector<AgentEntry> agents;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const auto& key = map.keys[i];
    if (const std::string problem = check_name(key.text); !problem.empty()) report.add(key.mark, problem);
    if (key.text == "host" || key.text == "operator") {
      report.add(key.mark, quoted(key.text) + " sends mail of its own: name the agent otherwise");
    }
    YamlFields fields(map.items[i], {"role", "instances", "grants"}, report);
    AgentEntry entry;
    entry.name = key.text;
    entry.role = fields.text("role", check_name, key.text);
    entry.instances = static_cast<int>(fields.integer("instances", 1, 1, kMostInstances));
    entry.grants = read_given(fields, report);
    agents.push_back(std::move(entry));
  }
  return agents;
}

Value read_goals(const YamlNode& list, YamlReport& report) {
  std::vector<std::string> names;
  for (const auto& item : list.items) {
    if (item.kind != YamlNode::Kind::map) {
      report.add(item.mark,
                 std::string("a goal is a map with name, skill, metric and target, not ") + item.kind_name());
      continue;
    }
    YamlFields fields(item, {}, report, true);
    fields.require("name");
    const std::string name = fields.text("name", [&](const std::string& text) {
      const bool again = std::find(names.begin(), names.end(), text) != names.end();
      return again ? "two goals are named " + quoted(text) + ": name one otherwise" : std::string();
    });
    names.push_back(name);
    fields.text("skill", check_skill_id);
    fields.text("metric");
    check_number(item, "target", report);
  }
  return list.value();
}

Value read_settings(const YamlNode& map, YamlReport& report) {
  YamlFields fields(map, {}, report, true);
  fields.integer("seed", 0, INT64_MIN, INT64_MAX);
  fields.integer("evaluations", 1, 1, INT64_MAX);
  return map.value();
}

}  // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_skill_id(std::string_view text) {
  const size_t dot = text.find('.');
  return dot != std::string_view::npos && is_name(text.substr(0, dot)) && is_name(text.substr(dot + 1));
}

Result<AgentManifest> read_agent_manifest(const std::string& path) {
  auto root = load_yaml(path);
  if (!root) return failure(root.error());
  YamlReport report(path);
  YamlFields fields(*root, {"summary", "topics", "skills", "grants"}, report);
  AgentManifest manifest;
  manifest.role = std::filesystem::path(path).parent_path().filename().string();
  manifest.summary = fields.text("summary", check_line);
  manifest.topics = fields.texts("topics", check_topic);
  manifest.skills = fields.texts("skills", check_skill_id);
  manifest.grants = read_asked(fields, report);
  if (auto status = report.status(); !status) return failure(status.error());
  return manifest;
}

Result<SkillManifest> read_skill_manifest(const std::string& path) {
  auto root = load_yaml(path);
  if (!root) return failure(root.error());
  YamlReport report(path);
  YamlFields fields(*root, {"id", "summary", "version", "tags", "uses", "grants", "benchmark"}, report);
  SkillManifest manifest;
  fields.require("id");
  manifest.id = fields.text("id", check_skill_id);
  manifest.summary = fields.text("summary", check_line);
  manifest.version = fields.text("version", check_version, "0.0.0");
  manifest.tags = fields.texts("tags");
  manifest.uses = fields.texts("uses", check_skill_id);
  manifest.grants = read_asked(fields, report);
  if (const YamlNode* benchmark = fields.map("benchmark")) {
    YamlFields entries(*benchmark, {}, report, true);
    entries.require("metric");
    entries.require("better");
    entries.text("metric");
    entries.text("better", check_better);
    manifest.benchmark = benchmark->value();
  }
  if (auto status = report.status(); !status) return failure(status.error());
  return manifest;
}

Result<SwarmManifest> read_swarm_manifest(const std::string& path) {
  auto root = load_yaml(path);
  if (!root) return failure(root.error());
  YamlReport report(path);
  YamlFields fields(*root,
                    {"swarm", "require", "agents", "goals", "settings", "governance", "retention",
                     "probation", "reload", "shadow", "drain"},
                    report);
  SwarmManifest manifest;
  fields.require("swarm");
  manifest.name = fields.text("swarm", check_swarm_name);
  manifest.require = fields.texts("require", check_layer);
  if (const YamlNode* agents = fields.map("agents")) manifest.agents = read_agents(*agents, report);
  manifest.goals = Value::Array();
  if (const YamlNode* goals = fields.list("goals")) manifest.goals = read_goals(*goals, report);
  manifest.settings = Value::Map();
  if (const YamlNode* settings = fields.map("settings")) manifest.settings = read_settings(*settings, report);
  if (const YamlNode* governance = fields.map("governance")) {
    YamlFields rules(*governance, {"quorum", "threshold", "vote_deadline_ms"}, report);
    manifest.quorum = static_cast<int>(rules.integer("quorum", manifest.quorum, 1, kMostVoters));
    manifest.threshold = rules.real("threshold", manifest.threshold, 0, 1);
    manifest.vote_deadline_ms =
        rules.integer("vote_deadline_ms", manifest.vote_deadline_ms, 1, kLongestVoteMs);
  }
  if (const YamlNode* retention = fields.map("retention")) {
    manifest.retention = read_retention(*retention, report);
  }
  if (const std::string shadow = fields.text("shadow", check_shadow); !shadow.empty())
    manifest.shadow = shadow == "off"    ? ShadowMode::off
                      : shadow == "show" ? ShadowMode::show
                                         : ShadowMode::require_same;
  manifest.drain_ms = read_limit(*root, "drain", "10min", parse_span, report).value_or(manifest.drain_ms);
  if (const YamlNode* reload = fields.map("reload")) manifest.reload = read_reload(*reload, report);
  if (const YamlNode* probation = fields.map("probation")) {
    YamlFields rules(*probation, {"runs", "seconds"}, report);
    manifest.probation.runs = rules.integer("runs", manifest.probation.runs, 1, kMostProbation);
    manifest.probation.ms = 1000 * rules.integer("seconds", manifest.probation.ms / 1000, 1, kMostProbation);
  }
  if (auto status = report.status(); !status) return failure(status.error());
  return manifest;
}

Result<Value> read_yaml(const std::string& path) {
  auto root = load_yaml(path);
  if (!root) return failure(root.error());
  return root->value();
}

}  // namespace clade::script
