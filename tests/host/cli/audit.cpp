// clade audit: every act of an operator and of the host has a line, and a tampered store is found out.
#include <csignal>
#include <set>

#include "cli/app.h"
#include "store/database.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

// Answers at once, asks for leave, or never ends by itself.
constexpr const char* kAgent = R"lua(
return { api = 1, tasks = { "fine", "leave", "broken", "later" }, on_mail = function() end,
  on_task = function(_, task)
    if task.type == "broken" then clade.queue.fail("on purpose", { retry = false }) end
    if task.type == "leave" then
      clade.queue.add { type = "fine", approval = "May it go on?" }
      clade.queue.add { type = "fine", approval = "And this one?" }
    end
    return true
  end }
)lua";

struct Office : Swarm {
  Office() {
    write("swarm.yaml", "swarm: office\nagents:\n  clerk: {grants: [\"queue.add:*\"]}\n");
    REQUIRE(make_folders(path("agents/clerk")).has_value());
    write("agents/clerk/agent.yaml", "summary: clerk\ngrants: [\"queue.add:*\"]\n");
    write("agents/clerk/init.lua", kAgent);
  }

  test::CommandResult as(const std::string& who, const std::vector<std::string>& arguments) const {
    return test::run_clade(arguments, {"", path(), {"USER=" + who}});
  }
  // "who what subject" of every line.
  std::multiset<std::string> lines() const {
    std::multiset<std::string> texts;
    const Value all = json({"audit", "list", "--limit", "1000"});
    for (const Value& line : all.as_array()) {
      texts.insert(line["who"].as_string() + " " + line["what"].as_string() + " " +
                   line["subject"].as_string());
    }
    return texts;
  }
  // The newest line of a kind.
  Value newest(const std::string& what) const {
    Value found;
    const Value all = json({"audit", "list", "--limit", "1000"});
    for (const Value& line : all.as_array()) {
      if (line["what"].as_string() == what) found = line;
    }
    return found;
  }
  // A host is up a moment before the lines of its start are on disk.
  void start_as(const std::string& who, const std::vector<std::string>& more = {}) {
    const size_t before = lines().size();
    std::vector<std::string> arguments = {"run", "--detach"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    REQUIRE(as(who, arguments).exit == 0);
    started = true;
    while (lines().size() == before ||
           newest("host.start")["line"].as_integer() <= static_cast<int64_t>(before))
      continue;
  }
  // As another program would, which is not held up by triggers.
  void tamper(const std::string& sql) const {
    auto database = store::Database::open(path(".clade/clade.db"), store::Database::Mode::read_write);
    REQUIRE(database);
    REQUIRE(database->execute(sql));
  }
};

TEST_CASE("each command of an operator leaves one line with a name and a reason") {
  Office office;
  REQUIRE(office.as("anna", {"run", "--until-idle"}).exit == 0);
  CHECK(office.lines().count("host host.stop " + office.newest("host.start")["subject"].as_string()) == 1);
  office.start_as("anna", {"--seed", "7"});
  const Value start = office.newest("host.start");
  CHECK(start["who"] == Value("anna"));
  CHECK(start["detail"]["version"] == Value(CLADE_VERSION));
  CHECK(start["detail"]["swarm.yaml"].as_string().size() == 64);
  CHECK(office.newest("grants.given")["detail"]["clerk"]["gets"] == Value(Value::Array{"queue.add:*"}));
  CHECK(office.newest("setting.set")["detail"]["value"] == Value(7));

  const auto id = [](const test::CommandResult& result) {
    REQUIRE(result.exit == 0);
    return result.out.substr(0, result.out.find('\n'));
  };
  // What the command adds: exactly this line.
  const auto adds = [&](const std::string& who, const std::vector<std::string>& arguments,
                        const std::string& line) {
    INFO(line);
    const auto before = office.lines();
    REQUIRE(office.as(who, arguments).exit == 0);
    const auto after = office.lines();
    CHECK(after.size() == before.size() + 1);
    CHECK(after.count(line) == before.count(line) + 1);
  };
  const std::string waits = id(office.as(
      "anna", {"task", "add", "later", "--after", id(office.as("anna", {"task", "add", "broken"}))}));
  CHECK(office.lines().count("anna task.add " + waits) == 1);
  adds("bob", {"task", "cancel", waits, "--reason", "not needed"}, "bob task.cancel " + waits);
  CHECK(office.newest("task.cancel")["detail"]["reason"] == Value("not needed"));
  adds("carl", {"task", "retry", waits}, "carl task.retry " + waits);
  adds("anna", {"mail", "send", "agent:clerk", "the word is 12345"}, "anna mail.send agent:clerk");
  CHECK(office.newest("mail.send")["detail"]["body"].as_string().size() == 64);

  id(office.as("anna", {"task", "add", "leave"}));
  Value waiting;
  while (waiting.as_array().size() < 2) waiting = office.json({"approval", "list"});
  const std::string first = waiting.as_array()[0]["id"].as_string();
  const std::string second = waiting.as_array()[1]["id"].as_string();
  adds("anna", {"approval", "approve", first, "--by", "the board"}, "the board task.approve " + first);
  adds("bob", {"approval", "reject", second, "--reason", "too dear"}, "bob task.refuse " + second);
  CHECK(office.newest("task.refuse")["detail"]["reason"] == Value("too dear"));

  CHECK(office.run({"audit", "verify"}).exit == kOk);
  const auto stopped = office.as("dora", {"stop"});
  office.started = false;
  CHECK(office.newest("host.stop")["who"] == Value("dora"));
  CHECK(contains(stopped.out, "audit head: " + office.json({"audit", "head"})["head"].as_string()));
  CHECK(contains(office.run({"logs"}).out, office.json({"audit", "head"})["head"].as_string()));
  CHECK_FALSE(contains(office.run({"audit", "list", "--limit", "1000", "--json"}).out, "12345"));
}

TEST_CASE("a rollback is a line, and so is a script that came from a file") {
  Office office;
  REQUIRE(office.run({"run", "--until-idle"}).exit == 0);
  office.start_as("anna");
  const std::string script = "agent:clerk";
  CHECK(office.lines().count("host script.imported " + script) == 1);
  office.write("agents/clerk/init.lua", std::string(kAgent) + "-- another text\n");
  while (office.lines().count("file script.imported " + script) == 0) continue;
  REQUIRE(office.as("anna", {"script", "rollback", "clerk"}).exit == 0);
  CHECK(office.lines().count("anna script.rolled_back " + script) == 1);
}

TEST_CASE("a host that was killed is told of by the next one") {
  Office office;
  REQUIRE(office.run({"run", "--until-idle"}).exit == 0);
  office.start_as("anna");
  const int pid = static_cast<int>(office.json({"status"})["pid"].as_integer());
  REQUIRE(kill(pid, SIGKILL) == 0);
  office.start_as("bob");
  const Value recovered = office.newest("host.recover");
  CHECK(recovered["who"] == Value("host"));
  CHECK(recovered["line"].as_integer() == office.newest("host.start")["line"].as_integer() - 1);
  CHECK(office.run({"audit", "verify"}).exit == kOk);
}

TEST_CASE("a tampered audit is found out, and the line named") {
  Office office;
  REQUIRE(office.run({"run", "--until-idle"}).exit == 0);
  const std::string head = office.json({"audit", "head"})["head"].as_string();
  REQUIRE(office.run({"run", "--until-idle"}).exit == 0);
  const auto intact = office.run({"audit", "verify", "--head", head});
  CHECK(intact.exit == kOk);
  CHECK(contains(intact.out, "the head that you noted closes line"));
  const int64_t imported = office.newest("script.imported")["line"].as_integer();

  office.tamper("UPDATE script_event SET by = 'nobody'");
  const auto broken = office.run({"audit", "verify"});
  CHECK(broken.exit == kFailed);
  CHECK(contains(broken.err, "broken at line "));
  const Value verdict = decode_json(office.run({"audit", "verify", "--json"}).out).value();
  CHECK(verdict["intact"] == Value(false));
  CHECK(verdict["broken_line"].as_integer() <= imported);
  CHECK(office.json({"audit", "show", std::to_string(imported)})["who"] == Value("nobody"));
}

TEST_CASE("what clade audit does not understand is refused with what to do") {
  Office office;
  const auto nothing = office.run({"audit", "verify"});
  CHECK(nothing.exit == kFailed);
  CHECK(contains(nothing.err, "start the swarm with `clade run"));
  REQUIRE(office.run({"run", "--until-idle"}).exit == 0);
  CHECK(office.run({"audit", "verify", "--head", "abc"}).exit == kUsage);
  const auto since = office.run({"audit", "list", "--since", "yesterday"});
  CHECK(since.exit == kUsage);
  CHECK(contains(since.err, "yesterday is no time"));
  CHECK(office.json({"audit", "list", "--since", "1h"}).as_array().size() > 3);
  CHECK(office.json({"audit", "list", "--since", "2999-01-01"}).as_array().empty());
  CHECK(office.json({"audit", "list", "--by", "nobody here"}).as_array().empty());
  CHECK(contains(office.run({"audit", "show", "999"}).err, "no line 999"));
}

}  // namespace
}  // namespace clade::cli
