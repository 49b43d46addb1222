#include "run/leases.h"

#include <utility>

namespace clade::run {

void Leases::renew(const std::set<int64_t>& live, store::Batch& batch) {
  const int64_t now = kernel_.clock.wall_ms();
  const int64_t late = now - renewed_at_ - kRenewMs;
  renewed_at_ = now;
  if (late > 0) kernel_.queue.extend_leases(late);
  std::map<std::string, queue::Lease> seen;
  for (const auto state : {queue::State::assigned, queue::State::executing}) {
    for (const auto& id : kernel_.queue.ids(state)) {
      const auto* task = kernel_.queue.find(id);
      const queue::Lease lease{task->lease_run, task->lease_epoch};
      const auto known = seen_.find(id);
      const bool is_new = known == seen_.end() || known->second != lease;
      // It holds it: that was looked up.
      if (live.count(lease.run) > 0) {
        (void)kernel_.queue.renew(id, lease, kLeaseMs);
      } else if (is_new && task->lease_until < now + kLeaseMs - kRenewMs) {
        (void)kernel_.queue.renew(id, lease, kLeaseMs - kRenewMs);
      }
      seen.emplace(id, lease);
    }
  }
  seen_ = std::move(seen);
  for (const auto& id : kernel_.queue.expired()) {
    const auto* task = kernel_.queue.find(id);
    const queue::Lease lease{task->lease_run, task->lease_epoch};
    kernel_.log.warning("host", "task " + id + ": its lease ran out, and run " + std::to_string(lease.run) +
                                    " does not live: it is queued again");
    (void)kernel_.queue.release(id, lease, "its lease ran out", batch);
  }
}

}  // namespace clade::run
