#include "cli/why_view.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <unistd.h>

#include "base/clock.h"
#include "cli/output.h"

namespace clade::cli {
namespace {

constexpr size_t kRows = 20;      // of each part
constexpr size_t kFirstRows = 5;  // of those, where the others are the last: a history, the ancestors

class WhyView {
 public:
  WhyView(const Value& why, const std::string& id)
      : why_(why), whole_("clade why " + id + " --json"), id_(id) {}

  void print() const {
    std::string indent;
    ends(why_["chain"].as_array(), indent, [this, &indent](const Value& task) {
      print_line(indent + paint(coloured_, Colour::bold, plain(task["id"].as_string())) + "  " +
                 plain(task["type"].as_string() + "  " + task["state"].as_string()));
      ends(task["happened"].as_array(), indent + "  ", [&indent](const Value& entry) {
        print_line(indent + "  " + format_time(entry["at"].as_integer()) + "  " +
                   plain(entry["text"].as_string()));
      });
      indent += "  ";
    });
    waits();
    for (const auto& [kind, several] : kKinds) consequences(kind, several);
  }

 private:
  static constexpr std::array<std::pair<const char*, const char*>, 4> kKinds{
      {{"version", "versions"}, {"proposal", "proposals"}, {"task", "tasks"}, {"dependent", "dependents"}}};

  void rest(const std::string& text, const std::string& command) const {
    print_line(paint(coloured_, Colour::dim, plain(text + " (" + command + ")")));
  }

  // The first and the last items of a long list.
  template <typename Show>
  void ends(const Value::Array& items, const std::string& indent, Show show) const {
    const size_t skipped = items.size() - std::min(items.size(), kRows);
    for (size_t at = 0; at < items.size(); ++at) {
      if (skipped > 0 && at == kFirstRows) {
        rest(indent + "… " + std::to_string(skipped) + " more", whole_);
        at += skipped;
      }
      show(items[at]);
    }
  }

  void waits() const {
    const auto& texts = why_["waits_for"].as_array();
    const size_t shown = std::min(texts.size(), kRows);
    for (size_t at = 0; at < shown; ++at)
      print_line(paint(coloured_, Colour::yellow, "waits for: ") + plain(texts[at].as_string()));
    if (const size_t more = texts.size() - shown; more > 0)
      rest("waits for: … " + std::to_string(more) + " more", whole_);
  }

  // The first of a kind, and how many of the others are in which state.
  void consequences(const std::string& kind, const std::string& several) const {
    size_t shown = 0;
    size_t more = 0;
    std::map<std::string, size_t> states;
    for (const Value& came : why_["consequences"].as_array()) {
      if (came["kind"].as_string() != kind) continue;
      if (shown < kRows) {
        ++shown;
        print_line("led to " + plain(came["text"].as_string()));
      } else {
        ++more;
        ++states[came["state"].as_string()];
      }
    }
    if (more == 0) return;
    std::string text = "led to " + std::to_string(more) + " more " + several;
    const char* between = ": ";
    for (const auto& [state, count] : states) {
      text += between + std::to_string(count) + " " + state;
      between = ", ";
    }
    rest(text, kind == "task" ? "clade task list --parent " + id_ + " --limit " + std::to_string(more + shown)
                              : whole_);
  }

  const Value& why_;
  std::string whole_;  // the command that leaves nothing out
  std::string id_;
  bool coloured_ = colour_wanted(STDOUT_FILENO);
};

}  // namespace

void print_why(const Value& why, const std::string& id) {
  WhyView(why, id).print();
}

}  // namespace clade::cli
