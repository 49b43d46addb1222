#include "cell/vm/program.h"

#include <algorithm>
#include <string>

#include "cell/vm/limits.h"
#include "cell/vm/lua_api.h"

namespace clade::vm {

Result<Program> Program::load(Memory& memory, const Value& frame, Vm::Send send, Value& info) {
  const auto asked = static_cast<size_t>(std::max<int64_t>(frame["memory"].as_integer(), 0));
  const size_t bytes = asked > 0 ? std::min(asked, memory.limit()) : memory.limit();
  auto vm = Vm::create(memory, bytes, "scripts/boot.lua", std::move(send));
  if (!vm) return failure(vm.error());
  Program program(std::move(*vm), frame["measure"].as_bool());
  auto results = program.vm_->call("load", {frame});
  if (!results) return failure(results.error());
  // nil, message: the source does not compile.
  if (results->size() == 2) return failure("syntax", results->back().as_string());
  if (!results->empty()) info = std::move(results->front());
  return program;
}

void Program::drive(const char* function, const Value& frame) {
  auto results = vm_->call(function, {frame});
  if (results) return;
  const int64_t run = frame["run"].as_integer();
  // A slice that is being stopped would stop this call too.
  const Slice forgetting;
  cancel(run);
  (void)vm_->send()(Value{{"t", "failed"}, {"run", run}, {"error", results.error().message}});
}

void Program::start(const Value& frame) {
  drive("start", frame);
}

void Program::answer(const Value& frame) {
  drive("answer", frame);
}

void Program::cancel(int64_t run) {
  // Drops a table entry: nothing there can fail but a stop, and then the host ends the whole cell.
  (void)vm_->call("cancel", {Value(run)});
}

void Program::collect() {
  // What fails there leaves garbage, and that counts.
  (void)vm_->protect([](lua_State* state) { lua_gc(state, LUA_GCCOLLECT, 0); });
}

Value Program::selftest() {
  return result_of("selftest", {});
}

Value Program::examine(const Value& frame) {
  return result_of("examine", {frame});
}

Value Program::result_of(const char* function, const Value::Array& arguments) {
  auto results = vm_->call(function, arguments);
  if (!results) {
    return Value{
        {"t", "result"}, {"ok", false}, {"error", results.error().message}, {"code", results.error().code}};
  }
  Value frame{{"t", "result"}, {"ok", true}};
  if (!results->empty()) frame.set("value", std::move(results->front()));
  return frame;
}

}  // namespace clade::vm
