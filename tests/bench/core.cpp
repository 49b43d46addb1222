// Durable life cycles of tasks in the core alone: added, claimed, completed, each step acknowledged
// (committed and synced) before the next one of that task is sent; payloads of 200 bytes, four batches in
// flight. Afterwards plain `sqlite3` counts what is completed. Lines "what<TAB>value<TAB>unit<TAB>better".
// The parts in core/ measure what is around it: the real host, its agents, and peers.
#include "support/core.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/disk.h"
#include "support/print.h"
#include "support/swarm.h"
#include "support/syncs.h"

namespace {

using bench::Core;
using bench::need;
using clade::Value;
using clade::queue::Lease;
using clade::store::Batch;

constexpr int kInFlight = 4;  // batches
constexpr int64_t kLeaseMs = 60000;
constexpr int64_t kMostUs = 8000000;  // a slow disk ends a measure early

// One batch of tasks that goes through its life again and again.
class Cycle {
 public:
  // `added` counts over all of them, up to about `most`; `live` are those that go on.
  Cycle(Core& core, int size, int64_t most, int64_t& added, int& live)
      : core_(core), size_(size), most_(most), added_(added), live_(live) {}

  void add() {
    if (added_ >= most_ || core_.clock.steady_us() > end_us_) {
      if (--live_ == 0) core_.loop.stop();
      return;
    }
    added_ += size_;
    Batch batch;
    need(core_.queue.submit(bench::new_tasks(size_, [](int64_t) { return "work"; }), batch));
    commit(std::move(batch), &Cycle::claim);
  }

 private:
  void commit(Batch batch, void (Cycle::*next)()) {
    core_.writer->commit(std::move(batch), [this, next](const clade::Status& status) {
      need(status);
      (this->*next)();
    });
  }
  void claim() {
    Batch batch;
    leases_.clear();
    for (int n = 0; n < size_; ++n) {
      const auto id = need(core_.queue.peek([](const std::string&) { return true; }));
      if (!id) bench::fail("nothing to claim");
      leases_.emplace_back(*id, need(core_.queue.claim(*id, ++runs_, kLeaseMs, "bench", batch)));
    }
    commit(std::move(batch), &Cycle::complete);
  }
  void complete() {
    Batch batch;
    for (const auto& [id, lease] : leases_) need(core_.queue.complete(id, lease, Value(true), batch));
    commit(std::move(batch), &Cycle::add);
  }

  Core& core_;
  int size_;
  int64_t most_;
  int64_t& added_;
  int& live_;
  int64_t end_us_ = core_.clock.steady_us() + kMostUs;
  int64_t runs_ = 0;
  std::vector<std::pair<std::string, Lease>> leases_;
};

void measure(int size, int64_t tasks) {
  const std::string folder = bench::scratch("core");
  std::filesystem::remove_all(folder);
  Core core(folder);
  int64_t added = 0;
  int live = kInFlight;
  std::vector<std::unique_ptr<Cycle>> cycles;
  for (int n = 0; n < kInFlight; ++n)
    cycles.push_back(std::make_unique<Cycle>(core, size, tasks, added, live));
  const uint64_t synced = bench::syncs();
  const int64_t begun = core.clock.steady_us();
  for (auto& cycle : cycles) core.loop.post([&cycle] { cycle->add(); });
  core.loop.run();
  const double seconds = static_cast<double>(core.clock.steady_us() - begun) / 1e6;
  const auto groups = static_cast<double>(core.writer->groups());
  const auto syncs = static_cast<double>(bench::syncs() - synced);
  const int64_t completed = std::stoll(
      bench::sqlite(core.path, "SELECT count(*) FROM task WHERE state = 'completed' AND attempt = 1"));
  if (completed != added)
    bench::fail(std::to_string(completed) + " tasks are completed, not " + std::to_string(added));
  const std::string name = "life_cycles_batch_" + std::to_string(size);
  bench::print(name, static_cast<double>(completed) / seconds, "1/s", "higher");
  bench::print(name + "_commits", groups / seconds, "1/s", "higher");
  bench::print(name + "_fdatasyncs", syncs / seconds, "1/s", "higher");
  std::filesystem::remove_all(folder);
}

}  // namespace

int main() {
  bench::print_disk("core");
  measure(1, 6000);
  measure(50, 120000);
  measure(500, 240000);
  return 0;
}
