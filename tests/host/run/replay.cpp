// What the store keeps of a run for its replay, and how calls find their answers.
#include "run/replay.h"

#include <array>
#include <deque>

#include "base/codec.h"
#include "fixture.h"
#include "run/emit.h"
#include "run/record.h"
#include "run/saved_replay.h"

namespace clade::run {
namespace {

struct Step {
  std::string strand;
  std::string op;
  Value args;
};

// Plays a handler against a replay: each strand makes its steps one after the other, the next when it has its
// answer.
class ReplayedScript final : public Executor {
 public:
  explicit ReplayedScript(std::vector<Step> steps) : steps_(std::move(steps)) {}
  void start(const Program&, Invocation) override {}
  void answer(int64_t, const std::string& strand, Result<Value> value, int64_t now_ms) override {
    answers.emplace_back(strand, std::move(value));
    times.push_back(now_ms);
    ready_.push_back(strand);
  }
  bool at_rest(int64_t) const override { return ready_.empty(); }
  void cancel(int64_t) override {}

  Replayed play(const Recording& recording, Matching matching) {
    std::optional<Replayed> replayed;
    Replay replay(recording, *this, matching, [&](Replayed done) { replayed = std::move(done); });
    replay.start({});
    ready_ = strands;
    while (!replayed) {
      while (!ready_.empty() && !replayed) {
        const std::string strand = ready_.front();
        ready_.pop_front();
        go_on(replay, strand);
      }
      if (replayed) break;
      if (steps_.empty() && waiting_ == answers.size()) {
        replay.finished(1, Value(), Value(Value::Map()), {});
      } else {
        replay.rested(1);
      }
    }
    return std::move(*replayed);
  }

  std::vector<std::pair<std::string, Result<Value>>> answers;
  std::vector<int64_t> times;
  std::deque<std::string> strands = {"0.1", "0.2"};

 private:
  void go_on(Replay& replay, const std::string& strand) {
    const auto step =
        std::find_if(steps_.begin(), steps_.end(), [&](const Step& one) { return one.strand == strand; });
    if (step == steps_.end()) return;
    const Step taken = std::move(*step);
    steps_.erase(step);
    ++waiting_;
    replay.called(1, strand, ++positions_[strand], taken.op, taken.args);
  }

  std::vector<Step> steps_;
  std::deque<std::string> ready_;
  std::map<std::string, int64_t> positions_;
  size_t waiting_ = 0;  // calls so far
};

Recording::Answer answered(const std::string& strand, int64_t position, const std::string& op,
                           const Value& args, Value result, int64_t turn) {
  return {strand, position, op, encode_msgpack(args), true, std::move(result), 1000 * turn, turn};
}

}  // namespace

TEST_CASE("a run is recorded with its state, its reads and the order of its answers") {
  const Folder folder;
  PlayedHost host(folder);
  host.executor.quick = true;
  const std::string task = host.add("work_a", Value{{"n", 1}});
  const auto start = host.next_start();
  const int64_t run = start.invocation.run;
  host.dispatcher->called(run, "0.1", 1, "cell.eval", Value{{"source", "a"}});
  host.dispatcher->called(run, "0.2", 1, "queue.list", Value(Value::Map()));
  host.settle();
  host.evaluation.finish(Value{{"ok", true}});
  host.settle();
  host.dispatcher->called(run, "0.1", 2, "queue.get", Value{{"id", task}});
  host.settle();
  REQUIRE(host.executor.answers.size() == 3);
  REQUIRE(host.executor.answers[0].strand == "0.2");
  host.dispatcher->finished(run, Value(7), Value{{"runs", 1}});
  host.settle();

  const auto recording = read_recording(*host.reader, host.blobs, run);
  if (!recording) FAIL(recording.error().message);
  CHECK(recording->role == "worker");
  REQUIRE(recording->answers.size() == 3);
  CHECK(recording->answers[0].turn == 2);          // after that of the other strand
  CHECK(recording->answers[1].op == "queue.get");  // no await came after it
  CHECK(recording->answers[1].known);
  CHECK(recording->invocation.state.is_nil());
  CHECK(recording->invocation.argument == start.invocation.argument);
  CHECK(recording->invocation.now_ms == start.invocation.now_ms);
  CHECK(recording->invocation.seed == start.invocation.seed);

  host.executor.answers.clear();
  host.add("work_b");
  const auto second = host.next_start();
  host.dispatcher->failed(second.invocation.run, "on purpose");
  host.settle();
  const auto failed = read_recording(*host.reader, host.blobs, second.invocation.run);
  REQUIRE(failed);
  CHECK(failed->invocation.state == Value{{"runs", 1}});
  CHECK(failed->error == "on purpose");
}

TEST_CASE("a run that read more than is kept says so instead of replaying something else") {
  const Folder folder;
  PlayedHost host(folder);
  std::string id;
  id = host.add("work_a", Value{{"text", std::string(kMostKeptReads, 'x')}});
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.get", Value{{"id", id}}));
  host.dispatcher->finished(run, Value(), Value(Value::Map()));
  CHECK(host.count("SELECT count(*) FROM journal") == 0);
  const auto recording = read_recording(*host.reader, host.blobs, run);
  REQUIRE_FALSE(recording);
  CHECK(recording.error().code == "not_recorded");
}

TEST_CASE("strands of a replay are answered in the order of the original") {
  const std::vector<Step> steps = {
      {"0.1", "cell.eval", 1}, {"0.1", "queue.add", 2}, {"0.1", "cell.eval", 3}, {"0.2", "cell.eval", 4}};
  Recording recording;
  recording.invocation.run = 1;
  // The turns of the three evaluations, and the strands in the order of the answers that follows from them.
  const std::vector<std::pair<std::array<int64_t, 3>, std::vector<std::string>>> orders = {
      {{1, 2, 3}, {"0.1", "0.1", "0.1", "0.2"}},
      {{1, 3, 2}, {"0.1", "0.1", "0.2", "0.1"}},
      {{2, 3, 1}, {"0.2", "0.1", "0.1", "0.1"}},
  };
  for (const auto matching : {Matching::exact, Matching::loose}) {
    for (const auto& [turns, order] : orders) {
      recording.answers = {answered("0.1", 1, "cell.eval", 1, "a", turns[0]),
                           answered("0.1", 3, "cell.eval", 3, "b", turns[1]),
                           answered("0.2", 1, "cell.eval", 4, "c", turns[2])};
      ReplayedScript script(steps);
      const auto replayed = script.play(recording, matching);
      CHECK(replayed.end == Replayed::End::returned);
      REQUIRE(script.answers.size() == 4);
      for (size_t i = 0; i < 4; ++i) CHECK(script.answers[i].first == order[i]);
      CHECK(script.times.back() == 3000);  // clade.now goes on with the results
      REQUIRE(replayed.effects.size() == 1);
      CHECK(replayed.effects[0]["args"] == Value(2));
    }
  }
}

TEST_CASE("as many strands as may wait at once are answered in their order") {
  constexpr int64_t kStrands = 4096;
  Recording recording;
  recording.invocation.run = 1;
  std::vector<Step> steps;
  std::deque<std::string> strands;
  for (int64_t i = 1; i <= kStrands; ++i) {
    const std::string strand = "0." + std::to_string(i);
    strands.push_back(strand);
    steps.push_back({strand, "cell.eval", i % 2});
    recording.answers.push_back(answered(strand, 1, "cell.eval", i % 2, i, kStrands + 1 - i));
  }
  for (const auto matching : {Matching::exact, Matching::loose}) {
    ReplayedScript script(steps);
    script.strands = strands;
    CHECK(script.play(recording, matching).end == Replayed::End::returned);
    REQUIRE(script.answers.size() == kStrands);
    for (size_t i = 0; i < kStrands; ++i) {
      if (script.answers[i].first != strands[kStrands - 1 - i]) FAIL("answer " << i);
      if (*script.answers[i].second != Value(kStrands - static_cast<int64_t>(i))) FAIL("value " << i);
    }
  }
}

TEST_CASE("a replay hands out an answer only for the same call") {
  Recording recording;
  recording.invocation.run = 1;
  recording.answers = {answered("0.1", 1, "cell.eval", 1, "a", 1),
                       answered("0.1", 2, "queue.list", 5, "list", 2)};
  SECTION("by position, other arguments are a divergence") {
    ReplayedScript script({{"0.1", "cell.eval", 2}});
    const auto replayed = script.play(recording, Matching::exact);
    CHECK(replayed.end == Replayed::End::raised);
    CHECK(replayed.text.find("cell.eval 1, and now cell.eval 2") != std::string::npos);
    CHECK(script.answers.empty());
  }
  SECTION("by content, wherever it is asked; an await once, a read as often as it is asked") {
    ReplayedScript script({{"0.2", "queue.list", 5}, {"0.2", "queue.list", 5}, {"0.2", "cell.eval", 1}});
    const auto replayed = script.play(recording, Matching::loose);
    CHECK(replayed.end == Replayed::End::returned);
    REQUIRE(script.answers.size() == 3);
    CHECK(*script.answers[2].second == Value("a"));
    ReplayedScript twice({{"0.1", "cell.eval", 1}, {"0.1", "cell.eval", 1}});
    CHECK(twice.play(recording, Matching::loose).end == Replayed::End::stuck);
    ReplayedScript other({{"0.1", "cell.eval", 2}});
    CHECK(other.play(recording, Matching::loose).end == Replayed::End::stuck);
  }
  SECTION("what never had an answer gets none; a new pause is over when nothing else goes on") {
    recording.answers[0].known = false;
    ReplayedScript script({{"0.1", "cell.eval", 1}});
    CHECK(script.play(recording, Matching::exact).end == Replayed::End::stuck);
    ReplayedScript paused({{"0.1", "sleep", 9}, {"0.2", "queue.list", 5}, {"0.2", "queue.list", 5}});
    CHECK(paused.play(recording, Matching::loose).end == Replayed::End::returned);
    REQUIRE(paused.answers.size() == 3);
    CHECK(paused.answers[2].first == "0.1");
    ReplayedScript exact({{"0.1", "cell.eval", 1}, {"0.2", "sleep", 9}});
    CHECK(exact.play(recording, Matching::exact).end == Replayed::End::stuck);
  }
  SECTION("an effect that was refused is refused again, others get the ids of the original") {
    recording.answers = {
        {"0.1", 1, "mail.send", encode_msgpack(1), true, failure("refused", "no grant"), 0, 0}};
    ReplayedScript script({{"0.1", "mail.send", 1},
                           {"0.1", "mail.send", 2},
                           {"0.1", "queue.add_all", Value{{"tasks", Value::Array{1, 2}}}}});
    const auto replayed = script.play(recording, Matching::exact);
    REQUIRE(script.answers.size() == 3);
    CHECK_FALSE(script.answers[0].second);
    CHECK(*script.answers[1].second == Value("r1.1"));
    CHECK(*script.answers[2].second == Value(Value::Array{"r1.2", "r1.3"}));
    CHECK(replayed.effects.size() == 2);
  }
}

TEST_CASE("effects are answered in a replay as they are by the host") {
  const Folder folder;
  PlayedHost host(folder);
  const Value task{{"type", "work_b"}};
  const std::vector<std::pair<std::string, Value>> calls = {
      {"queue.add", task},
      {"queue.add_all", Value{{"tasks", Value::Array{task, task}}}},
      {"queue.review", task},
      {"mail.send", Value{{"to", "agent:other"}, {"kind", "note"}}},
      {"proposal.open", Value{{"title", "t"}, {"kind", "change"}, {"voters", Value::Array{"other"}}}},
      {"file.write", Value{{"path", "report/a"}, {"text", "b"}}},
      {"queue.fail", Value{{"reason", "r"}}},
      {"data.set", Value{{"key", "k"}, {"value", 1}}},
  };
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  int64_t next = 1;
  int64_t position = 0;
  for (const auto& [op, args] : calls) {
    const auto live = host.call(run, ++position, op, args);
    INFO(op);
    if (!live) FAIL(live.error().message);
    CHECK(*live == emission_answer(run, next, op, args));
  }
}

TEST_CASE("an effect that is answered from what an agent keeps is recorded with its answer") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const Value key{{"key", "never set"}};
  const auto live = host.call(run, 1, "data.delete", key);
  REQUIRE(live);
  CHECK(*live == Value(false));
  host.dispatcher->finished(run, Value(), Value(Value::Map()));
  host.settle();
  const auto recording = read_recording(*host.reader, host.blobs, run);
  REQUIRE(recording);
  ReplayedScript script({{"0", "data.delete", key}});
  script.strands = {"0"};
  const auto replayed = script.play(*recording, Matching::exact);
  CHECK(replayed.effects.size() == 1);
  REQUIRE(script.answers.size() == 1);
  CHECK(*script.answers[0].second == Value(false));
}

TEST_CASE("a saved replay comes back as it was, and nonsense is refused") {
  Recording recording;
  recording.agent = recording.role = "worker";
  recording.invocation.run = 12;
  recording.invocation.handler = "on_task";
  recording.invocation.argument = Value{{"id", "t1"}};
  recording.invocation.state = Value{{"n", 1}};
  recording.answers = {
      answered("0", 1, "cell.eval", 1, 2.5, 1),
      {"0", 2, "cell.eval", encode_msgpack(3), true, failure("killed", "by a signal"), 9, 2}};
  Replayed expected;
  expected.result = 4;
  expected.state = Value{{"n", 2}};
  expected.effects.push_back({{"op", "queue.add"}, {"args", 1}});
  const auto content = saved_replay(recording, expected);
  REQUIRE(content);
  const auto text = decode_json(encode_json(*content, true));
  REQUIRE(text);
  auto back = read_saved_replay(*text);
  REQUIRE(back);
  CHECK(difference(back->expected, expected).empty());
  REQUIRE(back->recording.answers.size() == 2);
  CHECK(*back->recording.answers[0].result == Value(2.5));
  CHECK(back->recording.answers[1].result.error().code == "killed");
  CHECK(back->recording.answers[1].finished_at == 9);
  CHECK(back->recording.answers[1].turn == 2);
  CHECK(back->recording.invocation.state == recording.invocation.state);
  for (const char* part : {"result", "state", "effects", "end"}) {
    Replayed other = expected;
    if (part == std::string("result")) other.result = 5;
    if (part == std::string("state")) other.state = Value();
    if (part == std::string("effects")) other.effects.clear();
    if (part == std::string("end")) other.end = Replayed::End::raised;
    CHECK(difference(expected, other) == part);
  }
  for (const char* field : {"agent", "handler", "run", "argument", "answers", "expect"}) {
    Value broken = *content;
    broken.set(field, "x");
    if (field == std::string("agent")) broken.set(field, 1);
    INFO(field);
    CHECK_FALSE(read_saved_replay(broken));
  }
  recording.invocation.state = Value{{"n", std::string("\xff")}};
  CHECK_FALSE(saved_replay(recording, expected));
}

}  // namespace clade::run
