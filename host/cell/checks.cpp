#include "cell/checks.h"

#include <utility>

#include "base/clock.h"
#include "cell/frames.h"
#include "cell/protocol.h"
#include "cell/verdict.h"

namespace clade::cell {
namespace {

// The only VM of its cell.
constexpr int64_t kVm = 1;

}  // namespace

Checks::Checks(loop::Loop& loop, Zygote& zygote, Options options, Later later)
    : loop_(loop),
      zygote_(zygote),
      options_(options),
      later_(std::move(later)),
      own_(options.places),
      agents_(options.places) {}

void Checks::ask(uint64_t handle, const std::string& agent, Question question) {
  (agent.empty() ? own_ : agents_).wait(agent, handle, std::move(question));
  start_next();
}

void Checks::cancel(uint64_t handle) {
  running_.erase(handle);
  leave_line(handle);
  // Later: whoever cancels all that a run waits for must not start its next ones.
  later_([this] { start_next(); });
}

// As many at a time as evaluations: whoever publishes fills no machine with trials.
void Checks::start_next() {
  for (auto* line : {&own_, &agents_}) {
    while (auto turn = line->next()) {
      Running& running = running_[turn->handle];
      running.state = std::move(turn->item.state);
      running.done = std::move(turn->item.done);
      begin(turn->handle, turn->item.program);
    }
  }
}

void Checks::leave_line(uint64_t handle) {
  own_.end(handle);
  agents_.end(handle);
}

void Checks::begin(uint64_t handle, const run::Program& program) {
  auto cell = open(handle, program);
  if (cell) {
    running_[handle].cell = *std::move(cell);
    return;
  }
  later_([this, handle, error = cell.error()] {
    auto entry = running_.extract(handle);
    if (!entry) return;
    leave_line(handle);
    start_next();
    entry.mapped().done(failure(error));
  });
}

Result<std::unique_ptr<FreshCell>> Checks::open(uint64_t handle, const run::Program& program) {
  if (const auto& state = running_[handle].state) {
    std::string bytes;
    if (auto fits = append_frame(bytes, examine_frame(kVm, *state, 0)); !fits)
      return failure(fits.error().code, "the state: " + fits.error().message);
  }
  SliceLimits slices;
  slices.slice_ms = options_.check_ms;
  slices.grace_ms = options_.grace_ms;
  slices.name = "check_ms";
  return FreshCell::start(
      loop_, zygote_, CellLimits{options_.memory_mb, 0}, slices, load_frame(kVm, program, options_.memory_mb),
      [this, handle](const Value& answer) { return next_frame(handle, answer); },
      [this, handle](const FreshCell::Outcome& outcome) { end(handle, outcome); });
}

Value Checks::next_frame(uint64_t handle, const Value& answer) {
  Running& running = running_[handle];
  if (!running.info.is_nil() || !answer["ok"].as_bool()) return {};
  running.info = answer["info"];
  if (running.state) return examine_frame(kVm, *running.state, SystemClock().wall_ms());
  return running.info["has"]["selftest"].as_bool() ? Value{{"t", "selftest"}, {"vm", kVm}} : Value();
}

void Checks::end(uint64_t handle, const FreshCell::Outcome& outcome) {
  auto entry = running_.extract(handle);
  if (!entry) return;
  leave_line(handle);
  start_next();
  Running& ended = entry.mapped();
  if (outcome.answer["ok"].as_bool()) return ended.done(ended.state ? outcome.answer["value"] : ended.info);
  Error error = failure_of({0, options_.check_ms, options_.memory_mb, "check_ms"}, outcome);
  if (!ended.state && !ended.info.is_nil()) error.message = "its selftest failed: " + error.message;
  ended.done(failure(std::move(error)));
}

}  // namespace clade::cell
