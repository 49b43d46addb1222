#include "cell/frames.h"

namespace clade::cell {
namespace {

Value module_value(const run::Module& module) {
  return {{"source", module.source}, {"chunk", module.chunk}};
}

Value modules_value(const std::map<std::string, run::Module, std::less<>>& modules) {
  Value::Map map;
  for (const auto& [id, module] : modules) map.emplace(id, module_value(module));
  return map;
}

// Where a state comes from.
void add_origin(Value& frame, const std::string& version, int64_t schema) {
  if (!version.empty()) frame.set("from", version);
  if (schema != 0) frame.set("from_schema", schema);
}

}  // namespace

Value load_frame(int64_t vm, const run::Program& program, int64_t memory_mb) {
  return {{"t", "load"},
          {"vm", vm},
          {"agent", program.agent},
          {"version", program.version},
          {"source", program.main.source},
          {"chunk", program.main.chunk},
          {"modules", modules_value(program.modules)},
          {"memory", memory_mb << 20},
          {"measure", !program.confirmed}};
}

Value run_frame(int64_t vm, const run::Invocation& invocation) {
  Value frame{{"t", "run"},
              {"vm", vm},
              {"run", invocation.run},
              {"handler", invocation.handler},
              {"state", invocation.state},
              {"argument", invocation.argument},
              {"now", invocation.now_ms},
              {"seed", invocation.seed}};
  add_origin(frame, invocation.from_version, invocation.from_schema);
  return frame;
}

Value examine_frame(int64_t vm, const StateQuestion& question, int64_t now_ms) {
  Value frame{{"t", "examine"}, {"vm", vm}, {"state", question.state}, {"now", now_ms}};
  add_origin(frame, question.from_version, question.from_schema);
  return frame;
}

Value answer_frame(int64_t run, const std::string& strand, const Result<Value>& value, int64_t now_ms) {
  Value frame{{"t", "answer"}, {"run", run}, {"strand", strand}, {"now", now_ms}};
  if (value) {
    frame.set("value", *value);
  } else {
    frame.set("error", value.error().message).set("code", value.error().code);
  }
  return frame;
}

Value eval_frame(const EvalRequest& request) {
  Value frame{{"t", "eval"},
              {"source", request.main.source},
              {"chunk", request.main.chunk},
              {"args", request.args.is_nil() ? Value(Value::Array{}) : request.args},
              {"modules", modules_value(request.modules)}};
  if (!request.entry.empty()) frame.set("entry", request.entry);
  if (request.subject) {
    Value subject = module_value(request.subject->main);
    subject.set("modules", modules_value(request.subject->modules));
    frame.set("subject", std::move(subject));
  }
  return frame;
}

}  // namespace clade::cell
