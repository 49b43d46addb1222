#include "run/leases.h"

namespace clade::run {

void Leases::renew(const std::set<int64_t>& live, store::Batch& batch) {
  const int64_t now = kernel_.clock.wall_ms();
  const int64_t late = now - renewed_at_ - kRenewMs;
  renewed_at_ = now;
  if (late > 0) kernel_.queue.extend_leases(late);
  for (const auto state : {queue::State::assigned, queue::State::executing}) {
    for (const auto& id : kernel_.queue.ids(state)) {
      const auto* task = kernel_.queue.find(id);
      if (live.count(task->lease_run) == 0) continue;
      const queue::Lease lease{task->lease_run, task->lease_epoch};
      (void)kernel_.queue.renew(id, lease, kLeaseMs);  // it holds it: that was looked up
    }
  }
  for (const auto& id : kernel_.queue.expired()) {
    const auto* task = kernel_.queue.find(id);
    const queue::Lease lease{task->lease_run, task->lease_epoch};
    kernel_.log.warning("host", "task " + id + ": its lease ran out, and run " + std::to_string(lease.run) +
                                    " does not live: it is queued again");
    (void)kernel_.queue.release(id, lease, "its lease ran out", batch);
  }
}

}  // namespace clade::run
