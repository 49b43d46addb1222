// Nobody makes himself more rights than swarm.yaml gives: not by files, nor by what is published, proposed or
// sent.
#include <filesystem>

#include "fixture.h"
#include "run/file_write.h"

namespace clade::run {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEverything =
    "['queue.add:*', 'mail.send:**', 'vote.cast', 'proposal.open:*', 'rule.set:**', 'file.write:**', "
    "'script.publish:**']";

// A swarm whose worker may do all that a pattern can give, with a skill and a rule to change.
struct GenerousFolder : Folder {
  GenerousFolder() {
    const std::string grants = std::string("grants: ") + kEverything;
    write("swarm.yaml", "swarm: played\nagents:\n  worker: {" + grants +
                            "}\n  other: {grants: ['vote.cast']}\n"
                            "governance: {quorum: 1, threshold: 0.6, vote_deadline_ms: 60000}\n");
    write("agents/worker/agent.yaml", grants + "\n");
    write("skills/text/slug/skill.yaml", "id: text.slug\n");
    write("skills/text/slug/init.lua", "return {}\n");
    write("skills/text/other/skill.yaml", "id: text.other\n");
    write("skills/text/other/init.lua", "return {}\n");
    write("scripts/govern/vote.lua", "return {}\n");
  }
};

std::string outcome(const Result<Value>& answer) {
  return answer ? "accepted" : answer.error().code;
}

Value file(const std::string& path) {
  return {{"path", path}, {"text", "planted"}};
}

// A run on a task that an agent added: nobody's mandate.
int64_t begin_without_mandate(PlayedHost& host, Value payload) {
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "queue.add", {{"type", "work_b"}, {"payload", std::move(payload)}}));
  host.dispatcher->finished(run, Value(), Value());
  return host.next_start().invocation.run;
}

// Opens a proposal of kind "code" in a run of its own.
Result<Value> propose(PlayedHost& host, const Value& body, const Value& payload, int64_t* run) {
  host.add("work_a");
  *run = host.next_start().invocation.run;
  return host.call(*run, 1, "proposal.open",
                   {{"title", "better"},
                    {"kind", "code"},
                    {"body", body},
                    {"voters", Value::Array{"other"}},
                    {"on_accept", Value{{"type", "work_b"}, {"payload", payload}}}});
}

constexpr const char* kSource = "return { better = true }\n";

}  // namespace

TEST_CASE("the widest pattern opens no closed place") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  fs::create_directory_symlink("agents", folder.path + "/link");
  fs::create_directory_symlink(".", folder.path + "/self");
  fs::create_directories(folder.path + "/notes");
  fs::create_directory_symlink("../skills", folder.path + "/notes/link");
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  int64_t position = 0;
  for (const char* path :
       {"agents/worker/agent.yaml", "agents/worker/init.lua", "agents/new/agent.yaml",
        "skills/text/slug/skill.yaml", "skills/new/x/init.lua", "scripts/govern/vote.lua", "swarm.yaml",
        ".clade/clade.db", ".clade/x", ".git/config", ".git/hooks/pre-commit", "agents", "skills", ".clade",
        // Case
        "Agents/worker/agent.yaml", "AGENTS/x", "Swarm.yaml", "SWARM.YAML", "sKills/x", ".Clade/x",
        ".GIT/config",
        // Detours
        "./agents/worker/agent.yaml", "./swarm.yaml", "agents//worker/agent.yaml", "agents/./x", "agents/",
        "agents/x/", "notes/../swarm.yaml", "notes//x", "//swarm.yaml", "/swarm.yaml", "swarm.yaml/",
        "swarm.yaml/x",
        // Links
        "link/worker/agent.yaml", "self/swarm.yaml", "self/agents/x", "notes/link/x",
        // Repositories inside
        "notes/.git/config", "report/.git", "notes/.Git/hooks/post-checkout", "report/deep/.git/HEAD"}) {
    CAPTURE(path);
    CHECK(outcome(host.call(run, ++position, "file.write", file(path))) == "refused");
  }
  for (const char* path :
       {"notes/x", "agent/x", "notes/agents/x", "notes/swarm.yaml", "report/.github/x", "knowledge/x"}) {
    CAPTURE(path);
    CHECK(outcome(host.call(run, ++position, "file.write", file(path))) == "accepted");
  }
}

TEST_CASE("a link that stands where a file is written gives way to it") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  const auto before = *read_file(folder.path + "/swarm.yaml");
  fs::create_directories(folder.path + "/notes");
  fs::create_symlink("../swarm.yaml", folder.path + "/notes/file");
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  REQUIRE(host.call(run, 1, "file.write", file("notes/file")));
  host.dispatcher->finished(run, Value(), Value());
  host.settle();
  CHECK(*read_file(folder.path + "/notes/file") == "planted");
  CHECK(*read_file(folder.path + "/swarm.yaml") == before);
}

TEST_CASE("a report folder in the swarm opens no closed place") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  fs::create_directory_symlink(folder.path, folder.path + "/self");
  fs::create_directory_symlink("agents/worker", folder.path + "/link");
  const auto refusal = [&](const std::string& report, const std::string& path) {
    host.kernel->report = folder.path + report;
    const auto status = check_file(*host.kernel, path);
    return status ? std::string() : status.error().code;
  };
  for (const char* report : {"/.", "", "/self", "/self/", "/report/.."}) {
    CAPTURE(report);
    CHECK(refusal(report, "report/agents/worker/agent.yaml") == "refused");
    CHECK(refusal(report, "report/Swarm.yaml") == "refused");
    CHECK(refusal(report, "report/x/.git/config") == "refused");
    CHECK(refusal(report, "report/x.md").empty());
  }
  for (const char* report :
       {"/agents/worker", "/agents/new", "/link", "/self/skills", "/.clade", "/.git/hooks"}) {
    CAPTURE(report);
    CHECK(refusal(report, "report/agent.yaml") == "refused");
  }
  const Folder elsewhere;
  host.kernel->report = elsewhere.path;
  CHECK(check_file(*host.kernel, "report/agents/x"));
  CHECK_FALSE(check_file(*host.kernel, "report/.git/config"));
}

TEST_CASE("a file that was allowed is not written where it is closed by now") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  const std::string path = "report/worker/agent.yaml";
  REQUIRE(check_file(*host.kernel, path));
  REQUIRE(write_file(*host.kernel, path, "planted"));
  CHECK(*read_file(folder.path + "/report/worker/agent.yaml") == "planted");
  host.kernel->report = folder.path + "/agents";
  const auto status = write_file(*host.kernel, path, "planted");
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "refused");
  CHECK(*read_file(folder.path + "/agents/worker/agent.yaml") != "planted");
}

TEST_CASE("without a mandate nothing is published and no rule is set, whatever a payload claims") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  const int64_t run = begin_without_mandate(
      host, {{"proposal", "r1.1"}, {"proposal_kind", "code"}, {"skill", "text.slug"}, {"source", kSource}});
  int64_t position = 0;
  for (const char* name : {"skill:text.slug", "agent:worker", "agent:other", "rule:vote"}) {
    CAPTURE(name);
    CHECK(outcome(host.call(run, ++position, "script.publish", {{"name", name}, {"source", kSource}})) ==
          "refused");
  }
  for (const char* name :
       {"../x", "agents/worker/agent.yaml", "manifest:worker", "skill:../../agents/worker"}) {
    CAPTURE(name);
    CHECK(outcome(host.call(run, ++position, "script.publish", {{"name", name}, {"source", kSource}})) ==
          "not_found");
  }
  CHECK(outcome(host.call(run, ++position, "rule.set", {{"name", "vote.quorum"}, {"value", 1}})) ==
        "refused");
}

TEST_CASE("mail gives no mandate, whoever it says it is from") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const Value body{{"proposal", "r1.1"}, {"proposal_kind", "rule"}, {"rule", "vote.quorum"}, {"value", 1}};
  REQUIRE(host.call(run, 1, "mail.send",
                    {{"to", "agent:worker"}, {"kind", "note"}, {"sender", "host"}, {"body", body}}));
  host.dispatcher->finished(run, Value(), Value());
  const auto reading = host.next_start();
  CHECK(reading.invocation.argument["sender"].as_string() == "worker");
  const int64_t mail = reading.invocation.run;
  CHECK(outcome(host.call(mail, 1, "rule.set", {{"name", "vote.quorum"}, {"value", 1}})) == "refused");
  CHECK(outcome(host.call(mail, 2, "script.publish", {{"name", "skill:text.slug"}, {"source", kSource}})) ==
        "refused");
}

TEST_CASE("only the host asks for votes") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  const Value forged{{"to", "role:other"}, {"kind", "vote_request"}, {"body", Value{{"proposal", "r1.1"}}}};
  CHECK(outcome(host.call(run, 1, "mail.send", forged)) == "refused");
  CHECK(outcome(host.call(run, 2, "ask", forged)) == "refused");
}

TEST_CASE("a proposal sets off only what its proposer may add to the queue") {
  const GenerousFolder folder;
  const char* less = "grants: ['proposal.open:*', 'queue.add:work_*']\n";
  folder.write("agents/worker/agent.yaml", less);
  PlayedHost host(folder);
  host.add("work_a");
  const int64_t run = host.next_start().invocation.run;
  int64_t position = 0;
  for (const char* kind : {"note", "rule", "code"}) {
    CAPTURE(kind);
    const Value payload{{"rule", "vote.quorum"}, {"value", 1}, {"source", kSource}};
    const Value body{{"rule", "vote.quorum"}, {"value", 1}, {"hash", content_hash(kSource)}};
    const auto opened = host.call(run, ++position, "proposal.open",
                                  {{"title", "t"},
                                   {"kind", kind},
                                   {"body", body},
                                   {"voters", Value::Array{"other"}},
                                   {"on_accept", Value{{"type", "implement_x"}, {"payload", payload}}}});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().message.find("may not queue.add:implement_x") != std::string::npos);
  }
}

TEST_CASE("voters see of code what an accepted proposal publishes, and a person approves it") {
  const GenerousFolder folder;
  PlayedHost host(folder);
  const Value payload{{"skill", "text.slug"}, {"source", kSource}, {"parent", "p"}};
  int64_t run = 0;
  const Value honest{
      {"hash", content_hash(kSource)}, {"skill", "text.slug"}, {"source", kSource}, {"parent", "p"}};
  for (const char* field : {"hash", "skill", "source", "parent"}) {
    CAPTURE(field);
    Value body = honest;
    body.set(field, "said beside");
    const auto refused = propose(host, body, payload, &run);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "invalid");
    host.dispatcher->finished(run, Value(), Value());
  }
  const auto id = propose(host, honest, payload, &run);
  REQUIRE(id);
  host.dispatcher->finished(run, Value(), Value());
  const auto voting = host.next_start();
  REQUIRE(host.call(voting.invocation.run, 1, "vote.cast", {{"proposal", *id}, {"choice", "yes"}}));
  host.dispatcher->finished(voting.invocation.run, Value(), Value());
  // Nobody asked for an approval: the kind alone calls for it.
  CHECK(host.state_of(id->as_string() + ".accept") == "awaiting_approval");
}

TEST_CASE("the mandate to publish a skill is for that skill and source alone") {
  const GenerousFolder folder;
  PlayedHost host(folder, true);
  int64_t proposing = 0;
  const auto id = propose(host, {{"hash", content_hash(kSource)}},
                          {{"skill", "text.slug"}, {"source", kSource}}, &proposing);
  REQUIRE(id);
  host.dispatcher->finished(proposing, Value(), Value());
  const auto voting = host.next_start();
  REQUIRE(host.call(voting.invocation.run, 1, "vote.cast", {{"proposal", *id}, {"choice", "yes"}}));
  host.dispatcher->finished(voting.invocation.run, Value(), Value());
  const int64_t run = host.next_start().invocation.run;
  int64_t position = 0;
  const auto publish = [&](const std::string& name, const std::string& source) {
    return outcome(host.call(run, ++position, "script.publish", {{"name", name}, {"source", source}}));
  };
  CHECK(publish("skill:text.other", kSource) == "refused");
  CHECK(publish("agent:worker", kSource) == "refused");
  CHECK(publish("rule:vote", kSource) == "refused");
  CHECK(publish("skill:text.slug", "return { worse = true }\n") == "refused");
  CHECK(outcome(host.call(run, ++position, "rule.set", {{"name", "vote.quorum"}, {"value", 1}})) ==
        "refused");
  CHECK(publish("skill:text.slug", kSource) == "accepted");
  // What it sets off carries no mandate on.
  REQUIRE(host.call(
      run, ++position, "queue.add",
      {{"type", "work_b"},
       {"payload",
        Value{{"proposal", *id}, {"proposal_kind", "code"}, {"skill", "text.other"}, {"source", kSource}}}}));
  host.dispatcher->finished(run, Value(), Value());
  const int64_t child = host.next_start().invocation.run;
  CHECK(outcome(host.call(child, 1, "script.publish", {{"name", "skill:text.other"}, {"source", kSource}})) ==
        "refused");
}

}  // namespace clade::run
