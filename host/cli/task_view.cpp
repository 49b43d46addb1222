#include "cli/task_view.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

constexpr size_t kRows = 6;            // of a section; the newest or first so many
constexpr size_t kFieldColumns = 12;   // before the text of a field (print_field)
constexpr size_t kFieldExcerpt = 300;  // of payload and result: three lines of a terminal

size_t columns() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max<size_t>(40, size.ws_col) : 100;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// As many lines as a section has, each cut.
std::string first_lines(const std::string& text) {
  std::string lines;
  size_t at = 0;
  for (size_t count = 0; at < text.size() && count < kRows; ++count) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines += (lines.empty() ? "" : "\n") + shortened(text.substr(at, end - at), columns() - kFieldColumns);
    at = end + 1;
  }
  return at < text.size() ? lines + "\n…" : lines;
}

// "12 ms", "3.4 s", "5 min": how long something took.
std::string format_took(int64_t ms) {
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 60000) return format_number(static_cast<double>(ms) / 1000, 1) + " s";
  return format_span(ms);
}

std::string took(const Value& fields, int64_t now) {
  const int64_t end = fields["finished_at"].as_integer();
  return format_took((end == 0 ? now : end) - fields["started_at"].as_integer());
}

std::string joined(const Value& texts) {
  std::string line;
  for (const Value& text : texts.as_array()) line += (line.empty() ? "" : ", ") + readable(text);
  return line;
}

class TaskView {
 public:
  TaskView(const Value& task, int64_t now) : task_(task), now_(now) {}

  void print() {
    fields();
    attempts();
    journals();
    list("messages", task_["messages"], "clade mail list", [](const Value& one) {
      const std::string& ask = one["ask"].as_string();
      return one["id"].as_string() + "  " + one["kind"].as_string() + " to " + one["to"].as_string() + "  " +
             (ask.empty() ? one["state"].as_string() : "asked: " + ask);
    });
    list("files", task_["files"], "--json", [](const Value& one) {
      const std::string size = one["bytes"].is_nil() ? "" : "  " + readable(one["bytes"]) + " bytes";
      return one["path"].as_string() + size + "  " + one["state"].as_string();
    });
    history();
  }

 private:
  bool is_live() const { return task_["live"].has("lease"); }

  // A field that is one line, whatever it holds.
  static void short_field(const std::string& name, const std::string& text) {
    print_field(name, shortened(first_line(text), columns() - kFieldColumns));
  }

  void heading(const std::string& text) const { print_line(paint(colour_, Colour::bold, text + ":")); }

  void row(const std::string& text, std::optional<Colour> painted = {}) const {
    const std::string cut = shortened(plain("  " + text), columns_);
    print_line(painted ? paint(colour_, *painted, cut) : cut);
  }

  void rest(size_t more, const std::string& command) const {
    if (more > 0) row("… " + std::to_string(more) + " more (" + command + ")", Colour::dim);
  }

  // The first rows of a section, which is left out if it has none.
  template <typename Text>
  void list(const std::string& name, const Value& items, const std::string& more, Text text) const {
    const auto& all = items.as_array();
    if (all.empty()) return;
    heading(name);
    for (size_t at = 0; at < std::min(all.size(), kRows); ++at) row(text(all[at]));
    rest(all.size() - std::min(all.size(), kRows),
         more == "--json" ? "clade task show " + id() + " --json" : more);
  }

  std::string id() const { return task_["id"].as_string(); }

  void fields() const {
    print_field("task", id());
    print_field("type", task_["type"].as_string());
    print_field("state", task_["state"].as_string() + (task_["live"].has("advice") ? ", held up" : ""));
    short_field("held up by", task_["live"]["advice"].as_string());
    print_field("priority", readable(task_["priority"]));
    print_field("attempts", readable(task_["attempt"]) + " of " + readable(task_["max_attempts"]));
    print_field("parent", task_["parent"].as_string());
    short_field("after", joined(task_["after"]));
    short_field("children", joined(task_["children"]));
    short_field("approval", task_["approval"].as_string());
    print_field("reviewer", task_["reviewer"].as_string());
    print_field("created", format_time(task_["created_at"].as_integer()));
    if (const int64_t due = task_["due_at"].as_integer(); due > now_)
      print_field("due", format_time(due) + ", in " + format_took(due - now_));
    print_field("payload", shortened(readable(task_["payload"]), kFieldExcerpt));
    if (!task_["result"].is_nil()) print_field("result", shortened(readable(task_["result"]), kFieldExcerpt));
    print_field("error", first_lines(task_["error"].as_string()));
    lease();
    versions();
    const Value& used = task_["used"];
    if (used["effects"].as_integer() > 0) {
      print_field("used", readable(used["units"]) + " units, processor " +
                              format_took(used["cpu_us"].as_integer() / 1000) + ", wall " +
                              format_took(used["wall_us"].as_integer() / 1000) + " in " +
                              readable(used["effects"]) + " effects");
    }
  }

  void lease() const {
    const Value& live = task_["live"];
    const Value& lease = live["lease"];
    if (!is_live()) {
      if (task_["lease_run"].as_integer() != 0)
        print_field("lease", "run " + readable(task_["lease_run"]) + ", of a host that is not there");
      return;
    }
    print_field("lease", "run " + readable(lease["run"]) + ", epoch " + readable(lease["epoch"]) +
                             ", until " + format_time(lease["until"].as_integer()));
    if (live.has("cell")) print_field("cell", "pid " + readable(live["cell"]));
    const auto& programs = live["programs"].as_array();
    for (size_t at = 0; at < std::min(programs.size(), kRows); ++at) {
      const Value& program = programs[at];
      short_field("program", "pid " + readable(program["pid"]) + "  " + program["command"].as_string() +
                                 "  " + format_took(program["took_ms"].as_integer()));
    }
    rest(programs.size() - std::min(programs.size(), kRows), "clade task show " + id() + " --json");
  }

  // What the last attempt ran.
  void versions() const {
    const auto& runs = task_["runs"].as_array();
    if (runs.empty()) return;
    const Value& last = runs.back();
    std::string text = last["agent"].as_string() + " " + short_hash(last["version"].as_string());
    for (const auto& [skill, hash] : last["pins"].as_map())
      text += ", " + skill + " " + short_hash(hash.as_string());
    short_field("versions", text);
  }

  void attempts() const {
    const auto& runs = task_["runs"].as_array();
    if (runs.empty()) return;
    const size_t skipped = runs.size() - std::min(runs.size(), kRows);
    Table table({"RUN", "TRY", "AGENT", "VERSION", "STARTED", "TOOK", "STATUS", "ERROR"});
    for (size_t at = skipped; at < runs.size(); ++at) {
      const Value& one = runs[at];
      table.row({readable(one["id"]), readable(one["attempt"]), one["agent"].as_string(),
                 short_hash(one["version"].as_string()),
                 format_time(one["started_at"].as_integer()).substr(0, 19), took(one, now_),
                 one["status"].as_string(), shortened(first_line(one["error"].as_string()), 40)});
    }
    // Its lines are data: cut as they are, so that none wraps.
    const std::string text = table.text(false);
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const std::string line = shortened(text.substr(at, text.find('\n', at) - at), columns_);
      print_line(at == 0 ? paint(colour_, Colour::bold, line) : line);
    }
    rest(skipped, "clade run list --for " + id());
  }

  // Of the last attempt that has one: earlier ones are runs like any other.
  void journals() const {
    const auto& runs = task_["runs"].as_array();
    const auto last = std::find_if(runs.rbegin(), runs.rend(),
                                   [](const Value& one) { return !one["journal"].as_array().empty(); });
    if (last == runs.rend()) return;
    const auto& entries = (*last)["journal"].as_array();
    const bool ended = (*last)["status"].as_string() != "running" || !is_live();
    heading("journal of run " + readable((*last)["id"]));
    const size_t skipped = entries.size() - std::min(entries.size(), kRows);
    for (size_t at = skipped; at < entries.size(); ++at) {
      const Value& entry = entries[at];
      const std::string& status = entry["status"].as_string();
      std::string text = entry["strand"].as_string() + "." + readable(entry["position"]) + "  " +
                         entry["op"].as_string() + "  " +
                         (status == "started" && ended ? "unknown: it was under way" : status);
      if (status == "error") text += " " + entry["error"]["code"].as_string();
      if (status != "started" || !ended) text += "  " + took(entry, now_);
      row(text);
    }
    rest(skipped, "clade run show " + readable((*last)["id"]));
  }

  void history() const {
    const auto& events = task_["events"].as_array();
    if (events.empty()) return;
    heading("history");
    const size_t skipped = events.size() - std::min(events.size(), 2 * kRows);
    rest(skipped, "clade task show " + id() + " --json");
    for (size_t at = skipped; at < events.size(); ++at) {
      const Value& event = events[at];
      std::string line = format_time(event["at"].as_integer()) + "  " + event["verb"].as_string() + " → " +
                         event["state"].as_string();
      if (const std::string& agent = event["agent"].as_string(); !agent.empty()) line += "  by " + agent;
      if (const std::string& detail = event["detail"].as_string(); !detail.empty())
        line += "  " + first_line(detail);
      row(line);
    }
  }

  const Value& task_;
  int64_t now_;
  bool colour_ = colour_wanted(STDOUT_FILENO);
  size_t columns_ = columns();
};

}  // namespace

void print_task(const Value& task, int64_t now) {
  TaskView(task, now).print();
}

}  // namespace clade::cli
