// Commands that talk to a running host, and what they say when there is none.
#include <unistd.h>

#include "cli/app.h"
#include "cli/lock.h"
#include "swarm_fixture.h"

namespace clade::cli {
namespace {

TEST_CASE("commands that need a host exit with 3 when there is none") {
  const Swarm swarm;
  for (const auto& arguments :
       std::initializer_list<std::vector<std::string>>{{"stop"},
                                                       {"status"},
                                                       {"task", "add", "greet"},
                                                       {"task", "cancel", "t1"},
                                                       {"task", "retry", "t1"},
                                                       {"mail", "send", "all", "hello"},
                                                       {"approval", "approve", "t1"},
                                                       {"approval", "reject", "t1"},
                                                       {"script", "rollback", "greeter"}}) {
    INFO(arguments[0]);
    const auto result = swarm.run(arguments);
    CHECK(result.exit == kNoHost);
    CHECK(contains(result.err, "no host runs in " + swarm.path() + ": start one with `clade run"));
  }
}

TEST_CASE("commands that read say when there is nothing to read yet") {
  const Swarm swarm;
  for (const auto& arguments : std::initializer_list<std::vector<std::string>>{{"task", "list"},
                                                                               {"task", "show", "t1"},
                                                                               {"why", "t1"},
                                                                               {"mail", "list"},
                                                                               {"approval", "list"},
                                                                               {"script", "list"},
                                                                               {"logs"}}) {
    INFO(arguments[0]);
    const auto result = swarm.run(arguments);
    CHECK(result.exit == kFailed);
    CHECK(contains(result.err, "start the swarm with `clade run"));
  }
}

TEST_CASE("a detached host answers until it is stopped, what it did can be read afterwards") {
  Swarm swarm;
  swarm.start();
  const int pid = Lock::holder(swarm.path());
  CHECK(pid > 0);
  CHECK(getsid(pid) == pid);

  const Value status = swarm.json({"status"});
  CHECK(status["pid"].as_integer() == pid);
  CHECK(status["agents"].as_array().size() == 1);
  const std::string shown = swarm.run({"status"}).out;
  CHECK(contains(shown, "greeter"));
  CHECK(contains(shown,
                 " alone, 0 died so far\nevaluated:  0 now, 0 waiting\nchecked:    0 now, 0 "
                 "waiting\ncommands:   0 now, 0 waiting\n"));
  CHECK_FALSE(contains(shown, "{"));

  CHECK(swarm.run({"task", "add", "greet", "--payload", "@-"}, "{\"name\":\"pipe\"}").out == "t1\n");
  CHECK(swarm.json({"task", "add", "greet", "--after", "t1", "--priority", "9"})["id"].as_string() == "t2");
  CHECK(swarm.json({"mail", "send", "role:greeter", "{\"a\":[1]}"})["ids"].as_array().size() == 1);

  const auto second = swarm.run({"run"});
  CHECK(second.exit == kFailed);
  CHECK(contains(second.err, "process " + std::to_string(pid)));
  const auto detached = swarm.run({"run", "--detach"});
  CHECK(detached.exit == kFailed);
  CHECK(contains(detached.err, "process " + std::to_string(pid)));

  CHECK(contains(swarm.run({"stop"}).out, "stopped process " + std::to_string(pid)));
  CHECK(Lock::holder(swarm.path()) == 0);
  const auto stopped = swarm.run({"status"});
  CHECK(stopped.exit == kNoHost);
  CHECK(contains(stopped.out, "stored:"));

  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);
  const Value tasks = swarm.json({"task", "list"});
  REQUIRE(tasks.as_array().size() == 2);
  for (const Value& task : tasks.as_array()) CHECK(task["state"].as_string() == "completed");
  CHECK(tasks.as_array()[0]["priority"].as_integer() == 9);
  CHECK(swarm.json({"task", "list", "--state", "queued"}).as_array().empty());
  CHECK(contains(swarm.run({"task", "show", "t2"}).out, "after:      t1"));
  CHECK(contains(swarm.run({"why", "t2"}).out, "completed by greeter"));
  CHECK(contains(swarm.run({"why", "t1"}).out, "\nled to dependent t2 (greet), which is completed\n"));
  CHECK(swarm.json({"mail", "list"}).as_array()[0]["body"] == Value{{"a", Value::Array{1}}});
  CHECK(swarm.json({"approval", "list"}).as_array().empty());
  CHECK(contains(swarm.run({"logs", "greeter"}).out, "Hello, pipe!"));
  CHECK_FALSE(contains(swarm.run({"logs", "greeter"}).out, " host "));
  CHECK(decode_json(swarm.run({"logs", "-n", "1", "--json"}).out).value()["level"].is_string());
}

TEST_CASE("a role that raises when it is loaded is an error with its line and nothing else") {
  const Swarm swarm;
  swarm.write("agents/greeter/init.lua", "\nerror('no way')\n");
  const auto result = swarm.run({"run", "--until-idle"});
  CHECK(result.exit == kFailed);
  CHECK_FALSE(contains(result.out, "seconds:"));
  CHECK_FALSE(contains(result.out, "report:"));
  CHECK(contains(result.err, "the role greeter does not load: agents/greeter/init.lua@"));
  CHECK(contains(result.err, ":2: no way\n"));
  CHECK_FALSE(contains(result.err, "[C]"));
}

TEST_CASE("a traceback is shown in lines, below the error, once") {
  Swarm swarm;
  swarm.write("agents/greeter/init.lua",
              "return { api = 1, tasks = { 'greet' }, on_task = function() error('no way') end }\n");
  swarm.start();
  REQUIRE(swarm.run({"task", "add", "greet"}).exit == kOk);
  REQUIRE(swarm.run({"stop"}).exit == kOk);
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);
  const std::string shown = swarm.run({"task", "show", "t1"}).out;
  CHECK(contains(shown, ":1: no way\n            stack traceback:\n             agents/greeter/init.lua@"));
  CHECK(shown.find("stack traceback") == shown.rfind("stack traceback"));
  CHECK_FALSE(contains(shown, "\\n"));
}

TEST_CASE("what the host refuses is said") {
  Swarm swarm;
  swarm.start();
  for (const auto& [arguments, said] :
       std::initializer_list<std::pair<std::vector<std::string>, std::string>>{
           {{"task", "add", "nonsense"}, "no role handles \"nonsense\""},
           {{"task", "add", "greet", "--after", "t99"}, "t99"},
           {{"task", "cancel", "t99"}, "t99"},
           {{"task", "retry", "t99"}, "t99"},
           {{"approval", "approve", "t99"}, "t99"},
           {{"mail", "send", "role:nobody", "x"}, "nobody"},
           {{"mail", "send", "somewhere", "x"}, "somewhere"},
           {{"script", "rollback", "nonsense"}, "nonsense"},
           {{"task", "show", "t99"}, "no task t99"},
           {{"task", "show", "t 9"}, "no task \"t 9\""},
           {{"task", "cancel", "t 9"}, "no task \"t 9\""},
           {{"why", "t\n9"}, "no task \"t\\n9\""},
           {{"task", "add", "a\nb"}, "the task: the type \"a\\nb\" is no name"},
           {{"mail", "list", "--agent", "greter"}, "no agent greter in "},
           {{"script", "show", "gretter"}, "did you mean \"agent:greeter\"?"}}) {
    const auto result = swarm.run(arguments);
    INFO(arguments[0] << " " << arguments[1]);
    CHECK(result.exit == kFailed);
    CHECK(contains(result.err, said));
  }
  const auto payload = swarm.run({"task", "add", "greet", "--payload", "{\"a\":"});
  CHECK(payload.exit == kUsage);
  CHECK(contains(payload.err, "--payload is not JSON"));
  CHECK(swarm.run({"task", "add", "greet", "--payload", "@gone.json"}).exit == kFailed);
  CHECK(swarm.run({"mail", "send", "all", "{odd"}).exit == kUsage);
}

TEST_CASE("versions are listed, compared and rolled back") {
  Swarm swarm;
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);
  const std::string path = "agents/greeter/init.lua";
  std::string source = read_file(swarm.path(path)).value();
  const std::string first = content_hash(source);
  source.replace(source.find("state = { greeted = 0 }"), 23, "state = { greeted = 1 }");
  swarm.write(path, source);
  REQUIRE(swarm.run({"run", "--until-idle"}).exit == kOk);

  const auto difference = swarm.run({"script", "diff", "greeter"});
  CHECK(contains(difference.out, "-  state = { greeted = 0 },\n+  state = { greeted = 1 },\n"));
  CHECK(swarm.run({"script", "show", "greeter", "--source"}).out == source);
  CHECK(content_hash(swarm.run({"script", "show", "greeter", first.substr(0, 8), "--source"}).out) == first);
  CHECK(swarm.json({"script", "show", "agent:greeter"})["events"].as_array().size() == 2);

  swarm.start();
  CHECK(swarm.json({"script", "rollback", "greeter"})["hash"].as_string() == first);
  CHECK(content_hash(read_file(swarm.path(path)).value()) == first);
}

TEST_CASE("a host that cannot start says why, detached or not") {
  const Swarm swarm;
  swarm.write("swarm.yaml", "swarm: x\nagnts: {}\n");
  for (const auto& arguments :
       std::initializer_list<std::vector<std::string>>{{"run"}, {"run", "--detach"}}) {
    const auto result = swarm.run(arguments);
    CHECK(result.exit == kFailed);
    CHECK(contains(result.err, "swarm.yaml:2:1"));
    CHECK(contains(result.err, "agents"));
  }
}

TEST_CASE("events come as plain lines in a pipe, as JSON lines with --json") {
  const Swarm swarm;
  swarm.write("swarm.yaml", "swarm: x\nagents: {greeter: {}}\ngoals: []\n");
  REQUIRE(swarm.run({"run", "--until-idle"}).out.find('\x1b') == std::string::npos);
  const auto result = swarm.run({"run", "--until-idle", "--json"});
  std::string last;
  for (size_t at = 0; at < result.out.size();) {
    const size_t end = result.out.find('\n', at);
    last = result.out.substr(at, end - at);
    INFO(last);
    CHECK(decode_json(last).has_value());
    at = end + 1;
  }
  CHECK(decode_json(last).value()["event"].as_string() == "finish");
}

TEST_CASE("logs are followed through a rotation") {
  const Swarm swarm;
  REQUIRE(make_folders(swarm.path(".clade"), 0700).has_value());
  swarm.write(".clade/clade.log", "2026-01-01T00:00:00.000Z info host one\n");
  // Ends by itself: the reader goes away after the third line.
  const auto followed = test::run_program(
      "sh",
      {"-c",
       "{ \"$0\" logs -f; } | { read a; echo \"$a\"; mv .clade/clade.log .clade/clade.1.log;"
       " printf 'z info host two\\nz info host three\\n' > .clade/clade.log; read b; echo \"$b\"; read c; "
       "echo \"$c\";"
       " exec <&-; echo 'z info host four' >> .clade/clade.log; }",
       CLADE_BINARY},
      {"", swarm.path(), {}});
  CHECK(followed.out == "2026-01-01T00:00:00.000Z info host one\nz info host two\nz info host three\n");
}

TEST_CASE("a command says of a stopped host how to make it go on, and goes on itself when it does") {
  Swarm swarm;
  swarm.start();
  const std::string pid = std::to_string(Lock::holder(swarm.path()));
  // Reads the command's first word about it, whenever that comes, and only then wakes the host.
  const auto result =
      test::run_program("bash",
                        {"-c",
                         "kill -STOP " + pid +
                             " && mkfifo said && { \"$0\" status --json 2>said & } && read -r line <said; "
                             "kill -CONT " +
                             pid + "; wait $!; echo \"$line\" >&2",
                         CLADE_BINARY},
                        {"", swarm.path(), {}});
  INFO(result.out << result.err);
  CHECK(result.err == "clade: the host (process " + pid + ") does not answer and is stopped: `kill -CONT " +
                          pid + "` lets it go on; waiting …\n");
  const auto status = decode_json(result.out);
  REQUIRE(status.has_value());
  CHECK(std::to_string((*status)["pid"].as_integer()) == pid);
}

}  // namespace
}  // namespace clade::cli
