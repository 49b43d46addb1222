// swarm.yaml, agent.yaml and skill.yaml as checked data. An error names file:line:column, what is wrong and
// what fits: unknown keys (with the nearest known one), duplicate keys, wrong types, values out of range.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "script/limits.h"

namespace clade::script {

// agents/<role>/agent.yaml
struct AgentManifest {
  std::string role;                 // the folder's name
  std::string summary;              // one line
  std::vector<std::string> topics;  // of mail it gets besides its own
  std::vector<std::string> skills;  // ids it may require
  std::vector<std::string> grants;  // asked for: "capability:pattern", see grants.h

  bool operator==(const AgentManifest&) const = default;
};

// skills/<layer>/<name>/skill.yaml; the id is "<layer>.<name>"
struct SkillManifest {
  std::string id;
  std::string summary;
  std::string version;
  std::vector<std::string> tags;
  std::vector<std::string> uses;    // ids of skills it requires
  std::vector<std::string> grants;  // that it needs: an agent whose role uses it must ask for them itself
  Value benchmark;                  // nil, or {metric: text, better: lower|higher, instances: text, ...}

  bool operator==(const SkillManifest&) const = default;
};

// One entry of swarm.yaml `agents`
struct AgentEntry {
  std::string name;
  std::string role;  // default: the name
  int instances = 1;
  std::vector<GivenGrant> grants;  // with their limits
};

// How long what is over stays in the store, in ms; INT64_MAX: for ever.
struct RetentionRules {
  static constexpr int64_t kDayMs = 86400000;
  int64_t completed_tasks_ms = 30 * kDayMs;  // completed and cancelled ones, and closed proposals
  int64_t dead_letters_ms = 90 * kDayMs;     // tasks and messages that failed for good
  int64_t handled_mail_ms = 7 * kDayMs;      // from when it was sent
  int64_t runs_ms = 30 * kDayMs;             // with their journals and files written
  int64_t log_bytes = 64 << 20;              // of clade.log and its older parts together
};

// When versions that replace others are confirmed: after so many committed runs, or so long after the first.
struct ProbationRules {
  int64_t runs = 20;
  int64_t ms = 60000;
};

// What becomes of a file that somebody saves: it is tried and taken over by itself; it is tried, and waits
// for `clade script install`; nobody looks at it, but for that command.
enum class ReloadMode { automatic, ask, off };

// By folder: agents/, skills/, scripts/.
struct ReloadModes {
  ReloadMode agents = ReloadMode::automatic;
  ReloadMode skills = ReloadMode::automatic;
  ReloadMode scripts = ReloadMode::automatic;
};

// What past runs that a new version would have ended otherwise mean for it: they are told once it is live; it
// does not go live; nobody looks.
enum class ShadowMode { show, require_same, off };

struct SwarmManifest {
  std::string name;
  std::vector<std::string> require;  // isolation layers that must be active, by the names of cell::Layer
  std::vector<AgentEntry> agents;    // in the order of the file
  Value goals;     // array of maps: {name, skill, metric, target, instances, …}; handed to agents
  Value settings;  // map of free values that agents read (seed, evaluations, instances, …)
  int quorum = 3;
  double threshold = 0.6;
  int64_t vote_deadline_ms = 60000;
  RetentionRules retention;
  ProbationRules probation;
  ReloadModes reload;
  ShadowMode shadow = ShadowMode::show;
  int64_t drain_ms =
      600000;  // how long a run that waits keeps versions that were replaced; INT64_MAX: until it ends
};

// Names of agents and roles are [a-z][a-z0-9_]*, ids of skills two of these with a dot between; the swarm's
// name may hold letters, digits, "_" and "-". `id` and `swarm` must be there, all else has a default.

// `path` is a file's path as it is named in errors. Errors: "not_found", "invalid", "io".
Result<AgentManifest> read_agent_manifest(const std::string& path);
Result<SkillManifest> read_skill_manifest(const std::string& path);
Result<SwarmManifest> read_swarm_manifest(const std::string& path);
// Any YAML file as a Value (knowledge). Same errors.
Result<Value> read_yaml(const std::string& path);

// Is this a name of an agent or role; is this an id of a skill?
bool is_name(std::string_view text);
bool is_skill_id(std::string_view text);

}  // namespace clade::script
