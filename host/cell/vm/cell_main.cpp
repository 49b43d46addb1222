#include "cell/vm/cell_main.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <time.h>

#include "cell/vm/bounds.h"
#include "cell/vm/eval.h"
#include "cell/vm/frame.h"
#include "cell/vm/limits.h"
#include "cell/vm/memory.h"
#include "cell/vm/program.h"
#include "cell/vm/repl.h"
#include "cell/vm/warm.h"

namespace clade::vm {
namespace {

// Of this thread, in microseconds. Without the clock nothing seems to take any.
int64_t processor_us() {
  timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) return 0;
  return int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
}

// The cell: its programs by the host's numbers, and which of them each run is in.
class Cell {
 public:
  Cell(int descriptor, Warm& warm) : channel_(descriptor, kSentBytes), warm_(warm), memory_(warm.memory) {}

  // Returns the exit status.
  int serve() {
    for (;;) {
      auto frame = channel_.read();
      if (!frame) return 1;
      if (frame->is_nil()) return 0;
      executed_ = nullptr;
      handle(*frame);
      end_slice((*frame)["run"].as_integer());
      if (broken_ || !channel_.flush()) return 1;
    }
  }

 private:
  struct Run {
    int64_t vm = 0;
    int64_t used_us = 0;  // in its slices so far
  };

  void handle(const Value& frame) {
    const std::string& kind = frame["t"].as_string();
    if (kind == "load") return load(frame);
    if (kind == "selftest" || kind == "examine") return ask(frame);
    if (kind == "unload") return unload(frame["vm"].as_integer());
    if (kind == "run") return start(frame);
    if (kind == "answer") return answer(frame);
    if (kind == "cancel") return cancel(frame["run"].as_integer());
    if (kind == "eval")
      return send_result(evaluation_.emplace(memory_, std::move(warm_.evaluation)).run(frame));
    if (kind == "repl") return repl(frame);
    broken_ = true;
  }

  // The clock is looked at once a slice, so each begins where the one before ended: waiting takes no
  // processor time.
  void end_slice(int64_t run) {
    const int64_t begin = std::exchange(looked_us_, processor_us());
    Value idle{{"t", "idle"}};
    if (executed_) {
      used_us_ += looked_us_ - begin;
      if (const auto live = runs_.find(run); live != runs_.end()) {
        live->second.used_us = used_us_;
      } else {
        if (executed_->is_measured()) collect();
        idle.set("cpu", used_us_).set("vm_memory", static_cast<int64_t>(executed_->memory()));
      }
    }
    send(idle.set("memory", static_cast<int64_t>(memory_.used())));
  }

  void collect() {
    executed_->collect();
    looked_us_ = processor_us();
  }

  void send(const Value& frame) {
    if (!channel_.put(frame)) broken_ = true;
  }

  // What scripts return, and the errors that they raise, may be too large together.
  void send_result(const Value& frame) {
    const auto status = channel_.put(frame);
    if (status) return;
    send({{"t", "result"},
          {"ok", false},
          {"error", "the result: " + status.error().message},
          {"code", "error"}});
  }

  void load(const Value& frame) {
    const int64_t vm = frame["vm"].as_integer();
    unload(vm);
    // Agents share this cell. The pieces of an evaluation belong together, and fail together.
    memory_.end_process_when_full(kCellFull);
    warm_.evaluation.reset();
    Value info;
    const Slice slice;
    auto program = Program::load(
        memory_, frame, [this](const Value& sent) { return try_send(sent); }, info);
    if (!program) {
      return send({{"t", "loaded"},
                   {"vm", vm},
                   {"ok", false},
                   {"error", program.error().message},
                   {"code", program.error().code}});
    }
    programs_.emplace(vm, std::move(*program));
    send({{"t", "loaded"}, {"vm", vm}, {"ok", true}, {"info", std::move(info)}});
  }

  // What a script tries to send may be too large: its own error, not the cell's.
  std::string try_send(const Value& frame) {
    const std::string& kind = frame["t"].as_string();
    // The host ends a cell that sends more; what is left is for how the run ends.
    constexpr size_t kMost = kSliceBytes - 2 * kSentBytes;
    if (kind == "call" && channel_.sent() > kMost) {
      return std::to_string(channel_.sent()) + " bytes have been sent without a wait: at most " +
             std::to_string(kMost >> 20) + " MB";
    }
    auto status = channel_.put(frame);
    if (status && (kind == "done" || kind == "failed")) runs_.erase(frame["run"].as_integer());
    if (status) return "";
    if (status.error().code != "limit") broken_ = true;
    return status.error().message;
  }

  // About the program, in no run of it.
  void ask(const Value& frame) {
    const auto program = programs_.find(frame["vm"].as_integer());
    if (program == programs_.end()) {
      return send({{"t", "result"}, {"ok", false}, {"error", "there is no such VM"}, {"code", "error"}});
    }
    const Slice slice;
    const bool tests = frame["t"].as_string() == "selftest";
    send_result(tests ? program->second.selftest() : program->second.examine(frame));
  }

  void unload(int64_t vm) {
    programs_.erase(vm);
    std::erase_if(runs_, [vm](const auto& entry) { return entry.second.vm == vm; });
  }

  void start(const Value& frame) {
    const int64_t run = frame["run"].as_integer();
    const auto program = programs_.find(frame["vm"].as_integer());
    if (program == programs_.end()) {
      return send({{"t", "failed"}, {"run", run}, {"error", "there is no such VM in this cell"}});
    }
    runs_[run] = {program->first};
    executed_ = &program->second;
    used_us_ = 0;
    const Slice slice;
    executed_->start(frame);
  }

  void answer(const Value& frame) {
    const int64_t run = frame["run"].as_integer();
    executed_ = program_of(run);
    if (!executed_) return;
    used_us_ = runs_[run].used_us;
    const Slice slice;
    executed_->answer(frame);
  }

  void cancel(int64_t run) {
    if (auto* program = program_of(run)) {
      const Slice slice;
      program->cancel(run);
    }
    runs_.erase(run);
  }

  void repl(const Value& frame) {
    if (!repl_) {
      auto made = Repl::create(memory_);
      if (!made) {
        return send(
            {{"t", "result"}, {"ok", false}, {"error", made.error().message}, {"code", made.error().code}});
      }
      repl_ = std::move(*made);
    }
    send_result(repl_->run(frame));
  }

  Program* program_of(int64_t run) {
    const auto entry = runs_.find(run);
    return entry == runs_.end() ? nullptr : &programs_.at(entry->second.vm);
  }

  Channel channel_;
  Warm& warm_;
  Memory& memory_;
  std::map<int64_t, Program> programs_;
  std::map<int64_t, Run> runs_;
  Program* executed_ = nullptr;  // whose run the frame is for
  int64_t used_us_ = 0;          // processor time of that run
  int64_t looked_us_ = processor_us();
  std::optional<Repl> repl_;
  std::optional<Evaluation> evaluation_;
  bool broken_ = false;
};

}  // namespace

int serve_cell(int descriptor, const CellOptions& options) {
  std::optional<Warm> own;
  Warm& warm = options.warm ? *options.warm : own.emplace();
  warm.memory.set_limit(options.memory_bytes);
  return Cell(descriptor, warm).serve();
}

}  // namespace clade::vm
