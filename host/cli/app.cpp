#include "cli/app.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/tree.h"
#include "script/nearest.h"

namespace clade::cli {
namespace {

constexpr const char* kSummary = "A durable host for agents written in Lua";

std::string path_of(const CLI::App& app) {
  return app.get_parent() ? path_of(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

// The command that the words led to before something was wrong with them.
const CLI::App& deepest(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : deepest(*chosen.back());
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one = &app; one; one = one->get_parent()) {
    for (const CLI::Option* option : one->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

Error usage_error(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& app = deepest(root);
  const std::string path = path_of(app);
  std::string message = error.what();
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  const auto left = root.remaining(true);  // what a command does not know falls through to those above it
  const bool stray = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) ||
                     error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
  if (stray && !left.empty()) {
    const std::string& word = left.front();
    const bool dashed = word.size() > 1 && word.front() == '-';
    std::vector<std::string> known;
    if (dashed) {
      known = option_names(app);
      message = "`" + path + "` has no option " + word;
    } else if (app.get_require_subcommand_min() > 0) {
      for (const CLI::App* child : children) known.push_back(child->get_name());
      message = "`" + path + "` has no command " + word;
    } else {
      message = "`" + path + "` does not take the argument " + word;
    }
    message += script::did_you_mean(word, known);
  } else if (!children.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError)) {
    message = "`" + path + "` needs a command";
  }
  return {"usage", plain(message) + "; see `" + path + " --help`"};
}

// `clade help task add`: the help of a tree in which nothing has been chosen.
int print_help(const std::vector<std::string>& words) {
  Context context;
  CLI::App root(kSummary, "clade");
  build_tree(root, context);
  const CLI::App* app = &root;
  std::string above;
  for (const std::string& word : words) {
    const std::string path = path_of(*app);
    std::vector<std::string> known;
    const CLI::App* next = nullptr;
    for (const CLI::App* child : app->get_subcommands([](const CLI::App*) { return true; })) {
      known.push_back(child->get_name());
      if (child->get_name() == word) next = child;
    }
    if (!next) {
      return fail({"usage", "`" + path + "` has no command " + plain(word) +
                                script::did_you_mean(word, known) + "; see `" + path + " --help`"});
    }
    above = path;
    app = next;
  }
  print(app->help(above));
  return kOk;
}

int parse_and_run(CLI::App& app, Context& context, int argc, const char* const* argv) {
  if (argc <= 1) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return kOk;
  } catch (const CLI::CallForVersion& version) {
    print_line(version.what());
    return kOk;
  } catch (const CLI::ParseError& error) {
    return fail(usage_error(app, error));
  }
  return context.action ? context.action() : kUsage;
}

}  // namespace

void build_tree(CLI::App& app, Context& context) {
  app.set_version_flag("--version", "clade " CLADE_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.add_option("-C,--directory", context.directory,
                 "The swarm's folder, instead of the current one or a parent of it")
      ->check(CLI::Validator(
          [](std::string& text) -> std::string { return text.empty() ? "must not be empty" : ""; }, ""))
      ->type_name("DIR");
  app.footer(
      "Examples:\n"
      "  clade init my-swarm && cd my-swarm\n"
      "  clade run --until-idle\n"
      "  clade task list\n"
      "  clade eval -e 'return 6 * 7'\n"
      "  clade task add --help");
  app.require_subcommand(1);
  context.root = &app;
  const Command root(&app, &context);
  add_run_commands(root, context);
  add_status_command(root, context);
  add_logs_command(root, context);
  add_init_command(root, context);
  add_task_commands(root, context);
  add_approval_commands(root, context);
  add_agent_commands(root, context);
  add_mail_commands(root, context);
  add_skill_commands(root, context);
  add_script_commands(root, context);
  add_replay_command(root, context);
  add_audit_commands(root, context);
  add_eval_command(root, context);
  add_repl_command(root, context);
  add_db_commands(root, context);
  add_doctor_command(root, context);
  add_completion_command(root, context);
  auto words = std::make_shared<std::vector<std::string>>();
  Command(root)
      .add("help", "Print the help of a command, as its --help does", "clade help\nclade help task add")
      .arguments("COMMAND", *words, "The command's words; none for the list of commands")
      .action([words] { return print_help(*words); });
}

int run_program(int argc, const char* const* argv) {
  Context context;
  CLI::App app(kSummary, "clade");
  build_tree(app, context);
  const int status = parse_and_run(app, context, argc, argv);
  if (const int reason = flush_output(); reason != 0) {
    // `clade … | head` is no failure to tell of, a full disk is.
    if (reason != EPIPE) return fail({"io", "cannot write the output: " + system_reason(reason)});
    return status == kOk ? kFailed : status;
  }
  return status;
}

}  // namespace clade::cli
