// What `clade run` shows: on a terminal a few lines that are redrawn below the events that scroll by, in a
// pipe one plain line per event, or JSON lines. Shows only; knows nothing of the host. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/value.h"
#include "queue/task.h"

namespace clade::cli {

// none: nobody sees it.
enum class ViewMode { live, plain, json, none };

struct ViewOptions {
  ViewMode mode = ViewMode::plain;
  bool colour = false;
  std::string swarm;  // its name, for the first line
  int columns = 0;    // of the terminal, as rows; 0 asks it at every redraw
  int rows = 0;
  std::string unit = "evaluations";
};

// The state of the host at one moment.
struct ViewState {
  struct Agent {
    std::string name;
    std::string doing;     // "build_product r5.1", "vote_request r7.1/critic"; "" when idle
    int64_t since_ms = 0;  // wall clock
    bool stopped = false;  // what its role runs is quarantined
  };
  std::vector<Agent> agents;
  std::map<std::string, int64_t> queue;  // tasks by name of state
  int64_t done = 0;                      // units of work done, e.g. evaluations
  int64_t goal = 0;                      // units that were asked for; 0 if there is no such number
  std::vector<std::string> approvals;    // ids of tasks that wait for a person
};

class View {
 public:
  using Write = std::function<void(std::string_view)>;
  // `write` takes what goes to the screen (by default stdout).
  View(ViewOptions options, const Clock& clock, Write write = {});
  ~View();  // leaves the cursor below what was drawn
  View(View&&) noexcept;

  // What has been written is on the screen, or in the pipe, after this: call it at every turn.
  void flush();
  // A warning about the run as a whole, e.g. a missing isolation layer.
  void banner(const std::string& text);
  // An edge of a task, after it happened; `agent` is who did it, "" if nobody in particular. Edges between
  // submission and the first attempt are not shown one by one.
  void task(const queue::Task& task, queue::Verb verb, const std::string& agent = "");
  // Something an agent or the host ("host") says.
  void event(const std::string& agent, const std::string& text);
  // The state now. Call a few times per second: redraws the live view; otherwise says the progress every 10
  // s.
  void tick(const ViewState& state);
  // The end: the live view's last state stays, then `summary` is printed (entries as "key: value"; JSON in
  // that mode).
  void finish(const Value& summary);

 private:
  struct Screen;
  std::unique_ptr<Screen> screen_;
};

}  // namespace clade::cli
