// When a version is tried that a run wants to publish, and what that costs.
#include <deque>
#include <functional>
#include <string>

#include "fixture.h"

namespace clade::run {
namespace {

// Trials whose end the test decides.
struct PlayedTrials {
  struct Trial {
    std::string name;
    std::string agent;
    std::function<void(Status)> done;
    bool called_off = false;
  };
  Dispatcher::Hooks hooks() {
    Dispatcher::Hooks hooks;
    hooks.try_version = [this](const script::Version& candidate, const std::string& agent,
                               std::function<void(Status)> done) {
      begun.push_back({candidate.name, agent, std::move(done)});
      return [this, number = begun.size() - 1] { begun[number].called_off = true; };
    };
    return hooks;
  }
  std::deque<Trial> begun;
};

struct PublishingFolder : Folder {
  explicit PublishingFolder(const std::string& rate) {
    write("swarm.yaml", "swarm: played\nagents:\n  worker:\n    grants: [{grant: 'script.publish:*', rate: " +
                            rate + "}, 'queue.add:*']\n  other: {}\n");
  }
};

Value version(const std::string& name = "agent:other") {
  return {{"name", name}, {"source", "return { api = 1, better = true }\n"}};
}

// A run on an operator's task, which has the mandate.
int64_t begin(PlayedHost& host) {
  host.add("work_a");
  return host.next_start().invocation.run;
}

std::string code(const Result<Value>& answer) {
  return answer ? "published" : answer.error().code;
}

}  // namespace

TEST_CASE("a version that would be refused is not tried") {
  const PublishingFolder folder("1/day");
  PlayedTrials trials;
  PlayedHost host(folder, false, trials.hooks());
  const int64_t run = begin(host);
  Value odd = version();
  odd.set("source", "");
  CHECK(code(host.call(run, 1, "script.publish", odd)) == "invalid");
  CHECK(code(host.call(run, 2, "script.publish", version("skill:no.such"))) == "not_found");
  REQUIRE(host.call(run, 3, "queue.add", {{"type", "work_b"}}));
  host.dispatcher->finished(run, Value(), Value());
  const int64_t child = host.next_start().invocation.run;
  CHECK(code(host.call(child, 1, "script.publish", version())) == "refused");  // no mandate
  CHECK(trials.begun.empty());
}

TEST_CASE("a trial takes a token before it begins, and publishing takes no second one") {
  const PublishingFolder folder("1/day");
  PlayedTrials trials;
  PlayedHost host(folder, false, trials.hooks());
  const int64_t run = begin(host);
  for (int64_t position = 1; position <= 50; ++position)
    host.dispatcher->called(run, std::to_string(position), 1, "script.publish", version());
  host.settle();
  REQUIRE(trials.begun.size() == 1);
  CHECK(trials.begun[0].name == "agent:other");
  CHECK(trials.begun[0].agent == "worker");
  CHECK(host.executor.answers.size() == 49);
  for (const auto& answer : host.executor.answers) CHECK(code(answer.value) == "refused");
  host.executor.answers.clear();

  trials.begun[0].done({});
  CHECK(code(host.next_answer()) == "published");
  CHECK(code(host.call(run, 1, "script.publish", version())) == "refused");
  CHECK(trials.begun.size() == 1);
  host.dispatcher->finished(run, Value(), Value());
  host.settle();
  CHECK(*read_file(folder.path + "/agents/other/init.lua") == "return { api = 1, better = true }\n");
}

TEST_CASE("a version that fails its trial is not published, and costs no token") {
  const PublishingFolder folder("1/day");
  PlayedTrials trials;
  PlayedHost host(folder, false, trials.hooks());
  const int64_t run = begin(host);
  for (int64_t position = 1; position <= 2; ++position) {
    host.dispatcher->called(run, "0", position, "script.publish", version());
    REQUIRE(trials.begun.size() == static_cast<size_t>(position));
    trials.begun.back().done(failure("error", "played"));
    CHECK(code(host.next_answer()) == "does_not_load");
  }
}

TEST_CASE("a run has so many versions tried at once") {
  const PublishingFolder folder("1000/day");
  PlayedTrials trials;
  PlayedHost host(folder, false, trials.hooks());
  const int64_t run = begin(host);
  const auto publish = [&](int64_t strand) {
    host.dispatcher->called(run, std::to_string(strand), 1, "script.publish", version());
  };
  for (int64_t strand = 1; strand <= 16; ++strand) publish(strand);
  CHECK(trials.begun.size() == 16);
  publish(17);
  CHECK(code(host.next_answer()) == "limit");
  trials.begun[0].done({});
  CHECK(code(host.next_answer()) == "published");
  publish(18);
  CHECK(trials.begun.size() == 17);
}

TEST_CASE("the trials of a run end with it, and begin again with it") {
  const PublishingFolder folder("1/day");
  PlayedTrials trials;
  PlayedHost host(folder, false, trials.hooks());
  const std::string task = host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  host.dispatcher->called(run, "0", 1, "script.publish", version());
  host.dispatcher->lost(run, false, "played");
  REQUIRE(trials.begun.size() == 1);
  CHECK(trials.begun[0].called_off);
  REQUIRE(host.next_start().invocation.run == run);
  host.dispatcher->called(run, "0", 1, "script.publish", version());
  REQUIRE(trials.begun.size() == 2);
  CHECK_FALSE(trials.begun[1].called_off);

  store::Batch batch;
  REQUIRE(host.queue.cancel(task, "operator", "changed my mind", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  host.settle();
  CHECK(trials.begun[1].called_off);
  trials.begun[1].done({});  // too late
  host.settle();
  CHECK(host.executor.answers.empty());
}

}  // namespace clade::run
