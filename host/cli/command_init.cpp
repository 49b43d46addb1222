// clade init
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>

#include "cli/app.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/templates.h"

namespace clade::cli {
namespace {

namespace fs = std::filesystem;

// A swarm is named after its folder, as far as that makes a name.
std::string swarm_name(const fs::path& folder) {
  std::string name = folder.filename().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') c = '-';
  }
  return name.empty() ? "swarm" : name;
}

int init(const std::string& directory, const Context& context) {
  std::error_code error;
  if (directory.empty()) return fail({"usage", "init needs a folder: clade init my-swarm"});
  fs::path folder = fs::absolute(directory, error);
  if (!error) folder = fs::weakly_canonical(folder, error);
  if (error) return fail({"usage", "cannot use " + directory + ": " + error.message()});
  if (!folder.has_filename()) folder = folder.parent_path();
  if (fs::exists(folder, error)) {
    if (!fs::is_directory(folder, error)) {
      return fail({"conflict", folder.string() + " is no folder: name a new or an empty one"});
    }
    const bool empty = fs::is_empty(folder, error);
    if (error) return fail({"io", "cannot look into " + folder.string() + ": " + error.message()});
    if (!empty) {
      return fail({"conflict",
                   folder.string() + " is not empty: nothing was written; name a new or an empty folder"});
    }
  }
  const Files files = swarm_template(swarm_name(folder));
  if (auto written = write_new_files(folder.string(), files); !written) return fail(written.error());
  if (context.json) {
    Value::Array paths;
    for (const auto& [path, text] : files) paths.push_back(path);
    print_json({{"folder", folder.string()}, {"files", paths}});
    return kOk;
  }
  print_line("A swarm with one agent and one skill is in " + plain(folder.string()) + ". Next:");
  print_line("  cd " + plain(directory));
  print_line("  clade skill test text.greeting");
  print_line("  clade run --detach");
  print_line("  clade task add greet --payload '{\"name\":\"Ada\"}'");
  print_line("  clade task show t1");
  print_line("  clade stop");
  print_line(
      "Then edit agents/greeter/init.lua: while the host runs, a saved file is live with the next task.");
  return kOk;
}

}  // namespace

void add_init_command(Command root, Context& context) {
  auto directory = std::make_shared<std::string>();
  root.add("init", "Make a small working swarm in a new or empty folder",
           "clade init my-swarm\n"
           "clade init my-swarm && cd my-swarm && clade run --detach && clade task add greet")
      .argument("DIR", *directory, "The folder to make")
      .json()
      .action([directory, &context] { return init(*directory, context); });
}

}  // namespace clade::cli
