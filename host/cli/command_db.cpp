// clade db …
#include <memory>

#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/control.h"
#include "cli/folder.h"
#include "cli/lock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "run/check.h"
#include "store/backup.h"
#include "store/vacuum.h"

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

std::string megabytes(int64_t bytes) {
  return format_number(static_cast<double>(bytes) / (1 << 20), 1) + " MB";
}

void print_finding(const store::Finding& finding) {
  const bool colour = colour_wanted(1);
  print_line(paint(colour, finding.warning ? Colour::yellow : Colour::red,
                   finding.warning ? "warning:" : "problem:") +
             " " + plain(finding.where + ": " + finding.what + ": " + finding.advice));
}

Result<run::StateReport> report_of(const std::string& folder, bool shows_progress) {
  if (const std::string lost = lost_database(folder); !lost.empty()) {
    run::StateReport report;
    report.findings.push_back({false, "the database " + database_path(folder),
                               lost + ", but the swarm has been used", kLostAdvice});
    return report;
  }
  auto database = open_store(folder);
  if (!database) return failure(database.error());
  store::BlobCheck options;
  if (Lock::holder(folder) > 0) options.younger_than = SystemClock().wall_ms() - kWaitsForItsRowMs;
  Progress progress(shows_progress);
  return run::check_state(
      *database, store::Blobs(blobs_path(folder)), options, [&](const std::string& what, int64_t done) {
        progress.show("checks " + what + (done > 0 ? ": " + std::to_string(done) : std::string("…")));
      });
}

int check(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto report = report_of(*folder, !context.json);
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

struct BackupOptions {
  std::string target;
  bool force = false;
};

int back_up(const BackupOptions& options, const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  auto database = open_store_unread(*folder);
  if (!database) return fail(database.error());
  Result<store::Backup> backup;
  {
    Progress progress(!context.json);
    backup = store::back_up(*database, store::Blobs(blobs_path(*folder)), options.target, options.force,
                            [&](const std::string& what, double done) {
                              progress.show(what + ": " + format_number(done * 100, 0) + " %");
                            });
  }
  if (!backup) return fail(backup.error());
  if (context.json) {
    print_json({{"folder", options.target}, {"bytes", backup->bytes}, {"blobs", backup->blobs}});
    return kOk;
  }
  print_line(plain(options.target) + ": " + megabytes(backup->bytes) + " and " +
             std::to_string(backup->blobs) + " blobs; `clade db backup --help` says how to restore it");
  return kOk;
}

void add_up(store::Vacuumed& sum, const Value& part) {
  sum.blobs += part["blobs"].as_integer();
  sum.blob_bytes += part["blob_bytes"].as_integer();
  sum.bytes += part["bytes"].as_integer();
  sum.next = static_cast<int>(part["next"].as_integer());
}

// The host does a slice at a time, between commits. "no_host": nothing was done.
Result<store::Vacuumed> vacuum_beside_host(const std::string& folder, Progress& progress) {
  store::Vacuumed sum;
  for (sum.next = 0; sum.next >= 0;) {
    auto part = request(folder, "db.vacuum", Value{{"slice", sum.next}});
    if (!part) return failure(part.error());
    add_up(sum, *part);
    progress.show("vacuums: slice " + std::to_string(sum.next) + " of about " + readable((*part)["slices"]));
  }
  return sum;
}

Result<store::Vacuumed> vacuum_alone(const std::string& folder, Progress& progress) {
  if (auto database = open_store_unread(folder); !database) return failure(database.error());
  auto lock = Lock::acquire(folder);
  if (!lock) return failure(lock.error());
  auto database = store::Database::open(database_path(folder), store::Database::Mode::read_write);
  if (!database) return failure(database.error());
  progress.show("vacuums the whole file…");
  return store::vacuum_all(*database, database_path(folder), store::Blobs(blobs_path(folder)));
}

int vacuum(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return fail(folder.error());
  Result<store::Vacuumed> done;
  {
    Progress progress(!context.json);
    done = vacuum_beside_host(*folder, progress);
    if (!done && done.error().code == "no_host") done = vacuum_alone(*folder, progress);
  }
  if (!done) return fail(done.error());
  if (context.json) {
    print_json({{"bytes", done->bytes}, {"blobs", done->blobs}, {"blob_bytes", done->blob_bytes}});
    return kOk;
  }
  print_line("gave back " + megabytes(done->bytes) + " of the database and " + std::to_string(done->blobs) +
             " blobs with " + megabytes(done->blob_bytes));
  return kOk;
}

}  // namespace

void add_db_commands(Command root, Context& context) {
  Command db = root.group("db", "Look after the state of a swarm: check, copy and shrink it",
                          "clade db check\nclade db backup ~/backups/monday");
  db.add("check", "Check that the state is whole; a host may be running",
         "clade db check\n"
         "clade db check --json | jq '.findings[].where'")
      .json()
      .notes(
          "Reads everything: the file itself, what the tables say of each other, every value, every blob.\n"
          "Exit status: 0 clean, or warnings alone; 1 problems, each with what to do; 2 wrong usage.")
      .action([&context] { return check(context); });
  auto backup = std::make_shared<BackupOptions>();
  db.add("backup", "Copy the state as it is at one moment; a host may be running",
         "clade db backup ~/backups/monday\n"
         "clade db backup --force ~/backups/latest\n"
         "# restore it, in the swarm's folder, while no host runs:\n"
         "mv .clade .clade.before; cp -a ~/backups/monday .clade")
      .argument("FOLDER", backup->target, "Folder to make: clade.db and blobs/, as in .clade")
      .flag("--force", backup->force, "Replace a backup of this name")
      .json()
      .notes(
          "The folder appears whole and on disk, or not at all. It holds queue, mail, agents' states, runs "
          "and the\n"
          "versions of scripts; swarm.yaml, agents/ and skills/ are files of yours, to be backed up like "
          "others.")
      .action([backup, &context] { return back_up(*backup, context); });
  db.add("vacuum", "Give back space that the state does not need any more; a host may be running",
         "clade db vacuum\nclade db vacuum --json")
      .json()
      .notes(
          "Removes blobs that no row names and shrinks the database file. Beside a host it is done in slices "
          "between\n"
          "commits, without one as a whole, which needs up to twice the file's size on disk meanwhile.")
      .action([&context] { return vacuum(context); });
}

}  // namespace clade::cli
