#include "run/split.h"

#include <utility>

#include "run/record.h"

namespace clade::run {
namespace {

// What ends the task or changes what runs belongs to the end of the handler.
Status check(const Run& run) {
  if (run.outbox.failure || run.outbox.review_task) {
    return failure("refused", "clade.commit: queue.fail and queue.review end the task: commit before them");
  }
  if (!run.outbox.publications.empty())
    return failure("refused",
                   "clade.commit: a script is published when the handler returns: commit before it");
  return {};
}

// What follows is another part of the same run: ids go on.
void begin_part(Run& run) {
  Outbox fresh;
  fresh.next = run.outbox.next;
  run.outbox = std::move(fresh);
}

}  // namespace

Split::Split(const Kernel& kernel, Settlement& settlement, Handover& handover, Find find, Commit commit,
             Committed committed)
    : kernel_(kernel),
      settlement_(settlement),
      handover_(handover),
      find_(std::move(find)),
      commit_(std::move(commit)),
      committed_(std::move(committed)) {}

void Split::begin(Run& run, const Place& place, const Value& args) {
  const int64_t now = kernel_.clock.wall_ms();
  store::Batch batch;
  const auto split = [&]() -> Result<AfterCommit> {
    if (auto status = check(run); !status) return failure(status.error());
    auto next = next_state(*run.state, args["state"], run.version);
    if (!next) return failure("refused", "clade.commit: " + next.error().message);
    batch.act_for(run.id);
    auto after = settlement_.split(run, batch);
    batch.act_for(0);
    if (!after) return failure("refused", "clade.commit: " + after.error().message);
    if (!run.recorded) record_run(run, RunStatus::running, "", now, batch);
    if (!run.first_state) run.first_state = *run.state;
    if (next->hash != run.state->hash || next->version != run.state->version) {
      *run.state = std::move(*next);
      write_state(run.agent, *run.state, now, batch);
    }
    return after;
  };
  auto after = split();
  if (!after) {
    run.journal.add_answer(place.first, place.second, kSplitOperation, args, failure(after.error()), now);
    // It may hold a late write, kept as evidence.
    if (!batch.empty()) commit_(std::move(batch), nullptr);
    handover_.at_once(run, place.first, failure(after.error()));
    return;
  }
  ++run.splits;
  run.journal.start(place.first, place.second, kSplitOperation, args, now, batch);
  run.journal.finish(place.first, place.second, Value(true), now, batch);
  run.awaiting[place] = {kSplitOperation, 0, false};
  begin_part(run);
  commit_(std::move(batch), [this, number = run.id, place, after = std::move(*after)](Status status) {
    if (!status) return;
    committed_(after);
    Run* live = find_(number);
    if (!live || live->awaiting.erase(place) == 0) return;
    Handover::ready(*live, place);
    handover_.go_on(number);
  });
}

void Split::pass(Run& run) {
  --run.splits_ahead;
}

}  // namespace clade::run
