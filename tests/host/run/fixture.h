// A host without cells: the real store, queue, mail, library and dispatcher, and an executor that the test
// plays.
#pragma once

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include <catch2/catch.hpp>
#include <stdlib.h>

#include "base/bytes.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "run/dispatcher.h"
#include "run/settlement.h"
#include "store/database.h"
#include "store/writer.h"

namespace clade::run {

// The test is the script: it sees each start and answer, and says what the script would do.
class PlayedExecutor final : public Executor {
 public:
  struct Start {
    Program program;
    Invocation invocation;
  };
  struct Answer {
    int64_t run;
    std::string strand;
    Result<Value> value;
    int64_t now_ms;
  };
  void start(const Program& program, Invocation invocation) override {
    runs.insert(invocation.run);
    starts.push_back({program, std::move(invocation)});
  }
  void answer(int64_t run, const std::string& strand, Result<Value> value, int64_t now_ms) override {
    answers.push_back({run, strand, std::move(value), now_ms});
  }
  // The script goes on when the test has looked at the answer.
  bool at_rest(int64_t run) const override {
    const bool looked_at = quick || std::none_of(answers.begin(), answers.end(),
                                                 [&](const Answer& answer) { return answer.run == run; });
    return looked_at && std::none_of(starts.begin(), starts.end(),
                                     [&](const Start& start) { return start.invocation.run == run; });
  }
  void cancel(int64_t run) override { cancelled.push_back(run); }

  std::deque<Start> starts;
  std::deque<Answer> answers;
  std::set<int64_t> runs;  // that were started
  bool quick = false;      // the script waits for the next answer as soon as it has one
  std::vector<int64_t> cancelled;
};

// An effect whose end the test decides.
class PlayedEffect final : public Effect {
 public:
  explicit PlayedEffect(bool idempotent) : idempotent_(idempotent) {}
  bool idempotent() const override { return idempotent_; }
  Status check(const Value& args, script::Call&) const override {
    if (args["refuse"].as_bool()) return failure("refused", "played refusal");
    return {};
  }
  uint64_t start(const EffectRequest& request, Done done) override {
    begun.push_back(request);
    pending[++last_] = std::move(done);
    return last_;
  }
  void cancel(uint64_t handle) override { pending.erase(handle); }
  void finish(Result<Value> value) {
    REQUIRE_FALSE(pending.empty());
    auto done = std::move(pending.begin()->second);
    pending.erase(pending.begin());
    done(std::move(value));
  }

  std::vector<EffectRequest> begun;
  std::map<uint64_t, Done> pending;

 private:
  bool idempotent_;
  uint64_t last_ = 0;
};

// A swarm folder of its own, gone with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/clade-run-XXXXXX";
    REQUIRE(mkdtemp(name));
    path = name;
    write("swarm.yaml",
          "swarm: played\n"
          "agents:\n"
          "  worker: {grants: ['queue.add:*', 'mail.send:**', 'cell.eval', 'vote.cast', 'proposal.open:*',"
          " 'queue.read', 'rule.set:*', 'rule.read', 'file.write:report/**', 'script.publish:*']}\n"
          "  other: {grants: ['mail.send:**', 'vote.cast', 'queue.add:*']}\n"
          "governance: {quorum: 1, threshold: 0.6, vote_deadline_ms: 60000}\n");
    for (const char* role : {"worker", "other"}) {
      const std::string topics = role == std::string("other") ? "topics: [task.failed]\n" : "";
      write(std::string("agents/") + role + "/agent.yaml",
            "summary: played by the test\n" + topics +
                "grants: ['queue.add:*', 'mail.send:**', 'cell.eval', 'vote.cast', 'proposal.open:*', "
                "'queue.read',"
                " 'rule.set:*', 'rule.read', 'file.write:report/**', 'script.publish:*']\n");
      write(std::string("agents/") + role + "/init.lua", "return { api = 1 }\n");
    }
    REQUIRE(make_folders(path + "/.clade", 0700));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& file, const std::string& text) const {
    const auto full = std::filesystem::path(path) / file;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  std::string path;
};

// The time of token buckets and of the loop's slices is the test's; everything else takes its time, or
// `ahead` of it.
class PlayedClock final : public Clock {
 public:
  int64_t wall_ms() const override { return (stopped_at != 0 ? stopped_at : system_.wall_ms()) + ahead; }
  int64_t steady_us() const override { return steady += step; }
  mutable int64_t steady = 0;
  int64_t stopped_at = 0;  // 0: the wall clock goes on by itself
  int64_t ahead = 0;       // of the system's time, in ms
  int64_t step = 0;        // what passes from one look at the clock to the next

 private:
  SystemClock system_;
};

// One life of a host on a folder. Destroying it without stop() is what kill -9 leaves: only what was
// committed.
class PlayedHost {
 public:
  explicit PlayedHost(const Folder& folder, bool approve_auto = false, Dispatcher::Hooks hooks = {})
      : blobs(folder.path + "/.clade/blobs"),
        library(folder.path, clock),
        mail(clock),
        queue(clock, [this](const std::string& type) { return dispatcher->roles().handles(type); }) {
    const std::string path = folder.path + "/.clade/clade.db";
    auto database = store::Database::open(path, store::Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(store::migrate(*database));
    REQUIRE(blobs.prepare());
    reader.emplace(std::move(*store::Database::open(path, store::Database::Mode::read_only)));
    writer = std::make_unique<store::Writer>(std::move(*database), loop);
    store::Batch batch;
    auto loaded = library.load(*reader, batch);
    if (!loaded) FAIL(loaded.error().message);
    const auto& swarm = library.swarm();
    governance =
        std::make_unique<Governance>(VoteRules{swarm.quorum, swarm.threshold, swarm.vote_deadline_ms});
    REQUIRE(governance->load(*reader));
    REQUIRE(data.load(*reader));
    REQUIRE(queue.load(*reader));
    std::vector<mail::Recipient> recipients;
    for (const auto& agent : swarm.agents) {
      recipients.push_back({agent.name, agent.role, library.agent(agent.role).topics});
    }
    mail.set_recipients(std::move(recipients));
    REQUIRE(mail.load(*reader));
    kernel = std::make_unique<Kernel>(Kernel{clock, loop, log, *writer, *reader, blobs, queue, mail, library,
                                             *governance, data, folder.path, folder.path + "/report",
                                             Value(Value::Map())});
    settlement = std::make_unique<Settlement>(*kernel, approve_auto);
    dispatcher = std::make_unique<Dispatcher>(*kernel, *settlement, executor, std::move(hooks));
    queue.observe([this](const queue::Task& task, queue::Verb verb, queue::State) {
      settlement->observe(task, verb);
      dispatcher->observe(task, verb);
    });
    dispatcher->add_effect("cell.eval", evaluation);
    dispatcher->add_effect("process.run", process);
    dispatcher->set_role("worker", Value{{"tasks", Value::Array{"work_*", "implement_*", "check"}},
                                         {"has", Value{{"on_mail", true}}}});
    if (library.current("agent:other"))
      dispatcher->set_role("other", Value{{"tasks", Value::Array{}}, {"has", Value{{"on_mail", true}}}});
    dispatcher->commit(std::move(batch), nullptr);
    REQUIRE(dispatcher->recover());
    dispatcher->start();
  }

  // Turns the loop until nothing is being committed, written or posted any more.
  void settle() {
    int quiet = 0;
    loop::Timer timer(loop);
    timer.start(
        0,
        [&] {
          for (const int64_t run : std::set<int64_t>(executor.runs)) dispatcher->rested(run);
          quiet = writer->pending() == 0 && !dispatcher->busy() ? quiet + 1 : 0;
          if (quiet >= 3) loop.stop();
        },
        1);
    loop.run();
  }
  std::string add(const std::string& type, Value payload = Value(Value::Map())) {
    store::Batch batch;
    queue::NewTask task;
    task.type = type;
    task.payload = std::move(payload);
    auto ids = queue.submit({task}, batch);
    if (!ids) FAIL(ids.error().message);
    dispatcher->commit(std::move(batch), nullptr);
    return ids->front();
  }
  // The next start, after settling.
  PlayedExecutor::Start next_start() {
    settle();
    REQUIRE_FALSE(executor.starts.empty());
    auto start = std::move(executor.starts.front());
    executor.starts.pop_front();
    return start;
  }
  Result<Value> next_answer() {
    settle();
    REQUIRE_FALSE(executor.answers.empty());
    auto answer = std::move(executor.answers.front());
    executor.answers.pop_front();
    return answer.value;
  }
  // A call of the main strand, and what it gets.
  Result<Value> call(int64_t run, int64_t position, const std::string& op, Value args) {
    dispatcher->called(run, "0", position, op, std::move(args));
    return next_answer();
  }
  int64_t count(const std::string& sql) {
    settle();
    auto query = reader->prepare(sql);
    auto row = query.step();
    REQUIRE(row);
    REQUIRE(*row);
    return query.integer(0);
  }
  std::string state_of(const std::string& task) {
    settle();
    auto value = queue::task_with_history(*reader, task);
    REQUIRE(value);
    return (*value)["state"].as_string();
  }

  PlayedClock clock;
  loop::Loop loop;
  Log log;
  std::optional<store::Database> reader;
  store::Blobs blobs;
  std::unique_ptr<store::Writer> writer;
  script::Library library;
  std::unique_ptr<Governance> governance;
  Data data;
  mail::Mail mail;
  queue::Queue queue;
  std::unique_ptr<Kernel> kernel;
  PlayedExecutor executor;
  PlayedEffect evaluation{true};
  PlayedEffect process{false};
  std::unique_ptr<Settlement> settlement;
  std::unique_ptr<Dispatcher> dispatcher;
};

}  // namespace clade::run
