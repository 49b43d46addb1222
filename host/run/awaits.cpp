#include "run/awaits.h"

#include <algorithm>

#include "base/codec.h"
#include "run/record.h"

namespace clade::run {
namespace {

constexpr int64_t kAskTimeoutMs = 300000;
constexpr const char* kAsk = "ask";
constexpr int64_t kMostUnits = 1000000000;  // of one evaluation

// What the ids of a run's asks begin with.
std::string ask_prefix(const Run& run) {
  return "r" + std::to_string(run.id) + ".ask.";
}

std::string ask_id(const Run& run, const std::string& strand, int64_t position) {
  return ask_prefix(run) + strand + "." + std::to_string(position);
}

}  // namespace

Awaits::Awaits(const Kernel& kernel, Handover& handover, Find find, Commit commit)
    : kernel_(kernel), handover_(handover), find_(std::move(find)), commit_(std::move(commit)) {}

Awaits::~Awaits() {
  *alive_ = false;
}

void Awaits::add_effect(const std::string& op, Effect& effect) {
  effects_[op] = &effect;
}

void Awaits::restore(const Run& run) {
  for (const auto& [strand, position] : run.journal.unfinished()) {
    // Other awaits have no message.
    if (const auto* message = kernel_.mail.find(ask_id(run, strand, position)))
      open_ask(run, strand, position, message->recipient);
  }
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
    run.journal.add_answer(strand, position, op, args, failure(allowed.error()), now);
    handover_.at_once(run, strand, failure(allowed.error()));
    return;
  }
  call.keep();
  store::Batch batch;
  if (!run.recorded) record_run(run, RunStatus::running, "", now, batch);
  run.journal.start(strand, position, op, args, now, batch);
  run.awaiting[{strand, position}] = {op, 0, false};
  if (op == kAsk) {
    mail::Message message;
    message.id = ask_id(run, strand, position);
    message.id_is_new = true;
    message.sender = run.agent;
    message.address = args["to"].as_string();
    message.kind = args["kind"].as_string();
    message.body = args["body"];
    message.wants_reply = true;
    message.run = run.id;
    const std::string id = message.id;
    // There is just one recipient: check_ask has seen to it.
    const std::string asked = kernel_.mail.resolve(message.address)->front();
    (void)kernel_.mail.send(std::move(message), batch);
    expect_reply(open_ask(run, strand, position, asked), id, args, now);
    commit_(std::move(batch), nullptr);
    return;
  }
  commit_(std::move(batch), [this, number = run.id, strand, position, args, now](Status status) {
    Run* live = find_(number);
    if (status && live && live->awaiting.count({strand, position}))
      launch(*live, strand, position, args, now);
  });
}

void Awaits::resume(Run& run, const std::string& strand, int64_t position) {
  const Place place(strand, position);
  if (run.awaiting.count(place) > 0) return;  // still under way: only the script that waits is new
  const Journal::Entry& entry = *run.journal.at(place);
  const std::string op = entry.op;
  const int64_t started_at = entry.started_at;
  auto decoded = decode_msgpack(entry.args);
  run.awaiting[place] = {op, 0, false};
  if (!decoded) {
    conclude(run.id, strand, position,
             failure("corrupt", "the journal's record of this " + op + " is damaged"));
    return;
  }
  const Value& args = *decoded;
  auto effect = effects_.find(op);
  if (op == kAsk) {
    const std::string id = ask_id(run, strand, position);
    if (auto ask = asks_.find(id); ask != asks_.end()) {
      expect_reply(ask->second, id, args, started_at);
    } else {
      conclude(run.id, strand, position,
               failure("failed", "ask: the message to " + args["to"].as_string() +
                                     " is a dead letter: see `clade mail list`"));
    }
  } else if (effect != effects_.end() && effect->second->idempotent()) {
    launch(run, strand, position, args, started_at);
  } else {
    conclude(run.id, strand, position,
             failure("outcome_unknown", op + " was cut off by a crash: whether it took effect is not known"));
  }
}

void Awaits::withdraw(Run& run, const std::string& strand) {
  const auto reached = run.course.reached.find(strand);
  if (reached == run.course.reached.end()) return;
  const Place place = *reached;
  const Journal::Entry* entry = run.journal.at(place);
  if (!entry || entry->status != Journal::Entry::Status::started) return;
  const std::string op = entry->op;
  const auto effect = effects_.find(op);
  const auto awaiting = run.awaiting.find(place);
  // What this host has not begun, a former one may have.
  bool took_effect = op != kAsk && effect != effects_.end() && !effect->second->idempotent();
  if (awaiting != run.awaiting.end()) {
    took_effect = took_effect && awaiting->second.begun;
    if (effect != effects_.end() && awaiting->second.handle) effect->second->cancel(awaiting->second.handle);
    run.awaiting.erase(awaiting);
  }
  if (const auto ask = asks_.find(ask_id(run, strand, place.second)); ask != asks_.end()) close_ask(ask);
  const Error error = took_effect
                          ? Error{"outcome_unknown",
                                  op + " was given up by clade.any or clade.timeout and ended in the middle: "
                                       "whether it took effect is not known"}
                          : Error{"cancelled", op + " was given up by clade.any or clade.timeout"};
  store::Batch batch;
  run.journal.cancel(place, error, kernel_.clock.wall_ms(), batch);
  commit_(std::move(batch), nullptr);
}

void Awaits::cancel(Run& run) {
  for (const auto& [place, awaiting] : run.awaiting) {
    auto effect = effects_.find(awaiting.op);
    if (effect != effects_.end() && awaiting.handle) effect->second->cancel(awaiting.handle);
  }
  run.awaiting.clear();
  const auto first = asks_.lower_bound(ask_prefix(run));
  for (auto ask = first; ask != asks_.end() && ask->second.run == run.id;) close_ask(ask++);
}

bool Awaits::waits(const mail::Message& ask) const {
  return asks_.count(ask.id) > 0;
}

std::function<void()> Awaits::take_reply(const std::string& message, int64_t asker,
                                         const Result<Value>& result, store::Batch& batch) {
  auto ask = asks_.find(message);
  Run* run = find_(asker);
  if (ask == asks_.end() || !run) return nullptr;
  const std::string strand = ask->second.strand;
  const int64_t position = ask->second.position;
  close_ask(ask);
  // The asker may not have come to its ask again after a crash: then it finds the reply in its journal, and
  // waits until that is on disk.
  run->awaiting.try_emplace({strand, position}, Run::Awaiting{kAsk});
  run->journal.finish(strand, position, result, kernel_.clock.wall_ms(), batch);
  return [this, alive = alive_, asker, strand, position] {
    if (*alive) hand_over(asker, strand, position);
  };
}

void Awaits::launch(Run& run, const std::string& strand, int64_t position, const Value& args,
                    int64_t started_at) {
  const EffectRequest request{run.id, run.agent, args, started_at};
  const int64_t number = run.id;
  run.awaiting.at({strand, position}).begun = true;
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
  commit_(std::move(batch), [this, number, strand, position](Status status) {
    if (status) hand_over(number, strand, position);
  });
}

void Awaits::hand_over(int64_t number, const std::string& strand, int64_t position) {
  Run* run = find_(number);
  if (run && run->awaiting.erase({strand, position}) > 0) {
    handover_.ready(*run, {strand, position});
    handover_.go_on(number);
  }
}

Status Awaits::check_ask(const Run& run, const Value& args, script::Call& call) const {
  for (const char* field : {"to", "kind"}) {
    if (args[field].as_string().empty()) {
      return failure("invalid", std::string("ask: `") + field + "` must be a string");
    }
  }
  const Value& timeout = args["timeout_ms"];
  if (!timeout.is_nil() &&
      (!timeout.is_integer() || timeout.as_integer() < 0 || timeout.as_integer() > kLongestWaitMs)) {
    return failure("invalid",
                   "ask: `timeout_ms` must be a whole number from 0 to " + std::to_string(kLongestWaitMs));
  }
  if (auto status = Governance::check_kind(args["kind"].as_string()); !status) {
    return failure("refused", "ask: " + status.error().message);
  }
  const std::string& to = args["to"].as_string();
  if (auto status = call.check("mail.send", to); !status) return status;
  if (auto status = check_json(args["body"]); !status)
    return failure("invalid", "ask: body" + status.error().message);
  auto recipients = kernel_.mail.resolve(to);
  if (!recipients) return failure(recipients.error());
  if (recipients->size() != 1) {
    return failure("invalid",
                   "ask: " + to + " is " + std::to_string(recipients->size()) + " agents; ask one");
  }
  if (auto room = kernel_.mail.check_room(*recipients, 1, args.footprint()); !room) return room;
  const std::string path = circle(run.agent, recipients->front());
  if (path.empty()) return {};
  return failure("refused", "ask: a circle of agents that wait for each other: " + path);
}

std::string Awaits::circle(const std::string& asker, const std::string& asked) const {
  // An agent can wait for several (strands), so this is a search.
  std::map<std::string, std::string> reached = {{asked, asker}};
  std::vector<std::string> open = {asked};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (next == asker) {
      std::string path = asker;
      std::string step = asker;
      do {
        step = reached.at(step);
        path.insert(0, step + " → ");
      } while (step != asker);
      return path;
    }
    const auto others = waits_for_.find(next);
    if (others == waits_for_.end()) continue;
    for (const auto& [other, count] : others->second) {
      if (reached.emplace(other, next).second) open.push_back(other);
    }
  }
  return "";
}

Awaits::Ask& Awaits::open_ask(const Run& run, const std::string& strand, int64_t position,
                              const std::string& asked) {
  ++waits_for_[run.agent][asked];
  Ask ask{run.id, strand, position, run.agent, asked, nullptr};
  return asks_.emplace(ask_id(run, strand, position), std::move(ask)).first->second;
}

void Awaits::close_ask(std::map<std::string, Ask>::iterator ask) {
  const auto others = waits_for_.find(ask->second.asker);
  const auto edge = others->second.find(ask->second.asked);
  if (--edge->second == 0) others->second.erase(edge);
  if (others->second.empty()) waits_for_.erase(others);
  asks_.erase(ask);
}

void Awaits::expect_reply(Ask& ask, const std::string& id, const Value& args, int64_t started_at) {
  // A journal that an older host wrote may hold any number.
  const int64_t timeout =
      std::clamp<int64_t>(args["timeout_ms"].as_integer(kAskTimeoutMs), 0, kLongestWaitMs);
  const int64_t left = left_of_wait(timeout, started_at, kernel_.clock.wall_ms());
  ask.timeout = kernel_.loop.make_timer();
  ask.timeout->start(left, [this, id, run = ask.run, timeout] {
    store::Batch batch;
    auto answer =
        take_reply(id, run, failure("timeout", "no reply within " + std::to_string(timeout) + " ms"), batch);
    if (!answer) return;
    commit_(std::move(batch), [answer](Status status) {
      if (status) answer();
    });
  });
}

}  // namespace clade::run
