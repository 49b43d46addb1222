// Declares commands. A thin face of CLI11, so that one source compiles it and every command is declared the
// same way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace clade::cli {

// What all commands share: the options that every one takes, and the action that parsing chose.
class Context {
 public:
  std::string directory;        // -C, "" when not given
  bool json = false;            // --json
  std::function<int()> action;  // of the chosen command; run after parsing
  const CLI::App* root = nullptr;
};

// A command or group, borrowed from the tree. Targets of arguments must outlive the parse: keep them in a
// shared_ptr that the action holds. Every function returns the command itself, to be chained.
class Command {
 public:
  Command(CLI::App* app, Context* context) : app_(app), context_(context) {}

  // A command below this one. `examples`: one command line per line, "# …" lines as comments.
  Command add(const std::string& name, const std::string& summary, const std::string& examples);
  // A command below this one that only groups others.
  Command group(const std::string& name, const std::string& summary, const std::string& examples);

  // Arguments by position; `name` as help shows it. An empty text is a usage error, except for a
  // text_argument.
  Command& argument(const std::string& name, std::string& target, const std::string& help);
  Command& text_argument(const std::string& name, std::string& target, const std::string& help);
  Command& optional_argument(const std::string& name, std::string& target, const std::string& help);
  // As many as are given.
  Command& arguments(const std::string& name, std::vector<std::string>& target, const std::string& help);
  // Options: `names` as "-n,--name"; `value` as help shows the value. An empty text is a usage error, except
  // for a text_option.
  Command& flag(const std::string& names, bool& target, const std::string& help);
  Command& option(const std::string& names, std::string& target, const std::string& value,
                  const std::string& help);
  Command& option(const std::string& names, std::optional<std::string>& target, const std::string& value,
                  const std::string& help);
  Command& text_option(const std::string& names, std::optional<std::string>& target, const std::string& value,
                       const std::string& help);
  Command& option(const std::string& names, std::vector<std::string>& target, const std::string& value,
                  const std::string& help);
  Command& number(const std::string& names, int64_t& target, int64_t low, int64_t high,
                  const std::string& help);
  Command& number(const std::string& names, std::optional<int64_t>& target, int64_t low, int64_t high,
                  const std::string& help);
  Command& choice(const std::string& names, std::string& target, const std::vector<std::string>& values,
                  const std::string& help);
  // A whole number.
  Command& number_argument(const std::string& name, int64_t& target, int64_t low, int64_t high,
                           const std::string& help);
  // `argument` restricted to a set of words.
  Command& choice_argument(const std::string& name, std::string& target,
                           const std::vector<std::string>& values, const std::string& help);
  // --json: prints data as JSON.
  Command& json();
  // Lines below the examples: what no option's line has room for.
  Command& notes(const std::string& text);
  // What to do when this command was chosen; the exit status.
  Command& action(std::function<int()> function);

 private:
  CLI::App* app_;
  Context* context_;
};

}  // namespace clade::cli
