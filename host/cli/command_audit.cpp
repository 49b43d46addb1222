// clade audit …
#include <algorithm>
#include <ctime>
#include <memory>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/app.h"
#include "cli/command.h"
#include "cli/folder.h"
#include "cli/output.h"
#include "store/audit.h"

namespace clade::cli {
namespace {

constexpr size_t kDetailColumns = 60;
constexpr size_t kHashDigits = 64;

struct AuditOptions {
  std::string since;
  store::AuditFilter filter;
  int64_t line = 0;
  std::string head;
};

bool is_hash(const std::string& text) {
  return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// The time that "2h", "2026-11-21" or "2026-11-21T16:40:00" stand for, in ms since 1970; UTC, as all times
// are shown. Errors: "usage".
Result<int64_t> time_of(const std::string& text, int64_t now) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = text.substr(digits);
  constexpr std::pair<const char*, int64_t> kUnits[] = {
      {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
  for (const auto& [name, ms] : kUnits) {
    if (unit == name && digits > 0 && digits < 9) return now - std::stoll(text.substr(0, digits)) * ms;
  }
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), form, &parts);
    // What format_time puts behind the seconds may stay there.
    if (end && std::string(end).find_first_not_of(".0123456789Z") == std::string::npos)
      return static_cast<int64_t>(timegm(&parts)) * 1000;
  }
  return failure("usage",
                 "--since: " + text +
                     " is no time: write 2026-11-21, 2026-11-21T16:40, or how long ago, as 90s, 30min, 2h "
                     "or 7d");
}

Value line_value(const store::AuditLine& line) {
  return Value{{"line", line.number},     {"at", line.at},           {"who", line.who},
               {"what", line.what},       {"subject", line.subject}, {"detail", line.detail},
               {"content", line.content}, {"source", line.source},   {"key", line.key},
               {"run", line.run},         {"version", line.version}, {"gone", line.gone}};
}

std::string shown(const Value& value) {
  const std::string text = readable(value);
  return is_hash(text) ? short_hash(text) : text;
}

std::string detail_text(const store::AuditLine& line) {
  if (line.gone) return "what it tells of is not in the store any more: see `clade audit verify`";
  // What people wrote reads without its name.
  std::string text = line.detail["reason"].as_string();
  for (const auto& [name, value] : line.detail.as_map()) {
    if (name != "reason") text += (text.empty() ? "" : ", ") + name + " " + shown(value);
  }
  return text;
}

Result<store::Database> open_audit(const Context& context) {
  auto folder = find_swarm(context.directory);
  if (!folder) return failure(folder.error());
  return open_store(*folder);
}

int list(AuditOptions& options, const Context& context) {
  if (!options.since.empty()) {
    auto since = time_of(options.since, SystemClock().wall_ms());
    if (!since) return fail(since.error());
    options.filter.since = *since;
  }
  auto database = open_audit(context);
  if (!database) return fail(database.error());
  auto lines = store::audit_lines(*database, options.filter);
  if (!lines) return fail(lines.error());
  if (context.json) {
    Value::Array rows;
    for (const auto& line : *lines) rows.push_back(line_value(line));
    print_json(rows);
    return kOk;
  }
  Table table({"LINE", "TIME", "WHO", "WHAT", "SUBJECT", "DETAIL"});
  for (const auto& line : *lines) {
    table.row({std::to_string(line.number), line.gone ? "" : format_time(line.at), line.who, line.what,
               line.subject, shortened(detail_text(line), kDetailColumns)});
  }
  print_table(table, "no lines");
  return kOk;
}

int show(const AuditOptions& options, const Context& context) {
  auto database = open_audit(context);
  if (!database) return fail(database.error());
  auto line = store::audit_line(*database, options.line);
  if (!line) return fail(line.error());
  if (context.json) {
    print_json(line_value(*line));
    return kOk;
  }
  print_field("line", std::to_string(line->number));
  if (line->gone) {
    print_field("gone", detail_text(*line));
  } else {
    print_field("time", format_time(line->at));
    print_field("who", line->who);
    print_field("what", line->what);
    print_field("subject", line->subject);
    for (const auto& [name, value] : line->detail.as_map()) print_field(name, readable(value));
    print_field("content", line->content);
  }
  if (line->run != 0) {
    print_field("run", std::to_string(line->run));
    print_field("version", line->version);
  }
  print_field("told by", line->source + " " + line->key);
  return kOk;
}

int verify(const AuditOptions& options, const Context& context) {
  if (!options.head.empty() && !is_hash(options.head)) {
    return fail({"usage", "--head: " + options.head + " is no head: give all " + std::to_string(kHashDigits) +
                              " digits that `clade audit head` or `clade stop` printed"});
  }
  auto database = open_audit(context);
  if (!database) return fail(database.error());
  auto verdict = store::verify_audit(*database, options.head);
  if (!verdict) return fail(verdict.error());
  const bool intact = verdict->problem.empty();
  if (context.json) {
    Value answer{{"intact", intact},
                 {"lines", verdict->lines},
                 {"forgotten", verdict->forgotten},
                 {"head", verdict->head.hash}};
    if (!intact) answer.set("broken_line", verdict->broken_line).set("problem", verdict->problem);
    if (verdict->noted_line != 0) answer.set("noted_line", verdict->noted_line);
    print_json(answer);
    return intact ? kOk : kFailed;
  }
  if (!intact) {
    return fail({"broken", "the audit is broken at line " + std::to_string(verdict->broken_line) + ": " +
                               verdict->problem + "; `clade audit list` shows what is there, and a copy of " +
                               ".clade/clade.db from before what was"});
  }
  const std::string forgotten = verdict->forgotten == 0 ? ""
                                                        : ", " + std::to_string(verdict->forgotten) +
                                                              " of them of what has left the store by age";
  print_line("intact: " + std::to_string(verdict->lines) + " lines" + forgotten);
  if (verdict->noted_line != 0) {
    print_line("the head that you noted closes line " + std::to_string(verdict->noted_line) + "; " +
               std::to_string(verdict->lines - verdict->noted_line) + " lines since");
  }
  print_field("head", verdict->head.hash);
  return kOk;
}

int head(const Context& context) {
  auto database = open_audit(context);
  if (!database) return fail(database.error());
  auto found = store::audit_head(*database);
  if (!found) return fail(found.error());
  if (context.json) {
    print_json({{"head", found->hash}, {"line", found->line}});
  } else if (found->line == 0) {
    return fail({"not_found", "the audit has no line yet: the next `clade run` writes the first"});
  } else {
    print_line(found->hash);
  }
  return kOk;
}

}  // namespace

void add_audit_commands(Command root, Context& context) {
  auto options = std::make_shared<AuditOptions>();
  auto audit = root.group("audit", "Who did what: the record of acts, and whether it is intact",
                          "clade audit list --since 7d\n"
                          "clade audit verify");
  audit
      .add("list", "List acts of people, roles and the host that change what runs or is allowed",
           "clade audit list\n"
           "clade audit list --since 2026-11-21T16:00 --by anna\n"
           "clade audit list --json | jq '.[] | select(.what == \"task.approve\")'")
      .option("--since", options->since, "TIME",
              "Only since then: 2026-11-21, 2026-11-21T16:40 (UTC), 2h, 7d")
      .option("--by", options->filter.who, "NAME", "Only what this person or role did, or \"host\"")
      .number("-n,--limit", options->filter.limit, 1, 1000000000, "The newest so many (default 50)")
      .json()
      .action([options, &context] { return list(*options, context); });
  audit.add("show", "Show one line of the audit in full", "clade audit show 12\nclade audit show 12 --json")
      .number_argument("LINE", options->line, 1, INT64_MAX, "Its number")
      .json()
      .action([options, &context] { return show(*options, context); });
  audit
      .add("verify", "Check that no line was changed, taken away or put elsewhere",
           "clade audit verify\n"
           "clade audit verify --head NOTED")
      .option("--head", options->head, "HASH",
              "A head noted earlier: also notices a cut-off or rewritten chain")
      .notes(
          "Exits with 0 if the chain is intact, with 1 if not, and names the first broken line.\n"
          "The chain holds no secret. Without --head it does not show that lines were cut off at its end "
          "together\nwith their links, or that somebody computed it anew; nor does it ever show that a line "
          "at its "
          "end was added\nby another program than the host. Keep heads where whoever writes .clade does not.")
      .json()
      .action([options, &context] { return verify(*options, context); });
  audit.add("head", "Print the newest link of the chain, to be noted elsewhere", "clade audit head")
      .json()
      .action([&context] { return head(context); });
}

}  // namespace clade::cli
