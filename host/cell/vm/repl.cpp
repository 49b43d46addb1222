#include "cell/vm/repl.h"

#include <string>

#include "cell/vm/limits.h"

namespace clade::vm {

Result<Repl> Repl::create(Memory& memory) {
  auto vm = Vm::create(memory, memory.limit(), "scripts/repl.lua",
                       [](const Value&) { return std::string("a session cannot send frames"); });
  if (!vm) return failure(vm.error());
  return Repl(std::move(*vm));
}

Value Repl::run(const Value& frame) {
  Value answer{{"t", "result"}, {"ok", true}, {"value", ""}, {"incomplete", false}};
  Result<Value::Array> results = failure("error", "");
  {
    const Slice slice;
    results = vm_->call("run", {frame["source"]});
  }
  // text of the values | false, message of the compiler, incomplete
  if (!results) {
    answer.set("ok", false).set("error", results.error().message).set("code", results.error().code);
  } else if (results->size() == 3) {
    answer.set("ok", false)
        .set("error", (*results)[1])
        .set("code", "syntax")
        .set("incomplete", (*results)[2]);
  }
  const Slice slice;
  auto printed = vm_->call("take_output", {});
  std::string text = printed && !printed->empty() ? printed->front().as_string() : std::string();
  if (results && results->size() == 1) text += results->front().as_string();
  answer.set("value", std::move(text));
  return answer;
}

}  // namespace clade::vm
