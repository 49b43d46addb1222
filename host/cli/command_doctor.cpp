// clade doctor
#include "cli/app.h"
#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/folder.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

const char* word(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::degraded:
      return "degraded";
    case Health::missing:
      return "missing";
  }
  return "";
}

int doctor(const Context& context) {
  // Outside of a swarm the machine is still worth a look.
  auto folder = find_swarm(context.directory);
  if (!folder && !context.directory.empty()) return fail(folder.error());
  const auto findings = examine(folder ? *folder : ".");
  bool missing = false;
  Value::Array rows;
  const bool coloured = colour_wanted(1);
  for (const Finding& finding : findings) {
    missing = missing || finding.health == Health::missing;
    rows.push_back({{"name", finding.name},
                    {"health", word(finding.health)},
                    {"found", finding.found},
                    {"purpose", finding.purpose},
                    {"advice", finding.advice}});
    if (context.json) continue;
    const Colour colour = finding.health == Health::ok         ? Colour::green
                          : finding.health == Health::degraded ? Colour::yellow
                                                               : Colour::red;
    std::string state = word(finding.health);
    state.resize(10, ' ');
    std::string name = finding.name;
    name.resize(std::max<size_t>(name.size() + 1, 15), ' ');
    print_line(paint(coloured, colour, state) + name + plain(finding.found));
    if (finding.health != Health::ok) {
      print_line(std::string(10, ' ') + "for: " + plain(finding.purpose));
      print_line(std::string(10, ' ') + "do:  " + plain(finding.advice));
    }
  }
  if (context.json) print_json({{"ok", !missing}, {"findings", rows}});
  return missing ? kFailed : kOk;
}

}  // namespace

void add_doctor_command(Command root, Context& context) {
  root.add("doctor", "Tell what is missing or degraded on this machine, what it is for and what to do",
           "clade doctor\n"
           "clade doctor --json")
      .json()
      .action([&context] { return doctor(context); });
}

}  // namespace clade::cli
