// How runs come into being: new, or taken up again from what an earlier host left.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "run/kernel.h"
#include "run/run.h"

namespace clade::run {

// Run `number` of an agent on a task or message, at the versions in force; its seed comes from trigger,
// attempt and the swarm's seed. Errors: those of current_program.
Result<std::unique_ptr<Run>> new_run(const Kernel& kernel, const std::string& agent, const std::string& role,
                                     Trigger trigger, const std::string& id, int64_t attempt, int64_t number);

// What the run's handler is called with, noted in the run for its record.
Invocation invocation_of(const Kernel& kernel, Run& run);

// Run `id` as it was: its row, its journal and the versions it was pinned to; the lease of its task is
// renewed. Errors: "corrupt", "not_found", those of the store.
Result<std::unique_ptr<Run>> restored_run(const Kernel& kernel, const std::string& agent,
                                          const std::string& role, int64_t id);

}  // namespace clade::run
