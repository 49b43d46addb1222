#include "run/read.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include <dirent.h>

#include "base/bytes.h"
#include "run/program.h"

namespace clade::run {
namespace {

constexpr size_t kKnowledgeBytes = 8u << 20;
constexpr int kListed = 1000;
constexpr size_t kListedBytes = 4u << 20;  // of payloads, in memory

// How many a page of a list may have.
int page_limit(const Value& args) {
  return static_cast<int>(std::clamp<int64_t>(args["limit"].as_integer(kListed), 1, kListed));
}

Value describe(const queue::Task& task) {
  Value value{{"id", task.id},
              {"type", task.type},
              {"state", queue::name(task.state)},
              {"priority", task.priority},
              {"payload", task.payload},
              {"result", task.result},
              {"parent", task.parent},
              {"attempt", task.attempt},
              {"error", task.error},
              {"approval", task.approval}};
  return value;
}

Value describe(const queue::NewTask& task) {
  return Value{
      {"id", task.id},           {"type", task.type},     {"state", "created"}, {"priority", task.priority},
      {"payload", task.payload}, {"parent", task.parent}, {"attempt", 0}};
}

Result<Value> queue_get(const Kernel& kernel, const Run& run, const Value& args, script::Call& call) {
  if (auto status = call.check("queue.read", ""); !status) return failure(status.error());
  const std::string& id = args["id"].as_string();
  for (const auto& task : run.outbox.tasks) {
    if (task.id == id) return describe(task);
  }
  return queue::task_with_history(kernel.reader, id);
}

Result<Value> queue_list(const Kernel& kernel, const Run& run, const Value& args, script::Call& call) {
  if (auto status = call.check("queue.read", ""); !status) return failure(status.error());
  const std::string& after = args["after"].as_string();
  auto tasks = queue::list_tasks(kernel.reader, {args["state"].as_string(), args["type"].as_string(), after},
                                 page_limit(args), kListedBytes);
  if (!tasks) return failure(tasks.error());
  Value::Array list;
  for (const auto& task : *tasks) list.push_back(describe(task));
  if (!after.empty()) return Value(std::move(list));
  for (const auto& task : run.outbox.tasks) {
    if (args["state"].is_nil() &&
        (args["type"].is_nil() || queue::type_matches(args["type"].as_string(), task.type))) {
      list.push_back(describe(task));
    }
  }
  return Value(std::move(list));
}

// A plain path below knowledge/, symbolic links resolved.
Result<std::string> knowledge_path(const Kernel& kernel, const Value& args, const char* field, const char* op,
                                   script::Call& call) {
  const std::string& path = args[field].as_string();
  if (path.empty()) return failure("invalid", std::string(op) + ": `" + field + "` must be a path");
  if (auto status = call.check("knowledge.read", path); !status) return failure(status.error());
  std::error_code code;
  const auto root = std::filesystem::weakly_canonical(kernel.folder + "/knowledge", code);
  const auto full = std::filesystem::weakly_canonical(root / path, code);
  if (code) return failure("io", "knowledge/" + path + ": " + code.message());
  const auto relative = full.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") {
    return failure("refused", std::string(op) + ": knowledge/" + path + " leads out of knowledge/");
  }
  return full.string();
}

Result<Value> knowledge_read(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  auto path = knowledge_path(kernel, args, "path", "knowledge.read", call);
  if (!path) return failure(path.error());
  std::error_code code;
  if (std::filesystem::exists(*path, code) && !std::filesystem::is_regular_file(*path, code)) {
    // A named pipe would hold the host until somebody writes into it.
    return failure("io", "knowledge/" + args["path"].as_string() + " is no plain file");
  }
  const auto extension = std::filesystem::path(*path).extension();
  if (extension == ".yaml" || extension == ".yml") return script::read_yaml(*path);
  auto text = read_file(*path, kKnowledgeBytes);
  if (!text) return failure(text.error());
  return Value(std::move(*text));
}

Result<Value> knowledge_list(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  auto path = knowledge_path(kernel, args, "folder", "knowledge.list", call);
  if (!path) return failure(path.error());
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path->c_str()), closedir);
  if (!folder) return failure("not_found", "no folder knowledge/" + args["folder"].as_string());
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  const auto first = std::upper_bound(names.begin(), names.end(), args["after"].as_string());
  const auto count = std::min<ptrdiff_t>(page_limit(args), names.end() - first);
  return Value(Value::Array(first, first + count));
}

Value describe(const script::Library& library, const std::string& id) {
  const auto& manifest = library.skill(id);
  const auto* version = library.current("skill:" + id);
  return Value{{"id", id},
               {"hash", version ? version->hash : std::string()},
               {"summary", manifest.summary},
               {"version", manifest.version},
               {"tags", Value::Array(manifest.tags.begin(), manifest.tags.end())},
               {"uses", Value::Array(manifest.uses.begin(), manifest.uses.end())},
               {"benchmark", manifest.benchmark}};
}

Result<Value> skill_list(const Kernel& kernel, const Run& run, const Value&, script::Call&) {
  Value::Array list;
  // What an agent may read is listed without being read: limits are for that.
  for (const auto& id : kernel.library.skills()) {
    if (run.grants->check("skill.read", id)) list.push_back(describe(kernel.library, id));
  }
  return Value(std::move(list));
}

Value describe(const std::map<std::string, const script::Version*>& modules) {
  Value map = Value::Map();
  for (const auto& [name, module] : modules) {
    map.set(name, Value{{"source", module->source}, {"chunk", chunk_name(*module)}});
  }
  return map;
}

Result<Value> skill_read(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  const std::string& id = args["id"].as_string();
  if (auto status = call.check("skill.read", id); !status) return failure(status.error());
  if (!kernel.library.has_skill(id)) return failure("not_found", "there is no skill " + id);
  const auto* version = kernel.library.current("skill:" + id);
  auto modules = skill_modules(kernel.library, id);
  if (!modules) return failure(modules.error());
  Value answer = describe(kernel.library, id);
  answer.set("source", version->source);
  answer.set("path", version->path);
  answer.set("chunk", chunk_name(*version));
  for (const char* file : {"test", "bench"}) {
    auto text = kernel.library.skill_file(id, std::string(file) + ".lua");
    if (text) answer.set(file, std::move(*text));
  }
  auto own = kernel.library.closure(kernel.library.skill(id).uses);
  if (!own) return failure(own.error());
  answer.set("modules", describe(*modules)).set("own_modules", describe(*own));
  return answer;
}

Result<Value> script_lineage(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  const std::string& name = args["name"].as_string();
  const std::string id = name.rfind("skill:", 0) == 0 ? name.substr(6) : name;
  if (auto status = call.check("skill.read", id); !status) return failure(status.error());
  auto versions = script::script_versions(kernel.reader, name);
  if (!versions) return versions;
  auto list = versions->as_array();
  if (const auto most = static_cast<size_t>(page_limit(args)); list.size() > most) list.resize(most);
  return Value(std::move(list));
}

Result<Value> proposal_get(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  if (auto status = call.check("proposal.read", ""); !status) {
    return failure(status.error());
  }
  return proposal_with_votes(kernel.reader, args["id"].as_string());
}

Result<Value> rule_get(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  const std::string& name = args["name"].as_string();
  if (auto status = call.check("rule.read", ""); !status) return failure(status.error());
  return kernel.governance.rule(name);
}

Result<Value> ledger_total(const Kernel& kernel, const Run&, const Value& args, script::Call& call) {
  if (auto status = call.check("ledger.read", ""); !status) return failure(status.error());
  const std::string& kind = args["kind"].as_string();
  const std::string& task = args["task"].as_string();
  // A task and all that came of it, by parent.
  auto query = kernel.reader.prepare(
      "WITH RECURSIVE family (id) AS (SELECT ?2 UNION SELECT task.id FROM task JOIN family ON task.parent = "
      "family.id AND task.parent <> '') "
      "SELECT coalesce(sum(count), 0), coalesce(sum(units), 0), coalesce(sum(cpu_us), 0) FROM ledger "
      "WHERE (?1 = '' OR kind = ?1) AND (?2 = '' OR task IN family)");
  query.bind(1, kind).bind(2, task);
  auto row = query.step();
  if (!row) return failure(row.error());
  return Value{{"count", query.integer(0)}, {"units", query.integer(1)}, {"cpu_ms", query.integer(2) / 1000}};
}

Result<Value> swarm_info(const Kernel& kernel, const Run&, const Value&, script::Call&) {
  const auto& swarm = kernel.library.swarm();
  return Value{
      {"name", swarm.name}, {"goals", swarm.goals}, {"settings", kernel.settings}, {"report", "report"}};
}

Result<Value> data_get(const Kernel& kernel, const Run& run, const Value& args, script::Call&) {
  return kernel.data.get(kernel.reader, run.agent, run.outbox.data, args["key"].as_string());
}

Result<Value> data_keys(const Kernel& kernel, const Run& run, const Value& args, script::Call&) {
  return Value(kernel.data.keys(run.agent, run.outbox.data, args["prefix"].as_string(),
                                args["after"].as_string(), page_limit(args)));
}

using Operation = Result<Value> (*)(const Kernel&, const Run&, const Value&, script::Call&);
const std::map<std::string, Operation, std::less<>>& operations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"queue.get", queue_get},           {"queue.list", queue_list},     {"knowledge.read", knowledge_read},
      {"knowledge.list", knowledge_list}, {"skill.list", skill_list},     {"skill.read", skill_read},
      {"script.lineage", script_lineage}, {"proposal.get", proposal_get}, {"rule.get", rule_get},
      {"ledger.total", ledger_total},     {"swarm.info", swarm_info},     {"data.get", data_get},
      {"data.keys", data_keys},
  };
  return table;
}

}  // namespace

bool is_read(const std::string& op) {
  return operations().count(op) > 0;
}

Result<Value> read(const Kernel& kernel, const Run& run, const std::string& op, const Value& args,
                   script::Call& call) {
  return operations().find(op)->second(kernel, run, args, call);
}

Result<std::map<std::string, const script::Version*>> skill_modules(const script::Library& library,
                                                                    const std::string& id) {
  const auto& manifest = library.skill(id);
  std::vector<std::string> needed = manifest.uses;
  for (const auto& used : manifest.benchmark["uses"].as_array()) needed.push_back(used.as_string());
  return library.closure(needed);
}

}  // namespace clade::run
