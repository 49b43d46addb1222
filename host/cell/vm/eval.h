// The evaluation of one chunk in a fresh VM, with a second VM for a subject that the chunk may call and
// judge.
#pragma once

#include "base/value.h"
#include "cell/vm/memory.h"

namespace clade::vm {

// The frame "result" for an "eval" frame; `output` in it is what the chunk printed (at most 64 KB). Codes of
// failures: "syntax", "error", "wall", "cpu", "memory".
Value evaluate(Memory& memory, const Value& frame);

}  // namespace clade::vm
