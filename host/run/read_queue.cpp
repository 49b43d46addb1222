#include "run/read_queue.h"

#include <algorithm>

#include "run/read.h"

namespace clade::run {
namespace {

// How long reads may keep the loop in one of its turns; the read that goes past it is the last.
constexpr int64_t kSliceUs = 2000;

}  // namespace

ReadQueue::ReadQueue(const Kernel& kernel, Handover& handover, Find find, Commit commit,
                     EndIfTooMuch end_if_too_much)
    : kernel_(kernel),
      handover_(handover),
      find_(std::move(find)),
      commit_(std::move(commit)),
      end_if_too_much_(std::move(end_if_too_much)) {}

ReadQueue::~ReadQueue() {
  *alive_ = false;
}

void ReadQueue::add(const Run& run, const std::string& strand, int64_t position, const std::string& op,
                    const Value& args) {
  // Memory may be ahead of the store by what is being committed: wait, so that a run sees what led to it.
  commit_({}, [this, number = run.id, read = Read{run.execution, strand, position, op, args}](Status status) {
    if (status && find_(number)) wait(number, read);
  });
}

void ReadQueue::drop(int64_t run) {
  if (lines_.erase(run) > 0) turns_.erase(std::find(turns_.begin(), turns_.end(), run));
}

void ReadQueue::wait(int64_t run, Read read) {
  auto& line = lines_[run];
  line.push_back(std::move(read));
  if (line.size() == 1) turns_.push_back(run);
  work_soon();
}

void ReadQueue::work_soon() {
  if (posted_ || turns_.empty()) return;
  posted_ = true;
  // What is posted comes in the loop's next turn. A timer of no delay would come again in the same one,
  // before anybody else.
  kernel_.loop.post([this, alive = alive_] {
    if (!*alive) return;
    posted_ = false;
    work();
  });
}

void ReadQueue::work() {
  const int64_t end = kernel_.clock.steady_us() + kSliceUs;
  while (!turns_.empty()) {
    const int64_t number = turns_.front();
    turns_.pop_front();
    auto line = lines_.find(number);
    const Read read = std::move(line->second.front());
    line->second.pop_front();
    if (line->second.empty()) {
      lines_.erase(line);
    } else {
      turns_.push_back(number);
    }
    Run* run = find_(number);
    if (run && run->execution == read.execution && run->course.withdrawn.count(read.strand) == 0)
      answer(*run, read);
    if (kernel_.clock.steady_us() >= end) break;
  }
  work_soon();
}

void ReadQueue::answer(Run& run, const Read& read) {
  script::Call call(*run.grants, read.args, kernel_.clock.steady_us());
  auto result = run::read(kernel_, run, read.op, read.args, call);
  if (result) {
    call.keep();
    run.bytes += result->footprint();
    if (end_if_too_much_(run)) return;
  }
  handover_.ready(run, {read.strand, read.position},
                  [read, result = std::move(result), now = kernel_.clock.wall_ms()](Run& live) {
                    live.journal.add_read(read.strand, read.position, read.op, read.args, result, now);
                    return result;
                  });
  handover_.go_on(run.id);
}

}  // namespace clade::run
