// A script at one version. Names: "agent:<role>", "skill:<id>", "rule:<file of scripts/govern>".
#pragma once

#include <cstdint>
#include <string>

#include "base/value.h"

namespace clade::script {

struct Version {
  std::string name;  // "skill:optimize.bin_packing"
  std::string hash;  // content_hash(source)
  std::string source;
  std::string path;    // relative to the swarm: "skills/optimize/bin_packing/init.lua"
  std::string parent;  // hash of the version it replaced; ""
  std::string origin;  // "file", "published", "rolled_back"
  Value lineage;       // of a published version: {task, votes, scores, …}
  int64_t created_at = 0;
};

}  // namespace clade::script
