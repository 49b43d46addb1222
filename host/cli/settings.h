// The settings of a swarm in force: what the command line gives, else what it gave to an earlier host of this
// folder, else swarm.yaml. So a job that was cut off goes on as it began.
#pragma once

#include "base/result.h"
#include "base/value.h"
#include "cli/serve.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::cli {

// The map that agents see as `clade.swarm.info().settings`: seed, evaluations, instances, commit, approve and
// whatever else swarm.yaml sets. What `options` give is put into `batch`, to hold from now on, and what of it
// is new into the audit. Errors: those of the store.
Result<Value> settings_in_force(const ServeOptions& options, const Value& of_swarm, store::Database& database,
                                int64_t now, store::Batch& batch);

}  // namespace clade::cli
