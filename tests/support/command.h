// Runs a program and collects what it says.
#pragma once

#include <string>
#include <vector>

namespace test {

struct CommandResult {
  int exit = 0;  // status, or 128 + signal
  std::string out;
  std::string err;
};

struct CommandOptions {
  std::string input;                     // for its stdin, then end of file
  std::string folder;                    // working directory; "" for the test's
  std::vector<std::string> environment;  // "NAME=value", beside the test's own; NO_COLOR is always unset
};

// Runs `program` (looked up in PATH) to its end.
CommandResult run_program(const std::string& program, const std::vector<std::string>& arguments,
                          const CommandOptions& options = {});
// Runs the `clade` binary.
CommandResult run_clade(const std::vector<std::string>& arguments, const CommandOptions& options = {});

}  // namespace test
