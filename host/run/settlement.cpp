#include "run/settlement.h"

#include "base/codec.h"

namespace clade::run {
namespace {

constexpr const char* kNobody = "nobody (--approve auto)";
constexpr const char* kFailedTopic = "topic:task.failed";

// Findings are about failed tasks: one that fails itself must not lead to the next finding, and so on for
// ever.
constexpr const char* kFinding = "finding";

}  // namespace

Settlement::Settlement(const Kernel& kernel, bool approve_auto)
    : kernel_(kernel), approve_auto_(approve_auto) {
  auto query = kernel.reader.prepare("SELECT coalesce(max(seq), 0) FROM file_write");
  if (auto row = query.step(); row && *row) next_file_ = query.integer(0);
}

void Settlement::observe(const queue::Task& task, queue::Verb verb) {
  if (verb == queue::Verb::bury) dead_letters_.push_back(task);
  if (verb == queue::Verb::hold) held_.push_back(task.id);
  const std::string& reviewed = task.payload["reviews"].as_string();
  if (!reviewed.empty() && queue::is_final(task.state)) {
    reviews_.push_back({reviewed, task.id, std::string(queue::name(task.state)) + " without a verdict"});
  }
}

void Settlement::recover() {
  const auto& held = kernel_.queue.ids(queue::State::awaiting_approval);
  held_.insert(held_.end(), held.begin(), held.end());
  for (const auto& id : kernel_.queue.ids(queue::State::reviewing)) {
    const std::string& reviewer = kernel_.queue.find(id)->reviewer;
    if (!kernel_.queue.find(reviewer)) reviews_.push_back({id, reviewer, "over"});
  }
}

void Settlement::settle(store::Batch& batch) {
  if (const auto& unread = kernel_.reader.first_failure()) {
    batch.add([error = *unread](store::Database&) -> Status { return failure(error); });
    return;
  }
  close_votes(batch);
  // Each step may cause the next: a review that fails sends its task back, a held task is approved.
  while (!dead_letters_.empty() || !reviews_.empty() || (approve_auto_ && !held_.empty())) {
    for (const auto& task : std::exchange(dead_letters_, {})) report_dead_letter(task, batch);
    for (const auto& ended : std::exchange(reviews_, {})) {
      const queue::Task* task = kernel_.queue.find(ended.reviewed);
      if (!task || task->state != queue::State::reviewing || task->reviewer != ended.reviewer) continue;
      const std::string reason = "review " + ended.reviewer + " ended as " + ended.reason;
      if (auto status = kernel_.queue.reject(ended.reviewed, ended.reviewer, reason, batch); !status) {
        kernel_.log.error("host", "task " + ended.reviewed + ": " + status.error().message);
      }
    }
    if (!approve_auto_) continue;
    for (const auto& id : std::exchange(held_, {})) {
      // An operator may have been faster.
      if (auto status = kernel_.queue.approve(id, kNobody, "approved without anybody looking", batch);
          !status) {
        kernel_.log.warning("host", "task " + id + ": " + status.error().message);
      }
    }
  }
  if (!approve_auto_) held_.clear();
}

void Settlement::report_dead_letter(const queue::Task& task, store::Batch& batch) {
  if (task.type == kFinding) return;
  mail::Message message;
  message.sender = "host";
  message.address = kFailedTopic;
  message.kind = "task_failed";
  message.body = Value{{"task", task.id},          {"type", task.type},     {"error", task.error},
                       {"attempts", task.attempt}, {"parent", task.parent}, {"payload", task.payload}};
  if (!kernel_.mail.resolve(message.address)) return;  // nobody listens
  if (auto sent = kernel_.mail.send(std::move(message), batch); !sent) {
    kernel_.log.error("host", "mail about task " + task.id + ": " + sent.error().message);
  }
}

void Settlement::close_votes(store::Batch& batch) {
  for (auto& [proposal, verdict] : kernel_.governance.close_decided(kernel_.clock.wall_ms(), batch)) {
    const bool accepted = verdict.state == Verdict::State::accepted;
    kernel_.log.info("host",
                     "proposal " + proposal.id + (accepted ? " accepted: " : " rejected: ") + verdict.reason);
    if (!accepted || !proposal.on_accept.is_map()) continue;
    queue::NewTask task;
    task.id = proposal.id + kAcceptedSuffix;
    task.type = proposal.on_accept["type"].as_string();
    task.payload =
        proposal.on_accept["payload"].is_map() ? proposal.on_accept["payload"] : Value(Value::Map());
    task.payload.set("proposal", proposal.id).set("proposal_kind", proposal.kind);
    task.priority = static_cast<int>(proposal.on_accept["priority"].as_integer(task.priority));
    task.approval = proposal.on_accept["approval"].as_string();
    task.parent = proposal.task;
    task.run = proposal.run;
    if (auto ids = kernel_.queue.submit({std::move(task)}, batch); !ids) {
      kernel_.log.error("host", "proposal " + proposal.id + " sets off nothing: " + ids.error().message);
    }
  }
}

Status Settlement::consume(Run& run, const Value& result, store::Batch& batch) {
  if (run.trigger == Trigger::mail) return kernel_.mail.handled(run.trigger_id, batch);
  if (run.outbox.failure) {
    return kernel_.queue.fail(run.trigger_id, run.lease, run.outbox.failure->reason,
                              run.outbox.failure->retry, batch);
  }
  if (run.outbox.review_task) {
    return kernel_.queue.review(run.trigger_id, run.lease, result, *run.outbox.review_task, batch);
  }
  return kernel_.queue.complete(run.trigger_id, run.lease, result, batch);
}

Status Settlement::check_mail(const Outbox& outbox) const {
  for (const auto& [address, sum] : outbox.mail) {
    const auto recipients = kernel_.mail.resolve(address);
    if (!recipients) continue;  // nobody is there any more: said below
    if (auto status = kernel_.mail.check_room(*recipients, sum.messages, sum.bytes); !status) return status;
  }
  return {};
}

Status Settlement::check_proposals(const Outbox& outbox) const {
  size_t bytes = 0;
  for (const auto& proposal : outbox.proposals) bytes += footprint(proposal);
  return outbox.proposals.empty() ? Status() : kernel_.governance.check_room(outbox.proposals.size(), bytes);
}

Status Settlement::check_lease(const Run& run, const Value& late, store::Batch& batch) {
  if (run.trigger != Trigger::task) return {};
  const queue::Task* task = kernel_.queue.find(run.trigger_id);
  if (task && task->lease_run == run.lease.run && task->lease_epoch == run.lease.epoch) return {};
  // The queue refuses it and keeps the late write as evidence.
  (void)kernel_.queue.complete(run.trigger_id, run.lease, late, batch);
  return failure("fenced", "the task " + run.trigger_id + " is no longer this run's");
}

Status Settlement::check(const Run& run) const {
  const Outbox& outbox = run.outbox;
  if (!outbox.tasks.empty()) {
    if (auto status = kernel_.queue.check_room(outbox.tasks.size()); !status) return status;
    if (auto status = kernel_.queue.check(outbox.tasks, {}); !status) return status;
  }
  if (auto status = check_mail(outbox); !status) return status;
  if (auto status = check_proposals(outbox); !status) return status;
  for (const auto& vote : outbox.votes) {
    if (auto status = kernel_.governance.check_vote(vote.proposal, run.role, vote.choice); !status)
      return status;
  }
  for (const auto& publication : outbox.publications) {
    if (!kernel_.library.current(publication.name))
      return failure("not_found", "no script " + publication.name);
  }
  return {};
}

Result<AfterCommit> Settlement::commit(Run& run, const Value& result, store::Batch& batch) {
  if (auto status = check_lease(run, result, batch); !status) return failure(status.error());
  if (auto status = check(run); !status) return failure(status.error());
  auto after = apply(run, batch);
  if (!after) return after;
  if (auto status = consume(run, result, batch); !status) return failure(status.error());
  return after;
}

Result<AfterCommit> Settlement::split(Run& run, store::Batch& batch) {
  if (auto status = check_lease(run, Value(), batch); !status) return failure(status.error());
  if (auto status = check(run); !status) return failure(status.error());
  return apply(run, batch);
}

Result<AfterCommit> Settlement::apply(Run& run, store::Batch& batch) {
  Outbox& outbox = run.outbox;
  const int64_t now = kernel_.clock.wall_ms();
  run.emitted += outbox.emitted();
  if (!outbox.tasks.empty()) {
    if (auto ids = kernel_.queue.submit(outbox.tasks, batch); !ids) return failure(ids.error());
  }
  for (const auto& verdict : outbox.verdicts) {
    const auto status = verdict.accept
                            ? kernel_.queue.accept(verdict.task, run.trigger_id, batch)
                            : kernel_.queue.reject(verdict.task, run.trigger_id, verdict.reason, batch);
    // The task was cancelled meanwhile: the verdict has no object any more.
    if (!status) kernel_.log.warning(run.agent, "verdict on " + verdict.task + ": " + status.error().message);
  }

  AfterCommit after;
  for (auto& message : outbox.messages) {
    if (auto sent = kernel_.mail.send(message, batch); !sent) {
      kernel_.log.warning(run.agent, "mail to " + message.address + ": " + sent.error().message);
    }
  }
  for (auto& proposal : outbox.proposals) {
    proposal.created_at = now;
    proposal.deadline = now + kernel_.governance.rules().deadline_ms;
    const Value body{{"proposal", proposal.id},
                     {"title", proposal.title},
                     {"kind", proposal.kind},
                     {"body", proposal.body},
                     {"on_accept", proposal.on_accept}};
    for (const auto& role : proposal.voters) {
      mail::Message request;
      request.id = proposal.id + "." + role;
      request.sender = "host";
      request.address = "role:" + role;
      request.kind = kVoteRequest;
      request.body = body;
      if (auto sent = kernel_.mail.send(std::move(request), batch); !sent) {
        kernel_.log.warning("host", "vote request to " + role + ": " + sent.error().message);
      }
    }
    kernel_.governance.open(std::move(proposal), batch);
  }
  for (const auto& vote : outbox.votes) {
    kernel_.governance.vote(vote.proposal, run.role, vote.choice, vote.reason, now, batch);
  }
  kernel_.data.commit(run.agent, outbox.data, now, batch);
  for (const auto& rule : outbox.rules)
    kernel_.governance.set_rule(rule.name, rule.value, run.agent, now, batch);
  for (const auto& publication : outbox.publications) {
    auto version =
        kernel_.library.publish(publication.name, publication.source, publication.lineage, run.agent, batch);
    if (version) {
      after.published.push_back(publication.name);
    } else {
      kernel_.log.warning(run.agent, "publishing " + publication.name + ": " + version.error().message);
    }
  }
  for (auto& file : outbox.files) {
    const int64_t row = ++next_file_;
    after.files.push_back(row);
    const auto insert_row = [row, file, run = run.id, now](store::Database& database) {
      auto insert = database.prepare(
          "INSERT INTO file_write (seq, path, content, run, at, done, bytes) VALUES (?1, ?2, ?3, ?4, ?5, 0, "
          "length(?3))");
      insert.bind(1, row).bind(2, file.path).bind_blob(3, file.text).bind(4, run).bind(5, now);
      return insert.run();
    };
    batch.add(insert_row, file.text.size());
  }
  return after;
}

}  // namespace clade::run
