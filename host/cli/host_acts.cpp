#include "cli/host_acts.h"

#include <set>

#include <unistd.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "cli/folder.h"
#include "script/limits.h"
#include "store/audit.h"

namespace clade::cli {
namespace {

constexpr const char* kHost = "host";
constexpr const char* kStart = "host.start";
constexpr const char* kStop = "host.stop";
constexpr const char* kGrants = "grants.given";

std::string process() {
  return "process " + std::to_string(getpid());
}

// "" for a file that is gone since it was loaded.
std::string hash_of(const std::string& path) {
  const auto text = read_file(path);
  return text ? content_hash(*text) : "";
}

// One hash of all manifests but swarm.yaml, each with its place.
std::string manifests_hash(const script::Library& library, const std::string& folder) {
  std::set<std::string> paths;
  for (const auto& agent : library.swarm().agents) paths.insert("agents/" + agent.role + "/agent.yaml");
  for (const auto& id : library.skills()) {
    const size_t dot = id.find('.');
    paths.insert("skills/" + id.substr(0, dot) + "/" + id.substr(dot + 1) + "/skill.yaml");
  }
  std::string all;
  for (const auto& path : paths) all += path + " " + hash_of(folder + "/" + path) + "\n";
  return content_hash(all);
}

// Agent → what it asks for and what it is given.
Value grants_of(const script::Library& library) {
  Value agents = Value::Map();
  for (const auto& agent : library.swarm().agents) {
    const auto& asks = library.agent(agent.role).grants;
    Value::Array gets;
    for (const auto& given : agent.grants) gets.emplace_back(script::grant_text(given));
    agents.set(agent.name,
               Value{{"asks", Value::Array(asks.begin(), asks.end())}, {"gets", std::move(gets)}});
  }
  return agents;
}

struct Last {
  std::string what;
  std::string detail;
};

// The newest act of one of two kinds; empty if there is none.
Result<Last> last_act(store::Database& reader, const char* what, const char* or_what) {
  auto query =
      reader.prepare("SELECT what, detail FROM act WHERE what IN (?1, ?2) ORDER BY seq DESC LIMIT 1");
  query.bind(1, what).bind(2, or_what);
  auto row = query.step();
  if (!row) return failure(row.error());
  return *row ? Last{query.text(0), query.text(1)} : Last();
}

}  // namespace

Status record_start(const script::Library& library, const std::string& folder, store::Database& reader,
                    int64_t now, store::Batch& batch) {
  auto before = last_act(reader, kStart, kStop);
  if (!before) return failure(before.error());
  auto given = last_act(reader, kGrants, kGrants);
  if (!given) return failure(given.error());
  if (before->what == kStart) {
    const Value detail{{"reason", "the host before ended without a word: killed, or the machine went down"}};
    store::record_act({now, kHost, "host.recover", process(), detail}, batch);
  }
  const Value detail{{"version", CLADE_VERSION},
                     {"swarm.yaml", hash_of(folder + "/swarm.yaml")},
                     {"manifests", manifests_hash(library, folder)}};
  store::record_act({now, operator_name(), kStart, process(), detail}, batch);
  const Value grants = grants_of(library);
  if (encode_json(grants) != given->detail)
    store::record_act({now, operator_name(), kGrants, "swarm.yaml", grants}, batch);
  return {};
}

void record_stop(const std::string& by, const std::string& reason, int64_t now, store::Batch& batch) {
  store::record_act({now, by, kStop, process(), Value{{"reason", reason}}}, batch);
}

}  // namespace clade::cli
