#include "run/read_queue.h"

#include <algorithm>

#include "fixture.h"

namespace clade::run {
namespace {

constexpr int kReads = 50;
constexpr int64_t kLongUs = 10000;  // longer than reads may keep the loop in one turn

// Two agents that may read.
struct ReadingFolder : Folder {
  ReadingFolder() {
    write("swarm.yaml",
          "swarm: played\nagents:\n  worker: {instances: 2, grants: ['queue.read', 'cell.eval']}\n"
          "  other: {}\n");
  }
};

int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

// Many strands of one run read at once.
void read_much(PlayedHost& host, int64_t run) {
  host.executor.quick = true;
  for (int strand = 1; strand <= kReads; ++strand) {
    host.dispatcher->called(run, "0." + std::to_string(strand), 1, "queue.list", Value{{"limit", 1}});
  }
}

// Calls `look` in every turn of the loop, the last time when it says so.
void turn_until(PlayedHost& host, const std::function<bool()>& look) {
  std::function<void()> turn = [&] { look() ? host.loop.stop() : host.loop.post(turn); };
  host.loop.post(turn);
  host.loop.run();
}

}  // namespace

TEST_CASE("reads leave the loop its turns") {
  const ReadingFolder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.clock.step = kLongUs;
  read_much(host, run);
  size_t most = 0;
  size_t before = 0;
  turn_until(host, [&] {
    most = std::max(most, host.executor.answers.size() - before);
    before = host.executor.answers.size();
    return before == kReads;
  });
  CHECK(most <= 2);
  CHECK_FALSE(host.dispatcher->busy());
}

TEST_CASE("one run's reads do not hold up another's") {
  const ReadingFolder folder;
  PlayedHost host(folder);
  const int64_t first = begin(host);
  const int64_t second = begin(host);
  host.clock.step = kLongUs;
  read_much(host, first);
  host.dispatcher->called(second, "0", 1, "queue.list", Value{{"limit", 1}});
  host.settle();
  const auto& answers = host.executor.answers;
  REQUIRE(answers.size() == kReads + 1);
  const auto found =
      std::find_if(answers.begin(), answers.end(), [&](const auto& answer) { return answer.run == second; });
  CHECK(found - answers.begin() <= 2);
  // And each run's come in the order in which it asked.
  int strand = 0;
  for (const auto& answer : answers) {
    if (answer.run == first) CHECK(answer.strand == "0." + std::to_string(++strand));
  }
}

TEST_CASE("reads of a run that ended are forgotten") {
  const ReadingFolder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.clock.step = kLongUs;
  read_much(host, run);
  turn_until(host, [&] { return !host.executor.answers.empty(); });
  REQUIRE(host.dispatcher->busy());
  const size_t answered = host.executor.answers.size();
  host.dispatcher->failed(run, "played");
  CHECK_FALSE(host.dispatcher->busy());
  host.settle();
  CHECK(host.executor.answers.size() == answered);
}

TEST_CASE("a run that begins again gets no answers to what it had asked before") {
  const ReadingFolder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  host.clock.step = kLongUs;
  read_much(host, run);
  turn_until(host, [&] { return !host.executor.answers.empty(); });
  const size_t answered = host.executor.answers.size();
  host.dispatcher->lost(run, false, "played");
  REQUIRE(host.next_start().invocation.run == run);
  CHECK(host.executor.answers.size() == answered);
  host.executor.answers.clear();
  read_much(host, run);
  CHECK(host.next_answer());
}

}  // namespace clade::run
