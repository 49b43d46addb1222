// clade.commit: the explicit split of a run's transaction.
#include "run/split.h"

#include "fixture.h"
#include "run/recording.h"

namespace clade::run {
namespace {

const Value kLetter{{"to", "agent:other"}, {"kind", "note"}, {"body", 1}};
const Value kState{{"state", Value{{"n", 1}}}};

// The first part of a handler: a task, a message, and data, then the split.
void first_part(PlayedHost& host, int64_t run) {
  CHECK(host.call(run, 1, "queue.add", Value{{"type", "work_b"}})->as_string() ==
        "r" + std::to_string(run) + ".1");
  CHECK(host.call(run, 2, "mail.send", kLetter)->as_string() == "r" + std::to_string(run) + ".2");
  CHECK(host.call(run, 3, "data.set", Value{{"key", "k"}, {"value", 7}}));
  CHECK(host.call(run, 4, "data.delete", Value{{"key", "none"}}) == Value(false));
  CHECK(host.call(run, 5, "commit", kState) == Value(true));
}

void check_first_part(PlayedHost& host) {
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_b'") == 1);
  CHECK(host.count("SELECT count(*) FROM message WHERE kind = 'note'") == 1);
  CHECK(host.count("SELECT count(*) FROM data") == 1);
  CHECK(host.count("SELECT count(*) FROM agent WHERE state = '{\"n\":1}'") == 1);
}

// The run of the first task of the worker.
int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

// Its start after a kill, whoever else is started too.
PlayedExecutor::Start again(PlayedHost& host, int64_t run) {
  for (;;) {
    auto start = host.next_start();
    if (start.invocation.run == run) return start;
  }
}

}  // namespace

TEST_CASE("a split commits what came before it, and the handler goes on") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  first_part(host, run);
  check_first_part(host);
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_a' AND state = 'executing'") == 1);
  CHECK(host.call(run, 6, "queue.add", Value{{"type", "work_c"}})->as_string() == "r1.3");
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_c'") == 0);
  host.dispatcher->finished(run, Value(9), Value{{"n", 2}});
  CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_a' AND state = 'completed'") == 1);
  CHECK(host.count("SELECT count(*) FROM task WHERE type IN ('work_b', 'work_c')") == 2);
  CHECK(host.count("SELECT count(*) FROM message WHERE kind = 'note'") == 1);
  CHECK(host.count("SELECT count(*) FROM agent WHERE state = '{\"n\":2}'") == 1);
  const auto recording = read_recording(*host.reader, host.blobs, run);
  REQUIRE(recording);
  CHECK(recording->invocation.state.is_nil());
}

TEST_CASE(
    "after a crash a handler passes its splits again, with the state that it began with, and repeats "
    "nothing") {
  const Folder folder;
  int64_t run = 0;
  {
    PlayedHost host(folder);
    run = begin(host);
    first_part(host, run);
  }
  for (int life = 0; life < 2; ++life) {
    PlayedHost host(folder);
    const auto start = again(host, run);
    CHECK(start.invocation.state.is_nil());
    first_part(host, run);
    check_first_part(host);
  }
  PlayedHost host(folder);
  again(host, run);
  SECTION("to its end") {
    first_part(host, run);
    CHECK(host.call(run, 6, "mail.send", kLetter)->as_string() == "r1.3");
    host.dispatcher->finished(run, Value(9), Value{{"n", 1}});
    CHECK(host.count("SELECT count(*) FROM message WHERE kind = 'note'") == 2);
    CHECK(host.count("SELECT count(*) FROM task WHERE type = 'work_b'") == 1);
    CHECK(host.count("SELECT count(*) FROM run WHERE status = 'committed'") == 1);
  }
  SECTION("or stops as diverged, if its state is another") {
    CHECK(host.call(run, 1, "queue.add", Value{{"type", "work_b"}}));
    CHECK(host.call(run, 2, "mail.send", kLetter));
    CHECK(host.call(run, 3, "data.set", Value{{"key", "k"}, {"value", 7}}));
    CHECK(host.call(run, 4, "data.delete", Value{{"key", "none"}}));
    host.dispatcher->called(run, "0", 5, "commit", Value{{"state", Value{{"n", 2}}}});
    CHECK(host.count("SELECT count(*) FROM run WHERE status = 'diverged'") == 1);
    check_first_part(host);
  }
}

TEST_CASE("a handler that fails keeps what it split off, and its next attempt begins with that state") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  first_part(host, run);
  CHECK(host.call(run, 6, "mail.send", kLetter));
  host.dispatcher->failed(run, "on purpose");
  check_first_part(host);
  store::Batch batch;
  REQUIRE(host.queue.cancel("r1.1", "test", "out of the way", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  host.add("work_d");
  for (;;) {
    const auto start = host.next_start();
    if (start.program.agent != "worker") continue;
    CHECK(start.invocation.state == Value{{"n", 1}});
    break;
  }
}

TEST_CASE("a split does not cut what belongs to the end of the handler") {
  const Folder folder;
  PlayedHost host(folder);
  const int64_t run = begin(host);
  REQUIRE(host.call(run, 1, "mail.send", kLetter));
  SECTION("its verdict on its own task") {
    REQUIRE(host.call(run, 2, "queue.fail", Value{{"reason", "r"}}));
    const auto refused = host.call(run, 3, "commit", kState);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "refused");
  }
  SECTION("a state that cannot be kept") {
    const Value large{{"state", Value{{"text", std::string(kStateBytes, 'x')}}}};
    const auto refused = host.call(run, 2, "commit", large);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("clade.data") != std::string::npos);
  }
  SECTION("a task that is another's by now") {
    store::Batch batch;
    REQUIRE(host.queue.cancel("t1", "test", "", batch));
    const auto refused = host.call(run, 2, "commit", kState);
    CHECK_FALSE(refused);
  }
  CHECK(host.count("SELECT count(*) FROM message") == 0);
  CHECK(host.count("SELECT count(*) FROM agent") == 0);
}

}  // namespace clade::run
