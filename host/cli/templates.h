// What `clade init`, `clade agent new` and `clade skill new` write: small, working, tested starting points.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace clade::cli {

// Path below the swarm's folder → text.
using Files = std::map<std::string, std::string>;

// A swarm with one agent ("greeter") and one skill ("text.greeting").
Files swarm_template(const std::string& name);
// An agent that completes every task of a type "<name>_…".
Files agent_template(const std::string& name);
// A skill with a test; `id` is "layer.name".
Files skill_template(const std::string& id);

// Writes files that must not exist yet, with their folders. Errors: "conflict" (names the one that does),
// "io".
Status write_new_files(const std::string& folder, const Files& files);

}  // namespace clade::cli
