#include "cell/vm/eval.h"

#include <memory>

#include "cell/vm/limits.h"
#include "cell/vm/state.h"
#include "cell/vm/subject.h"

namespace clade::vm {
namespace {

std::string refuse_frames(const Value&) {
  return "an evaluation cannot send frames";
}

Value failed(const Error& error) {
  return Value{{"t", "result"}, {"ok", false}, {"error", error.message}, {"code", error.code}, {"units", 0}};
}

// What scripts/eval.lua reports beside the value: units counted and text printed.
void add_report(Vm& vm, Value& frame) {
  const Memory::Lifted lifted(vm.memory());
  auto report = vm.call("report", {});
  if (!report || report->size() != 2) return;
  frame.set("units", std::move((*report)[0]));
  frame.set("output", std::move((*report)[1]));
}

Result<Value> evaluate(Vm& vm, const Value& frame) {
  auto problem = vm.call("compile", {frame["source"], frame["chunk"], frame["modules"]});
  if (!problem) return failure(problem.error());
  if (!problem->empty() && problem->front().is_string())
    return failure("syntax", problem->front().as_string());
  const auto count = static_cast<int64_t>(frame["args"].as_array().size());
  auto values = vm.call("run", {frame["entry"], frame["args"], Value(count)});
  if (!values) return failure(values.error());
  if (frame["entry"].as_string() == "...") return Value(std::move(*values));
  return values->empty() ? Value() : std::move(values->front());
}

}  // namespace

Result<std::unique_ptr<Vm>> evaluation_vm(Memory& memory) {
  return Vm::create(memory, memory.limit(), "scripts/eval.lua", refuse_frames);
}

Evaluation::Evaluation(Memory& memory, std::unique_ptr<Vm> vm) : memory_(memory), vm_(std::move(vm)) {}

Evaluation::~Evaluation() = default;

Status Evaluation::prepare(const Value& frame) {
  if (!frame["subject"].is_nil()) {
    auto made = Subject::create(memory_, frame["subject"]);
    if (!made) return failure(made.error());
    subject_ = std::move(*made);
  }
  if (!vm_) {
    auto made = evaluation_vm(memory_);
    if (!made) return failure(made.error());
    vm_ = std::move(*made);
  }
  vm_->memory().set_limit(memory_.limit());
  return subject_ ? add_subject(*vm_, *subject_) : Status();
}

Value Evaluation::run(const Value& frame) {
  Value answer;
  {
    const Slice slice;
    if (auto prepared = prepare(frame); !prepared) return failed(prepared.error());
    auto value = evaluate(*vm_, frame);
    answer =
        value ? Value{{"t", "result"}, {"ok", true}, {"value", std::move(*value)}} : failed(value.error());
  }
  // A slice that is being stopped would stop the report too.
  const Slice report;
  add_report(*vm_, answer);
  return answer;
}

}  // namespace clade::vm
