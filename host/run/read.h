// The operations that read shared state. What they return is journaled with the run's next await, so that a
// second execution sees the same.
#pragma once

#include <string>

#include "base/result.h"
#include "base/value.h"
#include "run/kernel.h"
#include "run/run.h"
#include "script/grants.h"

namespace clade::run {

// True for the operations of this file.
bool is_read(const std::string& op);

// Answers from what is committed (`kernel.reader`; the caller waits for the writer first) and the run's own
// outbox; `call` checks the grant, and the caller keeps it if this succeeds. Errors: "invalid" and "refused"
// (both raise in the script), "not_found", "limit", those of the store.
Result<Value> read(const Kernel& kernel, const Run& run, const std::string& op, const Value& args,
                   script::Call& call);

// The modules of a skill that others need to run or judge it: the closure of its `uses` and its benchmark's
// `uses`, id → version.
Result<std::map<std::string, const script::Version*>> skill_modules(const script::Library& library,
                                                                    const std::string& id);

}  // namespace clade::run
