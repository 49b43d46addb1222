#include "run/handover.h"

#include <utility>

#include "fixture.h"
#include "run/history.h"

namespace clade::run {
namespace {

const Value kSlow{{"source", "slow"}};
const Value kQuick{{"source", "quick"}};
const Value kMake{{"arguments", Value::Array{"make"}}};

// A task of the worker whose handler has begun: the number of its run.
int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

// Ends the evaluation of this source, and lets that become known.
void finish(PlayedHost& host, const std::string& source, Result<Value> value) {
  host.settle();
  const auto begun =
      std::find_if(host.evaluation.begun.begin(), host.evaluation.begun.end(),
                   [&](const EffectRequest& request) { return request.args["source"] == source; });
  REQUIRE(begun != host.evaluation.begun.end());
  auto done = host.evaluation.pending.extract(
      static_cast<uint64_t>(std::distance(host.evaluation.begun.begin(), begun)) + 1);
  REQUIRE(done);
  done.mapped()(std::move(value));
  host.settle();
}

std::string text(PlayedHost& host, const std::string& sql) {
  host.settle();
  auto query = host.reader->prepare(sql);
  auto row = query.step();
  REQUIRE(row);
  REQUIRE(*row);
  return query.text(0);
}

PlayedExecutor::Answer answer(PlayedHost& host) {
  host.settle();
  REQUIRE_FALSE(host.executor.answers.empty());
  auto next = std::move(host.executor.answers.front());
  host.executor.answers.pop_front();
  return next;
}

}  // namespace

TEST_CASE("results are handed over in the same order again, whoever asks first") {
  const Folder folder;
  int64_t run = 0;
  std::vector<int64_t> times;
  {
    PlayedHost host(folder);
    run = begin(host);
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    host.dispatcher->called(run, "0.2", 1, "cell.eval", kQuick);
    host.dispatcher->called(run, "0.3", 1, "queue.list", Value(Value::Map()));
    CHECK(answer(host).strand == "0.3");
    finish(host, "quick", Value("quick"));
    times.push_back(answer(host).now_ms);
    CHECK(text(host, "SELECT finished_at FROM journal WHERE strand = '0.2'") == std::to_string(times.at(0)));
    finish(host, "slow", Value("slow"));
    const auto last = answer(host);
    CHECK(last.strand == "0.1");
    times.push_back(last.now_ms);
    CHECK(times.at(0) <= times.at(1));
    host.dispatcher->called(run, "0.2", 2, "cell.eval", Value{{"source", "more"}});
    host.settle();
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
  host.dispatcher->called(run, "0.2", 1, "cell.eval", kQuick);
  host.dispatcher->called(run, "0.3", 1, "queue.list", Value(Value::Map()));
  CHECK(answer(host).strand == "0.3");
  const auto first = answer(host);
  CHECK(first.strand == "0.2");
  CHECK(first.now_ms == times.at(0));
  host.dispatcher->called(run, "0.2", 2, "cell.eval", Value{{"source", "more"}});
  const auto second = answer(host);
  CHECK(second.strand == "0.1");
  CHECK(second.value->as_string() == "slow");
  CHECK(second.now_ms == times.at(1));
  // Only then what was cut off is taken up.
  host.settle();
  CHECK(host.evaluation.begun.size() == 1);
}

TEST_CASE("what the host answers at once comes before what was ready") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.dispatcher->called(run, "0.1", 1, "cell.eval", kQuick);
  finish(host, "quick", Value(1));
  // The script is not at rest as long as this answer is not looked at.
  host.dispatcher->called(run, "0.2", 1, "cell.eval", kSlow);
  finish(host, "slow", Value(2));
  REQUIRE(host.executor.answers.size() == 1);
  host.dispatcher->called(run, "0.3", 1, "queue.add", Value{{"type", "work_b"}});
  CHECK(answer(host).strand == "0.1");
  CHECK(answer(host).strand == "0.3");
  CHECK(answer(host).strand == "0.2");
}

TEST_CASE("what clade.any gives up is ended, and the journal tells what became of it") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.dispatcher->called(run, "0.1", 1, "process.run", kMake);
  host.dispatcher->called(run, "0.2", 1, "cell.eval", kSlow);
  host.dispatcher->called(run, "0.3", 1, "cell.eval", kQuick);
  finish(host, "quick", Value(1));
  CHECK(answer(host).strand == "0.3");
  host.dispatcher->withdrawn(run, "0.1");
  host.dispatcher->withdrawn(run, "0.2");
  CHECK(host.process.pending.empty());
  CHECK(host.evaluation.pending.empty());
  CHECK(host.count("SELECT count(*) FROM journal WHERE status = 'cancelled'") == 2);
  auto journal = run_with_journal(*host.reader, host.blobs, run);
  REQUIRE(journal);
  for (const auto& entry : (*journal)["journal"].as_array()) {
    if (entry["strand"].as_string() == "0.1") CHECK(entry["error"]["code"].as_string() == "outcome_unknown");
    if (entry["strand"].as_string() == "0.2") CHECK(entry["error"]["code"].as_string() == "cancelled");
  }
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'committed'") == 1);
}

TEST_CASE("what a crash left of clade.any goes the same way, and nothing that it gave up begins again") {
  const Folder folder;
  // How far it had come: the winner's result; what it gave up had a result, too; it was recorded as given up.
  const int stage = GENERATE(0, 1, 2);
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    host.dispatcher->called(run, "0.2", 1, "process.run", kMake);
    host.dispatcher->called(run, "0.3", 1, "cell.eval", kQuick);
    finish(host, "quick", Value("first"));
    if (stage == 1) finish(host, "slow", Value("second"));
    if (stage == 2) {
      host.dispatcher->withdrawn(run, "0.1");
      host.dispatcher->withdrawn(run, "0.2");
      host.settle();
    }
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
  host.dispatcher->called(run, "0.2", 1, "process.run", kMake);
  host.dispatcher->called(run, "0.3", 1, "cell.eval", kQuick);
  const auto winner = answer(host);
  CHECK(winner.strand == "0.3");
  CHECK(winner.value->as_string() == "first");
  host.dispatcher->withdrawn(run, "0.1");
  host.dispatcher->withdrawn(run, "0.2");
  host.dispatcher->called(run, "0", 1, "cell.eval", Value{{"source", "after"}});
  host.settle();
  CHECK(host.executor.answers.empty());
  CHECK(host.process.begun.empty());
  REQUIRE(host.evaluation.begun.size() == 1);
  CHECK(host.evaluation.begun.front().args["source"].as_string() == "after");
  CHECK(text(host, "SELECT status FROM journal WHERE strand = '0.2'") == "cancelled");
  CHECK(text(host, "SELECT status FROM journal WHERE strand = '0.1'") == (stage == 1 ? "done" : "cancelled"));
  host.evaluation.finish(Value(1));
  CHECK(answer(host).strand == "0");
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM run WHERE status = 'committed'") == 1);
}

TEST_CASE("a read that made clade.any give something up is read no second time") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    host.settle();
    host.dispatcher->called(run, "0.2", 1, "queue.list", Value(Value::Map()));
    CHECK(answer(host).value->as_array().size() == 1);
    host.dispatcher->withdrawn(run, "0.1");
    host.settle();
    host.add("work_b");
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
  host.dispatcher->called(run, "0.2", 1, "queue.list", Value(Value::Map()));
  CHECK(answer(host).value->as_array().size() == 1);
}

TEST_CASE("a handler that leaves something out, or waits for what it gave up, stops as diverged") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    host.dispatcher->called(run, "0.2", 1, "cell.eval", kQuick);
    finish(host, "quick", Value(1));
    CHECK(answer(host).strand == "0.2");
    host.dispatcher->withdrawn(run, "0.1");
    host.settle();
  }
  PlayedHost host(folder);
  REQUIRE(host.next_start().invocation.run == run);
  std::string way;
  SECTION("it waits for something else only") {
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    way = "it called cell.eval {\"source\":\"quick\"}, and now it does not";
  }
  SECTION("it returns") {
    host.dispatcher->finished(run, Value(), Value());
    way = "and now it does not";
  }
  SECTION("it gives nothing up") {
    host.dispatcher->called(run, "0.1", 1, "cell.eval", kSlow);
    host.dispatcher->called(run, "0.2", 1, "cell.eval", kQuick);
    CHECK(answer(host).strand == "0.2");
    way = "it called cell.eval {\"source\":\"slow\"} and gave it up, and now it waits for it";
  }
  CHECK(text(host, "SELECT error FROM run WHERE status = 'diverged'").find(way) != std::string::npos);
  CHECK(host.evaluation.begun.empty());
}

TEST_CASE("a question that clade.any gives up is not delivered") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t first = begin(host);
  host.call(first, 1, "mail.send", {{"to", "agent:other"}, {"kind", "keep_busy"}});
  host.dispatcher->finished(first, Value(), Value());
  const int64_t busy = host.next_start().invocation.run;
  const int64_t run = begin(host);
  host.dispatcher->called(run, "0.1", 1, "ask", Value{{"to", "agent:other"}, {"kind", "question"}});
  host.settle();
  host.dispatcher->withdrawn(run, "0.1");
  // Nobody waits for it: no circle.
  CHECK(host.call(busy, 1, "ask", {{"to", "agent:worker"}, {"kind", "x"}, {"timeout_ms", 0}}).error().code ==
        "timeout");
  host.dispatcher->finished(busy, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM message WHERE kind = 'question' AND state = 'dead_letter'") == 1);
  CHECK(host.count("SELECT count(*) FROM journal WHERE op = 'ask' AND status = 'cancelled'") == 1);
}

TEST_CASE("what a strand emitted before it was given up stays") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.dispatcher->called(run, "0.1", 1, "queue.add", Value{{"type", "work_b"}});
  host.dispatcher->withdrawn(run, "0.1");
  host.dispatcher->finished(run, Value(), Value());
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_b'") == 1);
}

TEST_CASE("a cell's word about a strand that waits for nothing does no harm") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.dispatcher->withdrawn(run, "0.7");
  host.dispatcher->withdrawn(run + 1, "0");
  host.dispatcher->rested(run + 1);
  REQUIRE(host.call(run, 1, "queue.list", Value(Value::Map())));
}

}  // namespace clade::run
