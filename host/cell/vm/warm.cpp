#include "cell/vm/warm.h"

#include "cell/vm/compiled.h"
#include "cell/vm/eval.h"

namespace clade::vm {
namespace {

// Room for the bare libraries.
constexpr size_t kRoom = 4u << 20;

}  // namespace

void Warm::prepare() {
  memory.set_limit(kRoom);
  compile_embedded();
  // Without it cells make their own.
  if (auto made = evaluation_vm(memory)) evaluation = std::move(*made);
}

}  // namespace clade::vm
