// Runs every tests/lua/**/*_spec.lua in a fresh VM with the libraries of the cells; a case of its own per
// file.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "cell/vm/bindings.h"
#include "host/cell/vm/vm_fixture.h"

using clade::Value;

namespace {

const std::string kRepository = std::string(CLADE_SOURCE) + "/";

std::vector<std::string> spec_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRepository + "tests/lua")) {
    const std::string path = entry.path().string().substr(kRepository.size());
    if (path.size() > 9 && path.compare(path.size() - 9, 9, "_spec.lua") == 0) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

// read_source(path) → the text of a file of the repository, or nil, message
int read_source(lua_State* state) {
  size_t size = 0;
  const char* path = luaL_checklstring(state, 1, &size);
  bool found = false;
  {
    auto text = clade::read_file(kRepository + std::string(path, size));
    found = text.has_value();
    const std::string& answer = found ? *text : text.error().message;
    if (!found) lua_pushnil(state);
    lua_pushlstring(state, answer.data(), answer.size());
  }
  return found ? 1 : 2;
}

// A VM with the harness loaded and `read_source` as a global.
std::unique_ptr<clade::vm::Vm> harness(clade::vm::Memory& memory) {
  auto vm = clade::vm::Vm::create(memory, memory.limit(), "scripts/eval.lua",
                                  [](const Value&) { return std::string("no frames here"); });
  REQUIRE(vm);
  REQUIRE((*vm)->protect([](lua_State* state) {
    clade::vm::Vm::push_main(state);
    lua_getfield(state, -1, "globals");
    lua_pushcfunction(state, clade::vm::guarded<read_source>);
    lua_setfield(state, -2, "read_source");
  }));
  auto text = clade::read_file(kRepository + "tests/support/spec.lua");
  REQUIRE(text);
  const std::string source = "local harness = (function() " + *text +
                             "\nend)() return { run = function(path) return harness(read_source, path) end }";
  REQUIRE((*vm)->call("compile", {source, "tests/support/spec.lua", Value()}));
  return std::move(*vm);
}

}  // namespace

TEST_CASE("Lua specs", "[specs]") {
  const auto files = spec_files();
  REQUIRE_FALSE(files.empty());
  const std::string file = GENERATE_COPY(from_range(files));
  DYNAMIC_SECTION(file) {
    clade::vm::Memory memory(256u << 20);
    const clade::vm::Slice slice;
    const auto vm = harness(memory);
    auto results = vm->call("run", {"run", Value(Value::Array{file}), 1});
    INFO((results ? "" : results.error().message));
    REQUIRE(results);
    for (const Value& result : results->front().as_array()) {
      INFO(result["name"].as_string());
      INFO(result["message"].as_string());
      CHECK(result["ok"].as_bool());
    }
  }
}
