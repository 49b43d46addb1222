// Shell completion, generated from the tree of commands: what parses is what completes.
#include <algorithm>
#include <cctype>
#include <sstream>

#include "cli/app.h"
#include "cli/output.h"
#include "cli/tree.h"

namespace clade::cli {
namespace {

struct Entry {
  std::string path;  // "task add"; "" for the root
  std::string summary;
  std::vector<std::pair<std::string, std::string>> commands;  // name, summary
  struct Option {
    std::vector<std::string> names;  // "-p", "--priority"
    std::string help;
    bool value = false;
    std::vector<std::string> words;  // that the value may be
  };
  std::vector<Option> options;
  std::vector<std::string> words;  // that the first argument may be
};

// "ask|auto" as the type's name; others are in capitals.
std::vector<std::string> allowed_words(const CLI::Option& option) {
  const std::string text = option.get_type_name();
  std::vector<std::string> words;
  if (text.empty() || !std::islower(static_cast<unsigned char>(text.front()))) return words;
  std::istringstream list(text);
  for (std::string word; std::getline(list, word, '|');) words.push_back(word);
  return words;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Entry>& entries) {
  Entry entry;
  entry.path = path;
  entry.summary = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      if (entry.words.empty()) entry.words = allowed_words(*option);
      continue;
    }
    Entry::Option found;
    for (const std::string& name : option->get_snames()) found.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) found.names.push_back("--" + name);
    found.help = option->get_description();
    found.value = option->get_items_expected_max() > 0;
    found.words = allowed_words(*option);
    entry.options.push_back(std::move(found));
  }
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children)
    entry.commands.emplace_back(child->get_name(), child->get_description());
  entries.push_back(std::move(entry));
  for (const CLI::App* child : children) {
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), entries);
  }
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

// Text inside single quotes of a shell.
std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::vector<std::string> option_words(const Entry& entry, const Entry& root) {
  std::vector<std::string> words;
  for (const auto& option : entry.options)
    words.insert(words.end(), option.names.begin(), option.names.end());
  if (&entry != &root) words.insert(words.end(), {"-C", "--directory"});
  return words;
}

std::vector<std::string> argument_words(const Entry& entry) {
  std::vector<std::string> words = entry.words;
  for (const auto& [name, summary] : entry.commands) words.push_back(name);
  return words;
}

std::string bash_script(const std::vector<Entry>& entries) {
  std::string script = R"sh(# Completion of clade for bash: source <(clade completion bash)
_clade() {
  local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} path='' i next
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${path:+$path }${COMP_WORDS[i]}"
    case "$next" in
)sh";
  for (const Entry& entry : entries) {
    if (!entry.path.empty()) script += "      " + shell_quoted(entry.path) + ") path=$next ;;\n";
  }
  script += "    esac\n  done\n  case \"$path $last\" in\n";
  for (const Entry& entry : entries) {
    for (const auto& option : entry.options) {
      if (!option.value) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back(entry.path.empty() ? "*\" " + name + "\"" : "\"" + entry.path + " " + name + "\"");
      }
      script += "    " + joined(patterns, " | ") + ") ";
      if (option.words.empty()) {
        script += "COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n";
      } else {
        script += "COMPREPLY=($(compgen -W " + shell_quoted(joined(option.words, " ")) +
                  " -- \"$word\")); return ;;\n";
      }
    }
  }
  script += "  esac\n  case \"$path\" in\n";
  for (const Entry& entry : entries) {
    const std::string arguments = joined(argument_words(entry), " ");
    script += "    " + shell_quoted(entry.path) +
              ")\n      if [[ $word == -* ]]; then\n        COMPREPLY=($(compgen -W " +
              shell_quoted(joined(option_words(entry, entries.front()), " ")) +
              " -- \"$word\"))\n      else\n        COMPREPLY=($(compgen ";
    script += (arguments.empty() ? "-f" : "-W " + shell_quoted(arguments)) + " -- \"$word\"))\n      fi ;;\n";
  }
  return script + "  esac\n}\ncomplete -o filenames -F _clade clade\n";
}

std::string zsh_text(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_function(const std::string& path) {
  std::string name = path.empty() ? "_clade" : "_clade_" + path;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::string zsh_script(const std::vector<Entry>& entries) {
  std::string script = "#compdef clade\n# Completion of clade for zsh: source <(clade completion zsh)\n";
  for (const Entry& entry : entries) {
    script += zsh_function(entry.path) +
              "() {\n  local context state state_descr line\n  typeset -A opt_args\n  _arguments -C";
    for (const auto& option : entry.options) {
      for (const std::string& name : option.names) {
        std::string form = name + "[" + zsh_text(option.help) + "]";
        if (option.value) {
          form += ":value:" +
                  (option.words.empty() ? std::string("_files") : "(" + joined(option.words, " ") + ")");
        }
        script += " \\\n    " + shell_quoted(form);
      }
    }
    if (entry.commands.empty()) {
      const std::string words = entry.words.empty() ? "_files" : "(" + joined(entry.words, " ") + ")";
      script += " \\\n    " + shell_quoted("*:argument:" + words) + "\n}\n";
      continue;
    }
    script +=
        " \\\n    '1: :->command' \\\n    '*:: :->rest'\n  case $state in\n    command)\n      local -a "
        "commands=(";
    for (const auto& [name, summary] : entry.commands)
      script += "\n        " + shell_quoted(name + ":" + zsh_text(summary));
    script += "\n      )\n      _describe command commands ;;\n    rest)\n      case $line[1] in\n";
    for (const auto& [name, summary] : entry.commands) {
      script += "        " + name + ") " + zsh_function(entry.path.empty() ? name : entry.path + " " + name) +
                " ;;\n";
    }
    script += "      esac ;;\n  esac\n}\n";
  }
  return script + "compdef _clade clade\n";
}

std::string fish_condition(const Entry& entry) {
  if (entry.path.empty()) return "__fish_use_subcommand";
  std::string condition;
  std::istringstream words(entry.path);
  for (std::string word; words >> word;) {
    condition += (condition.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + word;
  }
  // A group completes its commands until one of them is there.
  if (!entry.commands.empty()) {
    condition += "; and not __fish_seen_subcommand_from";
    for (const auto& [name, summary] : entry.commands) condition += " " + name;
  }
  return condition;
}

std::string fish_script(const std::vector<Entry>& entries) {
  std::string script = "# Completion of clade for fish: clade completion fish | source\n";
  for (const Entry& entry : entries) {
    const std::string line = "complete -c clade -n " + shell_quoted(fish_condition(entry));
    for (const auto& [name, summary] : entry.commands)
      script += line + " -f -a " + name + " -d " + shell_quoted(summary) + "\n";
    for (const std::string& word : entry.words) script += line + " -f -a " + word + "\n";
    for (const auto& option : entry.options) {
      std::string names;
      for (const std::string& name : option.names) {
        names += name[1] == '-' ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      script += line + names + (option.value ? " -r" : "");
      if (!option.words.empty()) script += " -f -a " + shell_quoted(joined(option.words, " "));
      script += " -d " + shell_quoted(option.help) + "\n";
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<Entry> entries;
  collect(app, "", entries);
  if (shell == "bash") return bash_script(entries);
  return shell == "zsh" ? zsh_script(entries) : fish_script(entries);
}

void add_completion_command(Command root, Context& context) {
  auto shell = std::make_shared<std::string>();
  root.add("completion", "Print a script that completes commands in a shell",
           "source <(clade completion bash)\n"
           "clade completion zsh > ~/.zfunc/_clade\n"
           "clade completion fish | source")
      .choice_argument("SHELL", *shell, {"bash", "zsh", "fish"}, "The shell")
      .action([shell, &context] {
        print(completion_script(*context.root, *shell));
        return kOk;
      });
}

}  // namespace clade::cli
