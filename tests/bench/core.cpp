// Durable life cycles of tasks in the core: added, claimed, completed, each step acknowledged (committed and
// synced) before the next one of that task is sent; payloads of 200 bytes, four batches in flight. Afterwards
// SQLite itself counts what is completed. Lines "what<TAB>value<TAB>unit<TAB>better".
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "loop/loop.h"
#include "queue/queue.h"
#include "store/database.h"
#include "store/writer.h"

namespace {

using clade::Value;
using clade::queue::Lease;
using clade::queue::NewTask;
using clade::queue::Queue;
using clade::store::Batch;
using clade::store::Database;
using clade::store::Writer;

constexpr int kInFlight = 4;  // batches
constexpr int64_t kLeaseMs = 60000;
constexpr size_t kPayloadBytes = 200;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

template <class T>
T need(clade::Result<T> result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}

void need(const clade::Status& status) {
  if (!status) fail(status.error().message);
}

// A store in a folder of its own, gone afterwards. On the disk of the build folder, as a swarm's would be.
struct Core {
  explicit Core(const std::string& folder) : path(folder + "/clade.db") {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    auto database = need(Database::open(path, Database::Mode::read_write));
    need(clade::store::migrate(database));
    writer.emplace(std::move(database), loop);
    reader.emplace(need(Database::open(path, Database::Mode::read_only)));
    need(queue.load(*reader));
  }
  int64_t count(const std::string& sql) {
    auto query = reader->prepare(sql);
    if (!need(query.step())) fail("no row: " + sql);
    return query.integer(0);
  }

  std::string path;
  clade::loop::Loop loop;
  clade::SystemClock clock;
  Queue queue{clock, [](const std::string&) { return true; }};
  std::optional<Writer> writer;
  std::optional<Database> reader;
};

// One batch of tasks that goes through its life again and again.
class Cycle {
 public:
  Cycle(Core& core, int size, int64_t& left, int& live)
      : core_(core), size_(size), left_(left), live_(live) {}

  void add() {
    if (left_ <= 0) {
      if (--live_ == 0) core_.loop.stop();
      return;
    }
    left_ -= size_;
    std::vector<NewTask> tasks;
    for (int n = 0; n < size_; ++n) {
      NewTask task;
      task.type = "work";
      task.payload = Value{{"text", std::string(kPayloadBytes, 'x')}};
      tasks.push_back(std::move(task));
    }
    Batch batch;
    need(core_.queue.submit(std::move(tasks), batch));
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
      if (!id) fail("nothing to claim");
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
  int64_t& left_;
  int& live_;
  int64_t runs_ = 0;
  std::vector<std::pair<std::string, Lease>> leases_;
};

void measure(const std::string& folder, int size, int64_t tasks) {
  Core core(folder);
  int64_t left = tasks;
  int live = kInFlight;
  std::vector<std::unique_ptr<Cycle>> cycles;
  for (int n = 0; n < kInFlight; ++n) cycles.push_back(std::make_unique<Cycle>(core, size, left, live));
  const int64_t begun = core.clock.steady_us();
  for (auto& cycle : cycles) core.loop.post([&cycle] { cycle->add(); });
  core.loop.run();
  const double seconds = static_cast<double>(core.clock.steady_us() - begun) / 1e6;
  const auto groups = static_cast<double>(core.writer->groups());
  const int64_t completed = core.count("SELECT count(*) FROM task WHERE state = 'completed' AND attempt = 1");
  if (completed < tasks)
    fail(std::to_string(completed) + " tasks are completed, not " + std::to_string(tasks));
  const std::string name = "life_cycles_batch_" + std::to_string(size);
  std::printf("%s\t%.0f\t1/s\thigher\n", name.c_str(), static_cast<double>(completed) / seconds);
  std::printf("%s_commits\t%.0f\t1/s\thigher\n", name.c_str(), groups / seconds);
  std::filesystem::remove_all(folder);
}

}  // namespace

int main() {
  const std::string folder = std::filesystem::path(CLADE_BINARY).parent_path().string() + "/bench-core";
  measure(folder, 1, 4000);
  measure(folder, 50, 60000);
  measure(folder, 500, 120000);
  return 0;
}
