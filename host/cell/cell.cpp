#include "cell/cell.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace clade::cell {
namespace {

// A frame is one map around the values that scripts made.
constexpr size_t kCellFrameDepth = vm::kValueDepth + 1;
// Handling what one read brought usually takes a tenth of that.
constexpr int64_t kLongUs = 1000;
// A stall of the whole host (it was stopped, or the machine slept) is no cell's doing.
constexpr int64_t kLongestRestMs = 1000;

bool is_name(const Value& value) {
  return value.is_string() && value.as_string().size() <= vm::kNameBytes;
}

bool is_table(const Value& value) {
  return value.is_map() || value.is_array();
}

// Frames of the host that are answered by "loaded" or "result".
bool is_question(const std::string& kind) {
  return kind == "load" || kind == "eval" || kind == "selftest" || kind == "examine";
}

std::string milliseconds(int64_t count) {
  return std::to_string(count) + " ms";
}

}  // namespace

Cell::Cell(loop::Loop& loop, int descriptor, SliceLimits limits, CellEvents& events)
    : limits_(limits),
      events_(events),
      stream_(loop, descriptor),
      deadline_(loop),
      reader_(kCellFrameDepth),
      rest_(loop) {
  stream_.read([this](std::string_view bytes) { received(bytes); },
               [this](const std::string&) { break_off(""); });
}

Status Cell::send(const Value& frame) {
  Slice slice;
  slice.kind = frame["t"].as_string();
  slice.vm = frame["vm"].as_integer();
  slice.run = frame["run"].as_integer();
  slice.strand = frame["strand"].as_string();
  if (auto appended = append_frame(slice.bytes, frame); !appended) return appended;
  queue_.push_back(std::move(slice));
  start_next();
  return {};
}

bool Cell::withdraw(int64_t run) {
  const auto entry = std::find_if(queue_.begin(), queue_.end(), [&](const Slice& slice) {
    return slice.kind == "run" && slice.run == run;
  });
  if (entry == queue_.end()) return false;
  queue_.erase(entry);
  return true;
}

void Cell::interrupted() {
  interrupt_in_flight_ = false;
  start_next();
}

bool Cell::awaits(int64_t run, const std::string& strand) const {
  const auto entry = runs_.find(run);
  if (entry == runs_.end()) return false;
  const auto found = entry->second.strands.find(strand);
  return found != entry->second.strands.end() && found->second.waiting;
}

bool Cell::at_rest(int64_t run) const {
  return runs_.count(run) > 0 && current_.run != run &&
         std::none_of(queue_.begin(), queue_.end(),
                      [&](const Slice& slice) { return slice.run == run && !obsolete(slice); });
}

// What the script meanwhile ended by itself needs no word any more.
bool Cell::obsolete(const Slice& slice) const {
  if (slice.kind == "answer") return !awaits(slice.run, slice.strand);
  return slice.kind == "cancel" && !runs_.count(slice.run);
}

void Cell::start_next() {
  while (!queue_.empty() && current_.kind.empty() && !interrupt_in_flight_ && !broken_) {
    Slice next = std::move(queue_.front());
    queue_.pop_front();
    if (obsolete(next)) continue;
    if (next.kind == "run") runs_[next.run];
    if (next.kind == "answer") {
      Run& run = runs_[next.run];
      run.strands[next.strand].waiting = false;
      --run.waiting;
    }
    slice_from_us_ = SystemClock().steady_us();
    stream_.write(std::exchange(next.bytes, {}));
    current_ = std::move(next);
    answered_ = false;
    interrupted_slice_ = false;
    slice_bytes_ = 0;
    logged_bytes_ = 0;
    done_.reset();
    run_clock(limits_.slice_ms);
  }
}

void Cell::run_clock(int64_t milliseconds_left) {
  left_us_ = milliseconds_left * 1000;
  resume_clock();
}

// While the host is at work for the cell, or rests from it, the cell may be waiting for the host.
void Cell::stop_clock() {
  if (clock_from_us_ == 0) return;
  deadline_.stop();
  left_us_ -= SystemClock().steady_us() - std::exchange(clock_from_us_, 0);
}

void Cell::resume_clock() {
  if (current_.kind.empty() || broken_ || held_) return;
  clock_from_us_ = SystemClock().steady_us();
  deadline_.start(std::max<int64_t>(left_us_ / 1000, 0), [this] {
    // The answer may have been waiting for a host that was busy elsewhere: it is read before that is decided.
    deadline_.start(1, [this] { expire(); });
  });
}

void Cell::expire() {
  if (interrupted_slice_) {
    break_off("was killed after " + milliseconds(limits_.slice_ms + limits_.grace_ms) +
              ": it did not stop at " + limits_.name + " = " + std::to_string(limits_.slice_ms) +
              " (a loop that catches errors, or one inside a library function)");
    return;
  }
  interrupted_slice_ = true;
  interrupt_in_flight_ = true;
  run_clock(limits_.grace_ms);
  events_.overdue();
}

void Cell::received(std::string_view bytes) {
  slice_bytes_ += bytes.size();
  if (slice_bytes_ > limits_.answer_bytes) {
    return break_off("sent more than " + std::to_string(limits_.answer_bytes >> 20) + " MB in one slice");
  }
  reader_.feed(bytes);
  work_off();
}

// Handles whole frames, for a while: the rest when others had their turn.
void Cell::work_off() {
  const SystemClock clock;
  const int64_t begin = clock.steady_us();
  stop_clock();
  while (!held_ && take_frame()) {
    const int64_t spent = clock.steady_us() - begin;
    if (spent > kLongUs && !held_) return rest(std::min(3 * spent / 1000, kLongestRestMs));
  }
  resume_clock();
}

// Handles a frame; false if there is no whole one, or it has ended the connection.
bool Cell::take_frame() {
  if (broken_) return false;
  auto frame = reader_.next();
  if (!frame) {
    break_off(frame.error().message);
    return false;
  }
  if (frame->is_nil()) {
    // The slice has ended with its frame "idle": no part of another one may follow.
    if (current_.kind.empty() && reader_.holds_part()) break_off("sent bytes without being asked");
    return false;
  }
  if (auto wrong = handle(*frame); !wrong.empty()) break_off(wrong);
  return !broken_;
}

void Cell::rest(int64_t milliseconds) {
  stop_clock();  // of a slice that began meanwhile
  stream_.pause();
  rest_.start(milliseconds, [this] {
    stream_.resume();
    work_off();
  });
}

void Cell::hold(bool on) {
  if (broken_ || held_ == on) return;
  held_ = on;
  if (on) {
    stop_clock();
    rest_.stop();
    stream_.pause();
    return;
  }
  stream_.resume();
  work_off();
}

void Cell::hear_out() {
  rest_.stop();
  while (take_frame()) {
  }
}

std::string Cell::handle(const Value& frame) {
  const std::string& kind = frame["t"].as_string();
  if (current_.kind.empty()) return "sent a frame without being asked";
  if (kind == "idle") return handle_idle(frame);
  if (kind == "call") return handle_call(frame);
  if (kind == "withdraw") return handle_withdraw(frame);
  if (kind == "done") return handle_end(frame, true);
  if (kind == "failed") return handle_end(frame, false);
  if (kind == "log") return handle_log(frame);
  if (kind == "loaded") return handle_loaded(frame);
  if (kind == "result") return handle_result(frame);
  return "sent a frame of an unknown kind";
}

std::string Cell::handle_loaded(const Value& frame) {
  if (current_.kind != "load" || answered_) return "sent \"loaded\" without being asked";
  if (!frame["vm"].is_integer() || frame["vm"].as_integer() != current_.vm)
    return "named a VM that is not its own";
  if (!frame["ok"].is_bool()) return "sent \"loaded\" without a boolean `ok`";
  answered_ = true;
  if (frame["ok"].as_bool()) {
    if (!frame["info"].is_map()) return "sent \"loaded\" without a map `info`";
    const auto& patterns = frame["info"]["tasks"].as_array();
    const bool fit = patterns.size() <= vm::kTaskPatterns &&
                     std::all_of(patterns.begin(), patterns.end(), [](const Value& pattern) {
                       return pattern.as_string().size() <= vm::kNameBytes;
                     });
    const Value& schema = frame["info"]["schema"];
    if (!schema.is_nil() && !(schema.is_integer() && schema.as_integer() >= 1)) {
      return "sent \"loaded\" with a `schema` that is no whole number from 1 on";
    }
    if (!fit) return "sent \"loaded\" with too many or too long patterns in `tasks`";
    events_.loaded(current_.vm, frame["info"]);
  } else {
    if (!frame["error"].is_string()) return "sent \"loaded\" without a text `error`";
    const std::string& code = frame["code"].as_string();
    events_.loaded(current_.vm, failure(code.empty() ? "error" : code, frame["error"].as_string()));
  }
  return "";
}

// In a slice only the run whose frame it was may speak: the cell resumes no other.
std::string Cell::not_executing(const Value& frame) const {
  if (!frame["run"].is_integer()) return "sent a frame whose `run` is no number";
  const int64_t run = frame["run"].as_integer();
  if (run == 0 || run != current_.run || !runs_.count(run)) {
    return "spoke for run " + std::to_string(run) + ", which it is not executing";
  }
  return "";
}

std::string Cell::handle_call(const Value& frame) {
  if (auto wrong = not_executing(frame); !wrong.empty()) return wrong;
  if (!is_name(frame["strand"]) || !is_name(frame["op"]) || frame["op"].as_string().empty()) {
    return "sent a call whose `strand` or `op` is no short text";
  }
  if (!frame["position"].is_integer()) return "sent a call whose `position` is no number";
  Run& run = runs_[current_.run];
  Strand& strand = run.strands[frame["strand"].as_string()];
  if (strand.waiting) return "sent a call of a strand that already waits";
  if (strand.withdrawn) return "sent a call of a strand that it has withdrawn";
  const int64_t position = frame["position"].as_integer();
  if (position <= strand.position) return "sent a call at a position that does not increase";
  strand.position = position;
  strand.waiting = true;
  if (++run.waiting > vm::kWaitingStrands || run.strands.size() > vm::kStrands) {
    return "has more than " + std::to_string(vm::kWaitingStrands) + " strands that wait, or too many in all";
  }
  events_.called(current_.run, frame["strand"].as_string(), position, frame["op"].as_string(), frame["args"]);
  return "";
}

std::string Cell::handle_withdraw(const Value& frame) {
  if (auto wrong = not_executing(frame); !wrong.empty()) return wrong;
  Run& run = runs_[current_.run];
  const auto strand = run.strands.find(frame["strand"].as_string());
  if (strand == run.strands.end() || !strand->second.waiting) return "withdrew a strand that does not wait";
  strand->second.waiting = false;
  strand->second.withdrawn = true;
  --run.waiting;
  events_.withdrawn(current_.run, strand->first);
  return "";
}

std::string Cell::handle_end(const Value& frame, bool done) {
  if (auto wrong = not_executing(frame); !wrong.empty()) return wrong;
  if (done && !frame["state"].is_nil() && !is_table(frame["state"])) {
    return "sent a state that is no table";
  }
  if (!done && !frame["error"].is_string()) return "sent \"failed\" without a text `error`";
  const auto run = runs_.extract(current_.run);
  if (done) {
    done_ = Done{frame["value"], frame["state"], run.mapped().wall_us};
  } else {
    events_.failed(current_.run, frame["error"].as_string());
  }
  return "";
}

std::string Cell::handle_log(const Value& frame) {
  if (auto wrong = not_executing(frame); !wrong.empty()) return wrong;
  if (!is_name(frame["level"]) || !frame["text"].is_string()) return "sent a log line that is no text";
  logged_bytes_ += frame["text"].as_string().size() + vm::kLogLineBytes;
  if (logged_bytes_ > vm::kLogBytes) {
    return "logged more than " + std::to_string(vm::kLogBytes >> 10) + " KB in one slice";
  }
  events_.logged(current_.run, frame["level"].as_string(), frame["text"].as_string());
  return "";
}

std::string Cell::handle_result(const Value& frame) {
  if (current_.kind == "load" || !is_question(current_.kind) || answered_) {
    return "sent a result without being asked";
  }
  if (!frame["ok"].is_bool()) return "sent a result without a boolean `ok`";
  if (!frame["ok"].as_bool() && !(frame["error"].is_string() && frame["code"].is_string())) {
    return "sent a failure without the texts `error` and `code`";
  }
  if (current_.kind == "examine" && frame["ok"].as_bool() && !is_table(frame["value"])) {
    return "sent a state that is no table";
  }
  answered_ = true;
  events_.result(frame);
  return "";
}

std::string Cell::handle_idle(const Value& frame) {
  if (!frame["memory"].is_number()) return "sent \"idle\" without a number `memory`";
  const Value& cpu_us = frame["cpu"];
  const Value& vm_memory = frame["vm_memory"];
  if (done_ && !(cpu_us.is_integer() && vm_memory.is_integer())) {
    return "sent \"idle\" without the whole numbers `cpu` and `vm_memory` where a run has ended";
  }
  if (is_question(current_.kind) && !answered_) return "did not answer \"" + current_.kind + "\"";
  if (current_.kind == "cancel" && runs_.erase(current_.run) > 0) events_.cancelled(current_.run);
  const auto run = runs_.find(current_.run);
  if (run != runs_.end() && run->second.waiting == 0) return "left a run that neither ended nor waits";
  stop_clock();
  const int64_t wall_us = SystemClock().steady_us() - slice_from_us_;
  if (run != runs_.end()) run->second.wall_us += wall_us;
  if (auto done = std::exchange(done_, std::nullopt)) {
    // One thread has no more processor time than there was time.
    const run::Usage usage{std::clamp<int64_t>(cpu_us.as_integer(), 0, done->wall_us + wall_us),
                           std::max<int64_t>(vm_memory.as_integer(), 0)};
    events_.finished(current_.run, std::move(done->result), std::move(done->state), usage);
  }
  const int64_t executed = std::exchange(current_, {}).run;
  events_.idle(frame["memory"].as_integer());
  start_next();
  if (!broken_ && at_rest(executed)) events_.rested(executed);
  return "";
}

void Cell::break_off(const std::string& reason) {
  if (broken_) return;
  broken_ = true;
  stop_clock();
  rest_.stop();
  stream_.pause();
  events_.broken(reason);
}

}  // namespace clade::cell
