// clade db …
#include <memory>

#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/lock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "run/check.h"

namespace clade::cli {
namespace {

// While a host is at work, a blob is there a moment before the row that names it.
constexpr int64_t kWaitsForItsRowMs = 60000;

Value told(const store::Finding& finding) {
  return Value{{"severity", finding.warning ? "warning" : "problem"},
               {"where", finding.where},
               {"what", finding.what},
               {"advice", finding.advice}};
}

void print_finding(const store::Finding& finding) {
  const bool colour = colour_wanted(1);
  print_line(paint(colour, finding.warning ? Colour::yellow : Colour::red,
                   finding.warning ? "warning:" : "problem:") +
             " " + plain(finding.where + ": " + finding.what + ": " + finding.advice));
}

int check(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store(*folder);
  if (!database) return fail(database.error());
  store::BlobCheck options;
  if (Lock::holder(*folder) > 0) options.younger_than = SystemClock().wall_ms() - kWaitsForItsRowMs;
  Result<run::StateReport> report;
  {
    Progress progress(!context.json);
    report = run::check_state(
        *database, store::Blobs(blobs_path(*folder)), options, [&](const std::string& what, int64_t done) {
          progress.show("checks " + what + (done > 0 ? ": " + std::to_string(done) : std::string("…")));
        });
  }
  if (!report) return fail(report.error());
  if (context.json) {
    Value findings = Value::Array();
    for (const auto& finding : report->findings) findings.push(told(finding));
    print_json({{"clean", report->clean()},
                {"findings", std::move(findings)},
                {"rows", report->rows},
                {"blobs", report->blobs}});
  } else {
    for (const auto& finding : report->findings) print_finding(finding);
    print_line(std::string(report->clean() ? "clean" : "not clean") + ": " + std::to_string(report->rows) +
               " rows and " + std::to_string(report->blobs) + " blobs read");
  }
  return report->clean() ? kOk : kFailed;
}

}  // namespace

void add_db_commands(Command root, Context& context) {
  Command db = root.group("db", "Look after the state of a swarm: check", "clade db check");
  db.add("check", "Check that the state is whole; a host may be running",
         "clade db check\n"
         "clade db check --json | jq '.findings[].where'")
      .json()
      .notes(
          "Reads everything: the file itself, what the tables say of each other, every value, every blob.\n"
          "Exit status: 0 clean, or warnings alone; 1 problems, each with what to do; 2 wrong usage.")
      .action([&context] { return check(context); });
}

}  // namespace clade::cli
