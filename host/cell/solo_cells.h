// The cells of programs that are not confirmed: each for one program of one agent. Such a cell stays for the
// next run of the two, so that what a script leaves in its VM from run to run can be seen, until
//   - it has been idle for `idle_ms`,
//   - its agent runs another program, or the same one is confirmed by then,
//   - another run needs its place: the one that has been idle for longest goes first.
// On the loop's thread. It owns none of the cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "cell/shared_cell.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "run/executor.h"

namespace clade::cell {

class SoloCells {
 public:
  // `most`: so many cells, but one of each script version always has a place.
  SoloCells(loop::Loop& loop, size_t most, int64_t idle_ms);

  // A run of the program is to begin, `alone` or in a cell with others: ends what it makes superfluous, at
  // once or when it is idle.
  void turn_to(const run::Program& program, bool alone);
  // The idle cell of the program and its agent, in use from now on; null if there is none.
  SharedCell* take(const run::Program& program);
  // Whether one more may be opened for a script of that version.
  bool has_place(const std::string& version) const;
  // One that was opened for the program.
  void add(SharedCell& cell, const run::Program& program);
  // Nothing runs there any more.
  void idle(SharedCell& cell);
  // Nothing will begin there any more; it still has its place.
  void doomed(SharedCell& cell);
  // Its process is gone, and its place free.
  void ended(SharedCell& cell);
  // Ends idle ones until so many places are free or about to be, as far as there are any.
  void make_room(size_t places);

 private:
  struct Solo {
    std::string agent;
    std::string key;
    std::string version;
    int64_t idle_from_us = 0;  // 0: in use
    bool former = false;       // to end once it is idle
    bool doomed = false;

    bool is_idle() const { return idle_from_us != 0 && !doomed; }
  };
  using Cells = std::map<SharedCell*, Solo>;

  Cells::iterator longest_idle();
  // For the end of the one that has been idle for longest, and for nothing else.
  void arm_timer();
  void end_overdue();

  size_t most_;
  int64_t idle_us_;
  Cells cells_;
  std::map<std::string, int> versions_;  // cells of each
  loop::Timer timer_;
};

}  // namespace clade::cell
