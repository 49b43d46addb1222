#include "cell/pool.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/turns.h"
#include "cell/checks.h"
#include "cell/frames.h"
#include "cell/fresh_cell.h"
#include "cell/shared_cell.h"
#include "cell/solo_cells.h"
#include "cell/verdict.h"
#include "loop/timer.h"

namespace clade::cell {
namespace {

// Before runs are given back that found no cell.
constexpr int64_t kPauseMs = 1000;

}  // namespace

struct Pool::State final : SharedCellOwner, std::enable_shared_from_this<State> {
  struct WaitingEvaluation {
    EvalRequest request;
    std::function<void(EvalResult)> done;
  };
  struct Evaluation {
    std::function<void(EvalResult)> done;
    std::unique_ptr<FreshCell> cell;  // none if it could not start
  };
  State(loop::Loop& its_loop, Zygote& its_zygote, PoolOptions its_options, Log& its_log)
      : loop(its_loop),
        zygote(its_zygote),
        options(its_options),
        log(its_log),
        pause(its_loop),
        slots(static_cast<size_t>(std::max(1, its_options.shared_cells)), nullptr),
        solos(its_loop, static_cast<size_t>(std::max(1, its_options.solo_cells)), its_options.solo_idle_ms),
        evaluations(places(its_options)),
        checks(
            its_loop, its_zygote,
            {places(its_options), its_options.check_ms, its_options.wall_grace_ms, its_options.vm_memory_mb},
            [this](std::function<void()> function) {
              later([function = std::move(function)](State&) { function(); });
            }) {}

  // However long an agent's evaluations take, another one's first need not wait for their end.
  static TurnBounds places(const PoolOptions& options) {
    const auto all = static_cast<size_t>(std::max(1, options.parallel_evaluations));
    return {all, all, 1};
  }

  // Calls the function soon, unless the pool is gone by then.
  void later(std::function<void(State&)> function) {
    loop.post([weak = weak_from_this(), function = std::move(function)] {
      if (auto state = weak.lock()) function(*state);
    });
  }

  // Shared cells.

  run::RunEvents& events() override { return *run_events; }

  void left(int64_t run) override { runs.erase(run); }

  void doomed(SharedCell& cell) override {
    std::replace(slots.begin(), slots.end(), &cell, static_cast<SharedCell*>(nullptr));
    solos.doomed(cell);
  }

  void idle(SharedCell& cell) override {
    solos.idle(cell);
    // For a run that waits for this cell, or for its place.
    if (!waiting.empty()) later([](State& state) { state.start_waiting(); });
  }

  void ended(SharedCell& cell, Death death) override {
    const bool solo = cell.is_solo();
    solos.ended(cell);
    const auto entry =
        std::find_if(cells.begin(), cells.end(), [&](const auto& owned) { return owned.get() == &cell; });
    if (entry != cells.end()) cells.erase(entry);
    if (solo) later([](State& state) { state.start_waiting(); });
    if (death.runs.empty() && solo && !death.culprit) return;
    ++deaths;
    std::string where = death.reason;
    if (death.culprit) {
      // Who is to blame is unconfirmed from now on, and alone for that.
      if (death.full) alone.insert(death.culprit->key);
      where = death.culprit->agent + " at version " + short_hash(death.culprit->version) +
              (death.full ? " gets a cell of its own: " : " took its cell down: ") + death.reason;
    }
    log.warning("cell", where + "; " + std::to_string(death.runs.size()) + " runs were in it");
    for (const int64_t run : death.runs) {
      runs.erase(run);
      pending.insert(run);
    }
    for (const int64_t run : death.runs) {
      if (!death.ran) {
        lose_later(run, death.reason);
      } else if (pending.erase(run) == 0) {
        continue;  // cancelled when another one was reported
      } else if (run == death.blamed) {
        run_events->lost(run, true, "its cell died while it ran: " + death.reason);
      } else {
        run_events->lost(run, false, "its cell died, not by its doing: " + where);
      }
    }
  }

  // Without a cell to run in, a run that is delivered again at once would come back for ever.
  void lose_later(int64_t run, const std::string& reason) {
    pending.insert(run);
    losses.emplace_back(run, reason);
    if (pause.active()) return;
    pause.start(kPauseMs, [this] {
      for (const auto& [lost, why] : std::exchange(losses, {})) {
        if (pending.erase(lost) > 0) run_events->lost(lost, false, why);
      }
    });
  }

  void hold(bool on) {
    if (held == on) return;
    held = on;
    for (size_t index = 0; on && index < cells.size(); ++index) cells[index]->hold(true);
    if (on) return;
    later([](State& state) {
      // What one has to say may be too much again.
      for (size_t index = 0; !state.held && index < state.cells.size(); ++index)
        state.cells[index]->hold(false);
    });
  }

  bool is_alone(const run::Program& program) const {
    return !program.confirmed || alone.count(program.key) > 0;
  }

  // The cell that an agent's run goes to, null where it has to wait for one. Errors: "io".
  Result<SharedCell*> place(const run::Program& program) {
    const bool alone = is_alone(program);
    solos.turn_to(program, alone);
    if (!alone) return home(program);
    if (SharedCell* own = solos.take(program)) return own;
    if (!solos.has_place(program.version)) return nullptr;
    auto opened = open(true);
    if (opened) solos.add(**opened, program);
    return opened;
  }

  // The cell that its agent shares with others. Errors: "io".
  Result<SharedCell*> home(const run::Program& program) {
    auto place = homes.find(program.agent);
    if (place == homes.end()) {
      std::vector<size_t> agents(slots.size());
      for (const auto& [agent, slot] : homes) ++agents[slot];
      const auto least = std::min_element(agents.begin(), agents.end());
      place = homes.emplace(program.agent, static_cast<size_t>(least - agents.begin())).first;
    }
    SharedCell*& slot = slots[place->second];
    if (!slot) {
      auto opened = open(false);
      if (!opened) return opened;
      slot = *opened;
    }
    return slot;
  }

  Result<SharedCell*> open(bool solo) {
    SharedCell::Options cell;
    cell.limits.memory_mb = options.memory_mb;
    cell.slices.slice_ms = options.slice_ms;
    cell.slices.grace_ms = options.slice_grace_ms;
    cell.vm_memory_mb = options.vm_memory_mb;
    cell.solo = solo;
    auto opened = SharedCell::start(loop, zygote, cell, *this);
    if (!opened) return failure(opened.error());
    cells.push_back(*std::move(opened));
    cells.back()->hold(held);
    return cells.back().get();
  }

  void start(const run::Program& program, const run::Invocation& invocation) {
    const int64_t run = invocation.run;
    auto cell = place(program);
    if (!cell) return lose_later(run, cell.error().message);
    if (!*cell) {
      waiting.push_back({program, invocation});
      solos.make_room(waiting.size());
      return;
    }
    if (auto begun = (*cell)->begin(program, invocation); !begun) {
      if ((*cell)->runs() == 0) solos.idle(**cell);
      pending.insert(run);
      return later([run, reason = begun.error().message](State& state) {
        if (state.pending.erase(run)) state.run_events->failed(run, reason);
      });
    }
    runs[run] = *cell;
  }

  // Those that a cell of their own has become free for.
  void start_waiting() {
    for (auto& [program, invocation] : std::exchange(waiting, {})) start(program, invocation);
  }

  // Evaluations.

  void start_evaluations() {
    while (auto turn = evaluations.next()) {
      evaluating[turn->handle].done = std::move(turn->item.done);
      begin_evaluation(turn->handle, turn->item.request);
    }
  }

  void begin_evaluation(uint64_t handle, const EvalRequest& request) {
    SliceLimits slices;
    slices.slice_ms = request.wall_ms;
    slices.grace_ms = options.wall_grace_ms;
    slices.name = "wall_ms";
    const Bounds bounds{request.cpu_ms, request.wall_ms, request.memory_mb};
    const auto on_end = [this, handle, bounds,
                         chunk = request.main.chunk](const FreshCell::Outcome& outcome) {
      EvalResult result = evaluation_verdict(bounds, outcome);
      if (result.code == "protocol") log.warning("cell", "evaluation of " + chunk + ": " + result.error);
      end_evaluation(handle, std::move(result));
    };
    auto cell = FreshCell::start(loop, zygote, CellLimits{request.memory_mb, request.cpu_ms}, slices,
                                 eval_frame(request), nullptr, on_end);
    if (cell) {
      evaluating[handle].cell = *std::move(cell);
      return;
    }
    EvalResult refused;
    refused.code = cell.error().code == "limit" ? "error" : "killed";
    refused.error = cell.error().message;
    later([handle, refused](State& state) { state.end_evaluation(handle, refused); });
  }

  void end_evaluation(uint64_t handle, EvalResult result) {
    const auto entry = evaluating.find(handle);
    if (entry == evaluating.end()) return;
    // Keeps the cell, which may be calling this, until the end.
    const Evaluation evaluation = std::move(entry->second);
    evaluating.erase(entry);
    evaluations.end(handle);
    start_evaluations();
    evaluation.done(std::move(result));
  }

  loop::Loop& loop;
  Zygote& zygote;
  PoolOptions options;
  Log& log;
  loop::Timer pause;
  run::RunEvents* run_events = nullptr;

  std::vector<std::unique_ptr<SharedCell>> cells;       // all that are not reaped
  std::vector<SharedCell*> slots;                       // where agents go; empty until used
  std::map<std::string, size_t> homes;                  // agent → slot
  std::map<int64_t, SharedCell*> runs;                  // live
  std::set<int64_t> pending;                            // their end is about to be reported
  std::vector<std::pair<int64_t, std::string>> losses;  // what `pause` waits for
  std::set<std::string> alone;                          // keys of programs that found their cell full
  SoloCells solos;                                      // those of `alone` and unconfirmed programs
  std::deque<std::pair<run::Program, run::Invocation>> waiting;  // for one of those
  int64_t deaths = 0;
  bool held = false;

  Turns<WaitingEvaluation> evaluations;
  std::map<uint64_t, Evaluation> evaluating;  // whose turn it is
  Checks checks;
  uint64_t last_handle = 0;
};

Pool::Pool(loop::Loop& loop, Zygote& zygote, PoolOptions options, Log& log)
    : state_(std::make_shared<State>(loop, zygote, options, log)) {}

Pool::~Pool() = default;

void Pool::hold(bool on) {
  state_->hold(on);
}

void Pool::report_to(run::RunEvents* events) {
  state_->run_events = events;
}

void Pool::start(const run::Program& program, run::Invocation invocation) {
  state_->start(program, invocation);
}

void Pool::answer(int64_t run, const std::string& strand, Result<Value> value, int64_t now_ms) {
  const auto entry = state_->runs.find(run);
  if (entry != state_->runs.end()) entry->second->answer(run, strand, value, now_ms);
}

bool Pool::at_rest(int64_t run) const {
  const auto entry = state_->runs.find(run);
  return entry != state_->runs.end() && entry->second->at_rest(run);
}

void Pool::cancel(int64_t run) {
  state_->pending.erase(run);
  auto& waiting = state_->waiting;
  waiting.erase(std::remove_if(waiting.begin(), waiting.end(),
                               [run](const auto& one) { return one.second.run == run; }),
                waiting.end());
  const auto entry = state_->runs.find(run);
  if (entry != state_->runs.end()) entry->second->cancel(run);
}

uint64_t Pool::evaluate(EvalRequest request, std::function<void(EvalResult)> done) {
  const uint64_t handle = ++state_->last_handle;
  const std::string agent = request.agent;
  state_->evaluations.wait(agent, handle, {std::move(request), std::move(done)});
  state_->start_evaluations();
  return handle;
}

void Pool::cancel_evaluation(uint64_t handle) {
  state_->evaluating.erase(handle);
  state_->evaluations.end(handle);
  // Later: whoever cancels all that a run waits for must not start its next ones.
  state_->later([](State& state) { state.start_evaluations(); });
}

uint64_t Pool::check(run::Program program, const std::string& agent,
                     std::function<void(Result<ProgramInfo>)> done) {
  const uint64_t handle = ++state_->last_handle;
  const auto tell = [done = std::move(done)](const Result<Value>& info) {
    done(info ? Result<ProgramInfo>(ProgramInfo{*info}) : failure(info.error()));
  };
  state_->checks.ask(handle, agent, {std::move(program), std::nullopt, tell});
  return handle;
}

void Pool::cancel_check(uint64_t handle) {
  state_->checks.cancel(handle);
}

uint64_t Pool::examine(run::Program program, StateQuestion question,
                       std::function<void(Result<Value>)> done) {
  const uint64_t handle = ++state_->last_handle;
  state_->checks.ask(handle, "", {std::move(program), std::move(question), std::move(done)});
  return handle;
}

void Pool::cancel_examination(uint64_t handle) {
  state_->checks.cancel(handle);
}

int Pool::process_of(int64_t run) const {
  const auto entry = state_->runs.find(run);
  return entry == state_->runs.end() ? 0 : entry->second->pid();
}

Value Pool::statistics() const {
  const auto& cells = state_->cells;
  const auto solo =
      std::count_if(cells.begin(), cells.end(), [](const auto& cell) { return cell->is_solo(); });
  return {{"shared", static_cast<int64_t>(cells.size()) - static_cast<int64_t>(solo)},
          {"solo", static_cast<int64_t>(solo)},
          {"waiting_alone", static_cast<int64_t>(state_->waiting.size())},
          {"evaluating", static_cast<int64_t>(state_->evaluating.size())},
          {"waiting", static_cast<int64_t>(state_->evaluations.waiting())},
          {"checking", static_cast<int64_t>(state_->checks.running())},
          {"unchecked", static_cast<int64_t>(state_->checks.waiting())},
          {"deaths", state_->deaths}};
}

}  // namespace clade::cell
