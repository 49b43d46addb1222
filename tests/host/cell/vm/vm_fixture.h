// A VM of the test's own process that runs chunks as an evaluation does.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "base/value.h"
#include "cell/vm/limits.h"
#include "cell/vm/memory.h"
#include "cell/vm/state.h"

namespace clade::test {

class ChunkVm {
 public:
  explicit ChunkVm(size_t memory_bytes = 32u << 20) : memory_(memory_bytes) {
    auto vm = vm::Vm::create(memory_, memory_bytes, "scripts/eval.lua",
                             [](const Value&) { return std::string("no frames here"); });
    REQUIRE(vm);
    vm_ = std::move(*vm);
  }

  // The value of a chunk, or its error.
  Result<Value> run(const std::string& source) {
    const vm::Slice slice;
    auto problem = vm_->call("compile", {source, "chunk", Value()});
    if (!problem) return failure(problem.error());
    if (!problem->empty() && problem->front().is_string())
      return failure("syntax", problem->front().as_string());
    auto values = vm_->call("run", {Value(), Value::Array{}, 0});
    if (!values) return failure(values.error());
    return values->empty() ? Value() : values->front();
  }
  std::string error(const std::string& source) {
    auto result = run(source);
    return result ? "no error" : result.error().message;
  }

  vm::Vm& vm() { return *vm_; }

 private:
  vm::Memory memory_;
  std::unique_ptr<vm::Vm> vm_;
};

}  // namespace clade::test
