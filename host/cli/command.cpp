#include "cli/command.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/codec.h"
#include "script/nearest.h"

namespace clade::cli {
namespace {

std::string examples_section(const std::string& examples) {
  std::string section = "Examples:";
  std::istringstream lines(examples);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) section += "\n  " + line;
  }
  return section;
}

// A check without a description: help shows the type's name alone.
CLI::Option* bounded(CLI::Option* option, int64_t low, int64_t high) {
  const auto check = [low, high](std::string& text) -> std::string {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= low && number <= high)
      return "";
    return legible(text) + " is no whole number from " + std::to_string(low) + " to " + std::to_string(high);
  };
  return option->check(CLI::Validator(check, ""))->type_name("N");
}

// Refuses the empty text: it is what an unset variable of the shell leaves, and would be taken for "not
// given".
CLI::Option* not_empty(CLI::Option* option) {
  const auto check = [](std::string& text) -> std::string { return text.empty() ? "must not be empty" : ""; };
  return option->check(CLI::Validator(check, ""));
}

// The words are the type's name, separated by "|": help shows them, completion reads them.
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words) {
  std::string names;
  for (const std::string& word : words) names += (names.empty() ? "" : "|") + word;
  const auto check = [words, names](std::string& text) -> std::string {
    if (std::find(words.begin(), words.end(), text) != words.end()) return "";
    return legible(text) + " is none of " + names + script::did_you_mean(text, words);
  };
  return option->check(CLI::Validator(check, ""))->type_name(names);
}

}  // namespace

Command Command::add(const std::string& name, const std::string& summary, const std::string& examples) {
  CLI::App* app = app_->add_subcommand(name, summary);
  app->footer(examples_section(examples));
  app->fallthrough();
  return {app, context_};
}

Command Command::group(const std::string& name, const std::string& summary, const std::string& examples) {
  Command command = add(name, summary, examples);
  command.app_->require_subcommand(1);
  return command;
}

Command& Command::argument(const std::string& name, std::string& target, const std::string& help) {
  not_empty(app_->add_option(name, target, help)->required()->type_name(""));
  return *this;
}

Command& Command::text_argument(const std::string& name, std::string& target, const std::string& help) {
  app_->add_option(name, target, help)->required()->type_name("");
  return *this;
}

Command& Command::number_argument(const std::string& name, int64_t& target, int64_t low, int64_t high,
                                  const std::string& help) {
  bounded(app_->add_option(name, target, help)->required(), low, high)->type_name("");
  return *this;
}

Command& Command::optional_argument(const std::string& name, std::string& target, const std::string& help) {
  not_empty(app_->add_option(name, target, help)->type_name(""));
  return *this;
}

Command& Command::arguments(const std::string& name, std::vector<std::string>& target,
                            const std::string& help) {
  app_->add_option(name, target, help)->type_name("");
  return *this;
}

Command& Command::flag(const std::string& names, bool& target, const std::string& help) {
  app_->add_flag(names, target, help);
  return *this;
}

Command& Command::option(const std::string& names, std::string& target, const std::string& value,
                         const std::string& help) {
  not_empty(app_->add_option(names, target, help)->type_name(value));
  return *this;
}

Command& Command::option(const std::string& names, std::optional<std::string>& target,
                         const std::string& value, const std::string& help) {
  not_empty(app_->add_option(names, target, help)->type_name(value));
  return *this;
}

Command& Command::text_option(const std::string& names, std::optional<std::string>& target,
                              const std::string& value, const std::string& help) {
  app_->add_option(names, target, help)->type_name(value);
  return *this;
}

Command& Command::option(const std::string& names, std::vector<std::string>& target, const std::string& value,
                         const std::string& help) {
  not_empty(app_->add_option(names, target, help)->type_name(value))
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  return *this;
}

Command& Command::number(const std::string& names, int64_t& target, int64_t low, int64_t high,
                         const std::string& help) {
  bounded(app_->add_option(names, target, help), low, high);
  return *this;
}

Command& Command::number(const std::string& names, std::optional<int64_t>& target, int64_t low, int64_t high,
                         const std::string& help) {
  bounded(app_->add_option(names, target, help), low, high);
  return *this;
}

Command& Command::choice(const std::string& names, std::string& target,
                         const std::vector<std::string>& values, const std::string& help) {
  one_of(app_->add_option(names, target, help), values);
  return *this;
}

Command& Command::choice_argument(const std::string& name, std::string& target,
                                  const std::vector<std::string>& values, const std::string& help) {
  one_of(app_->add_option(name, target, help)->required(), values);
  return *this;
}

Command& Command::notes(const std::string& text) {
  app_->footer(app_->get_footer() + "\n\n" + text);
  return *this;
}

Command& Command::json() {
  app_->add_flag("--json", context_->json, "Print data as JSON");
  return *this;
}

Command& Command::action(std::function<int()> function) {
  // Parsing only notes the action: it runs once the whole line has been understood. Those below come first.
  app_->callback([app = app_, context = context_, function = std::move(function)] {
    if (!context->action) {
      context->action = function;
      return;
    }
    for (const CLI::Option* option : app->get_options()) {
      if (option->count() == 0) continue;
      throw CLI::ValidationError(option->get_name() + " belongs to `" + app->get_name() +
                                 "` itself, not to `" + app->get_name() + " " +
                                 app->get_subcommands().front()->get_name() + "`");
    }
  });
  return *this;
}

}  // namespace clade::cli
