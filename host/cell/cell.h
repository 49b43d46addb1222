// One connection to a cell. What comes from a cell is hostile: every frame is checked here against what the
// host asked for, and the first one that does not fit ends the connection.
//
// What costs the loop long is paid for: after that the cell is not read for three times as long, so that it
// never has more than a quarter of the host's time.
//
// Work goes to a cell in slices: one frame from the host, then the cell's frames until "idle". One slice at a
// time, so that at any moment it is known whose code runs there.
//
//   idle ──send──▶ busy ──"idle"──▶ idle          (queued frames start at once)
//                   │ slice_ms of the cell's own time: overdue(), the owner interrupts, and nothing more is
//                   │ sent until interrupted()
//                   │
//                   │ grace_ms later, or a frame that does not fit, or the end of the stream
//                   ▼
//                 broken: nothing is sent or reported any more
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "cell/protocol.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "run/executor.h"

namespace clade::cell {

// What a cell says, checked. Implemented by its owner, who must not destroy the Cell from within; sending is
// fine.
class CellEvents {
 public:
  virtual ~CellEvents() = default;
  // A program is in the VM (its info) or did not get there (code "error").
  virtual void loaded(int64_t vm, Result<Value> info) = 0;
  virtual void called(int64_t run, const std::string& strand, int64_t position, const std::string& op,
                      Value args) = 0;
  // The slice in which the handler returned has ended.
  virtual void finished(int64_t run, Value result, Value state, run::Usage usage) = 0;
  virtual void failed(int64_t run, const std::string& message) = 0;
  // A strand that waited has been given up, and never calls again.
  virtual void withdrawn(int64_t run, const std::string& strand) = 0;
  // at_rest(run) has become true.
  virtual void rested(int64_t run) = 0;
  virtual void logged(int64_t run, const std::string& level, const std::string& text) = 0;
  // The cell has forgotten a run it was told to cancel (one that ended first is reported as such).
  virtual void cancelled(int64_t run) = 0;
  // The frame "result" of an eval or selftest: `ok` is a boolean, `error` and `code` are strings where not
  // ok.
  virtual void result(Value frame) = 0;
  // A slice ended well; `memory` is what the cell's VMs hold, in bytes.
  virtual void idle(int64_t memory) = 0;
  // The soft deadline of a slice: interrupt the cell, then call interrupted() once that has reached it.
  virtual void overdue() = 0;
  // Once; the connection is over. `reason` is "" if the peer closed it, else what the cell did.
  virtual void broken(const std::string& reason) = 0;
};

struct SliceLimits {
  int64_t slice_ms = 2000;                // soft
  int64_t grace_ms = 1000;                // then broken
  size_t answer_bytes = vm::kSliceBytes;  // what one slice may send
  const char* name = "slice_ms";          // of the soft deadline, in messages
};

class Cell {
 public:
  // Takes over the host's end of the socket.
  Cell(loop::Loop& loop, int descriptor, SliceLimits limits, CellEvents& events);

  // Queues a frame of protocol.h and sends it as soon as the cell is idle. An answer or cancellation of a run
  // that has ended by then is dropped. Errors: "limit" (too large; nothing queued).
  Status send(const Value& frame);
  // Takes back the queued "run" frame of a run; false if it has been sent or never was queued.
  bool withdraw(int64_t run);
  // For an owner whose cell has ended: handles what had come from it, without a rest.
  void hear_out();
  // Handles nothing from it until told otherwise; its deadline stands still meanwhile.
  void hold(bool on);
  // The owner's interrupt has reached the cell.
  void interrupted();
  // True if a run waits there for an answer to this strand, or will once the queue is worked off.
  bool awaits(int64_t run, const std::string& strand) const;
  // True if a run has begun and not ended, and nothing that was sent or is queued for it is still to be
  // worked off.
  bool at_rest(int64_t run) const;

  // What the cell is doing: the frame's kind, "" if idle; and whose code runs (0: none).
  const std::string& slice() const { return current_.kind; }
  int64_t executing_run() const { return current_.run; }
  int64_t executing_vm() const { return current_.vm; }
  // Once the cell has ended: true if it had not read what it was sent last, so no code ran for that.
  bool left_unread() { return stream_.lost_bytes(); }
  // True if a soft deadline passed in the last slice.
  bool was_interrupted() const { return interrupted_slice_; }

 private:
  struct Slice {
    std::string kind;
    int64_t vm = 0;
    int64_t run = 0;
    std::string strand;
    std::string bytes;
  };
  struct Strand {
    int64_t position = -1;
    bool waiting = false;
    bool withdrawn = false;
  };
  struct Run {
    std::map<std::string, Strand, std::less<>> strands;
    size_t waiting = 0;
    int64_t wall_us = 0;  // of its slices so far
  };
  // A run that is done: reported with the end of its slice, which says what it used.
  struct Done {
    Value result;
    Value state;
    int64_t wall_us = 0;  // of the slices before
  };

  bool obsolete(const Slice& slice) const;
  void start_next();
  void run_clock(int64_t milliseconds_left);
  void stop_clock();
  void resume_clock();
  void expire();
  void received(std::string_view bytes);
  void work_off();
  bool take_frame();
  void rest(int64_t milliseconds);
  // Each returns "" or what is wrong with the frame.
  std::string handle(const Value& frame);
  std::string handle_loaded(const Value& frame);
  std::string handle_call(const Value& frame);
  std::string handle_withdraw(const Value& frame);
  std::string handle_end(const Value& frame, bool done);
  std::string handle_log(const Value& frame);
  std::string handle_result(const Value& frame);
  std::string handle_idle(const Value& frame);
  std::string not_executing(const Value& frame) const;
  void break_off(const std::string& reason);

  SliceLimits limits_;
  CellEvents& events_;
  loop::Stream stream_;
  loop::Timer deadline_;
  FrameReader reader_;
  std::deque<Slice> queue_;
  Slice current_;
  int64_t slice_from_us_ = 0;  // when that was sent
  std::optional<Done> done_;   // in this slice
  bool answered_ = false;      // the slice's "loaded" or "result" has come
  bool interrupted_slice_ = false;
  bool interrupt_in_flight_ = false;
  bool broken_ = false;
  bool held_ = false;
  size_t slice_bytes_ = 0;
  size_t logged_bytes_ = 0;      // in this slice
  loop::Timer rest_;             // after much work for this cell
  int64_t left_us_ = 0;          // of the running slice's soft or hard deadline
  int64_t clock_from_us_ = 0;    // since when that runs down; 0: it does not
  std::map<int64_t, Run> runs_;  // begun and not ended
};

}  // namespace clade::cell
