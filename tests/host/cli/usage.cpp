// What every command has in common: help, usage errors, exit statuses.
#include <algorithm>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/app.h"
#include "cli/tree.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace clade::cli {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void check_help(const CLI::App& app, const std::string& path, size_t& seen) {
  const std::string help = app.help();
  INFO(path);
  ++seen;
  CHECK_FALSE(app.get_description().empty());
  const size_t examples = help.find("Examples:\n  ");
  CHECK(examples != std::string::npos);
  CHECK(help.find("clade " + path.substr(std::min<size_t>(path.size(), 6)), examples) != std::string::npos);
  for (const CLI::Option* option : app.get_options()) {
    INFO(option->get_name());
    CHECK_FALSE(option->get_description().empty());
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    check_help(*child, path + " " + child->get_name(), seen);
  }
}

TEST_CASE("every command explains itself, its options and has examples") {
  Context context;
  CLI::App app("clade", "clade");
  build_tree(app, context);
  size_t seen = 0;
  check_help(app, "clade", seen);
  CHECK(seen > 35);
}

void collect_examples(const CLI::App& app, std::vector<std::string>& lines) {
  std::istringstream footer(app.get_footer());
  for (std::string line; std::getline(footer, line);) {
    // The first command of the line, without what the shell does with its output.
    line = line.substr(0, std::min({line.find(" | "), line.find(" && "), line.find(" > ")}));
    if (line.starts_with("  clade ")) lines.push_back(line.substr(2));
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    collect_examples(*child, lines);
}

TEST_CASE("examples are commands that parse") {
  Context context;
  CLI::App app("clade", "clade");
  build_tree(app, context);
  std::vector<std::string> lines;
  collect_examples(app, lines);
  CHECK(lines.size() > 60);
  for (const std::string& line : lines) {
    // The shell cuts it into words, the tree parses them; nothing is run.
    const auto cut = test::run_program("sh", {"-c", "clade() { printf '%s\\0' \"$@\"; }\n" + line});
    std::vector<std::string> arguments;
    for (size_t at = 0; at < cut.out.size(); at += arguments.front().size() + 1) {
      arguments.insert(arguments.begin(), cut.out.substr(at, cut.out.find('\0', at) - at));
    }
    INFO(line);
    CLI::App fresh("clade", "clade");
    Context there;
    build_tree(fresh, there);
    try {
      fresh.parse(arguments);
      CHECK(there.action);
    } catch (const CLI::CallForHelp&) {
    } catch (const CLI::ParseError& error) {
      FAIL_CHECK(error.what());
    }
  }
}

TEST_CASE("usage errors say what is wrong and where help is, and exit with 2") {
  for (const auto& [arguments, said] :
       std::initializer_list<std::pair<std::vector<std::string>, std::string>>{
           {{"tsk"}, "`clade` has no command tsk (did you mean \"task\"?); see `clade --help`"},
           {{"task", "lst"},
            "`clade task` has no command lst (did you mean \"list\"?); see `clade task --help`"},
           {{"task"}, "`clade task` needs a command; see `clade task --help`"},
           {{"task", "list", "--stat", "x"},
            "`clade task list` has no option --stat (did you mean \"--state\"?); see `clade task list "
            "--help`"},
           {{"task", "add"}, "TYPE is required; see `clade task add --help`"},
           {{"stop", "now"}, "`clade stop` does not take the argument now; see `clade stop --help`"},
           {{"run", "--seed", "x"}, "--seed: x is no whole number from 0 to"},
           {{"run", "--seed", "9223372036854775808"}, "--seed: 9223372036854775808 is no whole number"},
           {{"run", "--approve", "maybe"}, "--approve: maybe is none of ask|auto"},
           {{"run", "--instances", "weibull:3"}, "--instances weibull:3: wrong number of parts"},
           {{"task", "add", "x", "--priority", "11"}, "11 is no whole number from 1 to 10"},
           {{"completion", "tcsh"}, "tcsh is none of bash|zsh|fish"},
           {{"task", "list", "--state", "quened"}, "quened is none of created|"},
           {{"task", "list", "--state", "quened"}, "(did you mean \"queued\"?)"},
           {{"task", "list", "--state", ""}, "--state: \"\" is none of created|"},
           {{"task", "list", "--type", ""}, "--type: must not be empty"},
           {{"task", "add", ""}, "TYPE: must not be empty; see `clade task add --help`"},
           {{"task", "add", "x", "--after", ""}, "--after: must not be empty"},
           {{"task", "add", "x", "--priority", ""}, "--priority: \"\" is no whole number"},
           {{"task", "add", "x", "--payload", "@"}, "--payload @ names no file"},
           {{"task", "show", ""}, "ID: must not be empty"},
           {{"why", ""}, "TASK: must not be empty"},
           {{"logs", ""}, "AGENT: must not be empty"},
           {{"run", ""}, "DIR: must not be empty"},
           {{"run", "--report", ""}, "--report: must not be empty"},
           {{"-C", "", "status"}, "--directory: must not be empty"},
           {{"skill", "bench", "a.b", "--data", "f", "--instances", "uniform:20-100:150"},
            "--data measures on a file, --instances on generated instances: give one of the two"},
           {{"eval"}, "eval takes a FILE or -e CODE"},
           {{"eval", "file", "-e", "1"}, "eval takes a FILE or -e CODE"},
           {{"\x1b[2J"}, "\\x1b[2J"}}) {
    const auto result = test::run_clade(arguments);
    INFO(arguments[0]);
    CHECK(result.exit == kUsage);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("clade: "));
    CHECK(contains(result.err, said));
  }
}

TEST_CASE("without a command the help is shown, as an error") {
  const auto result = test::run_clade({});
  CHECK(result.exit == kUsage);
  CHECK(contains(result.err, "Subcommands:"));
}

TEST_CASE("the option --version prints the version") {
  const auto result = test::run_clade({"--version"});
  CHECK(result.exit == kOk);
  CHECK(result.out == "clade " CLADE_VERSION "\n");
}

TEST_CASE("help names the whole command") {
  const auto result = test::run_clade({"task", "add", "--help"});
  CHECK(result.exit == kOk);
  CHECK(contains(result.out, "Usage: clade task add [OPTIONS] TYPE"));
}

TEST_CASE("the help of run says what later runs remember, and the defaults") {
  const std::string help = test::run_clade({"run", "--help"}).out;
  CHECK(contains(help, "The store remembers --approve, --evaluations, "));
  CHECK(contains(help, "(default: ask)"));
  CHECK(contains(help, "(default: what swarm.yaml says)"));
}

TEST_CASE("clade help COMMAND prints what the command's --help prints") {
  for (const auto& words :
       std::initializer_list<std::vector<std::string>>{{}, {"run"}, {"task"}, {"task", "add"}, {"help"}}) {
    std::vector<std::string> asked = {"help"};
    asked.insert(asked.end(), words.begin(), words.end());
    std::vector<std::string> option = words;
    option.emplace_back("--help");
    const auto result = test::run_clade(asked);
    CHECK(result.exit == kOk);
    CHECK(contains(result.out, "Usage: clade"));
    CHECK(result.out == test::run_clade(option).out);
  }
  const auto wrong = test::run_clade({"help", "task", "ad"});
  CHECK(wrong.exit == kUsage);
  CHECK(wrong.err ==
        "clade: `clade task` has no command ad (did you mean \"add\"?); see `clade task --help`\n");
}

TEST_CASE("a command outside of any swarm says how to get one") {
  const test::TemporaryFolder folder;
  for (const auto& arguments : std::initializer_list<std::vector<std::string>>{
           {"status"}, {"task", "list"}, {"run"}, {"skill", "list"}, {"agent", "list"}, {"logs"}, {"stop"}}) {
    const auto result = test::run_clade(arguments, {"", folder.path(), {}});
    INFO(arguments[0]);
    CHECK(result.exit == kUsage);
    CHECK(contains(result.err, "no swarm.yaml in " + folder.path()));
    CHECK(contains(result.err, "clade init"));
  }
  const auto named = test::run_clade({"-C", folder / "gone", "status"});
  CHECK(named.exit == kUsage);
  CHECK(contains(named.err, folder / "gone"));
}

TEST_CASE("output that cannot be written is an error") {
  const auto full = test::run_program("sh", {"-c", "\"$0\" --help > /dev/full", CLADE_BINARY});
  CHECK(full.exit == kFailed);
  CHECK(contains(full.err, "cannot write the output: No space left on device"));
}

TEST_CASE("output that cannot be written tells the reason of that write, a closed pipe nothing") {
  const test::TemporaryFolder folder;
  REQUIRE(test::run_clade({"init", folder / "swarm"}).exit == kOk);
  REQUIRE(test::run_clade({"run", folder / "swarm", "--until-idle"}).exit == kOk);
  const auto run = [&](const std::string& line) {
    return test::run_program("sh", {"-c", line, CLADE_BINARY}, {"", folder / "swarm", {}});
  };
  // What fails for another reason (no host) looks at the terminal between the write and the end.
  const auto full = run("\"$0\" status > /dev/full");
  CHECK(contains(full.err, "cannot write the output: No space left on device"));
  const auto closed = run("mkfifo pipe && exec 3<>pipe 4>pipe 3>&- && exec \"$0\" status >&4");
  CHECK(closed.exit == kNoHost);
  CHECK_FALSE(contains(closed.err, "cannot write"));
}

TEST_CASE("completion scripts parse and know every command") {
  Context context;
  CLI::App app("clade", "clade");
  build_tree(app, context);
  const std::string bash = completion_script(app, "bash");
  const auto parsed = test::run_program("bash", {"-n"}, {bash, "", {}});
  CHECK(parsed.exit == 0);
  CHECK(parsed.err.empty());
  const auto complete = [&](const std::string& words) {
    std::string script = bash + "\nCOMP_WORDS=(" + words +
                         "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _clade; echo \"${COMPREPLY[*]}\"";
    return test::run_program("bash", {"-s"}, {script, "", {}}).out;
  };
  CHECK(complete("clade ap") == "approval\n");
  CHECK(complete("clade task ''") == "add list show cancel retry\n");
  CHECK(complete("clade -C x task a") == "add\n");
  CHECK(complete("clade run --approve ''") == "ask auto\n");
  CHECK(complete("clade task add --pr") == "--priority\n");
  CHECK(complete("clade completion z") == "zsh\n");
  const std::string zsh = completion_script(app, "zsh");
  CHECK(contains(zsh, "--json[Print data as JSON]'"));
  CHECK(contains(zsh, "'-h[Print this help]'"));
  CHECK(contains(zsh, "queued, in flight or due]'"));
  CHECK(contains(zsh, "equal seeds give equal results]:value:_files'"));
  CHECK(contains(zsh, "]:value:(ask auto)'"));
  for (const char* shell : {"zsh", "fish"}) {
    const std::string script = completion_script(app, shell);
    for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
      CHECK(contains(script, child->get_name()));
    }
    // A shell that is not installed cannot be asked.
    if (test::run_program(shell, {"-c", "true"}).exit != 0) continue;
    CHECK(test::run_program(shell, {"-n"}, {script, "", {}}).exit == 0);
  }
}

}  // namespace
}  // namespace clade::cli
