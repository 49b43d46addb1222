#include "run/awaits.h"

#include <algorithm>

#include "base/codec.h"
#include "run/settlement.h"

namespace clade::run {
namespace {

constexpr int64_t kAskTimeoutMs = 300000;
constexpr const char* kAsk = "ask";
constexpr int64_t kMostUnits = 1000000000;  // of one evaluation

std::string ask_id(const Run& run, const std::string& strand, int64_t position) {
  return "r" + std::to_string(run.id) + ".ask." + strand + "." + std::to_string(position);
}

}  // namespace

Awaits::Awaits(const Kernel& kernel, Executor& executor, Find find, Commit commit)
    : kernel_(kernel), executor_(executor), find_(std::move(find)), commit_(std::move(commit)) {}

Awaits::~Awaits() {
  *alive_ = false;
}

void Awaits::add_effect(const std::string& op, Effect& effect) {
  effects_[op] = &effect;
}

void Awaits::begin(Run& run, const std::string& strand, int64_t position, const std::string& op,
                   const Value& args) {
  auto effect = effects_.find(op);
  script::Call call(*run.grants, args, kernel_.clock.steady_us());
  Status allowed;
  if (op == kAsk) {
    allowed = check_ask(run, args, call);
  } else if (effect == effects_.end()) {
    allowed = failure("invalid", "there is no operation " + op);
  } else {
    allowed = effect->second->check(args, call);
  }
  const int64_t now = kernel_.clock.wall_ms();
  if (!allowed) {
    run.journal.add_read(strand, position, op, args, failure(allowed.error()), now);
    executor_.answer(run.id, strand, failure(allowed.error()));
    return;
  }
  call.keep();
  store::Batch batch;
  if (!run.recorded) record_run(run, RunStatus::running, "", now, batch);
  run.journal.start(strand, position, op, args, now, batch);
  run.awaiting[{strand, position}] = {op, 0, run.execution};
  if (op == kAsk) {
    mail::Message message;
    message.id = ask_id(run, strand, position);
    message.sender = run.agent;
    message.address = args["to"].as_string();
    message.kind = args["kind"].as_string();
    message.body = args["body"];
    message.wants_reply = true;
    message.run = run.id;
    (void)kernel_.mail.send(std::move(message), batch);  // check_ask resolved the one recipient
    expect_reply(run, strand, position, args, now);
    commit_(std::move(batch), nullptr);
    return;
  }
  commit_(std::move(batch), [this, number = run.id, strand, position, args, now](Status status) {
    Run* live = find_(number);
    if (status && live && live->awaiting.count({strand, position}))
      launch(*live, strand, position, args, now);
  });
}

void Awaits::resume(Run& run, const std::string& strand, int64_t position, const std::string& op,
                    const Value& args) {
  if (auto awaiting = run.awaiting.find({strand, position}); awaiting != run.awaiting.end()) {
    awaiting->second.execution = run.execution;  // still under way: only the script that waits is new
    return;
  }
  const int64_t started_at = (*run.journal.find(strand, position, op, args))->started_at;
  run.awaiting[{strand, position}] = {op, 0, run.execution};
  auto effect = effects_.find(op);
  if (op == kAsk && !kernel_.mail.find(ask_id(run, strand, position))) {
    conclude(run.id, strand, position,
             failure("failed", "ask: the message to " + args["to"].as_string() +
                                   " is a dead letter: see `clade mail list`"));
  } else if (op == kAsk) {
    expect_reply(run, strand, position, args, started_at);
  } else if (effect != effects_.end() && effect->second->idempotent()) {
    launch(run, strand, position, args, started_at);
  } else {
    conclude(run.id, strand, position,
             failure("outcome_unknown", op + " was cut off by a crash: whether it took effect is not known"));
  }
}

void Awaits::cancel(Run& run) {
  for (const auto& [place, awaiting] : run.awaiting) {
    auto effect = effects_.find(awaiting.op);
    if (effect != effects_.end() && awaiting.handle) effect->second->cancel(awaiting.handle);
  }
  run.awaiting.clear();
  for (auto ask = asks_.begin(); ask != asks_.end();) {
    ask = ask->second.run == run.id ? asks_.erase(ask) : std::next(ask);
  }
}

bool Awaits::waits(const mail::Message& ask) const {
  const Run* run = find_(ask.run);
  if (!run) return false;
  const auto places = run->journal.unfinished();
  return std::any_of(places.begin(), places.end(),
                     [&](const auto& place) { return ask_id(*run, place.first, place.second) == ask.id; });
}

std::function<void()> Awaits::take_reply(const std::string& message, int64_t asker,
                                         const Result<Value>& result, store::Batch& batch) {
  Run* run = find_(asker);
  if (!run) return nullptr;
  for (const auto& place : run->journal.unfinished()) {
    const auto& strand = place.first;
    const int64_t position = place.second;
    if (ask_id(*run, strand, position) != message) continue;
    // The asker may not have come to its ask again after a crash: then it finds the reply in its journal.
    asks_.erase(message);
    run->journal.finish(strand, position, result, kernel_.clock.wall_ms(), batch);
    return [this, alive = alive_, asker, strand, position, result] {
      if (*alive) hand_over(asker, strand, position, result);
    };
  }
  return nullptr;
}

void Awaits::launch(Run& run, const std::string& strand, int64_t position, const Value& args,
                    int64_t started_at) {
  const EffectRequest request{run.id, run.agent, args, started_at};
  const int64_t number = run.id;
  Effect& effect = *effects_.at(run.awaiting.at({strand, position}).op);
  const uint64_t handle =
      effect.start(request, [this, alive = alive_, number, strand, position](Result<Value> result) {
        if (*alive) conclude(number, strand, position, std::move(result));
      });
  Run* live = find_(number);
  auto awaiting = live ? live->awaiting.find({strand, position}) : run.awaiting.end();
  if (live && awaiting != live->awaiting.end()) awaiting->second.handle = handle;
}

void Awaits::record(Run& run, const std::string& strand, int64_t position, const Result<Value>& result,
                    store::Batch& batch) {
  const int64_t now = kernel_.clock.wall_ms();
  auto& awaiting = run.awaiting.at({strand, position});
  awaiting.handle = 0;
  if (result) run.bytes += result->footprint();
  run.journal.finish(strand, position, result, now, batch);
  if (!result || !effects_.count(awaiting.op)) return;
  const std::string task = run.trigger == Trigger::task ? run.trigger_id : std::string();
  // A script counts its units: no sum of them may overflow.
  const int64_t units = std::clamp<int64_t>((*result)["units"].as_integer(), 0, kMostUnits);
  batch.add([now, number = run.id, task, agent = run.agent, op = awaiting.op, units,
             cpu = (*result)["cpu_us"].as_integer(),
             wall = (*result)["wall_us"].as_integer()](store::Database& database) {
    auto insert = database.prepare(
        "INSERT INTO ledger (at, run, task, agent, kind, units, cpu_us, wall_us) VALUES (?, ?, ?, ?, ?, ?, "
        "?, ?)");
    insert.bind(1, now).bind(2, number).bind(3, task).bind(4, agent).bind(5, op);
    insert.bind(6, units).bind(7, cpu).bind(8, wall);
    return insert.run();
  });
}

void Awaits::conclude(int64_t number, const std::string& strand, int64_t position, Result<Value> result) {
  Run* run = find_(number);
  if (!run || !run->awaiting.count({strand, position})) return;
  // The journal holds it until the run ends.
  if (result && run->bytes + result->footprint() > kMostRunBytes) {
    result = failure("limit", "this run's results take more than " + std::to_string(kMostRunBytes >> 20) +
                                  " MB of the host's memory: do less in one run");
  }
  store::Batch batch;
  record(*run, strand, position, result, batch);
  commit_(std::move(batch),
          [this, number, strand, position, result = std::move(result)](Status status) mutable {
            if (status) hand_over(number, strand, position, std::move(result));
          });
}

void Awaits::hand_over(int64_t number, const std::string& strand, int64_t position, Result<Value> result) {
  Run* run = find_(number);
  if (!run) return;
  auto found = run->awaiting.find({strand, position});
  if (found == run->awaiting.end()) return;
  const bool waits = found->second.execution == run->execution;
  run->awaiting.erase(found);
  if (waits) executor_.answer(number, strand, std::move(result));
}

Status Awaits::check_ask(const Run& run, const Value& args, script::Call& call) const {
  for (const char* field : {"to", "kind"}) {
    if (args[field].as_string().empty()) {
      return failure("invalid", std::string("ask: `") + field + "` must be a string");
    }
  }
  if (auto status = Governance::check_kind(args["kind"].as_string()); !status) {
    return failure("refused", "ask: " + status.error().message);
  }
  const std::string& to = args["to"].as_string();
  if (auto status = call.check("mail.send", to); !status) return status;
  if (auto status = check_json(args["body"]); !status)
    return failure("invalid", "ask: body" + status.error().message);
  if (auto room = kernel_.mail.check_room(to, 1, args.footprint()); !room) return room;
  auto recipients = kernel_.mail.resolve(to);
  if (!recipients) return failure(recipients.error());
  if (recipients->size() != 1) {
    return failure("invalid",
                   "ask: " + to + " is " + std::to_string(recipients->size()) + " agents; ask one");
  }
  // Who waits for whom: a circle would wait for ever. An agent can wait for several (strands), so this is a
  // search.
  std::map<std::string, std::string> reached = {{recipients->front(), run.agent}};
  std::vector<std::string> open = {recipients->front()};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (next == run.agent) {
      std::string circle = run.agent;
      std::string step = run.agent;
      do {
        step = reached.at(step);
        circle.insert(0, step + " → ");
      } while (step != run.agent);
      return failure("refused", "ask: a circle of agents that wait for each other: " + circle);
    }
    for (const auto* ask : kernel_.mail.asks()) {
      if (ask->sender != next || !waits(*ask)) continue;
      if (reached.emplace(ask->recipient, next).second) open.push_back(ask->recipient);
    }
  }
  return {};
}

void Awaits::expect_reply(Run& run, const std::string& strand, int64_t position, const Value& args,
                          int64_t started_at) {
  const std::string id = ask_id(run, strand, position);
  Ask ask{run.id, std::make_unique<loop::Timer>(kernel_.loop)};
  const int64_t timeout = args["timeout_ms"].as_integer(kAskTimeoutMs);
  const int64_t left = std::max<int64_t>(0, started_at + timeout - kernel_.clock.wall_ms());
  ask.timeout->start(left, [this, id, run = run.id, timeout] {
    store::Batch batch;
    auto answer =
        take_reply(id, run, failure("timeout", "no reply within " + std::to_string(timeout) + " ms"), batch);
    if (!answer) return;
    commit_(std::move(batch), [answer](Status status) {
      if (status) answer();
    });
  });
  asks_.insert_or_assign(id, std::move(ask));
}

}  // namespace clade::run
