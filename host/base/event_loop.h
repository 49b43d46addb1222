// What the core needs of whatever drives it: functions one after the other on one thread, timers, and threads
// beside it. Implemented by loop::Loop; a simulation has one of its own, in which all of it is one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace clade {

// A timer of a loop. Never calls back after its destructor began. Thread: the loop's.
class Timer {
 public:
  virtual ~Timer() = default;
  // Calls `function` once after `delay_ms`, then every `repeat_ms` unless that is 0. Replaces what was set
  // before. The function may destroy the timer.
  virtual void start(int64_t delay_ms, std::function<void()> function, int64_t repeat_ms = 0) = 0;
  virtual void stop() = 0;
  virtual bool active() const = 0;
};

// A thread beside the loop's, for what may take long (disks, mostly).
class Thread {
 public:
  // Ends it once everything that it was given has run.
  virtual ~Thread() = default;
  // Runs `function` on the thread, in the order of the calls. It must not throw. Thread: any.
  virtual void run(std::function<void()> function) = 0;
};

class EventLoop {
 public:
  virtual ~EventLoop() = default;
  // Runs `function` on the loop's thread, soon, in order of posting. Thread-safe.
  virtual void post(std::function<void()> function) = 0;
  // Runs `function` once nothing else is to be done at this moment, in order of the calls; while there always
  // is, after half a millisecond. For what is the cheaper the more of it is done at once. Thread: the loop's.
  virtual void defer(std::function<void()> function) = 0;
  // Both die before the loop. Of a thread, `name` is what tools like top show, at most 15 letters; throws
  // std::system_error if there can be none.
  virtual std::unique_ptr<Timer> make_timer() = 0;
  virtual std::unique_ptr<Thread> make_thread(const char* name) = 0;
};

}  // namespace clade
