// The host's end of a connection against a hostile cell: the input is a script of what the host asks and what
// the cell says. An owner of its own keeps account of both sides and ends the process when a report breaks
// what cell.h promises.
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "cell/cell.h"
#include "fuzz/input.h"

namespace clade::cell {
namespace {

using fuzz::Input;
using fuzz::promise;

// One read of the stream: what a slice was sent may have come with the end of the slice before.
constexpr size_t kReadBytes = 65536;
constexpr size_t kAnswerBytes[] = {64, 4096, 1u << 16, 64u << 20};
constexpr const char* kStrands[] = {"0", "1", "1.1", ""};
constexpr int64_t kRuns = 8;

// The cell's end of the socket. What the host sends arrives at once: nothing else is in between.
class Peer {
 public:
  Peer() {
    promise(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_) == 0, "no socket pair");
  }
  ~Peer() { hang_up(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  int host_end() const { return ends_[0]; }
  // A socket that is full or gone takes less.
  void say_bytes(std::string_view bytes) {
    if (ends_[1] >= 0) (void)::send(ends_[1], bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void say(const Value& frame) {
    std::string bytes;
    if (append_frame(bytes, frame)) say_bytes(bytes);
  }
  // The next frame of the host, nil if there is none.
  Value hear() {
    char bytes[4096];
    for (;;) {
      auto frame = reader_.next();
      promise(frame.has_value(), "the host sent a frame that cannot be read");
      if (!frame->is_nil() || ends_[1] < 0) return *frame;
      const ssize_t count = ::recv(ends_[1], bytes, sizeof bytes, 0);
      if (count <= 0) return {};
      reader_.feed({bytes, static_cast<size_t>(count)});
    }
  }
  // Says nothing more, and hears what the host says.
  void finish() { shutdown(ends_[1], SHUT_WR); }
  void hang_up() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  bool hung_up() const { return ends_[1] < 0; }

 private:
  int ends_[2] = {-1, -1};
  FrameReader reader_;
};

// The owner of the cell. What it knows comes from the host's frames as the cell gets them, and from the
// reports.
class Owner final : public CellEvents {
 public:
  Owner(Peer& peer, size_t answer_bytes) : peer_(peer), answer_bytes_(answer_bytes) {}

  void own(Cell& cell) { cell_ = &cell; }
  // Answers each call from within the report.
  void answer_at_once() { answers_ = true; }
  bool broken() const { return broken_; }
  bool may_interrupt() const { return overdue_; }

  void interrupt() {
    note_frames();
    overdue_ = false;
    cell_->interrupted();
  }

  // Frames that the host has sent since.
  void note_frames() {
    for (Value frame = peer_.hear(); !frame.is_nil(); frame = peer_.hear()) {
      promise(slice_.empty(), "the host sent a second frame in one slice");
      promise(!overdue_, "the host sent a frame while its interrupt is under way");
      promise(!broken_, "the host sent a frame after the end");
      slice_ = frame["t"].as_string();
      vm_ = frame["vm"].as_integer();
      run_ = frame["run"].as_integer();
      answered_ = false;
      reported_ = 0;
      if (slice_ == "run") promise(runs_.emplace(run_, Run{}).second, "a run began twice");
      if (slice_ == "cancel") promise(runs_.count(run_) == 1, "a run was cancelled that is not under way");
      if (slice_ == "answer") note_answer(frame["strand"].as_string());
    }
  }

  void loaded(int64_t vm, Result<Value> info) override {
    if (!report(0)) return;
    promise(slice_ == "load" && vm == vm_ && !answered_, "a VM was loaded that was not asked for");
    promise(!info || info->is_map(), "a VM was loaded without a map of what it handles");
    answered_ = true;
  }
  void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
              Value args) override {
    if (!report(strand.size() + op.size() + args.as_string().size())) return;
    Strand& caller = executing(run).strands[strand];
    promise(!caller.waits, "a strand waits twice");
    promise(!caller.withdrawn, "a withdrawn strand calls");
    promise(position > caller.position, "the positions of a strand do not increase");
    promise(!op.empty() && op.size() <= 256 && strand.size() <= 256, "a call without a short name");
    caller = {position, true, false};
    promise(cell_->awaits(run, strand), "a strand that called does not wait");
    if (answers_) answer(run, strand);
  }
  void withdrawn(int64_t run, const std::string& strand) override {
    if (!report(strand.size())) return;
    Strand& given_up = executing(run).strands[strand];
    promise(given_up.waits, "a strand was withdrawn that does not wait");
    given_up.waits = false;
    given_up.withdrawn = true;
    promise(!cell_->awaits(run, strand), "a withdrawn strand waits");
  }
  void rested(int64_t run) override {
    note_frames();
    if (peer_.hung_up()) return;
    const auto found = runs_.find(run);
    promise(!broken_ && found != runs_.end() && waits(found->second), "a run rests and does not wait");
    promise(cell_->at_rest(run) && cell_->executing_run() != run, "a run rests and executes");
  }
  void finished(int64_t run, Value result, Value state, run::Usage usage) override {
    if (!report(result.as_string().size())) return;
    promise(!state.is_string() && !state.is_number() && !state.is_bool(), "a state that is no table");
    promise(usage.cpu_us >= 0 && usage.memory_bytes >= 0, "a run used less than nothing");
    end(run);
  }
  void failed(int64_t run, const std::string& message) override {
    if (!report(message.size())) return;
    end(run);
  }
  void logged(int64_t run, const std::string& level, const std::string& text) override {
    if (!report(level.size() + text.size())) return;
    (void)executing(run);
  }
  void cancelled(int64_t run) override {
    if (!report(0)) return;
    promise(slice_ == "cancel", "a run was cancelled that was not to be");
    end(run);
  }
  void result(Value frame) override {
    if (!report(0)) return;
    promise((slice_ == "eval" || slice_ == "selftest") && !answered_, "a result that was not asked for");
    promise(frame["ok"].is_bool(), "a result without `ok`");
    promise(frame["ok"].as_bool() || (frame["error"].is_string() && frame["code"].is_string()),
            "a failure without `error` and `code`");
    answered_ = true;
  }
  void idle(int64_t) override {
    if (!report(0)) return;
    promise(cell_->slice().empty() && cell_->executing_run() == 0, "the cell is idle and executes");
    const bool asked = slice_ == "load" || slice_ == "eval" || slice_ == "selftest";
    promise(!asked || answered_, "a slice ended without its answer");
    if (const auto run = runs_.find(run_); run != runs_.end() && slice_ != "cancel") {
      promise(waits(run->second), "a run was left that neither ended nor waits");
    }
    slice_.clear();
    run_ = 0;
  }
  void overdue() override {
    if (!report(0)) return;
    promise(cell_->was_interrupted(), "a slice is overdue and was not interrupted");
    overdue_ = true;
  }
  void broken(const std::string&) override {
    note_frames();
    promise(!broken_, "a connection broke twice");
    broken_ = true;
  }

 private:
  struct Strand {
    int64_t position = -1;
    bool waits = false;
    bool withdrawn = false;
  };
  struct Run {
    std::map<std::string, Strand> strands;
  };

  static bool waits(const Run& run) {
    return std::any_of(run.strands.begin(), run.strands.end(),
                       [](const auto& entry) { return entry.second.waits; });
  }

  // Something is reported, with so many bytes of the cell's. False if that cannot be judged: a cell that is
  // gone does not hear what it was asked.
  bool report(size_t bytes) {
    note_frames();
    promise(!broken_, "something was reported after the end");
    if (peer_.hung_up()) return false;
    promise(!slice_.empty(), "something was reported and the cell was not asked");
    reported_ += bytes;
    promise(reported_ <= answer_bytes_ + kReadBytes, "more bytes than a slice may send were reported");
    return true;
  }

  Run& executing(int64_t run) {
    const auto found = runs_.find(run);
    promise(found != runs_.end(), "something was reported for a run that has not begun or has ended");
    promise(run == run_ && run == cell_->executing_run(),
            "something was reported for a run that does not execute");
    return found->second;
  }

  void end(int64_t run) {
    (void)executing(run);
    runs_.erase(run);
  }

  void note_answer(const std::string& strand) {
    const auto run = runs_.find(run_);
    promise(run != runs_.end() && run->second.strands[strand].waits,
            "an answer was sent to a strand that does not wait");
    run->second.strands[strand].waits = false;
  }

  void answer(int64_t run, const std::string& strand) {
    promise(cell_->send({{"t", "answer"}, {"run", run}, {"strand", strand}, {"value", 1}}).has_value(),
            "a small frame was refused");
  }

  Peer& peer_;
  Cell* cell_ = nullptr;
  size_t answer_bytes_;
  bool answers_ = false;
  bool broken_ = false;
  bool overdue_ = false;
  std::string slice_;  // the kind of the frame that the cell works at, "" if idle
  int64_t vm_ = 0;
  int64_t run_ = 0;
  bool answered_ = false;
  size_t reported_ = 0;
  std::map<int64_t, Run> runs_;  // begun and not ended
};

// What libFuzzer gives, read as steps: each byte chooses who does what.
class Session {
 public:
  Session(loop::Loop& loop, Input& input, uint8_t mode)
      : loop_(loop), input_(input), owner_(peer_, kAnswerBytes[mode & 3]) {
    SliceLimits limits;
    // A deadline of 0 passes at the loop's next turn, one of an hour never.
    limits.slice_ms = (mode & 4) != 0 ? 0 : 3600 * 1000;
    limits.grace_ms = (mode & 8) != 0 ? 0 : 3600 * 1000;
    limits.answer_bytes = kAnswerBytes[mode & 3];
    cell_.emplace(loop, peer_.host_end(), limits, owner_);
    owner_.own(*cell_);
    if ((mode & 16) != 0) owner_.answer_at_once();
  }

  void play() {
    while (!input_.empty() && !peer_.hung_up()) step();
    turn();
    turn();
    (void)cell_->left_unread();
    cell_.reset();
    uv_run(loop_.uv(), UV_RUN_NOWAIT);  // closes its handles
  }

 private:
  void step() {
    const uint8_t action = input_.byte();
    if ((action & 0x7f) < 16) {
      host_acts(action & 0x0f);
    } else {
      cell_acts(action & 0x0f);
    }
    if ((action & 0x80) != 0) turn();
  }

  void turn() {
    uv_run(loop_.uv(), UV_RUN_NOWAIT);
    owner_.note_frames();
  }

  void host_acts(uint8_t action) {
    switch (action) {
      case 0:
        return ask({{"t", "load"}, {"vm", 1}});
      case 1:
        // The host's numbers of runs never come again.
        return ask({{"t", "run"}, {"vm", 1}, {"run", ++last_run_}});
      case 2:
        return ask({{"t", "answer"}, {"run", run()}, {"strand", strand()}, {"value", input_.byte()}});
      case 3:
        return ask({{"t", "cancel"}, {"run", run()}});
      case 4:
        return ask({{"t", "eval"}, {"source", "return 1"}});
      case 5:
        return ask({{"t", "selftest"}, {"vm", 1}});
      case 6:
        (void)cell_->withdraw(run());
        return;
      case 7:
        if (owner_.may_interrupt()) owner_.interrupt();
        return;
      case 8:
        return ask({{"t", "unload"}, {"vm", 1}});
      default:
        return turn();
    }
  }

  void cell_acts(uint8_t action) {
    switch (action) {
      case 0:
        return say_idle(input_.byte());
      case 1:
        return peer_.say({{"t", "call"},
                          {"run", run()},
                          {"strand", strand()},
                          {"position", position()},
                          {"op", "queue.get"},
                          {"args", padding()}});
      case 2:
        return peer_.say({{"t", "done"}, {"run", run()}, {"value", padding()}, {"state", Value::Map{}}});
      case 3:
        return peer_.say({{"t", "failed"}, {"run", run()}, {"error", padding()}});
      case 4:
        return peer_.say({{"t", "log"}, {"run", run()}, {"level", "info"}, {"text", padding()}});
      case 5:
        return peer_.say({{"t", "loaded"}, {"vm", 1}, {"ok", true}, {"info", Value::Map{}}});
      case 6:
        return peer_.say({{"t", "loaded"}, {"vm", 1}, {"ok", false}, {"error", padding()}});
      case 7:
        return peer_.say({{"t", "result"}, {"ok", true}, {"value", padding()}});
      case 8:
        return peer_.say({{"t", "result"}, {"ok", false}, {"error", "e"}, {"code", "error"}});
      case 9:
        return say_body(input_.text());
      case 10:
        return peer_.say_bytes(input_.text());
      case 11:
        return peer_.hang_up();
      case 12:
        return peer_.finish();
      case 13:
        return peer_.say({{"t", "withdraw"}, {"run", run()}, {"strand", strand()}});
      default:
        return turn();
    }
  }

  void say_idle(int64_t number) {
    peer_.say({{"t", "idle"}, {"memory", number}, {"cpu", number - 100}, {"vm_memory", 100 - number}});
  }

  // A frame whose length fits and whose content is anything.
  void say_body(std::string_view body) {
    const char header[] = {static_cast<char>(body.size()), 0, 0, 0};
    peer_.say_bytes(std::string(header, sizeof header) + std::string(body));
  }

  void ask(const Value& frame) {
    const bool queued = cell_->send(frame).has_value();
    promise(queued, "a small frame was refused");
    owner_.note_frames();
  }

  int64_t run() { return input_.byte() % kRuns; }
  const char* strand() { return kStrands[input_.byte() % std::size(kStrands)]; }
  int64_t position() { return static_cast<int8_t>(input_.byte()); }
  std::string padding() { return std::string(input_.byte() * 64u, 'x'); }

  loop::Loop& loop_;
  Input& input_;
  Peer peer_;
  Owner owner_;
  std::optional<Cell> cell_;
  int64_t last_run_ = 0;
};

}  // namespace
}  // namespace clade::cell

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static clade::loop::Loop loop;
  signal(SIGPIPE, SIG_IGN);
  clade::fuzz::Input input(bytes, size);
  const uint8_t mode = input.byte();
  clade::cell::Session(loop, input, mode).play();
  return 0;
}
