// What a claim costs in the core while the queue is long: looking for the next task and taking it, without
// the commit, which does not depend on the length. With 1,000 and with 1,000,000 queued tasks: of 100 types
// that a free agent takes all of; and where all but a few, and all older ones, are of types that no free
// agent takes. Every task that ends is replaced by a new one, so that the length stays.
#include <cstdint>
#include <filesystem>
#include <string>

#include "support/core.h"
#include "support/print.h"
#include "support/swarm.h"

namespace {

using bench::Core;
using bench::need;
using clade::Value;
using clade::store::Batch;

constexpr int kTypes = 100;
constexpr int kRounds = 10;
constexpr int kClaims = 200;  // of a round
constexpr int kBehind = 20;   // the same, and the tasks that are taken at all
constexpr int64_t kShort = 1000;
constexpr int64_t kLong = 1000000;
constexpr int64_t kLeaseMs = 60000;

// Microseconds per claim, of kRounds times `claims`.
double claim_us(Core& core, int claims, const clade::queue::Schedule::Takes& takes,
                const std::function<std::string(int64_t)>& type) {
  int64_t spent = 0;
  for (int round = 0; round < kRounds; ++round) {
    Batch batch;
    std::vector<std::pair<std::string, clade::queue::Lease>> leases;
    const int64_t begun = core.clock.steady_us();
    for (int n = 0; n < claims; ++n) {
      const auto id = need(core.queue.peek(takes));
      if (!id) bench::fail("nothing to claim");
      leases.emplace_back(*id, need(core.queue.claim(*id, n + 1, kLeaseMs, "bench", batch)));
    }
    spent += core.clock.steady_us() - begun;
    for (const auto& [id, lease] : leases) need(core.queue.complete(id, lease, Value(true), batch));
    need(core.queue.submit(bench::new_tasks(claims, type), batch));
    core.commit(std::move(batch));
  }
  return static_cast<double>(spent) / (kRounds * claims);
}

std::string one_of_many(int64_t n) {
  return "type_" + std::to_string(n % kTypes);
}

struct Costs {
  double taken = 0;
  double passed = 0;
};

Costs measure(int64_t length) {
  const std::string folder = bench::scratch("claim");
  std::filesystem::remove_all(folder);
  Costs costs;
  {
    Core core(folder);
    core.fill(length, one_of_many);
    costs.taken = claim_us(
        core, kClaims, [](const std::string&) { return true; }, one_of_many);
    const auto work = [](int64_t) { return "work"; };
    core.fill(kBehind, work);
    costs.passed = claim_us(
        core, kBehind, [](const std::string& type) { return type == "work"; }, work);
  }
  std::filesystem::remove_all(folder);
  return costs;
}

}  // namespace

int main() {
  const Costs few = measure(kShort);
  const Costs many = measure(kLong);
  bench::print("claim_of_1000", few.taken, "us", "lower", 2);
  bench::print("claim_of_1000000", many.taken, "us", "lower", 2);
  bench::print("claim_growth", many.taken / few.taken, "x", "lower", 2);
  bench::print("claim_behind_1000", few.passed, "us", "lower", 2);
  bench::print("claim_behind_1000000", many.passed, "us", "lower", 2);
  bench::print("claim_behind_growth", many.passed / few.passed, "x", "lower", 2);
  return 0;
}
