#include "run/leases.h"

#include "fixture.h"

namespace clade::run {
namespace {

// A host whose worker handles one task, and leases beside it that the test renews.
struct Leased {
  Leased() : host(folder), leases(*host.kernel) {
    host.clock.stopped_at = host.clock.wall_ms();  // what a busy machine takes for itself is no gap
    task = host.add("work_a");
    run = host.next_start().invocation.run;
  }
  // Renews after so many milliseconds of the wall clock, as if `live` lived.
  void renew_after(int64_t milliseconds, const std::set<int64_t>& live) {
    host.clock.ahead += milliseconds;
    store::Batch batch;
    leases.renew(live, batch);
    if (!batch.empty()) host.dispatcher->commit(std::move(batch), nullptr);
  }
  bool holds() const {
    const auto* found = host.queue.find(task);
    return found && found->state == queue::State::executing && found->lease_run == run;
  }

  Folder folder;
  PlayedHost host;
  Leases leases;
  std::string task;
  int64_t run = 0;
};

}  // namespace

TEST_CASE("a live run keeps its task, however long") {
  Leased leased;
  for (int minute = 0; minute < 20; ++minute) leased.renew_after(kRenewMs, {leased.run});
  CHECK(leased.holds());
  CHECK(leased.host.queue.expired().empty());
  leased.host.dispatcher->finished(leased.run, Value(), Value());
  CHECK(leased.host.state_of(leased.task) == "completed");
}

TEST_CASE("no lease runs out by a stall, or by a clock that jumps") {
  Leased leased;
  static constexpr int64_t kHourMs = 3600 * 1000;
  const int64_t jump = GENERATE(as<int64_t>{}, kHourMs, -kHourMs, 24 * kHourMs);
  leased.renew_after(kRenewMs, {});
  // Also those that nobody has come to renew yet.
  leased.renew_after(kRenewMs + jump, {});
  CHECK(leased.holds());
  leased.renew_after(kRenewMs, {leased.run});
  CHECK(leased.holds());
  CHECK(leased.host.queue.expired().empty());
}

TEST_CASE("no lease runs out because the clock was wrong when it was given") {
  Leased leased;
  static constexpr int64_t kHourMs = 3600 * 1000;
  // Set back and right again within one round: the clock has not come too far, and the lease is an hour old.
  leased.host.clock.ahead -= kHourMs;
  const auto found = leased.host.queue.find(leased.task);
  REQUIRE(leased.host.queue.renew(leased.task, {found->lease_run, found->lease_epoch}, kLeaseMs));
  leased.renew_after(kRenewMs + kHourMs, {});
  CHECK(leased.holds());
  for (int64_t minute = 2; minute < kLeaseMs / kRenewMs; ++minute) leased.renew_after(kRenewMs, {});
  CHECK(leased.holds());
  leased.renew_after(kRenewMs, {});
  CHECK_FALSE(leased.holds());
}

TEST_CASE("what no live run holds is queued again when its time is over") {
  Leased leased;
  const int64_t renewals = kLeaseMs / kRenewMs;
  for (int64_t minute = 0; minute + 1 < renewals; ++minute) leased.renew_after(kRenewMs, {});
  CHECK(leased.holds());
  leased.renew_after(kRenewMs, {});
  CHECK_FALSE(leased.holds());
  CHECK(leased.host.count(
            "SELECT count(*) FROM task_event WHERE verb = 'release' AND detail LIKE '%ran out%'") == 1);
}

}  // namespace clade::run
