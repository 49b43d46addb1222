// A folder with the swarm that `clade init` makes, and a host in it when a test wants one.
#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/codec.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace clade::cli {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Swarm {
  Swarm() { REQUIRE(test::run_clade({"init", folder / "swarm"}).exit == 0); }
  // Hosts must not outlive their test.
  ~Swarm() {
    if (started) run({"stop"});
  }
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  std::string path(const std::string& below = "") const {
    return folder / ("swarm" + (below.empty() ? "" : "/" + below));
  }

  test::CommandResult run(const std::vector<std::string>& arguments, const std::string& input = "") const {
    return test::run_clade(arguments, {input, path(), {}});
  }
  // The JSON that a command prints.
  Value json(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    const auto result = run(arguments);
    INFO(result.out << result.err);
    auto value = decode_json(result.out);
    REQUIRE(value.has_value());
    return *value;
  }
  void write(const std::string& below, const std::string& text) const {
    REQUIRE(write_file_atomic(path(below), text).has_value());
  }

  void start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"run", "--detach"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = run(arguments);
    INFO(result.err);
    REQUIRE(result.exit == 0);
    started = true;
  }

  test::TemporaryFolder folder;
  bool started = false;
};

}  // namespace clade::cli
