#include "cell/fresh_cell.h"

#include <utility>

#include "base/clock.h"

namespace clade::cell {

FreshCell::FreshCell(Zygote& zygote, OnAnswer on_answer, OnEnd on_end)
    : zygote_(zygote), on_answer_(std::move(on_answer)), on_end_(std::move(on_end)) {}

Result<std::unique_ptr<FreshCell>> FreshCell::start(loop::Loop& loop, Zygote& zygote,
                                                    const CellLimits& limits, const SliceLimits& slices,
                                                    const Value& first, OnAnswer on_answer, OnEnd on_end) {
  std::unique_ptr<FreshCell> fresh(new FreshCell(zygote, std::move(on_answer), std::move(on_end)));
  auto process = zygote.spawn(limits, [cell = fresh.get()](CellExit exit) { cell->exited(std::move(exit)); });
  if (!process) return failure(process.error());
  fresh->process_ = *process;
  fresh->outcome_.cell = process->id;
  fresh->started_us_ = SystemClock().steady_us();
  fresh->cell_.emplace(loop, process->descriptor, slices, static_cast<CellEvents&>(*fresh));
  if (auto sent = fresh->cell_->send(first); !sent) return failure(sent.error());
  return fresh;
}

FreshCell::~FreshCell() {
  if (process_.id != 0) zygote_.abandon(process_.id);
}

void FreshCell::loaded(int64_t, Result<Value> info) {
  if (info) {
    outcome_.answer = Value{{"ok", true}, {"info", *std::move(info)}};
  } else {
    outcome_.answer = Value{{"ok", false}, {"error", info.error().message}, {"code", info.error().code}};
  }
}

void FreshCell::result(Value frame) {
  outcome_.answer = std::move(frame);
}

void FreshCell::idle(int64_t) {
  outcome_.interrupted = cell_->was_interrupted();
  const Value next = on_answer_ ? on_answer_(outcome_.answer) : Value();
  if (!next.is_nil()) {
    // Small by nature: it only asks for something about what was sent before.
    outcome_.answer = Value();
    if (cell_->send(next)) return;
  }
  answered_ = true;
  outcome_.wall_us = SystemClock().steady_us() - started_us_;
  zygote_.kill(process_.id);
}

void FreshCell::overdue() {
  zygote_.interrupt(process_.id, [this] { cell_->interrupted(); });
}

void FreshCell::broken(const std::string& reason) {
  // After the answer it does not matter any more how the cell ends.
  if (answered_) return;
  outcome_.interrupted = cell_->was_interrupted();
  outcome_.broken = reason;
  outcome_.wall_us = SystemClock().steady_us() - started_us_;
  zygote_.kill(process_.id);
}

void FreshCell::exited(CellExit exit) {
  process_.id = 0;
  if (outcome_.wall_us == 0) outcome_.wall_us = SystemClock().steady_us() - started_us_;
  // Without everything that was asked, what it said before counts for nothing.
  if (!answered_) outcome_.answer = Value();
  outcome_.exit = std::move(exit);
  auto report = std::move(on_end_);
  report(std::move(outcome_));
}

}  // namespace clade::cell
