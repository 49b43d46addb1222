// What a former host left under way: the runs that go on, and an end for everything else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "run/kernel.h"
#include "run/standing.h"
#include "store/writer.h"

namespace clade::run {

// Instance → the run to take up first. A run goes on if its agent is still there (`knows`), its task or
// message still its own, and what it was pinned to not quarantined; the others are lost and have spent an
// attempt. Tasks whose run had waited for nothing yet are queued again. Errors: those of the store and the
// queue.
Result<std::map<std::string, int64_t>> left_runs(const Kernel& kernel, const Standing& standing,
                                                 const std::function<bool(const std::string& agent)>& knows,
                                                 store::Batch& batch);

}  // namespace clade::run
