// What runs do that changes what is allowed goes into the audit, with the run whose doing it was.
#include "store/audit.h"

#include "host/run/fixture.h"

namespace clade::run {
namespace {

// The lines so far, as "who what subject"; with "run N" behind those of a run.
std::vector<std::string> lines_of(PlayedHost& host) {
  host.settle();
  std::vector<std::string> texts;
  auto lines = store::audit_lines(*host.reader, {});
  REQUIRE(lines);
  for (const auto& line : *lines) {
    texts.push_back(line.who + " " + line.what + " " + line.subject +
                    (line.run == 0 ? "" : " run " + std::to_string(line.run)));
    if (line.run != 0) CHECK(line.version == content_hash("return { api = 1 }\n"));
  }
  REQUIRE(store::verify_audit(*host.reader, "")->problem.empty());
  return texts;
}

bool holds(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

TEST_CASE("a vote, its outcome, an approval by nobody and the rule that follows are lines") {
  const Folder folder;
  PlayedHost host(folder, true);
  host.add("work_a");
  const int64_t proposing = host.next_start().invocation.run;
  const Value rule{{"rule", "vote.threshold"}, {"value", 0.7}};
  auto id = host.call(proposing, 1, "proposal.open",
                      {{"title", "stricter"},
                       {"kind", "rule"},
                       {"body", rule},
                       {"voters", Value::Array{"other"}},
                       {"on_accept", Value{{"type", "implement_rule"}, {"payload", rule}}}});
  REQUIRE(id);
  const std::string proposal = id->as_string();
  host.dispatcher->finished(proposing, Value(), Value());
  const int64_t voting = host.next_start().invocation.run;
  REQUIRE(
      host.call(voting, 1, "vote.cast", {{"proposal", proposal}, {"choice", "yes"}, {"reason", "safer"}}));
  host.dispatcher->finished(voting, Value(), Value());
  const int64_t setting = host.next_start().invocation.run;
  REQUIRE(host.call(setting, 1, "rule.set", {{"name", "vote.threshold"}, {"value", 0.7}}));
  const size_t before = lines_of(host).size();
  host.dispatcher->finished(setting, Value(), Value());
  const auto lines = lines_of(host);
  CHECK(holds(lines, "other vote.cast " + proposal + " run " + std::to_string(voting)));
  CHECK(holds(lines, "host proposal.accepted " + proposal));
  CHECK(holds(lines, "nobody (--approve auto) task.approve " + proposal + ".accept"));
  CHECK(holds(lines, "worker rule.set vote.threshold run " + std::to_string(setting)));
  CHECK(lines.size() == before + 1);
}

TEST_CASE("what a handler does to its task, by mail and by tasks is no act") {
  const Folder folder;
  PlayedHost host(folder);
  const size_t before = lines_of(host).size();
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}}));
  REQUIRE(host.call(run, 2, "mail.send", {{"to", "agent:other"}, {"kind", "note"}}));
  host.dispatcher->finished(run, Value(), Value());
  CHECK(lines_of(host).size() == before);
}

TEST_CASE("a role that is stopped for its deaths is a line of the host's") {
  const Folder folder;
  PlayedHost host(folder);
  host.add("work_a");
  for (size_t death = 0; death < kDeaths; ++death) {
    const int64_t run = host.next_start().invocation.run;
    host.dispatcher->lost(run, true, "played");
    if (death + 1 < kDeaths) host.add("work_a");
  }
  CHECK(holds(lines_of(host), "host script.quarantined agent:worker"));
  store::Batch batch;
  REQUIRE(host.dispatcher->release("worker", "anna", batch));
  host.dispatcher->commit(std::move(batch), nullptr);
  CHECK(holds(lines_of(host), "anna script.released agent:worker"));
}

}  // namespace
}  // namespace clade::run
