#include "cell/eval_effect.h"

#include <utility>

namespace clade::cell {
namespace {

constexpr int64_t kLongestMs = 600000;
constexpr int64_t kLargestMb = 1024;

Status misuse(const std::string& what) {
  return failure("invalid", "cell.eval: " + what);
}

Status check_text(const Value& args, const char* key, bool needed) {
  const Value& value = args[key];
  if (value.is_string() || (value.is_nil() && !needed)) return {};
  return misuse(std::string("`") + key + "` must be a string, got " + value.type_name());
}

Status check_bound(const Value& args, const char* key, int64_t largest) {
  const Value& value = args[key];
  if (value.is_nil()) return {};
  if (value.is_integer() && value.as_integer() >= 1 && value.as_integer() <= largest) return {};
  return misuse(std::string("`") + key + "` must be a whole number from 1 to " + std::to_string(largest));
}

Status check_modules(const Value& modules, const std::string& name) {
  if (modules.is_nil()) return {};
  if (!modules.is_map())
    return misuse("`" + name + "` must be a table of modules by id, got " + modules.type_name());
  for (const auto& [id, module] : modules.as_map()) {
    const bool good =
        module["source"].is_string() && (module["chunk"].is_nil() || module["chunk"].is_string());
    if (!good)
      return misuse("`" + name + "." + id + "` must be a table with the strings `source` and `chunk`");
  }
  return {};
}

Status check_keys(const Value& args, std::initializer_list<std::string_view> known,
                  const std::string& where) {
  for (const auto& [key, value] : args.as_map()) {
    bool found = false;
    for (const auto name : known) found = found || name == key;
    if (found) continue;
    std::string list;
    for (const auto name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    return misuse("unknown key `" + where + key + "`; known are " + list);
  }
  return {};
}

// `fallback` names a chunk without a name in tracebacks.
run::Module module_of(const Value& value, const std::string& fallback) {
  const std::string& chunk = value["chunk"].as_string();
  return {value["source"].as_string(), chunk.empty() ? fallback : chunk};
}

std::map<std::string, run::Module, std::less<>> modules_of(const Value& value) {
  std::map<std::string, run::Module, std::less<>> modules;
  for (const auto& [id, module] : value.as_map()) modules.emplace(id, module_of(module, id));
  return modules;
}

EvalRequest request_of(const Value& args) {
  EvalRequest request;
  request.main = module_of(args, "eval");
  request.entry = args["entry"].as_string();
  request.args = args["args"].is_array() ? args["args"] : Value(Value::Array{});
  request.modules = modules_of(args["modules"]);
  if (const Value& subject = args["subject"]; !subject.is_nil()) {
    request.subject = EvalRequest::Subject{module_of(subject, "subject"), modules_of(subject["modules"])};
  }
  request.cpu_ms = args["cpu_ms"].as_integer(request.cpu_ms);
  request.wall_ms = args["wall_ms"].as_integer(request.wall_ms);
  request.memory_mb = args["memory_mb"].as_integer(request.memory_mb);
  return request;
}

Value result_value(EvalResult result) {
  Value value{{"ok", result.ok},
              {"units", result.units},
              {"cpu_us", result.cpu_us},
              {"wall_us", result.wall_us},
              {"memory_kb", result.memory_kb},
              {"cell", static_cast<int64_t>(result.cell)}};
  if (!result.output.empty()) value.set("output", std::move(result.output));
  if (result.ok) {
    value.set("value", std::move(result.value));
  } else {
    value.set("error", std::move(result.error)).set("code", std::move(result.code));
  }
  return value;
}

}  // namespace

Status EvalEffect::check(const Value& args, script::Call& call) const {
  if (!args.is_map()) return misuse(std::string("needs a table, got ") + args.type_name());
  Status status = check_keys(
      args, {"source", "chunk", "entry", "args", "modules", "subject", "cpu_ms", "wall_ms", "memory_mb"}, "");
  if (status) status = check_text(args, "source", true);
  if (status) status = check_text(args, "chunk", false);
  if (status) status = check_text(args, "entry", false);
  if (status) status = check_bound(args, "cpu_ms", kLongestMs);
  if (status) status = check_bound(args, "wall_ms", kLongestMs);
  if (status) status = check_bound(args, "memory_mb", kLargestMb);
  if (status) status = check_modules(args["modules"], "modules");
  if (!status) return status;
  const Value& list = args["args"];
  if (!list.is_nil() && !list.is_array() && !(list.is_map() && list.as_map().empty())) {
    return misuse(std::string("`args` must be a list, got ") + list.type_name());
  }
  if (const Value& subject = args["subject"]; !subject.is_nil()) {
    if (!subject.is_map())
      return misuse(std::string("`subject` must be a table, got ") + subject.type_name());
    status = check_keys(subject, {"source", "chunk", "modules"}, "subject.");
    if (status && !subject["source"].is_string()) status = misuse("`subject.source` must be a string");
    if (status) status = check_text(subject, "chunk", false);
    if (status) status = check_modules(subject["modules"], "subject.modules");
    if (!status) return status;
  }
  return call.check("cell.eval", "");
}

uint64_t EvalEffect::start(const run::EffectRequest& request, Done done) {
  EvalRequest evaluation = request_of(request.args);
  evaluation.agent = request.agent;
  return pool_.evaluate(std::move(evaluation), [done = std::move(done)](EvalResult result) {
    done(result_value(std::move(result)));
  });
}

void EvalEffect::cancel(uint64_t handle) {
  pool_.cancel_evaluation(handle);
}

}  // namespace clade::cell
