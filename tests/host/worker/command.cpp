#include "worker/command.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "support/temporary_folder.h"

using clade::Result;
using clade::Value;
using clade::script::Call;
using clade::script::Grants;
using clade::worker::command_text;
using clade::worker::CommandEffect;

namespace {

Value command(const std::vector<std::string>& arguments) {
  Value list = Value::Array();
  for (const auto& argument : arguments) list.push(argument);
  Value args;
  args.set("arguments", std::move(list));
  return args;
}

Grants granted(const std::string& grant) {
  return Grants("builder", {"process.run:" + grant}, {{"process.run:" + grant}});
}

// A loop, a folder and the effect; runs one command to its end.
struct Bench {
  test::TemporaryFolder folder;
  clade::loop::Loop loop;
  std::unique_ptr<CommandEffect> effect =
      std::make_unique<CommandEffect>(loop, folder.path(), clade::loop::Keeper{CLADE_BINARY});

  clade::Status check(const Value& args, Grants grants = granted("**")) const {
    Call call(grants, args, 0);
    return effect->check(args, call);
  }
  std::string invalid(const Value& args) const {
    auto status = check(args);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "invalid");
    return status.error().message;
  }
  Result<Value> run(const Value& args) {
    std::optional<Result<Value>> outcome;
    clade::run::EffectRequest request;
    request.args = args;
    effect->start(request, [&](Result<Value> result) {
      outcome = std::move(result);
      loop.stop();
    });
    CHECK_FALSE(outcome);
    loop.run();
    REQUIRE(outcome);
    return *outcome;
  }
  Value result(const Value& args) {
    auto outcome = run(args);
    INFO((outcome ? "" : outcome.error().message));
    REQUIRE(outcome);
    return *outcome;
  }
};

}  // namespace

TEST_CASE("a command's text quotes what would blur its arguments", "[command]") {
  CHECK(command_text({"git", "add", "a.lua"}) == "git add a.lua");
  CHECK(command_text({"git", "add x"}) == "git 'add x'");
  CHECK(command_text({"git add"}) == "'git add'");
  CHECK(command_text({"git", ""}) == "git ''");
  CHECK(command_text({"git", "a\nb"}) == "git 'a\nb'");
  CHECK(command_text({"git", "it's"}) == "git 'it'\\''s'");
  CHECK(command_text({"git", "'add", "x'"}) == "git ''\\''add' 'x'\\'''");
  CHECK(command_text({"git", "a\\b", "\"c\""}) == "git 'a\\b' '\"c\"'");
  CHECK(command_text({"git", "--message=ö", "$HOME;*"}) == "git --message=ö $HOME;*");
}

TEST_CASE("a grant covers the command it names and no other", "[command]") {
  const Bench bench;
  CHECK(bench.check(command({"git", "status"}), granted("git status")));
  CHECK(bench.check(command({"git", "commit", "-m", "two words"}), granted("git commit -m *")));
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"git", "push"},
                                                                     {"git status"},
                                                                     {"git", "status", "-v"},
                                                                     {"git", "status "},
                                                                     {"git", "stat", "us"}}) {
    CAPTURE(command_text(arguments));
    auto status = bench.check(command(arguments), granted("git status"));
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "refused");
    CHECK(status.error().message.find("process.run:" + command_text(arguments)) != std::string::npos);
  }
  CHECK_FALSE(bench.check(command({"git", "status"}), Grants()));
}

TEST_CASE("a command's size is that of its arguments and its input", "[command]") {
  const Bench bench;
  const auto check = [&](const std::string& input) {
    return bench.check(command({"cat"}).set("input", input),
                       Grants("builder", {"process.run:cat"}, {{"process.run:cat", {}, 1024}}));
  };
  CHECK(check(std::string(900, 'x')));
  const auto status = check(std::string(1024, 'x'));
  REQUIRE_FALSE(status);
  CHECK(status.error().code == "refused");
  CHECK(status.error().message.find("has size 1 KB") != std::string::npos);
}

TEST_CASE("no argument is smuggled past a pattern", "[command]") {
  const Bench bench;
  const auto allowed = [&](const std::vector<std::string>& arguments, const std::string& grant) {
    return bench.check(command(arguments), granted(grant)).has_value();
  };
  // There is no shell: what reads like a second command is one argument.
  CHECK(allowed({"git", "status; rm"}, "git *"));
  CHECK_FALSE(allowed({"git", "status; rm"}, "git status"));
  CHECK_FALSE(allowed({"git", "status", ";", "rm"}, "git status"));
  // Neither a blank nor a quote makes a program's name look like a program with arguments.
  for (const char* program :
       {"git status", "git ", " git", "git\tstatus", "'git' status", "git' '", "git\nx"}) {
    CAPTURE(program);
    CHECK_FALSE(allowed({program}, "git *"));
    CHECK_FALSE(allowed({program, "x"}, "git *"));
  }
  CHECK_FALSE(allowed({"git", "commit' '-m"}, "git commit *"));
  CHECK_FALSE(allowed({"git", "commit", ""}, "git commit"));
  // One star stays within a part of a path, in quotes too; it spans arguments.
  CHECK(allowed({"git", "add", "a.lua", "b.lua"}, "git add *"));
  CHECK_FALSE(allowed({"git", "add", "a.lua", "/etc/passwd"}, "git add *"));
  CHECK_FALSE(allowed({"git", "add", "of two/words"}, "git add *"));
  CHECK_FALSE(allowed({"/tmp/git", "add"}, "git *"));
  CHECK_FALSE(allowed({"./git", "add"}, "git *"));
  CHECK(allowed({"git", "add", "../x"}, "git add **"));
  // A pattern after the program covers all of its options: those are the operator's to write out.
  CHECK(allowed({"git", "-c", "core.pager=!sh", "log"}, "git *"));
  CHECK_FALSE(allowed({"git", "-c", "core.pager=!sh", "log"}, "git log *"));
}

TEST_CASE("a folder that only looks like a repository is none to git", "[command]") {
  Bench bench;
  const std::string planted = bench.folder / "report";
  std::filesystem::create_directories(planted + "/objects");
  std::filesystem::create_directories(planted + "/refs");
  REQUIRE(clade::write_file_atomic(planted + "/HEAD", "ref: refs/heads/main\n"));
  const std::string proof = bench.folder / "proof";
  REQUIRE(clade::write_file_atomic(planted + "/config",
                                   "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
                                   "\tworktree = .\n\tfsmonitor = touch " +
                                       proof + "\n"));
  const Value result = bench.result(command({"git", "status"}).set("cwd", "report"));
  CHECK(result["code"] != Value(0));
  CHECK_FALSE(std::filesystem::exists(proof));
}

TEST_CASE("misuse is named before anything runs", "[command]") {
  const Bench bench;
  CHECK(bench.invalid(Value()) ==
        "process.run: expected the program and its arguments as texts, like {\"git\", \"status\"}, got nil");
  CHECK(bench.invalid(command({})).find("got none") != std::string::npos);
  Value args = command({"git"});
  args.set("arguments", Value(Value::Array{"git", 5}));
  CHECK(bench.invalid(args) == "process.run: argument 2 must be a string, not number");
  CHECK(bench.invalid(command({"git", std::string("a\0b", 3)})) ==
        "process.run: argument 2 holds a zero byte");
  CHECK(bench.invalid(command({""})) == "process.run: the program's name is empty");
  CHECK(bench.invalid(command({"x", std::string(200000, 'x')})).find("at most 1000 arguments") !=
        std::string::npos);
  CHECK(bench.invalid(command({"git"}).set("timout_ms", 5)) ==
        "process.run: unknown option \"timout_ms\" (did you mean \"timeout_ms\"?); known: cwd, input, "
        "timeout_ms");
  CHECK(bench.invalid(command({"git"}).set("timeout_ms", 0)).find("from 1 to 3600000") != std::string::npos);
  CHECK(bench.invalid(command({"git"}).set("timeout_ms", "5")).find("must be a whole number") !=
        std::string::npos);
  CHECK(bench.invalid(command({"git"}).set("cwd", true)) ==
        "process.run: `cwd` must be a string, not boolean");
  CHECK(bench.invalid(command({"git"}).set("input", 1)) ==
        "process.run: `input` must be a string, not number");
}

TEST_CASE("a command gives its exit code and both outputs", "[command]") {
  Bench bench;
  const Value result = bench.result(command({"sh", "-c", "echo out; echo err >&2; exit 3"}));
  CHECK(result["code"] == Value(3));
  CHECK(result["signal"] == Value(0));
  CHECK(result["out"] == Value("out\n"));
  CHECK(result["error"] == Value("err\n"));
  CHECK(result["truncated"] == Value(false));
  CHECK(result["timed_out"] == Value(false));
  CHECK(result["cpu_us"].is_integer());
  CHECK(result["wall_us"].as_integer() > 0);
  CHECK_FALSE(bench.effect->idempotent());
}

TEST_CASE("a command that a signal ends says which", "[command]") {
  Bench bench;
  const Value result = bench.result(command({"sh", "-c", "kill -TERM $$"}));
  CHECK(result["signal"] == Value(15));
  CHECK(result["code"] == Value(143));
  CHECK(result["timed_out"] == Value(false));
}

TEST_CASE("arguments and input reach the program as they are", "[command]") {
  Bench bench;
  CHECK(bench.result(command({"printf", "%s|", "a b", "$HOME", "*", "", "x'y"}))["out"] ==
        Value("a b|$HOME|*||x'y|"));
  CHECK(bench.result(command({"cat"}).set("input", "given\n"))["out"] == Value("given\n"));
  CHECK(bench.result(command({"cat"}))["out"] == Value(""));
}

TEST_CASE("output past the limit is dropped and said to be", "[command]") {
  Bench bench;
  const Value result = bench.result(command({"head", "-c", "3000000", "/dev/zero"}));
  CHECK(result["code"] == Value(0));
  CHECK(result["truncated"] == Value(true));
  CHECK(result["out"].as_string().size() == (1u << 20));
}

TEST_CASE("at the timeout the whole group is killed", "[command]") {
  Bench bench;
  const std::string script = "sleep 1000 & echo $! > child; wait";
  const Value result = bench.result(command({"sh", "-c", script}).set("timeout_ms", 200));
  CHECK(result["timed_out"] == Value(true));
  CHECK(result["signal"] == Value(9));
  CHECK(result["code"] == Value(137));
}

TEST_CASE("a program that is not there is an expected failure", "[command]") {
  Bench bench;
  auto outcome = bench.run(command({"no-such-program-here"}));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == "not_found");
  CHECK(outcome.error().message.find("no-such-program-here") != std::string::npos);
}

TEST_CASE("the environment holds four names and what git is told, nothing else", "[command]") {
  Bench bench;
  ::setenv("CLADE_TEST_SECRET", "hidden", 1);
  const std::string out = bench.result(command({"env"}))["out"].as_string();
  ::unsetenv("CLADE_TEST_SECRET");
  CHECK(out.find("PATH=") != std::string::npos);
  size_t start = 0;
  while (start < out.size()) {
    const std::string name = out.substr(start, out.find('=', start) - start);
    CAPTURE(name);
    CHECK((name == "PATH" || name == "HOME" || name == "LANG" || name == "TZ" ||
           name.starts_with("GIT_CONFIG_")));
    start = out.find('\n', start) + 1;
  }
}

TEST_CASE("a command works in the swarm's folder or below", "[command]") {
  Bench bench;
  const std::string root = std::filesystem::canonical(bench.folder.path()).string();
  std::filesystem::create_directories(bench.folder / "report/deep");
  CHECK(bench.result(command({"pwd", "-P"}))["out"] == Value(root + "\n"));
  CHECK(bench.result(command({"pwd", "-P"}).set("cwd", "report/deep"))["out"] ==
        Value(root + "/report/deep\n"));
  CHECK(bench.result(command({"pwd", "-P"}).set("cwd", "report/../report"))["out"] ==
        Value(root + "/report\n"));

  std::filesystem::create_directory_symlink("/", bench.folder / "out");
  std::filesystem::create_directory_symlink("report", bench.folder / "in");
  CHECK(bench.result(command({"pwd", "-P"}).set("cwd", "in"))["out"] == Value(root + "/report\n"));
  for (const char* cwd : {"..", "/", "/tmp", "report/../..", "out", "out/tmp", "in/../.."}) {
    CAPTURE(cwd);
    auto status = bench.check(command({"pwd"}).set("cwd", cwd));
    REQUIRE_FALSE(status);
    CHECK(status.error().code == "refused");
    CHECK(bench.run(command({"pwd"}).set("cwd", cwd)).error().code == "refused");
  }
  // A sibling whose name begins alike.
  CHECK_FALSE(bench.check(
      command({"pwd"}).set("cwd", "../" + std::filesystem::path(root).filename().string() + "x")));
  CHECK(bench.check(command({"pwd"}).set("cwd", "later")));
  CHECK(bench.run(command({"pwd"}).set("cwd", "later")).error().code == "not_found");
}

TEST_CASE("a program named with a slash is the swarm's, whatever cwd is", "[command]") {
  Bench bench;
  std::filesystem::create_directories(bench.folder / "report");
  REQUIRE(clade::write_file_atomic(bench.folder / "tool", "#!/bin/sh\necho own", 0755));
  REQUIRE(clade::write_file_atomic(bench.folder / "report/tool", "#!/bin/sh\necho planted", 0755));
  CHECK(bench.result(command({"./tool"}).set("cwd", "report"))["out"] == Value("own\n"));
}

TEST_CASE("a cancelled command is killed and not reported", "[command]") {
  Bench bench;
  clade::run::EffectRequest request;
  request.args = command({"sleep", "1000"});
  bool reported = false;
  const uint64_t handle = bench.effect->start(request, [&](Result<Value>) { reported = true; });
  bench.effect->cancel(handle);
  // One that could not start has its report under way.
  request.args = command({"no-such-program-here"});
  const uint64_t other = bench.effect->start(request, [&](Result<Value>) { reported = true; });
  bench.effect->cancel(other);
  bench.effect->cancel(12345);
  CHECK(bench.result(command({"echo", "next"}))["out"] == Value("next\n"));
  CHECK_FALSE(reported);
}

TEST_CASE("an effect that goes away takes its commands along", "[command]") {
  Bench bench;
  clade::run::EffectRequest request;
  bool reported = false;
  request.args = command({"sleep", "1000"});
  bench.effect->start(request, [&](Result<Value>) { reported = true; });
  request.args = command({"no-such-program-here"});
  bench.effect->start(request, [&](Result<Value>) { reported = true; });
  bench.effect.reset();
  bench.loop.post([&] { bench.loop.stop(); });
  bench.loop.run();
  CHECK_FALSE(reported);
}

TEST_CASE("commands run side by side", "[command]") {
  Bench bench;
  std::vector<std::string> outs;
  for (int i = 0; i < 8; ++i) {
    clade::run::EffectRequest request;
    request.args = command({"echo", std::to_string(i)});
    bench.effect->start(request, [&](Result<Value> result) {
      REQUIRE(result);
      outs.push_back((*result)["out"].as_string());
      if (outs.size() == 8) bench.loop.stop();
    });
  }
  bench.loop.run();
  CHECK(outs.size() == 8);
}

TEST_CASE("an agent fills no machine with commands, and keeps no other from its own", "[command]") {
  Bench bench;
  const auto start = [&](const std::string& agent, const Value& args, std::function<void()> done) {
    clade::run::EffectRequest request;
    request.agent = agent;
    request.args = args;
    bench.effect->start(request, [done = std::move(done)](const Result<Value>&) { done(); });
  };
  const auto at_once = [&] { return bench.effect->statistics()["running"].as_integer(); };
  // Each stops the loop should it ever end.
  for (int i = 0; i < 40; ++i) start("greedy", command({"sleep", "1000"}), [&] { bench.loop.stop(); });
  CHECK(at_once() == 16);
  CHECK(bench.effect->statistics()["waiting"] == Value(24));
  bool ran = false;
  start("modest", command({"echo"}), [&] {
    ran = true;
    bench.loop.stop();
  });
  bench.loop.run();
  CHECK(ran);

  for (int agent = 0; agent < 100; ++agent) {
    start("agent " + std::to_string(agent), command({"sleep", "1000"}), [&] { bench.loop.stop(); });
  }
  CHECK(at_once() == 64);
}

TEST_CASE("what a run has not begun ends with it, and the next one's turn comes", "[command]") {
  Bench bench;
  const std::string proof = bench.folder / "proof";
  clade::run::EffectRequest request;
  std::vector<uint64_t> handles;
  for (int i = 0; i < 40; ++i) {
    request.args = i < 16 ? command({"sleep", "1000"}) : command({"touch", proof});
    handles.push_back(bench.effect->start(request, [](const Result<Value>&) { FAIL("was cancelled"); }));
  }
  std::optional<Result<Value>> outcome;
  request.args = command({"echo", "next"});
  bench.effect->start(request, [&](Result<Value> result) {
    outcome = std::move(result);
    bench.loop.stop();
  });
  for (const uint64_t handle : handles) bench.effect->cancel(handle);
  bench.loop.run();
  REQUIRE(*outcome);
  CHECK((**outcome)["out"] == Value("next\n"));
  CHECK(bench.effect->statistics() == Value{{"running", 0}, {"waiting", 0}});
  CHECK_FALSE(std::filesystem::exists(proof));
}
