// What cells are born with. Made once in the zygote, inherited by every fork: a VM for evaluations whose
// libraries are open, so that a cell starts with its work. Nothing of a user is in it.
#pragma once

#include <memory>

#include "cell/vm/memory.h"
#include "cell/vm/state.h"

namespace clade::vm {

struct Warm {
  // Compiles the embedded scripts for all VMs of this process and its forks, and makes the VM.
  void prepare();

  Memory memory{0};                // of the cell; its limit is set when that is known
  std::unique_ptr<Vm> evaluation;  // none once it is taken
};

}  // namespace clade::vm
