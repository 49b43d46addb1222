#include "script/grants.h"

#include <string>

#include <catch2/catch.hpp>

using clade::script::check_grant_form;
using clade::script::grant_covers;
using clade::script::grant_includes;
using clade::script::Grants;
using clade::script::kSubjectBytes;

TEST_CASE("a pattern covers what it names", "[grants]") {
  CHECK(grant_covers("queue.add:test_*", "queue.add", "test_product"));
  CHECK(grant_covers("queue.add:test_*", "queue.add", "test_"));
  CHECK_FALSE(grant_covers("queue.add:test_*", "queue.add", "retest_product"));
  CHECK_FALSE(grant_covers("queue.add:test", "queue.add", "test_product"));
  CHECK_FALSE(grant_covers("queue.add:test", "queue.add", "Test"));
  CHECK_FALSE(grant_covers("queue.add:test", "queue.read", "test"));
  CHECK_FALSE(grant_covers("queue.add:test", "queue", "add:test"));
  CHECK_FALSE(grant_covers("queue.add", "queue.add", "test"));
  CHECK_FALSE(grant_covers("", "", ""));
}

TEST_CASE("a grant is split at its first colon", "[grants]") {
  CHECK(grant_covers("mail.send:role:reviewer", "mail.send", "role:reviewer"));
  CHECK(grant_covers("mail.send:role:*", "mail.send", "role:reviewer"));
  CHECK_FALSE(grant_covers("mail.send:role:*", "mail.send", "agent:reviewer"));
  CHECK(grant_covers("script.publish:skill:optimize.*", "script.publish", "skill:optimize.bin_packing"));
}

TEST_CASE("one star stays within a folder, two do not", "[grants]") {
  CHECK(grant_covers("file.write:report/*", "file.write", "report/a.md"));
  CHECK_FALSE(grant_covers("file.write:report/*", "file.write", "report/a/b.md"));
  CHECK(grant_covers("file.write:report/**", "file.write", "report/a/b.md"));
  CHECK(grant_covers("file.write:report/**/b.md", "file.write", "report/a/c/b.md"));
  CHECK_FALSE(grant_covers("file.write:report/**", "file.write", "reports/a"));
  CHECK(grant_covers("knowledge.read:**", "knowledge.read", "packing/a.yaml"));
  CHECK_FALSE(grant_covers("knowledge.read:*", "knowledge.read", "packing/a.yaml"));
  CHECK(grant_covers("process.run:git *", "process.run", "git add README.md now"));
  CHECK_FALSE(grant_covers("process.run:git *", "process.run", "git add skills/a.lua"));
  CHECK(grant_covers("process.run:git **", "process.run", "git add skills/a.lua"));
  CHECK_FALSE(grant_covers("process.run:git *", "process.run", "git"));
  CHECK_FALSE(grant_covers("process.run:git *", "process.run", "gitk --all"));
}

TEST_CASE("nothing but the star is special in a pattern", "[grants]") {
  CHECK_FALSE(grant_covers("queue.add:a?c", "queue.add", "abc"));
  CHECK_FALSE(grant_covers("queue.add:[ab]", "queue.add", "a"));
  CHECK_FALSE(grant_covers("rule.set:vote.quorum", "rule.set", "voteXquorum"));
}

TEST_CASE("paths that leave their folder match nothing", "[grants]") {
  for (const char* path : {"../x", "report/../x", "report/..", "..", "/etc/passwd", "/"}) {
    CAPTURE(path);
    CHECK_FALSE(grant_covers("file.write:**", "file.write", path));
    CHECK_FALSE(grant_covers("knowledge.read:**", "knowledge.read", path));
  }
  CHECK_FALSE(grant_covers("file.write:**", "file.write", std::string("a\0b", 3)));
  CHECK(grant_covers("file.write:**", "file.write", "report/a..b/..c"));
}

TEST_CASE("no pattern is slow", "[grants]") {
  std::string pattern = "queue.add:";
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  CHECK_FALSE(grant_covers(pattern + "b", "queue.add", std::string(10000, 'a')));
  CHECK(grant_covers(pattern, "queue.add", std::string(10000, 'a')));
}

TEST_CASE("what is too long to be compared is refused", "[grants]") {
  const Grants grants("a", {"queue.add:**"}, {{"queue.add:**"}});
  CHECK(grants.check("queue.add", std::string(kSubjectBytes, 'x')));
  const auto status = grants.check("queue.add", std::string(kSubjectBytes + 1, 'x'));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "refused");
  CHECK(status.error().message.size() < 200);
}

TEST_CASE("capabilities without a subject ignore it", "[grants]") {
  CHECK(grant_covers("queue.read", "queue.read", ""));
  CHECK(grant_covers("vote.cast", "vote.cast", "r7.1"));
  CHECK_FALSE(grant_covers("vote.cast:x", "vote.cast", "x"));
}

TEST_CASE("allowed is what is both asked for and given", "[grants]") {
  const Grants grants("builder#2", {"queue.add:build_*", "cell.eval", "file.write:report/**"},
                      {{"queue.add:*"}, {"rule.set:**"}, {"file.write:**"}});
  CHECK(grants.check("queue.add", "build_product"));
  const auto message = [&](const char* capability, const char* subject) {
    const auto status = grants.check(capability, subject);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "refused");
    return status.error().message;
  };
  CHECK(message("cell.eval", "ignored") ==
        "agent \"builder#2\" may not cell.eval: swarm.yaml does not give it to the agent: add a grant that "
        "covers it "
        "under `grants` there (the host reads swarm.yaml when it starts)");
  CHECK(message("rule.set", "vote.quorum") ==
        "agent \"builder#2\" may not rule.set:vote.quorum: agents/builder/agent.yaml does not ask for it: "
        "add a grant "
        "that covers it under `grants` there");
  CHECK(message("mail.send", "all") ==
        "agent \"builder#2\" may not mail.send:all: agents/builder/agent.yaml does not ask for it and "
        "swarm.yaml does "
        "not give it to the agent: add a grant that covers it under `grants` in both (the host reads "
        "swarm.yaml "
        "when it starts)");
  CHECK_THAT(message("queue.add", "build_a/b"),
             Catch::Contains("; \"queue.add:build_*\" does not cover it: * stands for anything but /"));
  CHECK(message("file.write", "report/../x") ==
        "agent \"builder#2\" may not file.write:report/../x: a path must be relative and without \"..\"");
  CHECK_FALSE(grants.check("no.such", ""));
}

TEST_CASE("nothing is allowed by default, a role of another name is named", "[grants]") {
  CHECK_FALSE(Grants().check("cell.eval", ""));
  const auto status = Grants("zoe", {}, {{"cell.eval"}}, "worker").check("cell.eval", "");
  REQUIRE_FALSE(status);
  CHECK(status.error().message.find("agents/worker/agent.yaml does not ask") != std::string::npos);
}

TEST_CASE("the form of a grant is checked", "[grants]") {
  for (const char* good :
       {"queue.add:*", "queue.read", "mail.send:all", "proposal.open:code", "proposal.read", "vote.cast",
        "script.publish:skill:a.b", "file.write:report/**", "rule.set:vote.*", "rule.read",
        "knowledge.read:a/*", "skill.read:*", "ledger.read", "cell.eval", "process.run:git status"}) {
    CAPTURE(good);
    CHECK(check_grant_form(good));
  }
  const auto message = [](const char* grant) {
    const auto status = check_grant_form(grant);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "invalid");
    return status.error().message;
  };
  CHECK(message("queue.ad:x") ==
        "the grant \"queue.ad:x\" names no capability (did you mean \"queue.add\"?)");
  CHECK(message("frobnicate").find("; known: queue.add, queue.read, mail.send") != std::string::npos);
  CHECK(message("cell.eval:*") == "the grant \"cell.eval:*\" takes no pattern: write it like \"cell.eval\"");
  CHECK(message("file.write") ==
        "the grant \"file.write\" needs a pattern after a colon: write it like \"file.write:report/**\"");
  CHECK(message("queue.add:").find("is empty or begins or ends with a blank") != std::string::npos);
  CHECK(message("queue.add: x").find("begins or ends with a blank") != std::string::npos);
  CHECK(message("file.write:/etc/**").find("matches nothing") != std::string::npos);
  CHECK(message("knowledge.read:../**").find("matches nothing") != std::string::npos);
}

TEST_CASE("a grant includes another if it covers all that the other does", "[grants]") {
  CHECK(grant_includes("mail.send:role:*", "mail.send:role:reviewer"));
  CHECK(grant_includes("mail.send:role:*", "mail.send:role:re*"));
  CHECK(grant_includes("mail.send:role:*", "mail.send:role:*"));
  CHECK(grant_includes("file.write:**", "file.write:report/*/x*.md"));
  CHECK(grant_includes("file.write:*/**", "file.write:report/**"));
  CHECK_FALSE(grant_includes("mail.send:role:re*", "mail.send:role:*"));
  CHECK_FALSE(grant_includes("file.write:report/*", "file.write:report/**"));
  CHECK_FALSE(grant_includes("file.write:report/x", "file.write:report/*"));
  CHECK_FALSE(grant_includes("file.write:*", "file.write:report/x"));
  CHECK_FALSE(grant_includes("queue.add:*", "mail.send:a"));
  CHECK(grant_includes("cell.eval", "cell.eval"));
  CHECK_FALSE(grant_includes("cell.eval", "queue.read"));
  CHECK_FALSE(grant_includes("queue.read", "queue.add:read"));
}
