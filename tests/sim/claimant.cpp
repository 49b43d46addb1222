#include "sim/claimant.h"

#include <algorithm>

#include "queue/history.h"
#include "run/leases.h"
#include "sim/promises.h"

namespace sim {

using clade::Status;
using clade::Value;
using clade::queue::Verb;
using clade::run::kLeaseMs;
using clade::run::kRenewMs;

namespace {

constexpr int64_t kFirstRun = 1000000000;  // beyond the host's own

}  // namespace

void Claimant::claim(Life& life) {
  auto& queue = life.kernel().queue;
  const auto next = queue.peek([](const std::string&) { return true; });
  if (!next || !*next) return;
  const std::string task = **next;
  clade::store::Batch batch;
  const auto lease = queue.claim(task, kFirstRun + ++runs_, kLeaseMs, "outside", batch);
  if (!lease) return;
  claims_.push_back({task, *lease, world_.life, true, world_.time.steady_us(), world_.time.unseen()});
  life.commit(std::move(batch), nullptr);
}

void Claimant::observe(const clade::queue::Task& task, Verb verb) {
  for (auto& claim : claims_) {
    if (claim.task != task.id || !claim.held || claim.life != world_.life) continue;
    if (verb == Verb::assign || verb == Verb::start) continue;  // its own
    claim.held = false;
    if (verb != Verb::release) continue;
    // What nobody saw pass does not count, but for the time between two looks at the leases.
    const auto& unseen = world_.time.unseen();
    const int64_t slept_us = unseen.us - claim.unseen.us;
    const int64_t times = unseen.times - claim.unseen.times;
    const int64_t seen_ms = (world_.time.steady_us() - claim.at_us - slept_us) / 1000;
    if (seen_ms + times * kRenewMs < kLeaseMs)
      world_.witness.broken(kLeaseLasts, "run " + std::to_string(claim.lease.run) + " lost task " + task.id +
                                             " after " + std::to_string(seen_ms) + " ms");
    world_.counters.add("lease ran out");
    if (slept_us >= kLeaseMs * 1000) world_.counters.add("lease ran out, after a stall that was longer");
  }
}

bool Claimant::come_back(Random& random, Life& life) {
  const auto lost = std::find_if(claims_.begin(), claims_.end(), [&](const Claim& claim) {
    return !claim.held || claim.life != world_.life;
  });
  if (lost == claims_.end()) return false;
  const Claim claim = *lost;
  claims_.erase(lost);
  write(claim, random, life);
  return true;
}

void Claimant::write(const Claim& claim, Random& random, Life& life) {
  auto& queue = life.kernel().queue;
  const auto look = [&] {
    const auto* task = queue.find(claim.task);
    return task ? clade::queue::task_value(*task) : Value();
  };
  const Value before = look();
  clade::store::Batch batch;
  Status status;
  const uint64_t kind = random.below(5);
  if (kind == 0) status = queue.complete(claim.task, claim.lease, "too late", batch);
  if (kind == 1) status = queue.fail(claim.task, claim.lease, "too late", random.percent(50), batch);
  if (kind == 2) status = queue.release(claim.task, claim.lease, "too late", batch);
  if (kind == 3) status = queue.review(claim.task, claim.lease, "too late", "nobody", batch);
  if (kind == 4) status = queue.renew(claim.task, claim.lease, kLeaseMs);
  const std::string who = "run " + std::to_string(claim.lease.run) + " on task " + claim.task;
  world_.trace.line(world_.time.steady_us(),
                    who + " comes back: " + (status ? "taken" : status.error().code));
  // What was never on disk is gone with a crash.
  const bool gone =
      !status && status.error().code == "not_found" && !world_.witness.submitted.count(claim.task);
  const bool unread = life.reader().first_failure().has_value();
  if (!gone && !unread && (status || status.error().code != "fenced"))
    world_.witness.broken(kFenced, who + ": " + (status ? "taken" : status.error().message));
  if (look() != before) world_.witness.broken(kFenced, who + " changed it");
  if (batch.empty()) return;
  life.commit(std::move(batch), [this, claim] {
    world_.counters.add("late write of a claimant");
    world_.witness.late.emplace_back(claim.task, claim.lease.run);
  });
}

}  // namespace sim
