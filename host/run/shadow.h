// What a new version would have done: the last runs of a role are replayed with the versions that they ran
// and with the new ones, in cells of their own. Nothing takes effect, awaits get their recorded answers.
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "run/executor.h"
#include "run/recording.h"
#include "run/replay.h"
#include "store/blob.h"
#include "store/database.h"

namespace clade::run {

// So many past runs are replayed, of those that have kept no more than kShadowBytes of answers.
inline constexpr int64_t kShadowRuns = 5;
inline constexpr int64_t kShadowBytes = 1 << 20;

struct ShadowReport {
  struct Difference {
    int64_t run = 0;
    std::string before;  // what it did, as replayed_text
    std::string now;     // what it would have done
  };
  int64_t runs = 0;  // that were replayed
  std::vector<Difference> differences;
};
// For people: "of its last 5 runs 1 would have ended otherwise, run 12: result 1, not 2"; "" if none would.
std::string shadow_text(const ShadowReport& report);

class Shadow {
 public:
  using ReportTo = std::function<void(RunEvents* events)>;
  // `executor` serves nobody else, and tells `report_to`'s argument. All must outlive this.
  Shadow(EventLoop& loop, store::Database& reader, const store::Blobs& blobs, Executor& executor,
         ReportTo report_to);
  ~Shadow();

  // Replays the last committed runs of a role as they were and as `program`. Comparisons are made one after
  // the other; `done` is called once, never from within. A run that cannot be replayed is left out.
  void compare(const std::string& role, Program program, std::function<void(ShadowReport)> done);

 private:
  struct Comparison {
    std::string role;
    Program program;
    std::function<void(ShadowReport)> done;
    std::deque<int64_t> runs;  // left
    ShadowReport report;
  };
  void next();
  void replay(const Program& program, std::function<void(Replayed)> done);
  std::deque<int64_t> last_runs(const std::string& role);

  EventLoop& loop_;
  store::Database& reader_;
  const store::Blobs& blobs_;
  Executor& executor_;
  ReportTo report_to_;
  std::deque<Comparison> waiting_;  // the first one is under way
  Recording recording_;             // of the run that is replayed
  std::unique_ptr<Replay> replay_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clade::run
