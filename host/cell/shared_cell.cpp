#include "cell/shared_cell.h"

#include <algorithm>
#include <utility>

#include "cell/death.h"
#include "cell/frames.h"
#include "cell/sandbox.h"
#include "cell/vm/cell_main.h"

namespace clade::cell {

SharedCell::SharedCell(Zygote& zygote, Options options, SharedCellOwner& owner)
    : zygote_(zygote), options_(std::move(options)), owner_(owner) {}

Result<std::unique_ptr<SharedCell>> SharedCell::start(loop::Loop& loop, Zygote& zygote,
                                                      const Options& options, SharedCellOwner& owner) {
  std::unique_ptr<SharedCell> shared(new SharedCell(zygote, options, owner));
  auto process =
      zygote.spawn(options.limits, [cell = shared.get()](const CellExit& exit) { cell->exited(exit); });
  if (!process) return failure(process.error());
  shared->process_ = *process;
  shared->cell_.emplace(loop, process->descriptor, options.slices, static_cast<CellEvents&>(*shared));
  return shared;
}

SharedCell::~SharedCell() {
  if (process_.id != 0) zygote_.abandon(process_.id);
}

Status SharedCell::begin(const run::Program& program, const run::Invocation& invocation) {
  const auto vm = vm_for(program);
  if (!vm) return failure(vm.error());
  if (auto sent = cell_->send(run_frame(*vm, invocation)); !sent) {
    return failure(sent.error().code, "the agent's state and its task or message: " + sent.error().message);
  }
  runs_[invocation.run] = LiveRun{*vm, false};
  ++vms_[*vm].live;
  vms_[*vm].last_used = ++runs_begun_;
  retire_former(program.agent, *vm);
  return {};
}

// The VM of a program, loaded or about to be. An agent has its own: programs of two agents are never equal.
Result<int64_t> SharedCell::vm_for(const run::Program& program) {
  for (auto& [id, vm] : vms_) {
    if (vm.program.agent == program.agent && vm.program.key == program.key) {
      vm.former = false;
      return id;
    }
  }
  const int64_t id = ++last_vm_;
  if (auto sent = cell_->send(load_frame(id, program, options_.vm_memory_mb)); !sent) {
    return failure(sent.error().code, "the script and its modules: " + sent.error().message);
  }
  vms_[id].program = program;
  return id;
}

void SharedCell::retire_former(const std::string& agent, int64_t current) {
  std::vector<int64_t> unused;
  for (auto& [id, vm] : vms_) {
    if (id == current || vm.program.agent != agent) continue;
    vm.former = true;
    if (vm.live == 0) unused.push_back(id);
  }
  for (const int64_t id : unused) unload(id);
}

void SharedCell::unload(int64_t vm) {
  vms_.erase(vm);
  // So small a frame is never refused.
  (void)cell_->send({{"t", "unload"}, {"vm", vm}});
}

void SharedCell::answer(int64_t run, const std::string& strand, const Result<Value>& value, int64_t now_ms) {
  const auto entry = runs_.find(run);
  if (entry == runs_.end() || entry->second.cancelled || !cell_->awaits(run, strand)) return;
  if (auto sent = cell_->send(answer_frame(run, strand, value, now_ms)); !sent) {
    (void)cell_->send(
        answer_frame(run, strand, failure("limit", "the answer: " + sent.error().message), now_ms));
  }
}

bool SharedCell::at_rest(int64_t run) const {
  const auto entry = runs_.find(run);
  return entry != runs_.end() && !entry->second.cancelled && cell_->at_rest(run);
}

void SharedCell::cancel(int64_t run) {
  const auto entry = runs_.find(run);
  if (entry == runs_.end() || entry->second.cancelled) return;
  if (cell_->withdraw(run)) {
    forget(run);
    return;
  }
  entry->second.cancelled = true;
  owner_.left(run);
  (void)cell_->send({{"t", "cancel"}, {"run", run}});
}

bool SharedCell::forget(int64_t run) {
  const auto entry = runs_.find(run);
  if (entry == runs_.end()) return false;
  const LiveRun live = entry->second;
  runs_.erase(entry);
  const auto vm = vms_.find(live.vm);
  if (vm != vms_.end() && --vm->second.live == 0 && vm->second.former) unload(live.vm);
  if (!live.cancelled) owner_.left(run);
  return !live.cancelled;
}

void SharedCell::loaded(int64_t vm, Result<Value> info) {
  if (info) return;
  const std::string message = stopped(info.error().message);
  std::vector<int64_t> waiting;
  for (const auto& [id, live] : runs_) {
    if (live.vm == vm) waiting.push_back(id);
  }
  vms_.erase(vm);
  for (const int64_t run : waiting) {
    cell_->withdraw(run);
    if (forget(run)) owner_.events().failed(run, message);
  }
}

void SharedCell::called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
                        Value args) {
  if (!runs_[run].cancelled) owner_.events().called(run, strand, position, op, std::move(args));
}

void SharedCell::withdrawn(int64_t run, const std::string& strand) {
  if (!runs_[run].cancelled) owner_.events().withdrawn(run, strand);
}

void SharedCell::rested(int64_t run) {
  if (at_rest(run)) owner_.events().rested(run);
}

void SharedCell::finished(int64_t run, Value result, Value state, run::Usage usage) {
  // More than all its VMs may have none can hold.
  usage.memory_bytes = std::min(usage.memory_bytes, options_.limits.memory_mb << 20);
  if (forget(run)) owner_.events().finished(run, std::move(result), std::move(state), usage);
}

void SharedCell::failed(int64_t run, const std::string& message) {
  if (forget(run)) owner_.events().failed(run, stopped(message));
}

// The message, with the limit where it was that which stopped the script.
std::string SharedCell::stopped(const std::string& message) const {
  if (!cell_->was_interrupted()) return message;
  return "stopped after " + std::to_string(options_.slices.slice_ms) +
         " ms without a wait (slice_ms): " + message;
}

void SharedCell::logged(int64_t run, const std::string& level, const std::string& text) {
  if (!runs_[run].cancelled) owner_.events().logged(run, level, text);
}

void SharedCell::cancelled(int64_t run) {
  forget(run);
}

void SharedCell::idle(int64_t memory) {
  if (options_.solo) {
    // Its VM stays, whatever is in it: that is to be seen.
    if (runs_.empty()) owner_.idle(*this);
  } else if (memory > (options_.limits.memory_mb << 20) / 4 * 3) {
    unload_least_recent();
  }
}

// Agents keep nothing in a VM, so one that is not in use costs nothing to drop but the loading.
void SharedCell::unload_least_recent() {
  auto oldest = vms_.end();
  for (auto entry = vms_.begin(); entry != vms_.end(); ++entry) {
    if (entry->second.live > 0) continue;
    if (oldest == vms_.end() || entry->second.last_used < oldest->second.last_used) oldest = entry;
  }
  if (oldest != vms_.end()) unload(oldest->first);
}

void SharedCell::overdue() {
  zygote_.interrupt(process_.id, [this] { cell_->interrupted(); });
}

void SharedCell::broken(const std::string& reason) {
  reason_ = reason;
  doom();
}

void SharedCell::doom() {
  if (doomed_) return;
  doomed_ = true;
  owner_.doomed(*this);
  zygote_.kill(process_.id);
}

void SharedCell::exited(const CellExit& exit) {
  process_.id = 0;
  // What it finished before is finished.
  if (!doomed_) cell_->hear_out();
  if (!doomed_) {
    doomed_ = true;
    owner_.doomed(*this);
  }
  Death death;
  death.reason = reason_.empty() ? describe_exit(exit) : "it " + reason_;
  // What kept the cell from living is no script's doing.
  death.ran = exit.failure.empty() && !(exit.signal == 0 && exit.code == kNotShutIn);
  const bool executed = death.ran && !cell_->left_unread();
  int64_t executing = executed ? cell_->executing_run() : 0;
  const int64_t loading = executed && executing == 0 ? cell_->executing_vm() : 0;
  for (const auto& [id, live] : runs_) {
    if (loading != 0 && executing == 0 && live.vm == loading) executing = id;
    if (!live.cancelled) death.runs.push_back(id);
  }
  if (const auto run = runs_.find(executing); run != runs_.end()) {
    const auto vm = vms_.find(run->second.vm);
    if (vm != vms_.end()) death.culprit = vm->second.program;
    // Alone it has no neighbours who could have filled it.
    death.full = !options_.solo && exit.signal == 0 && exit.code == vm::kCellFull;
    if (!run->second.cancelled && !death.full) death.blamed = executing;
  }
  owner_.ended(*this, std::move(death));
}

}  // namespace clade::cell
