#include "run/conclusion.h"

#include <utility>

#include "base/bytes.h"
#include "base/codec.h"
#include "run/record.h"
#include "run/status.h"

namespace clade::run {

Result<Conclusion> conclude(const Kernel& kernel, Settlement& settlement, Standing& standing, Run& run,
                            const Value& result, Value state, store::Batch& batch) {
  if (auto status = check_json(result); !status)
    return failure(status.error().code, "result: " + status.error().message);
  auto next = next_state(*run.state, std::move(state), run.version);
  if (!next) return failure(next.error());
  const bool changes_state = next->hash != run.state->hash || next->version != run.state->version;
  const int64_t now = kernel.clock.wall_ms();
  const mail::Message* message = run.trigger == Trigger::mail ? kernel.mail.find(run.trigger_id) : nullptr;
  Conclusion conclusion;
  if (message && message->wants_reply) conclusion.asker = message->run;
  // What memory alone began and ended leaves nothing behind.
  const bool leaves_no_trace =
      message && message->ephemeral && !run.recorded && !changes_state && !run.outbox.is_durable();
  batch.act_for(run.id);
  auto after = settlement.commit(run, result, batch);
  batch.act_for(0);
  if (!after && after.error().code != "fenced") return failure(after.error());
  if (after) {
    run.state_after = next->hash;
    run.result = content_hash(encode_msgpack(result));
    conclusion.after = std::move(*after);
  }
  if (!leaves_no_trace) {
    record_run(run, after ? RunStatus::committed : RunStatus::fenced, after ? "" : after.error().message, now,
               batch);
  }
  if (after && changes_state) {
    *run.state = std::move(*next);
    write_state(run.agent, *run.state, now, batch);
  }
  if (after) standing.worked(run, batch);
  return conclusion;
}

}  // namespace clade::run
