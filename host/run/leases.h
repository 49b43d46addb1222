// The leases of tasks. A lease is a live run: as long as that lives, its task is nobody else's, however long
// the host stood still and whatever happened to the clock.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "run/kernel.h"
#include "store/writer.h"

namespace clade::run {

// How long a task's lease runs without renewal, and how often live runs renew theirs (spec Q5).
inline constexpr int64_t kLeaseMs = 300000;
inline constexpr int64_t kRenewMs = 60000;

class Leases {
 public:
  explicit Leases(const Kernel& kernel) : kernel_(kernel), renewed_at_(kernel.clock.wall_ms()) {}

  // To be called every kRenewMs. Extends all leases by what it comes too late (the host was stopped, the
  // machine slept, the clock was set forward), renews those of `live` runs, and gives back to the queue what
  // others hold beyond their time. A lease that it has not seen before cannot be older than kRenewMs,
  // whatever the clock did since.
  void renew(const std::set<int64_t>& live, store::Batch& batch);

 private:
  Kernel kernel_;
  int64_t renewed_at_;
  std::map<std::string, queue::Lease> seen_;  // by task, when it was called last
};

}  // namespace clade::run
