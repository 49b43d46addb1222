// The tree of commands as CLI11 holds it, for what is generated from it. Include only where it is needed: it
// is slow to compile.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "cli/command.h"

namespace clade::cli {

// Adds every command and option to `app`.
void build_tree(CLI::App& app, Context& context);

// A script that completes commands, options and their words in "bash", "zsh" or "fish".
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace clade::cli
